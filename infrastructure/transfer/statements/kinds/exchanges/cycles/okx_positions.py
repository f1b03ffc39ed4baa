"""OKX: positions that are over, as `GET /api/v5/account/positions-history` answers them.

`pnl` is before fees; a fee that is paid and a penalty for a liquidation are below zero, as is funding that is paid.
Sizes count contracts. `posSide` is that of a leg in long/short mode, and `net` without; `direction` is the side.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.values import EXACT, Leg
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
    profit, paid = row.number("pnl"), row.number("fee")
    if profit is None:
        raise ValueError("pnl is not said")
    fee = None if paid is None else -EXACT.add(paid, row.number("liqPenalty") or Decimal(0))
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
        fee=fee,
        fee_currency=row.text("ccy"),
        in_contracts=True,
        names_leg=True,
        reason=_REASONS[said],
    )
    yield from cycle.fills()
    for name, cash_kind in _PAID.items():
        if amount := row.some(name):
            yield StatementCash(
                line=row.line,
                time=cycle.closed_at,
                key=cycle.key,
                amount=amount,
                currency=row.text("ccy"),
                kind=cash_kind,
                cash_id=f"{cycle.name}-{name}",
            )


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
