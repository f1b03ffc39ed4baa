"""OKX: fills, as `GET /api/v5/trade/fills-history` answers them.

A fee that is paid is below zero, and a rebate above it. `fillPnl` is before fees. Sizes of swaps, futures and options
count contracts, whose size `ctVal` is only in the list of instruments.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from domain.values import Leg
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

IN_CONTRACTS: Final = frozenset({"SWAP", "FUTURES", "OPTION"})
_LEGS: Final = MappingProxyType({"long": Leg.LONG, "short": Leg.SHORT})
_REASONS: Final = MappingProxyType(
    {
        **dict.fromkeys(map(str, range(100, 108)), "liquidation"),
        **dict.fromkeys(("112", "113"), "settlement"),
        **dict.fromkeys(map(str, range(125, 129)), "adl"),
    }
)


def reason_of(sub_type: str) -> str | None:
    """Why a fill happened that the account did not order; None for any other."""
    return _REASONS.get(sub_type)


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    of_contracts = row.needed("instType").upper() in IN_CONTRACTS
    leg = _LEGS.get(row.word("posSide"), Leg.BOTH) if of_contracts else Leg.SPOT
    profit = row.number("fillPnl")
    yield StatementFill(
        line=row.line,
        time=row.time("fillTime", "ts", zone=whose.zone),
        key=whose.key(row.needed("instId"), leg),
        buys=row.buys("side"),
        quantity=row.above_zero("fillSz"),
        price=row.above_zero("fillPx"),
        fee=row.minus("fee"),
        fee_currency=row.text("feeCcy"),
        profit=profit if of_contracts else None,
        trade_id=row.needed("tradeId"),
        order_id=row.needed("ordId"),
        in_contracts=of_contracts,
        reason=reason_of(row.word("subType")),
        on_margin=row.word("instType") == "margin",
    )


OKX_FILLS: Final = StatementKind(
    name="okx-fills",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("instType", "instId", "tradeId", "ordId", "side", "fillSz", "fillPx", "fee"),
    exchange="okx",
    read=row_by_row(_facts),
)
