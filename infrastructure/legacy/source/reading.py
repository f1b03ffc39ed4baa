"""The values of one raw row, read by their meaning; each doubtful value is noted as a finding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final

from domain.values import TEXT_LENGTH_MAX, plain, writable
from infrastructure.amounts import AmountDoubt, doubt_of, read_amount
from infrastructure.legacy.importing.import_findings import FindingSeverity, ImportFinding, ImportFindingKind
from infrastructure.legacy.source.layout import Layout
from infrastructure.legacy.source.raw import RawRow
from infrastructure.timezones import is_ambiguous, placed, read_time

_TRUE: Final = {"t", "true", "1", "y", "yes", "on"}
_FALSE: Final = {"f", "false", "0", "n", "no", "off"}
_SHOWN_MAX: Final = 80


class CannotBeUsed(Exception):
    """A row cannot be imported; it has the reason, and the kind of its finding."""

    def __init__(self, kind: ImportFindingKind, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def shown(text: str | None) -> str:
    """The text of a value in findings."""
    if text is None:
        return "NULL"
    return repr(text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 1]}…")


class Reading:
    """One row while it is read; `findings` are those so far."""

    def __init__(self, raw: RawRow, layout: Layout, zone: tzinfo | None) -> None:
        """Times without a zone are read in `zone`; if it is None, they cannot be read."""
        self.raw, self.layout, self.zone = raw, layout, zone
        self.stream: str | None = None
        self.findings: list[ImportFinding] = []
        self._read: set[str] = set()
        self.legacy_id = self._usable_id()

    def _usable_id(self) -> str | None:
        text = self.layout.value("id", self.raw.values)
        if text is not None and text.isprintable() and len(text) <= TEXT_LENGTH_MAX:
            return text
        return None

    def found(
        self,
        kind: ImportFindingKind,
        message: str,
        severity: FindingSeverity = FindingSeverity.WARNING,
        row: dict[str, str | None] | None = None,
    ) -> None:
        """Note a finding."""
        ids = (self.legacy_id or f"line {self.raw.line}",)
        self.findings.append(ImportFinding(kind, self.stream, ids, message, severity, row))

    def text(self, meaning: str) -> tuple[str, str | None]:
        """The column with a meaning, and its value."""
        return self.layout.named(meaning, self.raw.values)

    def amount(self, meaning: str) -> tuple[str, Decimal | None]:
        """A number of any sign."""
        name, text = self.text(meaning)
        if text is None:
            return name, None
        self._read.add(name)
        amount = read_amount(text)
        if amount.doubt is AmountDoubt.LONG_DECIMAL and amount.number is not None:
            self.found(ImportFindingKind.LONG_DECIMAL, f"{name} is {shown(text)}; rounded to {plain(amount.number)}")
        elif amount.doubt is not None:
            self.found(ImportFindingKind[amount.doubt.name], f"{name} is {shown(text)}")
        return name, amount.number

    def price(self, meaning: str) -> Decimal | None:
        """A number above zero; unknown is not zero."""
        name, price = self.amount(meaning)
        if price is None or price > 0:
            return price
        self.found(
            ImportFindingKind.NEGATIVE_PRICE if price else ImportFindingKind.ZERO_PRICE,
            f"{name} is {plain(price)}: not known",
        )
        return None

    def flag(self, meaning: str) -> bool:
        """Yes or no; what is neither is no."""
        name, text = self.text(meaning)
        word = (text or "f").lower()
        if word not in _TRUE and word not in _FALSE:
            self.found(
                ImportFindingKind.UNREADABLE_VALUE, f"{name} is {shown(text)}, neither true nor false; taken as false"
            )
        return word in _TRUE

    def identifier(self, meaning: str) -> str | None:
        """An id of an order or of a signal; None if it cannot be used."""
        name, text = self.text(meaning)
        if text is None or (text.isprintable() and len(text) <= TEXT_LENGTH_MAX):
            return text
        self.found(ImportFindingKind.UNREADABLE_VALUE, f"{name} is {shown(text)}, which cannot be an id")
        return None

    def time(self, meaning: str) -> tuple[str, datetime | None]:
        """A time as the row has it: in UTC, or without a zone."""
        name, text = self.text(meaning)
        time = None if text is None else read_time(text)
        if text is not None and time is None:
            self.found(ImportFindingKind.UNREADABLE_TIME, f"{name} is {shown(text)}")
        return name, time

    def placed(self, name: str, time: datetime) -> datetime:
        """A time in UTC. Refuses: CannotBeUsed for a naive one, unless its zone was given."""
        if time.tzinfo is not None:
            return time
        if self.zone is None:
            raise CannotBeUsed(
                ImportFindingKind.NAIVE_TIME,
                f"{name} {time} names no zone; pass --timezone, like --timezone Europe/Moscow",
            )
        there = placed(time, self.zone)
        if there is None:
            raise CannotBeUsed(ImportFindingKind.UNUSABLE_ROW, f"{name} {time} is beyond the calendar")
        if is_ambiguous(time, self.zone):
            self.found(
                ImportFindingKind.AMBIGUOUS_TIME, f"{name} {time} was on the clocks of {self.zone} twice, or never"
            )
        return there

    def check_that_it_can_be_kept(self) -> None:
        """Refuses: CannotBeUsed for a row with a character in it that no database can keep."""
        try:
            writable("\n".join(filter(None, self.raw.values)))
        except ValueError as refusal:
            raise CannotBeUsed(ImportFindingKind.UNUSABLE_ROW, f"it {refusal}") from None

    def check_what_was_not_read(self) -> None:
        """Note over-long and infinite numbers in columns that were not read."""
        for place in self.layout.other_numbers:
            text, name = self.raw.values[place], self.layout.columns[place]
            if text and (doubt := doubt_of(text)) and name not in self._read:
                self.found(ImportFindingKind[doubt.name], f"{name} is {shown(text)}; it is kept in the raw row only")

    def naive_times_not_needed(self) -> Iterator[str]:
        """Columns that are not read and have a time without a zone, if no zone was given."""
        if self.zone is not None:
            return
        needed = self.layout.places["created"] if self.layout.value("opened", self.raw.values) is None else ()
        for place in self.layout.other_times:
            text = self.raw.values[place]
            time = None if text is None or place in needed else read_time(text.strip())
            if time is not None and time.tzinfo is None:
                yield self.layout.columns[place]
