"""Reading a snapshot from a JSON document: saved by an old bot, with ccxt's structures, or the exchange's answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import partial
from typing import Any, Final, Self, TypeVar

from domain.identifiers import PositionKey, normalized_account
from domain.symbols.spelling import normalized_symbol
from domain.symbols.venues import normalized_exchange
from domain.values import EXACT, Leg
from infrastructure.exchanges.fields import ReportFields, read_moment
from infrastructure.exchanges.order_reports import read_order
from infrastructure.exchanges.position_parts import joined, with_legs
from infrastructure.exchanges.position_reports import SYMBOLS, contract_size, read_position
from infrastructure.exchanges.raw_answers import balances, errors, read_answer, rows
from infrastructure.timezones import is_ambiguous, placed
from projections.account_snapshot import AccountSnapshot, OrderKind, OrderReport, PositionReport

_POSITIONS: Final = ("positions", "fetch_positions", "fetchPositions")
_ORDERS: Final = ("orders", "open_orders", "openOrders", "fetch_open_orders", "fetchOpenOrders")
_CONDITIONAL: Final = ("conditional_orders", "conditionalOrders")
"""Conditional orders from a call of their own; where the field is present, they were asked for, even if it is empty."""
_TYPED: Final = {"type", "orderType", "ordType"}
_SIZED: Final = {"contracts", "position", "positionAmt", "pos", "szi"}
_BALANCES: Final = ("balances", "balance", "fetch_balance", "fetchBalance")
_TIMES: Final = ("timestamp", "taken_at", "datetime")
_HEAD: Final = ("exchange", "account", "error", "errors", "positions_count", "orders_count", *_TIMES)
_NO_ORDERS: Final = ("it has no list of orders, so nothing is said about stops",)
_FIRST_ZONE: Final = timezone(timedelta(hours=14))
"""The zone whose clocks are furthest ahead, in which a time without a zone is the earliest that it can mean."""

Seen = TypeVar("Seen", PositionReport, OrderReport)


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller knows of a snapshot, for what the document does not say itself."""

    exchange: str | None = None
    account: str | None = None
    """Blank: the account without a name."""
    taken_at: datetime | None = None
    zone: tzinfo | None = None
    """The zone of a time that names none."""


