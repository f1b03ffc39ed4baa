"""Unfinished cycles, which are neither protected nor over for good: what is known of each, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from domain.json_object import JsonObject
from domain.values import Status, is_yet_to_come, plain
from projections.exposure import BY_CHOICE, STRAY, exposed_at, is_by_choice, why_uncovered
from projections.formatting import date_and_time
from projections.metrics.objectives import UNPROTECTED_MAX
from projections.positions import PositionRow
from projections.reconciliation.grace_periods import DEADLINES, SETTLING, UNDER_WAY, later
from projections.recovery import unanswered_orders
from projections.recovery.unanswered_orders import unanswered

_NAMED: Final = (
    "position_id", "symbol", "exchange", "account", "leg", "side", "status", "version", "opened_at", "updated_at",
    "unprotected_since",
)  # fmt: skip
_KNOWN: Final = (
    "requested_qty", "quantity", "filled_qty", "avg_px_open", "signal_price", "intent_id", "client_order_id",
    "exchange_order_id", "stop_price", "stop_order_id", "stop_confirmed", "protected", "outcome_unknown",
    "rollback_failed", "exit_reason",
)  # fmt: skip


@dataclass(frozen=True)
class InFlight(JsonObject):
    """One unfinished cycle at a moment."""

    row: PositionRow
    now: datetime

    json_keys: ClassVar = (
        *((name, f"row.{name}") for name in _NAMED),
        ("age_seconds", "age"),
        "due_at",
        ("overdue", "is_overdue"),
        ("known", lambda cycle: {name: getattr(cycle.row, name) for name in _KNOWN}),
        ("known_in_words", lambda cycle: cycle.known()),
    )

    @property
    def due_at(self) -> datetime:
        """Until when its bot may be at work on it: nobody else interferes before, and nothing counts as missing."""
        row = self.row
        if row.stray:
            return row.updated_at
        if row.status is Status.ROLLING_BACK:
            return later(row.updated_at, DEADLINES[row.status])
        if row.status is not Status.ACTIVE:
            return later(row.opened_at, DEADLINES[row.status])
        return min(due for _, due in self._open_ends())

    @property
    def is_overdue(self) -> bool:
        """Whether its time is up. At once that of a stray is, and of a cycle of the future, as its clock is wrong."""
        return self.row.stray or self.now >= self.due_at or is_yet_to_come(self.since, self.now)

    @property
    def since(self) -> datetime:
        """Since when it has been unfinished."""
        row = self.row
        if row.stray:
            return exposed_at(row)
        if row.status is Status.ACTIVE:
            return min(since for since, _ in self._open_ends())
        return row.updated_at if row.status is Status.ROLLING_BACK else row.opened_at

    def _open_ends(self) -> Iterator[tuple[datetime, datetime]]:
        """What is unfinished of an active cycle: since when, and until when its bot may be at work on it."""
        row = self.row
        for order in unanswered(row):
            yield unanswered_orders.asked_at(order), unanswered_orders.due_at(order)
        if row.outcome_unknown:
            yield row.opened_at, later(row.opened_at, DEADLINES[Status.ENTRY_PLACED])
        if row.unprotected_since is not None:
            yield row.unprotected_since, later(row.unprotected_since, UNPROTECTED_MAX)
        if not row.quantity:
            yield row.updated_at, later(row.updated_at, SETTLING)

    @property
    def age(self) -> timedelta:
        """For how long it has been unfinished."""
        return self.now - self.since

    def known(self) -> list[str]:
        """What the ledger knows about it, as clauses."""
        row = self.row
        words = [_begun(row)]
        if row.exchange_order_id is not None:
            words.append(f"the exchange has it as order {row.exchange_order_id}")
        if row.outcome_unknown:
            words.append("the exchange did not answer about it, so its outcome is not known")
        if row.stray:
            words.append(f"{STRAY}: it was over, {row.status.value}, when it was filled")
        words.append(_filled(row))
        words.append(_stop(row))
        words += map(unanswered_orders.in_words, unanswered(row))
        if row.status is Status.ROLLING_BACK:
            words.append(f"a rollback was begun: {row.exit_reason}" + ", and did not get it flat" * row.rollback_failed)
        return words

    def missing(self) -> list[str]:
        """The evidence that is missing to finish it, as clauses."""
        row = self.row
        if row.stray:
            return ["whether the exchange still holds it"]
        if row.status is Status.ROLLING_BACK:
            return ["whether the exchange still holds some of it"]
        if not row.quantity and row.filled_qty:
            return ["whether the exchange holds nothing any more, and why it was closed"]
        words = [f"what became of {order.name}" for order in unanswered(row)]
        if row.status is Status.ACTIVE and row.unprotected_since is None and not row.outcome_unknown:
            return words
        if row.exchange_order_id is None and not row.quantity:
            words.append("whether its entry order reached the exchange")
        if not row.quantity or row.outcome_unknown:
            words.append("what of it was filled, and at what price")
        if row.quantity:
            words.append("whether the exchange still holds it")
            if row.avg_px_open is None:
                words.append("at what price it was filled")
        if not row.stop_confirmed and not is_by_choice(row):
            words.append("whether a stop rests at the exchange")
        return words


def unfinished(rows: Iterable[PositionRow], now: datetime, left_over: Iterable[PositionRow] = ()) -> list[InFlight]:
    """The unfinished cycles, the longest overdue first.

    A cycle is unfinished when it is under way, unprotected, or flat but not closed, or when the outcome of an order is
    not known: of an entry without an answer of the exchange, or of a promised order.

    `left_over` are the strays that no later cycle took over.
    """
    found = [InFlight(row, now) for row in [*filter(_is_unfinished, rows), *left_over]]
    return sorted(found, key=lambda each: (each.due_at, each.row.position_id))


def _is_unfinished(row: PositionRow) -> bool:
    if row.status is Status.ACTIVE:
        is_waiting = row.outcome_unknown or bool(unanswered(row))
        return row.unprotected_since is not None or not row.quantity or is_waiting
    return row.status in UNDER_WAY


def _begun(row: PositionRow) -> str:
    at = f"{date_and_time(row.opened_at)} UTC"
    wanted = plain(row.quantity if row.requested_qty is None else row.requested_qty)
    by = f" by intent {row.intent_id}" if row.intent_id is not None else ""
    named = f", client order id {row.client_order_id}" if row.client_order_id is not None else ""
    return f"{row.side.value} {wanted} since {at}{by}{named}"


def _filled(row: PositionRow) -> str:
    if not row.quantity:
        return "all of it was closed again" if row.filled_qty else "no fill is on record"
    price = "a price that is not known" if row.avg_px_open is None else plain(row.avg_px_open)
    return f"it holds {plain(row.quantity)} at {price}"


def _stop(row: PositionRow) -> str:
    if is_by_choice(row):
        return BY_CHOICE
    stops = [stop for stop in row.orders.live("stop") if stop.price is not None]
    if not stops:
        return "no stop is on record"
    each = [
        f"at {'' if stop.price is None else plain(stop.price)}"
        + ("" if stop.exchange_order_id is None else f", order {stop.exchange_order_id}")
        for stop in stops
    ]
    if len(each) == 1:
        words = f"its stop is {each[0]}"
    else:
        words = f"its stops are {'; '.join(each)}"
    return f"{words}: {why_uncovered(row)}" if row.quantity and not row.protected else words
