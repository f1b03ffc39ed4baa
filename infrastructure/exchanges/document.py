"""A snapshot as a JSON document: what an old bot saved, or ccxt's `fetch_positions` and `fetch_open_orders`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Final, Self, TypeVar

from domain.identifiers import normalized_account
from domain.symbols.venues import normalized_exchange
from infrastructure.exchanges.fields import ReportFields, read_moment
from infrastructure.exchanges.order_reports import read_order
from infrastructure.exchanges.position_reports import read_position
from infrastructure.timezones import placed
from projections.account_snapshot import AccountSnapshot, OrderKind, OrderReport, PositionReport

_POSITIONS: Final = ("positions", "fetch_positions", "fetchPositions")
_ORDERS: Final = ("orders", "open_orders", "openOrders", "fetch_open_orders", "fetchOpenOrders")
_CONDITIONAL: Final = ("conditional_orders", "conditionalOrders")
"""Those that an exchange lists in a call of their own; where they are, they were asked for, be they none."""
_TIMES: Final = ("timestamp", "taken_at", "datetime")
_FIRST_ZONE: Final = timezone(timedelta(hours=14))
"""Where the clocks are furthest ahead: a time without a zone was never earlier than it reads there."""

Seen = TypeVar("Seen", PositionReport, OrderReport)


@dataclass(frozen=True, slots=True)
class Given:
    """What whoever hands over a snapshot knows of it, where it does not say so itself."""

    exchange: str | None = None
    account: str | None = None
    taken_at: datetime | None = None
    zone: tzinfo | None = None
    """Of a time that names none."""


def read_snapshot(data: bytes, given: Given | None = None) -> AccountSnapshot:
    """Read a document. What cannot be read is no refusal: the snapshot says so, and is then not believed.

    Refuses: ValueError when it is of another exchange or account than the one that it is said to be of.
    """
    given = given or Given()
    digest = hashlib.sha256(data).hexdigest()[:16]
    try:
        document = json.loads(data, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as wrong:
        doubt = f"it is not a JSON document: {wrong}"
        return AccountSnapshot(exchange=given.exchange, account=given.account, doubts=(doubt,), digest=digest)
    return _Reading.of(document, given).snapshot(digest)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a finite number")


@dataclass(frozen=True, slots=True)
class _Reading:
    """A document on its way to become a snapshot."""

    head: ReportFields
    positions: Any
    orders: Any
    conditional: Any
    exchange: str | None
    account: str | None
    is_account_said: bool
    given: Given

    @classmethod
    def of(cls, document: Any, given: Given) -> Self:
        fields: Mapping[str, Any] = document if isinstance(document, Mapping) else _as_document(document)
        head = ReportFields({name: value for name, value in fields.items() if name != "info"})
        exchange = normalized_exchange(head.find("exchange")) if head.find("exchange") else given.exchange
        account = normalized_account(head.find("account")) or given.account
        for said, wanted in ((exchange, given.exchange), (account, given.account)):
            if wanted is not None and said != wanted:
                raise ValueError(f"it is a snapshot of {said}, not of {wanted}")
        return cls(
            head=head,
            positions=_listed(fields, _POSITIONS),
            orders=_listed(fields, _ORDERS),
            conditional=_listed(fields, _CONDITIONAL),
            exchange=exchange,
            account=account,
            is_account_said="account" in fields,
            given=given,
        )

    def snapshot(self, digest: str) -> AccountSnapshot:
        positions, position_doubts = self._read(self.positions, "positions", read_position)
        orders, order_doubts = self._read(self.orders, "orders", read_order)
        conditional, conditional_doubts = self._read(self.conditional, "conditional orders", read_order)
        if orders is not None:
            orders += conditional or ()
        order_doubts += (*conditional_doubts, *_contradicting(orders or ()))
        taken_at, is_exact, notes = self._time(orders or ())
        return AccountSnapshot(
            exchange=self.exchange,
            account=self.account,
            is_account_said=self.is_account_said,
            has_conditional=conditional is not None,
            taken_at=taken_at,
            is_time_exact=is_exact,
            positions=positions,
            orders=None if orders is None else _each_once(orders),
            doubts=(*self._errors(), *self._counts(), *position_doubts),
            order_doubts=("it has no list of orders, so nothing is said about stops",)
            if orders is None
            else order_doubts,
            notes=notes,
            digest=digest,
        )

    def _read(
        self, entries: Any, what: str, read: Callable[[object, str, str | None], Seen | None]
    ) -> tuple[tuple[Seen, ...] | None, tuple[str, ...]]:
        """The entries that could be read, and what was wrong with the others."""
        if not isinstance(entries, list):
            return None, (f"its {what} are no list but {entries!r:.60}",) if entries is not None else ()
        if self.exchange is None:
            return (), ()
        found: list[Seen] = []
        doubts: list[str] = []
        for number, entry in enumerate(entries, start=1):
            try:
                seen = read(entry, self.exchange, self.account)
            except ValueError as wrong:
                named = entry.get("symbol") if isinstance(entry, Mapping) else None
                name = f" ({named!a:.40})" if named else ""
                doubts.append(f"number {number} of its {what}{name} cannot be read: {wrong}")
                continue
            if seen is not None:
                found.append(seen)
        return tuple(found), tuple(doubts)

    def _errors(self) -> list[str]:
        errors = [f"{name} {self.head.find(name)!r:.200}" for name in ("error", "errors") if self.head.find(name)]
        return [f"it is of a call that failed: {words}" for words in errors]

    def _counts(self) -> list[str]:
        """A list that is shorter than it says was cut off: I-29."""
        doubts = []
        for name, entries in (("positions_count", self.positions), ("orders_count", self.orders)):
            counted = self.head.find(name)
            if counted is None or not isinstance(entries, list) or counted == len(entries):
                continue
            doubts.append(f"it is partial: {name} is {counted}, and there are {len(entries)}")
        return doubts

    def _time(self, orders: Sequence[OrderReport]) -> tuple[datetime | None, bool, tuple[str, ...]]:
        """The earliest moment that it can show: evidence may count for less than it is worth, never for more."""
        if self.given.taken_at is not None:
            return self.given.taken_at, True, ()
        text = self.head.text(*_TIMES)
        time = read_moment(text) if text is not None else None
        if time is not None and time.tzinfo is None and self.given.zone is not None:
            time = placed(time, self.given.zone)
        if time is not None and time.tzinfo is not None:
            return time.astimezone(UTC), True, ()
        earliest = [placed(time, _FIRST_ZONE)] if time is not None else []
        bounds = [bound for bound in (*earliest, *(order.created_at for order in orders)) if bound is not None]
        if time is None:
            note = "it does not say when it was taken, so not before its newest order; --taken-at says it"
        else:
            note = (
                f"its time, {text}, names no zone, so it is read as the earliest that it can mean; --timezone says it"
            )
        return max(bounds, default=None), False, (note,) if bounds else ()


def _contradicting(orders: Sequence[OrderReport]) -> tuple[str, ...]:
    """Orders of one id that are two, as one of several accounts or products would be."""
    said: dict[tuple[str, str], set[tuple[str | None, OrderKind]]] = {}
    for order in orders:
        said.setdefault((order.key.stream, order.order_id), set()).add((order.side, order.kind))
    return tuple(f"it shows order {name} of {stream} as two" for (stream, name), ways in said.items() if len(ways) > 1)


def _each_once(orders: Sequence[OrderReport]) -> tuple[OrderReport, ...]:
    """An order that moved from one page to the next while they were turned is still one order."""
    return tuple({(order.key, order.order_id): order for order in orders}.values())


def _as_document(document: Any) -> Mapping[str, Any]:
    """A bare list is the answer of one of ccxt's two calls; an order has a type, and no contracts."""
    if not isinstance(document, list):
        return {}
    is_orders = any(isinstance(entry, Mapping) and "type" in entry and "contracts" not in entry for entry in document)
    return {"orders" if is_orders else "positions": document}


def _listed(fields: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((fields[name] for name in names if name in fields), None)
