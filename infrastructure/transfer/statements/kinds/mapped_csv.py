"""Any CSV file of fills, by a map that says which column has which field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from domain.identifiers import PositionKey
from infrastructure.timezones import zone_of
from infrastructure.transfer.statements.column_map import NUMBERS, ColumnMap, ColumnName
from infrastructure.transfer.statements.kinds.number_spelling import NumberSpelling
from infrastructure.transfer.statements.sources.csv_rows import without_comma, without_zone
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, each, in_zone, made_up
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused

_WITH_TIMES: Final[tuple[ColumnName, ...]] = ("time", "date")
_MIDNIGHT: Final = " 00:00:00"
"""What workbooks and programs write behind a date in a column without times."""


class _MappedFills:
    """The reader of one file."""

    def __init__(self, columns: ColumnMap, whose: Whose) -> None:
        self._map, self._whose = columns, whose
        self._zone = whose.zone or (None if columns.zone is None else zone_of(columns.zone))
        self._sides = {word.strip().lower(): True for word in columns.sides.buy}
        self._sides |= {word.strip().lower(): False for word in columns.sides.sell}
        self._columns = {field: _in_rows(names) for field, names in columns.columns.items()}
        self._left_out = [
            (_in_rows([column]), {word.lower() for word in words}) for column, words in columns.leave_out.items()
        ]
        self._spelling = NumberSpelling(columns.decimal, columns.thousands)
        self._ids = RowIds()

    def facts(self, row: StatementRow) -> Iterator[StatementFact]:
        if any(row.word(*names) in words for names, words in self._left_out):
            return
        named: dict[str, Any] = {name: self._value(row, name) for name in (*self._map.columns, *self._map.constants)}
        if "date" in named and named["time"] is not None:
            day = str(named["date"] or "").strip().removesuffix(_MIDNIGHT)
            named["time"] = f"{day} {named['time']}".strip()
        mapped = StatementRow(row.line, named)
        symbol, exchange = mapped.needed("symbol"), mapped.text("exchange")
        key = self._whose.key(self._map.symbols.get(symbol, symbol), mapped.leg("leg"), exchange)
        quantity, price = self._quantity(mapped, key), mapped.above_zero("price")
        buys = self._buys(mapped, quantity)
        if not quantity or (quantity < 0 and not self._map.quantity_sign):
            raise ValueError(f"quantity {mapped.text('quantity') or ''!r:.60} is not above zero")
        fee, currency = mapped.amount("fee")
        moment = mapped.needed("time")
        yield StatementFill(
            line=row.line,
            time=self._time(mapped, moment, self._stated_zone(row) or self._zone),
            key=key,
            buys=buys,
            quantity=quantity.copy_abs(),
            price=price,
            fee=-fee if fee is not None and self._map.fee_paid == "negative" else fee,
            fee_currency=currency or mapped.text("fee_currency"),
            profit=mapped.number("profit"),
            trade_id=mapped.text("trade_id") or self._ids.of(row, moment),
            order_id=mapped.text("order_id") or made_up(moment, symbol, str(buys)),
            in_contracts=self._map.contract_size is not None,
            contract_size=self._map.contract_size,
        )

    def _value(self, row: StatementRow, name: ColumnName) -> Any:
        if name in self._map.constants:
            return self._map.constants[name]
        _, value = row.find(*self._columns[name])
        if not isinstance(value, str) or name not in NUMBERS:
            return value
        try:
            return self._spelling.plain(text := value.strip())
        except ValueError as wrong:
            raise ValueError(f"{name} {text!r:.60} {wrong}, as the map says") from None

    def _quantity(self, mapped: StatementRow, key: PositionKey) -> Decimal | None:
        """A quantity; a unit behind it has to be what is bought, because what is paid for it may stand beside it."""
        if not isinstance(mapped.named["quantity"], str):
            return mapped.number("quantity")
        quantity, unit = mapped.amount("quantity")
        if unit is not None and not key.is_base(unit):
            raise ValueError(f"quantity {mapped.text('quantity')!r:.60} is of {unit}, which {key.symbol} does not buy")
        if unit is not None and self._map.contract_size is not None:
            raise ValueError(
                f"quantity {mapped.text('quantity')!r:.60} counts {unit}, and the map says in contract_size that it "
                "counts contracts"
            )
        return quantity

    def _buys(self, mapped: StatementRow, quantity: Decimal | None) -> bool:
        if self._map.quantity_sign:
            return quantity is not None and quantity > 0
        side = mapped.needed("side")
        if side.lower() not in self._sides:
            raise ValueError(f"side {side!r:.60} is none of {', '.join(self._sides)}, as the map says in [sides]")
        return self._sides[side.lower()]

    def _stated_zone(self, row: StatementRow) -> tzinfo | None:
        """The zone that the column of the time, or of the date, states."""
        columns = (row.find(*self._columns[field])[0] for field in _WITH_TIMES if field in self._columns)
        return next(filter(None, map(row.stated_zone, columns)), None)

    def _time(self, mapped: StatementRow, text: str, zone: tzinfo | None) -> datetime:
        if self._map.time_format is None:
            return mapped.time("time", zone=zone)
        try:
            time = datetime.strptime(text, self._map.time_format)  # noqa: DTZ007 # its zone is looked at below
        except (ValueError, OverflowError):
            raise ValueError(f"time {text!r:.60} is not written like {self._map.time_format}") from None
        return in_zone("time", text, time, zone)


def _in_rows(names: Iterable[str]) -> list[str]:
    """The names of columns as rows may have them: as they are written, or without a zone; in both without a comma."""
    lower = [without_comma(name).lower() for name in names]
    return list(dict.fromkeys((*lower, *map(without_zone, lower))))


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    columns = whose.columns
    if columns is None:
        raise StatementRefused("a file of kind mapped-csv needs a map of its columns; give one with --map")
    named = [name for names in columns.columns.values() for name in _in_rows(names)]
    rows = file.rows(columns.delimiter, columns.encoding, once=named)
    rows = map(_in_lower_case, rows) if file.start.form is FileForm.JSON else rows
    return each(_checked(rows, columns), _MappedFills(columns, whose).facts)


def _in_lower_case(row: StatementRow) -> StatementRow:
    """The row with names in lower case, as the columns of CSV are; keys of JSON may have any case."""
    return StatementRow(row.line, dict(_named(row.named)))


def _named(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The values by their names; those within an object also as `fee.cost`."""
    for name, value in values.items():
        whole = f"{before}{name.strip().lower()}"
        yield whole, value
        if isinstance(value, Mapping):
            yield from _named(value, f"{whole}.")


def _checked(rows: Iterator[StatementRow], columns: ColumnMap) -> Iterator[StatementRow]:
    for number, row in enumerate(rows):
        if not number:
            stated: dict[str, tuple[str, ...]] = {str(name): names for name, names in columns.columns.items()}
            stated |= {f"what is left out by {name}": (name,) for name in columns.leave_out}
            for field, names in stated.items():
                if not any(name in row.named for name in _in_rows(names)):
                    raise StatementRefused.at(
                        1,
                        f"by the map {field} stands in {' or '.join(names)}; this file has {', '.join(row.named)}",
                    )
        yield row


MAPPED_CSV: Final = StatementKind(
    name="mapped-csv",
    form=FileForm.CSV,
    also=FileForm.JSON,
    needs=(),
    asks=("map",),
    is_guessed=False,
    read=_read,
)
