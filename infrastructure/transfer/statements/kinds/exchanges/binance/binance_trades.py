"""Binance, futures: the trade history that its website exports in CSV.

Realised profit is before fees, and a fee that is paid is above zero. For symbols that are settled in their base,
quantities count contracts of 10 or 100 dollars; the file does not say which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from infrastructure.transfer.statements.kinds.csv_fills import REQUIRED, CsvFills
from infrastructure.transfer.statements.kinds.exchanges.binance.first_years import OF_FUTURES
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, in_utc, is_short_year
from infrastructure.transfer.statements.statement_facts import StatementFact
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused

_COLUMNS: Final = MappingProxyType(
    {
        "time": in_utc("date", "time"),
        "leg": ("position side",),
        "fee_currency": ("fee coin",),
        "profit": ("realized profit",),
        "trade_id": ("trade id",),
        "order_id": ("order id",),
    }
)


def _not_turned_round(rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
    """The same rows. Refuses: StatementRefused where ids of trades, which grow with time, do not grow with theirs."""
    before: dict[str, tuple[int, str]] = {}
    for row in rows:
        symbol, number, time = row.word("symbol"), row.sequence("trade id"), row.text("time") or ""
        if number is not None and is_short_year(time):
            other, at = before.setdefault(symbol, (number, time))
            if other != number and at != time and (other < number) is not (at < time):
                raise StatementRefused.at(
                    row.line,
                    f"trade {number} at {time!r:.60} and trade {other} at {at!r:.60} of {symbol.upper()} have ids in "
                    "another order than times; days may stand where years should: give the file as it was handed out",
                )
            before[symbol] = number, time
        yield row


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    fills = CsvFills(_COLUMNS, whose, is_both_unless_said=False, first_year=OF_FUTURES)
    for fill in fills.read(_not_turned_round(of_one_account(file.rows(once=fills.names)))):
        yield replace(fill, in_contracts=True) if fill.key.is_inverse else fill


BINANCE_TRADES: Final = StatementKind(
    name="binance-futures-trades",
    form=FileForm.CSV,
    needs=tuple(_COLUMNS.get(field, (field,)) for field in (*REQUIRED, "fee", "profit")),
    exchange="binance",
    read=_read,
)
