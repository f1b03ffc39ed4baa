"""OKX: closed positions, as `GET /api/v5/account/positions-history` answers them.

`pnl` is before fees; a fee that is paid and a penalty for a liquidation are below zero, as is funding that is paid.
`realizedPnl` is the sum of all of them. Sizes count contracts. `posSide` is the leg in long/short mode, else `net`;
`direction` is the side.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from types import MappingProxyType
from typing import Final

from domain.values import EXACT, CashKind, Leg, plain
from infrastructure.transfer.statements.kinds.closed_cycle import ClosedCycle
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_fills import IN_CONTRACTS
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_REASONS: Final = MappingProxyType({"2": None, "allclose": None, "3": "liquidation", "6": "adl"})
"""Types of closed positions; of any other type a part is still open."""
_LEGS: Final = MappingProxyType({"long": Leg.LONG, "short": Leg.SHORT})
_SIDES: Final = MappingProxyType({"long": True, "short": False})
_PAID: Final[MappingProxyType[str, CashKind]] = MappingProxyType({"fundingFee": "funding", "settledPnl": "correction"})
_PARTS: Final = ("fee", "fundingFee", "liqPenalty", "settledPnl")
_ROUNDED_MAX: Final = Decimal("1e-6")
"""By how much the stated sum may differ from that of its parts, because they went through binary floats."""


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    symbol, closed_by, kind = row.needed("instId"), row.word("type"), row.word("instType").upper()
    if kind not in IN_CONTRACTS:
        raise ValueError(f"instType {kind!r:.60} of {symbol} does not count contracts; import fills and bills")
    if closed_by not in _REASONS:
        raise ValueError(
            f"type {closed_by!r:.60} of {symbol} is not that of a closed position, and how much of it is still open is "
            "not in the file; import fills and bills instead"
        )
    side = row.word("direction") or row.word("posSide")
    if side not in _SIDES:
        raise ValueError(f"direction {side!r:.60} of {symbol} is neither long nor short")
    profit = row.number("pnl")
    if profit is None:
        raise ValueError("pnl is missing")
    parts = _parts(row, profit)
    paid, penalty = parts["fee"], parts["liqPenalty"]
    cycle = ClosedCycle(
        line=row.line,
        key=whose.key(symbol, _LEGS.get(row.word("posSide"), Leg.BOTH)),
        is_long=_SIDES[side],
        quantity=row.above_zero("closeTotalPos"),
        opened_at=row.time("cTime", zone=whose.zone),
        closed_at=row.time("uTime", zone=whose.zone),
        opened_px=row.above_zero("openAvgPx"),
        closed_px=row.above_zero("closeAvgPx"),
        profit=profit,
        fee=None if paid is None else -EXACT.add(paid, penalty or Decimal(0)),
        fee_currency=row.text("ccy"),
        in_contracts=True,
        names_leg=True,
        reason=_REASONS[closed_by],
    )
    yield from cycle.fills()
    for name, cash_kind in _PAID.items():
        if amount := parts[name]:
            yield StatementCash(
                line=row.line,
                time=cycle.closed_at,
                key=cycle.key,
                amount=amount,
                currency=row.text("ccy"),
                kind=cash_kind,
                cash_id=f"{cycle.name}-{name}",
            )


def _parts(row: StatementRow, profit: Decimal) -> dict[str, Decimal | None]:
    """The amounts beside `profit`, below zero when paid; an empty one is computed from `realizedPnl`, the sum of all.

    Refuses: ValueError where it cannot be computed; but without a `realizedPnl` an empty fee stays not known.
    """
    parts = {name: row.number(name) for name in _PARTS}
    realized = row.number("realizedPnl")
    if realized is None:
        parts["fundingFee"], parts["liqPenalty"] = row.known("fundingFee"), row.known("liqPenalty")
        return parts
    stated = reduce(EXACT.add, (part for part in parts.values() if part is not None), profit)
    left = EXACT.subtract(realized, stated)
    empty = [name for name in _PARTS[:-1] if parts[name] is None]
    if left.copy_abs() <= _ROUNDED_MAX:
        return parts | dict.fromkeys(empty, Decimal(0))
    if len(empty) != 1:
        raise ValueError(
            f"pnl, {', '.join(_PARTS)} come to {plain(stated)}, and realizedPnl is {plain(realized)}; import fills and "
            "bills instead"
        )
    return parts | {empty[0]: left}


OKX_POSITIONS: Final = StatementKind(
    name="okx-positions",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("instId", "openAvgPx", "closeAvgPx", "closeTotalPos", "openMaxPos", "pnl", "cTime", "uTime", "type"),
    exchange="okx",
    read=row_by_row(_facts),
)
