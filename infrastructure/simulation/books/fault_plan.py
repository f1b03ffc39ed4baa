"""What goes wrong at a simulated exchange: by script for the next order, or by probability from a seed."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Final

from infrastructure.trading.exchange_orders import OrderTicket

CALLS_MAX: Final = 4
"""How many calls something that is late may be away, at most."""


class OrderFault(StrEnum):
    """What may happen to one order."""

    REFUSED = "refused"
    """It is refused: for want of margin, or a stop because it would trigger at once."""
    ANSWER_LOST = "answer lost"
    """It is taken, and the caller does not hear of it."""
    NEVER_ARRIVED = "never arrived"
    """It is not taken, and the caller does not hear that."""
    DONE_LATER = "done later"
    """The caller hears nothing, and it is taken some calls later."""
    FILLED_LATE = "filled late"
    """It is acknowledged without a fill, and filled some calls later."""
    FILLED_IN_PARTS = "filled in parts"
    """A part is filled at once, the rest some calls later."""
    REST_EXPIRES = "rest expires"
    """A part is filled at once, and the rest expires."""
    ANSWER_BEHIND = "answer behind"
    """It is filled before its acknowledgement, which says nothing of it; for some calls only the fills show it."""
    HIDDEN = "hidden"
    """It is taken, and no question and no list shows it for some calls."""
    UNPRICED = "unpriced"
    """It never says its average price."""
    SIDELESS = "sideless"
    """It never says its side."""


class CallFault(StrEnum):
    """What may happen to one call, whatever it is about."""

    OUTAGE = "outage"
    """Nothing was done, and there is no answer."""
    MAINTENANCE = "maintenance"
    """It is refused, for the exchange is closed."""
    RATE_LIMIT = "rate limit"
    """It is refused, for there were too many."""
    STALE_ACCOUNT = "stale account"
    """The account is shown as before the last fill, for some calls after it."""
    LATE_POSITIONS = "late positions"
    """The same of positions alone: orders are shown as they are."""
    CUT_OFF_ACCOUNT = "cut off account"
    """The lists of the account are shorter than they say."""
    SHUFFLED_FILLS = "shuffled fills"
    """Fills come in another order, and one of them twice."""


EVERY_CALL: Final = (CallFault.OUTAGE, CallFault.MAINTENANCE, CallFault.RATE_LIMIT)
Fault = OrderFault | CallFault
_Script = tuple[frozenset[OrderFault], Decimal | None]


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one order."""

    faults: frozenset[OrderFault]
    calls: int
    """How many calls late is what is late."""
    share: int
    """How much of it is filled at once, in hundredths, where not all of it is."""
    at_once: Decimal | None = None
    """The same as a quantity, where a test says it."""

    def first_part(self, quantity: Decimal) -> Decimal:
        """How much of a quantity is filled at once, where not all of it is."""
        return quantity * self.share / 100 if self.at_once is None else self.at_once

    def has(self, *faults: OrderFault) -> bool:
        """Whether one of them happens."""
        return not self.faults.isdisjoint(faults)


@dataclass
class FaultPlan:
    """What goes wrong next. The fate of an order follows from the seed and its client order id, not from threads."""

    seed: int
    rates: dict[Fault, float] = field(default_factory=dict)
    """How probable each fault is for an order, or a call; what is not named does not happen by itself."""
    _sent: Counter[str] = field(default_factory=Counter)
    _orders: dict[tuple[str, bool], deque[_Script]] = field(default_factory=lambda: defaultdict(deque))
    _calls: deque[CallFault] = field(default_factory=deque)
    _numbers: Random = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = Random(self.seed)  # noqa: S311  # a test that is repeated, not a secret

    def script(
        self, symbol: str, faults: frozenset[OrderFault], *, is_conditional: bool, at_once: Decimal | None = None
    ) -> None:
        """Let something happen to the next order of a symbol that nothing waits for yet."""
        self._orders[symbol, is_conditional].append((faults, at_once))

    def script_calls(self, fault: CallFault, calls: int) -> None:
        """Let something happen to so many of the next calls that it can happen to."""
        self._calls.extend([fault] * calls)

    def calm(self) -> None:
        """Nothing goes wrong any more; what is late still comes late."""
        self.rates.clear()
        self._orders.clear()
        self._calls.clear()

    def of_order(self, ticket: OrderTicket) -> Fate:
        """What happens to an order: what waits for it, else what the seed says."""
        name = ticket.client_order_id
        self._sent[name] += 1
        numbers = Random(f"{self.seed} {name} {self._sent[name]}")  # noqa: S311  # as above
        waiting = self._orders[ticket.symbol, ticket.trigger_price is not None]
        drawn = frozenset(fault for fault in OrderFault if numbers.random() < self.rates.get(fault, 0))
        faults, at_once = waiting.popleft() if waiting else (drawn, None)
        return Fate(faults, numbers.randint(2, CALLS_MAX), numbers.randint(1, 99), at_once)

    def of_call(self, *possible: CallFault) -> CallFault | None:
        """What happens to a call, out of what can."""
        if self._calls and self._calls[0] in possible:
            return self._calls.popleft()
        return next((fault for fault in possible if self._happens(fault)), None)

    def _happens(self, fault: CallFault) -> bool:
        rate = self.rates.get(fault, 0)
        return rate > 0 and self._numbers.random() < rate