def read_snapshot(document: bytes | Mapping[str, Any], given: Given | None = None) -> AccountSnapshot:
    """Read a document, of JSON or a dict. A part that cannot be read is no error: it becomes a doubt of the snapshot.

    Refuses: ValueError when it is of another exchange or account than the caller says.
    """
    given = given or Given()
    data = json.dumps(document, default=str).encode() if isinstance(document, Mapping) else document
    digest = hashlib.sha256(data).hexdigest()[:16]
    try:
        found = read_answer(data)
    except ValueError as wrong:
        return AccountSnapshot(
            exchange=given.exchange, account=given.account or None, doubts=(str(wrong),), digest=digest
        )
    return _Reading.of(found, given).snapshot(digest)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one list that could be read, and what is wrong with the others."""

    found: tuple[Any, ...] | None = None
    doubts: tuple[str, ...] = ()
    """Doubts about the list itself."""
    row_doubts: tuple[str, ...] = ()
    unread: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    """A document while it is read."""

    head: ReportFields
    positions: Any
    orders: Any
    conditional: Any
    balances: Any
    exchange: str | None
    account: str | None
    is_account_said: bool
    given: Given
    sizes: dict[str, Decimal] = field(default_factory=dict)
    """The contract size by symbol: it is stated with positions, and needed for orders as well."""

    @classmethod
    def of(cls, document: Any, given: Given) -> Self:
        fields = _as_document(document)
        head = ReportFields({name: value for name, value in fields.items() if name in _HEAD})
        exchange = normalized_exchange(head.find("exchange")) if head.find("exchange") else given.exchange
        account = normalized_account(head.find("account")) or given.account or None
        for said, wanted in ((exchange, given.exchange), (account or "", given.account)):
            if wanted is not None and said != wanted:
                raise ValueError(f"it is a snapshot of {said}, not of {wanted or 'the account without a name'}")
        return cls(
            head=head,
            positions=rows(_first_of(fields, _POSITIONS)),
            orders=rows(_first_of(fields, _ORDERS)),
            conditional=rows(_first_of(fields, _CONDITIONAL)),
            balances=_first_of(fields, _BALANCES),
            exchange=exchange,
            account=account,
            is_account_said="account" in fields or given.account is not None,
            given=given,
        )

    def snapshot(self, digest: str) -> AccountSnapshot:
        spot = self._spot()
        positions = self._positions(spot)
        orders = self._read(self.orders, "orders", read_order, spot)
        conditional = self._read(self.conditional, "conditional orders", read_order, spot)
        found = None if orders.found is None else self._in_units((*orders.found, *(conditional.found or ())))
        held, balance_doubts = balances(self.balances)
        order_doubts = (*orders.doubts, *conditional.doubts, *_contradicting(found or ()))
        taken_at, is_exact, notes = self._time(found or ())
        return AccountSnapshot(
            exchange=self.exchange,
            account=self.account,
            is_account_said=self.is_account_said,
            has_conditional=conditional.found is not None,
            taken_at=taken_at,
            is_time_exact=is_exact,
            positions=positions.found,
            orders=None if found is None else _each_once(found),
            balances=held,
            doubts=(*self._errors(), *self._counts(), *positions.doubts),
            order_doubts=_NO_ORDERS if found is None else order_doubts,
            row_doubts=(*positions.row_doubts, *orders.row_doubts, *conditional.row_doubts, *balance_doubts),
            unread_positions=positions.unread,
            unread_orders=(*orders.unread, *conditional.unread),
            notes=notes,
            digest=digest,
        )

    def _spot(self) -> frozenset[str]:
        """The symbols that mean spot here, because ccxt's name of the derivative (`A/B:B`) is in the document, too."""
        named = {
            str(entry.get("symbol"))
            for entries in (self.positions, self.orders, self.conditional)
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, Mapping)
        }
        return frozenset(name.partition(":")[0] for name in named if ":" in name) & named

    def _positions(self, spot: frozenset[str]) -> _Rows:
        """The positions, each key once; the contract sizes in their rows, also in flat ones, are kept."""
        read = self._read(self.positions, "positions", self._position, spot)
        if read.found is None:
            return read
        each = list(joined(with_legs(read.found)))
        doubled = [key for key in each if isinstance(key, PositionKey)]
        doubts = (f"it shows {key} twice, and nothing tells which is true" for key in doubled)
        return replace(
            read,
            found=tuple(position for position in each if isinstance(position, PositionReport)),
            row_doubts=(*read.row_doubts, *doubts),
            unread=(*read.unread, *(key.symbol for key in doubled)),
        )

    def _position(
        self, entry: object, exchange: str, account: str | None, spot: frozenset[str]
    ) -> PositionReport | None:
        seen = read_position(entry, exchange, account, spot)
        symbol = seen.key.symbol if seen is not None else _symbol(entry)
        size = seen.contract_size if seen is not None else contract_size(ReportFields.of(entry), exchange)
        if symbol is not None and size != 1:
            self.sizes[symbol] = size
        return seen

    def _in_units(self, orders: Sequence[OrderReport]) -> tuple[OrderReport, ...]:
        """Convert the quantities of orders to units, by the contract size of their symbol; spot has no contracts."""
        return tuple(
            order.in_units(partial(EXACT.multiply, self.sizes[order.key.symbol]))
            if order.key.symbol in self.sizes and order.key.leg is not Leg.SPOT
            else order
            for order in orders
        )

    def _read(
        self,
        entries: Any,
        what: str,
        read: Callable[[object, str, str | None, frozenset[str]], Seen | None],
        spot: frozenset[str],
    ) -> _Rows:
        """Read the entries of a list; one that cannot be read becomes a doubt."""
        if not isinstance(entries, list):
            if entries is None:
                return _Rows()
            return _Rows(doubts=(f"its {what} are no list but {entries!r:.60}", *errors(entries)))
        if self.exchange is None:
            return _Rows(found=())
        found: list[Seen] = []
        doubts: list[str] = []
        unread: list[str | None] = []
        for number, entry in enumerate(entries, start=1):
            try:
                seen = read(entry, self.exchange, self.account, spot)
            except ValueError as wrong:
                named = entry.get("symbol") if isinstance(entry, Mapping) else None
                name = f" ({named!a:.40})" if named else ""
                doubts.append(f"number {number} of its {what}{name} cannot be read: {wrong}")
                unread.append(_symbol(entry))
                continue
            if seen is not None:
                found.append(seen)
        return _Rows(tuple(found), row_doubts=tuple(doubts), unread=tuple(unread))

    def _errors(self) -> list[str]:
        errors = [f"{name} {self.head.find(name)!r:.200}" for name in ("error", "errors") if self.head.find(name)]
        return [f"it is of a call that failed: {words}" for words in errors]

    def _counts(self) -> list[str]:
        """The doubts about lists that are shorter than the stated count, and so were cut off (I-29)."""
        doubts = []
        for name, entries in (("positions_count", self.positions), ("orders_count", self.orders)):
            counted = self.head.find(name)
            if counted is None or not isinstance(entries, list) or counted == len(entries):
                continue
            doubts.append(f"it is partial: {name} is {counted}, and there are {len(entries)}")
        return doubts

    def _time(self, orders: Sequence[OrderReport]) -> tuple[datetime | None, bool, tuple[str, ...]]:
        """The earliest moment that it can show, whether that is exact, and notes.

        An estimate must be early: a snapshot may be taken for older than it is, but never for newer.
        """
        if self.given.taken_at is not None:
            return self.given.taken_at, True, ()
        text = self.head.text(*_TIMES)
        time = read_moment(text) if text is not None else None
        zone, doubts = self.given.zone, tuple[str, ...]()
        if time is not None and time.tzinfo is None and zone is not None:
            if is_ambiguous(time, zone):
                twice = f"its time, {text}, was on the clock twice, or never, in {zone}"
                doubts = (f"{twice}, so it is read as the earlier one; --taken-at says it",)
            time = placed(time, zone)
        if time is not None and time.tzinfo is not None:
            return time.astimezone(UTC), not doubts, doubts
        earliest = [placed(time, _FIRST_ZONE)] if time is not None else []
        bounds = [bound for bound in (*earliest, *(order.created_at for order in orders)) if bound is not None]
        if time is None:
            note = "it does not say when it was taken, so the time of its newest order is used; --taken-at says it"
        else:
            note = (
                f"its time, {text}, names no zone, so it is read as the earliest that it can mean; --timezone says it"
            )
        return max(bounds, default=None), False, (note,) if bounds else ()


