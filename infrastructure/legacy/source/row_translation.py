"""The translation of a raw row into a LegacyRow, or into findings that say why it cannot be a position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final, NamedTuple

from domain.identifiers import PositionKey
from domain.values import Side, Status, plain
from infrastructure.legacy.importing.import_findings import FindingSeverity, ImportFinding, ImportFindingKind
from infrastructure.legacy.source.layout import Layout
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.raw import RawRow, UnreadableDump
from infrastructure.legacy.source.reading import CannotBeUsed, Reading, shown

_SIDES: Final = {"long": Side.LONG, "buy": Side.LONG, "short": Side.SHORT, "sell": Side.SHORT}
_STATUSES: Final = {status.value: status for status in Status if status is not Status.ROLLING_BACK}


class Translator:
    """Translates rows with any columns; times without a zone are in `zone`, if it is given."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._places: dict[tuple[str, str], _Place] = {}
        self._naive: Counter[str] = Counter()

    def read(self, raw: RawRow) -> LegacyRow | list[ImportFinding]:
        """Translate a row, with its findings in it; return only findings if it cannot be a position.

        Refuses: UnreadableDump for a column with a name that cannot be kept.
        """
        layout = self._layouts.get(raw.columns)
        if layout is None:
            if strange := [name for name in raw.columns if not name.isprintable()]:
                raise UnreadableDump(f"a column is named {strange[0]!a}; rename it")
            layout = self._layouts[raw.columns] = Layout.of(raw.columns)
        reading = Reading(raw, layout, self._zone)
        self._naive.update(reading.naive_times_not_needed())
        try:
            reading.check_that_it_can_be_kept()
            return _row(reading, self._place(reading))
        except CannotBeUsed as refusal:
            lost = raw.as_dict() if refusal.kind is ImportFindingKind.UNUSABLE_ROW else None
            reading.found(refusal.kind, str(refusal), FindingSeverity.ERROR, lost)
            return reading.findings

    def notes(self) -> Iterator[ImportFinding]:
        """Findings about the whole table that change nothing: unneeded columns with times that have no zone."""
        for name, count in self._naive.items():
            message = f"{name} names no zone in {count:,} rows; it is not needed, and kept as it is"
            yield ImportFinding(ImportFindingKind.NAIVE_TIME, None, (), message, FindingSeverity.NOTE)

    def _place(self, reading: Reading) -> _Place:
        (_, symbol), (_, exchange) = reading.text("symbol"), reading.text("exchange")
        if symbol is None or exchange is None:
            raise CannotBeUsed(
                ImportFindingKind.UNUSABLE_ROW, f"its {'symbol' if symbol is None else 'exchange'} is not known"
            )
        place = self._places.get((symbol, exchange))
        if place is None:
            try:
                key = PositionKey(symbol, exchange)
            except ValueError as refusal:
                raise CannotBeUsed(ImportFindingKind.UNUSABLE_ROW, str(refusal)) from None
            place = self._places[symbol, exchange] = _Place(key, key.stream, f"{symbol} at {exchange}")
        reading.stream = place.stream
        return place


class _Place(NamedTuple):
    """What all rows with the same spelling of symbol and exchange share."""

    key: PositionKey
    stream: str
    spelling: str


def _row(reading: Reading, place: _Place) -> LegacyRow:
    side = _side(reading)
    quantity = _quantity(reading)
    opening, opened_at = _opening(reading)
    closed_at = _closing(reading, opened_at)
    status = _status(reading, has_closing_time=closed_at is not None)
    entry_price = reading.price("entry price")
    if entry_price is None and reading.text("entry price")[1] is None:
        reading.found(ImportFindingKind.MISSING_PRICE, f"{reading.text('entry price')[0]} is not known")
    stop_price, stop_confirmed = _stop(reading, side, entry_price)
    exit_reason = reading.text("reason")[1]
    _check_end(reading, status, closed_at, exit_reason)
    if reading.legacy_id is None:
        reading.found(ImportFindingKind.MISSING_ID, "it has no id that could be used")
    row = LegacyRow(
        raw=reading.raw,
        key=place.key,
        spelling=place.spelling,
        stream=place.stream,
        legacy_id=reading.legacy_id,
        status=status,
        side=side,
        quantity=quantity,
        avg_px_open=entry_price,
        stop_price=stop_price,
        stop_confirmed=stop_confirmed,
        realized_pnl=reading.amount("profit")[1] if status is Status.CLOSED else None,
        exit_reason=exit_reason,
        exchange_order_id=reading.identifier("order"),
        intent_id=reading.identifier("intent"),
        opening=opening,
        opened_at=opened_at,
        closed_at=closed_at,
        findings=reading.findings,
    )
    reading.check_what_was_not_read()
    return row


