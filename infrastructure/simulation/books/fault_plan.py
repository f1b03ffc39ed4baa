"""The faults of a simulated exchange: scripted for the next orders and calls, or drawn by probability from a seed."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Final

from infrastructure.trading.exchange_orders import OrderTicket

CALLS_MAX: Final = 4
"""The longest delay of a fault, in calls."""


class OrderFault(StrEnum):
    """A fault of one order."""

    REFUSED = "refused"
    """It is refused: for lack of margin, or a stop because it would trigger at once."""
    ANSWER_LOST = "answer lost"
    """It is accepted, but the caller gets no answer."""
    NEVER_ARRIVED = "never arrived"
    """It is not accepted, and the caller gets no answer."""
    DONE_LATER = "done later"
    """The caller gets no answer, and it is accepted some calls later."""
    FILLED_LATE = "filled late"
    """It is acknowledged without a fill, and filled some calls later."""
    FILLED_IN_PARTS = "filled in parts"
    """A part is filled at once, the rest some calls later."""
    REST_EXPIRES = "rest expires"
    """A part is filled at once, and the rest expires."""
    ANSWER_BEHIND = "answer behind"
    """It is filled at once, but for some calls its state is shown without the fills; the list of fills has them."""
    HIDDEN = "hidden"
    """It is accepted, but for some calls no query and no list shows it."""
    UNPRICED = "unpriced"
    """Its answers never have an average price."""
    SIDELESS = "sideless"
    """Its answers never have a side."""


class CallFault(StrEnum):
    """A fault of one call."""

    OUTAGE = "outage"
    """Nothing is done, and there is no answer."""
    MAINTENANCE = "maintenance"
    """It is refused, because the exchange is closed."""
    RATE_LIMIT = "rate limit"
    """It is refused, because there were too many calls."""
    STALE_ACCOUNT = "stale account"
    """For some calls after a fill the account is shown as it was before the fill."""
    LATE_POSITIONS = "late positions"
    """The same for positions only: orders are shown as they are."""
    CUT_OFF_ACCOUNT = "cut off account"
    """The lists of the account have fewer entries than their counts say."""
    SHUFFLED_FILLS = "shuffled fills"
    """The fills come in another order, and one of them twice."""


EVERY_CALL: Final = (CallFault.OUTAGE, CallFault.MAINTENANCE, CallFault.RATE_LIMIT)
Fault = OrderFault | CallFault
_Script = tuple[frozenset[OrderFault], Decimal | None]


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one order."""

    faults: frozenset[OrderFault]
    calls: int
    """By how many calls its faults delay things."""
    share: int
    """Which part is filled at once, in hundredths, if a fault fills it in parts."""
    at_once: Decimal | None = None
    """That part as a quantity, if it was scripted."""

    def first_part(self, quantity: Decimal) -> Decimal:
        """How much of a quantity is filled at once, if a fault fills it in parts."""
        return quantity * self.share / 100 if self.at_once is None else self.at_once

    def has(self, *faults: OrderFault) -> bool:
        """Whether the order has one of these faults."""
        return not self.faults.isdisjoint(faults)


@dataclass
class FaultPlan:
    """Decides the faults of each order and call: scripted ones first, else by probability.

    The fate of an order depends only on the seed, its client order id and how often that id was sent, so it is the same
    in whatever order threads call.
    """

    seed: int
    rates: dict[Fault, float] = field(default_factory=dict)
    """The probability of each fault for an order or a call; faults that are not named happen only when scripted."""
    _sent: Counter[str] = field(default_factory=Counter)
    _orders: dict[tuple[str, bool], deque[_Script]] = field(default_factory=lambda: defaultdict(deque))
    _calls: deque[CallFault] = field(default_factory=deque)
    _numbers: Random = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = Random(self.seed)  # noqa: S311  # repeatable tests need a seed; it is no secret

    def script(
        self, symbol: str, faults: frozenset[OrderFault], *, is_conditional: bool, at_once: Decimal | None = None
    ) -> None:
        """Queue faults for the next order of a symbol; several entries are for one order each."""
        self._orders[symbol, is_conditional].append((faults, at_once))

    def script_calls(self, fault: CallFault, calls: int) -> None:
        """Queue a fault for a number of the next calls that can have it."""
        self._calls.extend([fault] * calls)

    def calm(self) -> None:
        """Remove all faults; what is delayed already stays delayed."""
        self.rates.clear()
        self._orders.clear()
        self._calls.clear()

    def of_order(self, ticket: OrderTicket) -> Fate:
        """The fate of an order: the script that waits for it, else drawn from the seed."""
        name = ticket.client_order_id
        self._sent[name] += 1
        numbers = Random(f"{self.seed} {name} {self._sent[name]}")  # noqa: S311  # as above
        waiting = self._orders[ticket.symbol, ticket.trigger_price is not None]
        drawn = frozenset(fault for fault in OrderFault if numbers.random() < self.rates.get(fault, 0))
        faults, at_once = waiting.popleft() if waiting else (drawn, None)
        return Fate(faults, numbers.randint(2, CALLS_MAX), numbers.randint(1, 99), at_once)

    def of_call(self, *possible: CallFault) -> CallFault | None:
        """The fault of a call, out of those that it can have; None for no fault."""
        if self._calls and self._calls[0] in possible:
            return self._calls.popleft()
        return next((fault for fault in possible if self._happens(fault)), None)

    def _happens(self, fault: CallFault) -> bool:
        rate = self.rates.get(fault, 0)
        return rate > 0 and self._numbers.random() < rate
