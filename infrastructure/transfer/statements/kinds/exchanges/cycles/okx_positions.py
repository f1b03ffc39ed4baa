"""OKX: positions that are over, as `GET /api/v5/account/positions-history` answers them.

`pnl` is before fees; a fee that is paid and a penalty for a liquidation are below zero, as is funding that is paid.
`realizedPnl` is the sum of all of them. Sizes count contracts. `posSide` is that of a leg in long/short mode, and `net`
without; `direction` is the side.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from types import MappingProxyType
from typing import Final

from domain.values import EXACT, Leg, plain
from infrastructure.transfer.statements.kinds.exchanges.cycles.closed_cycle import ClosedCycle
from infrastructure.transfer.statements.kinds.exchanges.okx_fills import IN_CONTRACTS
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_cash import CashKind, StatementCash
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose, row_by_row

_REASONS: Final = MappingProxyType({"2": None, "allclose": None, "3": "liquidation", "6": "adl"})
"""Types of positions that are over; of the others a part is left."""
_LEGS: Final = MappingProxyType({"long": Leg.LONG, "short": Leg.SHORT})
_SIDES: Final = MappingProxyType({"long": True, "short": False})
_PAID: Final[MappingProxyType[str, CashKind]] = MappingProxyType({"fundingFee": "funding", "settledPnl": "correction"})
_PARTS: Final = ("fee", "fundingFee", "liqPenalty", "settledPnl")
_ROUNDED_MAX: Final = Decimal("1e-6")
"""By how much a sum may differ from its parts, which went through a binary float."""


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    symbol, said, kind = row.needed("instId"), row.word("type"), row.word("instType").upper()
    if kind not in IN_CONTRACTS:
        raise ValueError(f"instType {kind!r:.60} of {symbol} is none that counts contracts; import fills and bills")
    if said not in _REASONS:
        raise ValueError(
            f"type {said!r:.60} of {symbol} is not that of a position that is over, and how much is left of it is not "
            "said; import fills and bills instead"
        )
    side = row.word("direction") or row.word("posSide")
    if side not in _SIDES:
        raise ValueError(f"direction {side!r:.60} of {symbol} is neither long nor short")
    profit = row.number("pnl")
    if profit is None:
        raise ValueError("pnl is not said")
    moved = _moved(row, profit)
    paid, penalty = moved["fee"], moved["liqPenalty"]
    cycle = ClosedCycle(
        line=row.line,
        key=whose.key(symbol, _LEGS.get(row.word("posSide"), Leg.BOTH)),
        is_long=_SIDES[side],
        quantity=row.above_zero("closeTotalPos"),
        opened_at=row.time("cTime"),
        closed_at=row.time("uTime"),
        opened_px=row.above_zero("openAvgPx"),
        closed_px=row.above_zero("closeAvgPx"),
        profit=profit,
        fee=None if paid is None else -EXACT.add(paid, penalty or Decimal(0)),
        fee_currency=row.text("ccy"),
        in_contracts=True,
        names_leg=True,
        reason=_REASONS[said],
    )
    yield from cycle.fills()
    for name, cash_kind in _PAID.items():
        if amount := moved[name]:
            yield StatementCash(
                line=row.line,
                time=cycle.closed_at,
                key=cycle.key,
                amount=amount,
                currency=row.text("ccy"),
                kind=cash_kind,
                cash_id=f"{cycle.name}-{name}",
            )


def _moved(row: StatementRow, profit: Decimal) -> dict[str, Decimal | None]:
    """What was paid (minus) or got beside `profit`; what is empty follows from what was realised in all.

    Refuses: ValueError where it does not follow, but of the fee, which then is not known.
    """
    moved = {name: row.number(name) for name in _PARTS}
    realized = row.number("realizedPnl")
    if realized is None:
        moved["fundingFee"], moved["liqPenalty"] = row.known("fundingFee"), row.known("liqPenalty")
        return moved
    said = reduce(EXACT.add, (part for part in moved.values() if part is not None), profit)
    left = EXACT.subtract(realized, said)
    empty = [name for name in _PARTS[:-1] if moved[name] is None]
    if left.copy_abs() <= _ROUNDED_MAX:
        return moved | dict.fromkeys(empty, Decimal(0))
    if len(empty) != 1:
        raise ValueError(
            f"pnl, {', '.join(_PARTS)} come to {plain(said)}, and realizedPnl is {plain(realized)}; import fills and "
            "bills instead"
        )
    return moved | {empty[0]: left}


OKX_POSITIONS: Final = StatementKind(
    name="okx-positions",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=(
        "instId",
        "openAvgPx",
        "closeAvgPx",
        "closeTotalPos",
        "openMaxPos",
        "pnl",
        "cTime",
        "uTime",
        "type",
    ),
    exchange="okx",
    read=row_by_row(_facts),
    source="OKX, what `GET /api/v5/account/positions-history` answers",
    lacks="fills: two are made up of a line. What is held: a position that is not over is refused. How much a contract "
    "is: [define](money.md#contract-size-and-inverse) the instrument before. Take fills and bills instead where there "
    "are any: OKX keeps three months of positions",
    becomes="a cycle a line, on its leg in long/short mode; its fees and its penalty are the fee of the closing fill, "
    "and funding is one payment at its end",
)