def _side(reading: Reading) -> Side:
    name, text = reading.text("side")
    side = _SIDES.get((text or "").lower())
    if side is None:
        raise CannotBeUsed(
            ImportFindingKind.UNUSABLE_ROW, f"{name} is {shown(text)}, neither long (buy) nor short (sell)"
        )
    return side


def _quantity(reading: Reading) -> Decimal:
    name, number = reading.amount("quantity")
    if number is None:
        raise CannotBeUsed(ImportFindingKind.UNUSABLE_ROW, f"its {name} is not known")
    if number < 0:
        reading.found(ImportFindingKind.NEGATIVE_QUANTITY, f"{name} is {plain(number)}; the side says the direction")
    elif not number:
        reading.found(ImportFindingKind.ZERO_QUANTITY, f"{name} is 0")
    return number.copy_abs()


def _opening(reading: Reading) -> tuple[datetime, datetime]:
    """The opening time as the row has it, and in UTC."""
    name, opening = reading.time("opened")
    if opening is None:
        instead, opening = reading.time("created")
        if opening is None:
            raise CannotBeUsed(ImportFindingKind.UNUSABLE_ROW, "no time says when it was opened")
        reading.found(ImportFindingKind.OPENED_AT_MISSING, f"{name} is not known; {instead} is taken")
        name = instead
    return opening, reading.placed(name, opening)


def _closing(reading: Reading, opened_at: datetime) -> datetime | None:
    name, closing = reading.time("closed")
    if closing is None:
        return None
    closed_at = reading.placed(name, closing)
    if closed_at < opened_at:
        reading.found(
            ImportFindingKind.CLOSED_BEFORE_OPENED, f"{name} {closed_at} is before its opening at {opened_at}"
        )
    return closed_at


def _status(reading: Reading, *, has_closing_time: bool) -> Status:
    name, text = reading.text("status")
    word = (text or "").lower()
    if status := _STATUSES.get(word):
        return status
    if word == "open":
        reading.found(ImportFindingKind.STATUS_OPEN, f"{name} is {text}, the default of the table; taken as active")
        return Status.ACTIVE
    taken = Status.CLOSED if has_closing_time else Status.ACTIVE
    if word == "cancelled":
        taken = Status.CANCELED
    reading.found(ImportFindingKind.UNKNOWN_STATUS, f"{name} is {shown(text)}; taken as {taken.value}")
    return taken


def _stop(reading: Reading, side: Side, entry: Decimal | None) -> tuple[Decimal | None, bool]:
    """The stop price, and whether by the table the stop was at the exchange."""
    price, is_there = reading.price("stop price"), reading.flag("has stop")
    if is_there and price is None:
        reading.found(
            ImportFindingKind.STOP_WITHOUT_PRICE, f"{reading.text('has stop')[0]} is true, but there is no price"
        )
    if price is not None and entry is not None and not side.loses_at(price, entry):
        where = "at" if price == entry else "above" if side is Side.LONG else "below"
        trailing = "; its trailing stop was at work" if reading.flag("trailing") else ""
        reading.found(
            ImportFindingKind.WRONG_SIDE_STOP,
            f"{reading.text('stop price')[0]} {plain(price)} stands {where} the entry of a {side.value} at "
            f"{plain(entry)}{trailing}",
        )
    return price, is_there and price is not None


def _check_end(reading: Reading, status: Status, closed_at: datetime | None, exit_reason: str | None) -> None:
    if status.is_open:
        if closed_at is not None:
            reading.found(
                ImportFindingKind.OPEN_WITH_CLOSE_TIME, f"it is {status.value}, and was closed at {closed_at}"
            )
        return
    if closed_at is None:
        reading.found(ImportFindingKind.CLOSED_WITHOUT_TIME, f"it is {status.value}, but no time says since when")
    if exit_reason is None and status in (Status.CLOSED, Status.ROLLED_BACK):
        reading.found(ImportFindingKind.CLOSED_WITHOUT_REASON, f"it is {status.value}, but nothing says why")
