"""nautilus_trader: `generate_fills_report`, saved as CSV or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from functools import partial
from typing import Final

from infrastructure.transfer.statements.kinds.programs.nautilus_rows import key_of, money_of, reported
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose


def _fill(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    fee = money_of(row, "commission")
    currency = next(iter(fee), None)
    yield StatementFill(
        line=row.line,
        time=row.time("ts_event", zone=UTC),
        key=key_of(whose, row),
        buys=row.buys("order_side"),
        quantity=row.above_zero("last_qty"),
        price=row.above_zero("last_px"),
        fee=None if currency is None else fee[currency],
        fee_currency=currency,
        profit=None,
        trade_id=row.needed("trade_id"),
        order_id=row.needed("venue_order_id", "client_order_id"),
    )


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return each(reported(file, "client_order_id"), partial(_fill, whose))


NAUTILUS_FILLS: Final = StatementKind(
    name="nautilus-fills",
    form=FileForm.CSV,
    also=FileForm.JSON,
    needs=tuple(
        (name,)
        for name in ("instrument_id", "venue_order_id", "trade_id", "order_side", "last_qty", "last_px", "commission")
    ),
    read=_read,
    source="nautilus_trader, `generate_fills_report` saved with `to_csv` or `to_json`",
    lacks="what was earned; funding; which position of several that were held of an instrument at a time, unless their "
    "ids end in `-LONG` and `-SHORT`",
    becomes="a cycle from flat to flat, at the venue of each instrument",
)
