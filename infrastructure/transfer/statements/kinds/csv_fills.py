"""The reader of a CSV file with one fill per line, by the names of its columns; several kinds share it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from infrastructure.transfer.statements.kinds.plain_cells import PlainCells
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, each, made_up
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_kind import Whose

Columns = Mapping[str, Sequence[str]]
"""The names that a column may have, by its field, such as `time` or `fee`."""
REQUIRED: Final = ("time", "symbol", "side", "price", "quantity")
_FIELDS: Final = (*REQUIRED, "leg", "fee", "fee_currency", "profit", "trade_id", "order_id")


class CsvFills:
    """The reader of one file."""

    def __init__(
        self, columns: Columns, whose: Whose, *, is_both_unless_said: bool = True, first_year: int | None = None
    ) -> None:
        """`columns` names the columns.

        Shape: with `is_both_unless_said` a file without a column for the leg is of an account with one position per
               symbol; else it is not known whether it is of one leg or of two. With a `first_year` there may be years
               of two digits.
        """
        self._is_both, self._first_year = is_both_unless_said, first_year
        self._columns, self._whose = {name: columns.get(name, (name,)) for name in _FIELDS}, whose
        self._ids = RowIds()
        self._plain: PlainCells | None = None

    @property
    def names(self) -> list[str]:
        """All names that its columns may have; each may occur once in a file."""
        return [name for names in self._columns.values() for name in names]

    def read(self, rows: Iterable[StatementRow]) -> Iterator[StatementFill]:
        """Every fill, in the order of the file. Refuses: StatementRefused."""
        return each(rows, self._fills)

    def _fills(self, row: StatementRow) -> Iterator[StatementFill]:
        if self._plain is None:
            self._is_both = self._is_both or any(name in row.named for name in self._columns["leg"])
            self._plain = PlainCells(
                self._columns, row, self._time, self._whose.key, self._ids, names_leg=self._is_both
            )
        yield self._plain.fill(row) or self._fill(row)

    def _time(self, row: StatementRow) -> datetime:
        return row.time(*self._columns["time"], zone=self._whose.zone, first_year=self._first_year)

    def _fill(self, row: StatementRow) -> StatementFill:
        named = self._columns
        time, symbol = row.needed(*named["time"]), row.needed(*named["symbol"])
        side = row.needed(*named["side"])
        fee, currency = row.amount(*named["fee"])
        return StatementFill(
            line=row.line,
            time=self._time(row),
            key=self._whose.key(symbol, row.leg(*named["leg"])),
            buys=row.buys(*named["side"]),
            quantity=row.above_zero(*named["quantity"]),
            price=row.above_zero(*named["price"]),
            fee=fee,
            fee_currency=currency or row.text(*named["fee_currency"]),
            profit=row.number(*named["profit"]),
            trade_id=row.text(*named["trade_id"]) or self._ids.of(row, time),
            order_id=row.text(*named["order_id"]) or made_up(time, symbol, side),
            names_leg=self._is_both,
        )
