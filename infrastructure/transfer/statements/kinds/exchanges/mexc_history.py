"""MEXC, futures: trades, or orders, that its website exports.

In `Direction` the word `buy` means to open and `sell` to close, also for a short position: `buy short` opens it. The
quantity is given in contracts and in units; the units are read. `Closing PNL` is before fees, and a fee that is paid is
above zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Final

from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, in_utc, made_up
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, per_file

_NAMES: Final = MappingProxyType(
    {
        "time": in_utc("time", "time of update"),
        "price": ("filled price", "average filled price"),
    }
)
_DIRECTIONS: Final = MappingProxyType(
    {
        "buy long": (True, True),
        "sell long": (False, False),
        "buy short": (False, True),
        "sell short": (True, False),
    }
)
"""Whether it buys, and whether it opens."""


def _facts(whose: Whose, ids: RowIds, row: StatementRow) -> Iterator[StatementFact]:
    time, symbol, direction = row.needed(*_NAMES["time"]), row.needed("futures trading pair"), row.word("direction")
    if direction not in _DIRECTIONS:
        raise ValueError(f"direction {direction!r:.60} is unknown; known are: {', '.join(_DIRECTIONS)}")
    if "status" in row.named and row.number("filled qty (crypto)") == 0:
        return  # an order that filled nothing
    buys, opens = _DIRECTIONS[direction]
    quantity, key = row.above_zero("filled qty (crypto)"), whose.key(symbol)
    if key.is_inverse:
        raise ValueError(f"futures trading pair {symbol!r:.60} is settled in its base, and cannot be read")
    yield StatementFill(
        line=row.line,
        time=row.time(*_NAMES["time"], zone=whose.zone),
        key=key,
        buys=buys,
        quantity=quantity,
        price=row.above_zero(*_NAMES["price"]),
        fee=row.number("trading fee"),
        fee_currency=row.text("fee-payment crypto"),
        profit=row.number("closing pnl"),
        trade_id=ids.of(row, time),
        order_id=made_up(time, symbol, direction),
        closes=Decimal(0) if opens else quantity,
        names_leg=False,
    )


_read: Final = per_file(lambda whose: partial(_facts, whose, RowIds()), of_one_account)
_NEEDS: Final = (
    _NAMES["time"],
    "futures trading pair",
    "direction",
    "filled qty (crypto)",
    "trading fee",
    "closing pnl",
)
MEXC_TRADES: Final = StatementKind(
    name="mexc-futures-trades-csv",
    form=FileForm.CSV,
    needs=(*_NEEDS, "filled price"),
    exchange="mexc",
    read=_read,
)
MEXC_ORDERS: Final = StatementKind(
    name="mexc-futures-orders-csv",
    form=FileForm.CSV,
    needs=(*_NEEDS, "average filled price"),
    exchange="mexc",
    read=_read,
)
