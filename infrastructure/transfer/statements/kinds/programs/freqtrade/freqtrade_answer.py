"""freqtrade: trades with their orders, as its own interface answers them.

`/api/v1/trades` has the closed ones, `/api/v1/status` the open ones. It says what the database says, so its facts have
the same ids. It rounds the `average` of an order to eight decimals, but not its `safe_price`, which is the same average
where there is one; `/api/v1/status` says that one only, and no funding of an order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_database import facts_of_trade
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_OF_TRADE: Final = MappingProxyType(
    {
        "trade": ("trade_id",),
        "trade_amount": ("amount",),
        "stake_currency": ("quote_currency",),
        "open_date": ("open_timestamp",),
        "close_date": ("close_timestamp",),
    }
)
_OF_ORDER: Final = MappingProxyType(
    {
        **{name: (name,) for name in ("order_id", "filled", "ft_order_side", "ft_fee_base", "funding_fee")},
        "average": ("safe_price", "average"),
        "filled_at": ("order_filled_timestamp", "order_timestamp"),
    }
)
"""Columns of the database, and the keys that have the same here."""
_FILLED_AT: Final = _OF_ORDER["filled_at"]


def _facts(whose: Whose, trade: StatementRow) -> Iterator[StatementFact]:
    """The facts of a trade, which has an order a row in the database."""
    is_open, is_short = _flag(trade, "is_open"), _said(trade, "is_short")
    over = (order for order in trade.listed("orders") if not _said(order, "is_open"))
    filled = sorted((order for order in over if order.some("filled")), key=lambda order: order.time(*_FILLED_AT))
    if any("ft_fee_base" not in order.named for order in filled):
        raise ValueError("ft_fee_base of its orders is missing, so in which currency a fee was paid is not known")
    is_funded = not is_open and trade.some("funding_fees") is not None
    if is_funded and any("funding_fee" not in order.named for order in filled):
        raise ValueError(
            "funding_fee of its orders is missing, so which of it is counted already is not known; save what "
            "/api/v1/trades answers"
        )
    flags = {"is_open": str(int(is_open)), "is_short": str(int(is_short))}
    of_trade = {**trade.named, **_named(trade, _OF_TRADE), **flags}
    rows = [StatementRow(trade.line, {**of_trade, **_named(order, _OF_ORDER)}) for order in filled]
    yield from facts_of_trade(whose, rows or [StatementRow(trade.line, of_trade)])


def _said(row: StatementRow, name: str) -> bool:
    return name in row.named and _flag(row, name)


def _flag(row: StatementRow, name: str) -> bool:
    value = row.named.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"{name} {str(value)!r:.60} is neither true nor false")
    return value


def _named(row: StatementRow, columns: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {column: row.find(*names)[1] for column, names in columns.items()}


FREQTRADE_ANSWER: Final = StatementKind(
    name="freqtrade-trades",
    form=FileForm.JSON,
    needs=(
        *("trade_id", "pair", "exchange", "is_open", "amount", "open_rate", "fee_open", "orders"),
        *("order_id", "ft_order_side", "filled"),
    ),
    read=row_by_row(_facts),
)
