"""Binance, futures: the trade history that its website exports in CSV.

Realised profit is before fees, and what is paid is above zero.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from infrastructure.transfer.statements.kinds.csv_fills import REQUIRED, CsvFills
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.statement_kind import StatementKind

_COLUMNS: Final = MappingProxyType(
    {
        "time": ("date(utc)", "time(utc)", "time"),
        "leg": ("position side",),
        "fee_currency": ("fee coin",),
        "profit": ("realized profit",),
        "trade_id": ("trade id",),
        "order_id": ("order id",),
    }
)

BINANCE_TRADES: Final = StatementKind(
    name="binance-futures-trades",
    form=FileForm.CSV,
    needs=tuple(_COLUMNS.get(says, (says,)) for says in (*REQUIRED, "fee", "profit")),
    exchange="binance",
    read=lambda file, whose: CsvFills(_COLUMNS, whose).read(file),
    source="Binance, futures, trade history in CSV: the header with `Date(UTC)`, and the one with `Uid`, `Time` and "
    "ids",
    lacks="the older header: ids of trades and orders. The newer one: the zone of its times (`--timezone`). Both: the "
    "leg, unless there is a column `Position Side`; funding",
    becomes="a cycle from flat to flat. Contracts that are settled in their base are counted as the "
    "[instrument](money.md#contract-size-and-inverse) was defined before",
)
