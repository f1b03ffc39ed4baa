"""Crypto.com: trades of an account, as `private/get-trades` answers them.

A quantity is in the base, and a fee that is paid below zero. A pair with `_` is spot, one with `-` a perpetual or a
future.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from domain.values import Leg
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_TRADING: Final = "TRADING"
_OF_SPOT: Final = "_"
_WARRANT: Final = re.compile(r".+-[CP]W\d+", re.ASCII)


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    journal_type, symbol = row.needed("journal_type"), row.needed("instrument_name")
    if journal_type != _TRADING:
        raise ValueError(f"journal_type {journal_type!r:.60} is unknown; known are: {_TRADING}")
    if _WARRANT.fullmatch(symbol):
        return
    yield StatementFill(
        line=row.line,
        time=row.time("create_time_ns", "create_time", zone=whose.zone),
        key=whose.key(symbol, Leg.SPOT if _OF_SPOT in symbol else Leg.BOTH),
        buys=row.buys("side"),
        quantity=row.above_zero("traded_quantity"),
        price=row.above_zero("traded_price"),
        fee=row.minus("fees"),
        fee_currency=row.text("fee_instrument_name"),
        trade_id=row.needed("trade_id"),
        order_id=row.needed("order_id"),
    )


CRYPTOCOM_TRADES: Final = StatementKind(
    name="cryptocom-trades",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=(
        *("journal_type", "instrument_name", "side", "traded_price", "traded_quantity", "fees"),
        *("fee_instrument_name", "trade_id", "order_id", "create_time"),
    ),
    exchange="cryptocom",
    read=row_by_row(_facts, partial(of_one_account, column="account_id")),
)
