"""Coinbase, spot: the fills that Advanced Trade and its predecessor Pro export in CSV.

A fee is in the quote currency, and above zero when it is paid. A trade id is unique within its product.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from domain.values import Leg
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, made_up
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_PAIR: Final = re.compile(r"[A-Z0-9]+-[A-Z0-9]+", re.ASCII)
_QUOTE: Final = "price/fee/total unit"
_PORTFOLIO: Final = "portfolio"


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    product, time, side = row.needed("product"), row.needed("created at"), row.needed("side")
    base, _, quote = product.partition("-")
    for name, currency in (("size unit", base), (_QUOTE, quote)):
        if row.needed(name) != currency or not _PAIR.fullmatch(product):
            raise ValueError(f"{name} {row.needed(name)!r:.60} of {product} is not that of a pair on spot")
    yield StatementFill(
        line=row.line,
        time=row.time("created at", zone=whose.zone),
        key=whose.key(product, Leg.SPOT),
        buys=row.buys("side"),
        quantity=row.above_zero("size"),
        price=row.above_zero("price"),
        fee=row.number("fee"),
        fee_currency=quote,
        trade_id=row.needed("trade id"),
        order_id=made_up(time, product, side),
    )


COINBASE_FILLS: Final = StatementKind(
    name="coinbase-fills-csv",
    form=FileForm.CSV,
    needs=("trade id", "product", "side", "created at", "size", "size unit", "price", "fee", "total"),
    exchange="coinbase",
    read=row_by_row(_facts, partial(of_one_account, column=_PORTFOLIO)),
)