def _symbol(entry: object) -> str | None:
    """Only the symbol of a row, in our spelling; None where not even that can be read."""
    if not isinstance(entry, Mapping):
        return None
    try:
        return normalized_symbol(ReportFields(entry).text(*SYMBOLS))
    except ValueError:
        return None


def _contradicting(orders: Sequence[OrderReport]) -> tuple[str, ...]:
    """The doubts about orders with the same id and different sides or kinds, as from several accounts or products."""
    said: dict[tuple[str, str], set[tuple[str | None, OrderKind]]] = {}
    for order in orders:
        said.setdefault((order.key.stream, order.order_id), set()).add((order.side, order.kind))
    return tuple(f"it shows order {name} of {stream} as two" for (stream, name), ways in said.items() if len(ways) > 1)


def _each_once(orders: Sequence[OrderReport]) -> tuple[OrderReport, ...]:
    """The orders without repetitions: one may move to the next page while the pages are read."""
    return tuple({(order.key, order.order_id): order for order in orders}.values())


def _as_document(document: Any) -> Mapping[str, Any]:
    """The document as fields. The bare answer of one call is a list of orders or of positions: an order has a type."""
    if isinstance(document, Mapping) and any(name in document for name in (*_POSITIONS, *_ORDERS)):
        return document
    entries = rows(document)
    if not isinstance(entries, list):
        return document if isinstance(document, Mapping) else {}
    is_orders = any(
        isinstance(entry, Mapping) and entry.keys() & _TYPED and not entry.keys() & _SIZED for entry in entries
    )
    return {"orders" if is_orders else "positions": entries}


def _first_of(fields: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((fields[name] for name in names if name in fields), None)
