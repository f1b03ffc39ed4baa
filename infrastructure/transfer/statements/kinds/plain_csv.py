"""Any CSV file of fills with the usual column names; it is never guessed, because it does not name its exchange."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final

from infrastructure.transfer.statements.kinds.csv_fills import REQUIRED, CsvFills
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused

_NAMES: Final = MappingProxyType(
    {
        "time": ("time", "timestamp", "datetime", "date"),
        "symbol": ("symbol", "pair", "market", "instrument"),
        "leg": ("leg", "position_side"),
        "quantity": ("quantity", "qty", "size", "amount"),
        "fee": ("fee", "commission"),
        "fee_currency": ("fee_currency", "fee_asset", "fee_coin", "commission_asset", "commission_currency"),
        "profit": ("profit", "realized_pnl"),
        "trade_id": ("trade_id",),
        "order_id": ("order_id",),
    }
)
PLAIN_COLUMNS: Final = MappingProxyType(
    {
        field: tuple(dict.fromkeys((*names, *(name.replace("_", " ") for name in names))))
        for field, names in _NAMES.items()
    }
)
"""The column names of each field, also with a blank in place of the underscore."""
_FILLED: Final = re.compile(
    r"(?:executed|filled|average|avg)(?: ?(?:executed|filled|fill))?"
    r"(?: ?(?:qty|quantity|amount|size|volume|price|px))?",
    re.ASCII,
)
"""Columns beside those of a fill that say how much of an order was filled, or at which price."""
_STATES: Final = ("status", "state", "order status", "order_status")
_DONE: Final = frozenset({"filled", "closed", "done", "complete", "completed", "executed", "finished", "settled"})
_WITH_MAP: Final = "with --map, a map says where the filled quantity and its price stand, and leaves out other lines"


def refuse_orders(names: Iterable[str]) -> None:
    """Refuses: StatementRefused for the columns of orders: what was ordered may never have been filled."""
    for name in names:
        if _FILLED.fullmatch(name.lower().replace("_", " ").replace(".", "")):
            raise StatementRefused.at(
                1, f"column {name!r:.60} says that each line is an order, not a fill; take the fills, or {_WITH_MAP}"
            )


def _fills(rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
    """The same rows. Refuses: StatementRefused for an order that is open, or ended before it was filled."""
    for row in rows:
        state, status = row.find(*_STATES)
        if status is not None and row.word(state) not in _DONE:
            raise StatementRefused.at(
                row.line, f"{state} {status!r:.60} is of an order that was not filled, or not all of it; {_WITH_MAP}"
            )
        yield row


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFill]:
    refuse_orders(file.start.names)
    fills = CsvFills(PLAIN_COLUMNS, whose)
    return fills.read(_fills(file.rows(once=fills.names)))


PLAIN_CSV: Final = StatementKind(
    name="csv",
    form=FileForm.CSV,
    needs=tuple(PLAIN_COLUMNS.get(field, (field,)) for field in REQUIRED),
    asks=("exchange",),
    is_guessed=False,
    read=_read,
)
