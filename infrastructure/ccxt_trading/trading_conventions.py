"""The differences between exchanges in handling orders, as a table that each exchange fills in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from infrastructure.trading.exchange_orders import OrderTicket

Json = dict[str, Any]


class Meaning(StrEnum):
    """What an error of an exchange means for the call."""

    REFUSED = "refused"
    """Nothing was done."""
    NOTHING_TO_REDUCE = "nothing to reduce"
    """Nothing was done: a reduce-only order has nothing to close."""
    RATE_LIMITED = "rate limited"
    """Nothing was done, because there were too many calls."""
    NO_ANSWER = "no answer"
    """The outcome is not known."""
    TAKEN = "taken before"
    """An order with this client id exists already; its state is not known until it is looked up."""
    ABSENT = "absent"
    """There is no such order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuestion:
    """One way to look for an order: by its id, or in a list."""

    method: str
    """The method of ccxt: `fetch_order` returns one order, any other a list."""
    params: Mapping[str, Any]
    client_id: str | None = None
    """The name of the parameter for a client order id; None for a list without such a filter."""
    order_id: str | None = None
    """The name of the parameter for the exchange's id; `fetch_order` has it as its first argument."""
    is_conditional: bool = False
    """Whether it asks for the separate list of conditional orders."""

    @property
    def is_list(self) -> bool:
        """Whether the answer is a list."""
        return self.method != "fetch_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingConventions:
    """The conventions of one exchange. `source` names pages of its own documentation."""

    exchange: str
    source: str
    has_unique_ids: bool
    """Whether a client order id that was used once is refused for ever; otherwise only while its order is open."""
    shown_seconds: float
    """How long after it was sent an order may still appear."""
    shown_because: str
    """The reason for `shown_seconds`."""
    ended_shown: str
    """For how long an order that has ended can be looked up, in words; after that it seems never to have existed."""
    client_id: re.Pattern[str]
    """The client order ids that the exchange accepts."""
    attaches_stops: bool
    """Whether an entry order can carry a stop."""
    closes_position: bool
    """Whether an order can close the whole position, whatever its quantity is by then."""
    conditional: str
    """Where conditional orders are listed, in words."""
    by_id: tuple[OrderQuestion, ...]
    """The calls that look up an order by its id."""
    lists: tuple[OrderQuestion, ...]
    """The lists in which to look for an order that is not found by its id: open, conditional and recent orders."""
    cancels_conditional: Mapping[str, Any]
    """The parameters for cancelling a conditional order, where such orders have a list of their own."""
    fills_of: str | None
    """The name of the parameter of `fetch_my_trades` for an order; None: only the latest fills can be listed."""
    fills_by_client_id: str | None
    """The same for a client order id; None where fills cannot be listed by it."""
    fills_max: int
    """How many fills one answer has at most."""
    params: Callable[[OrderTicket], Json]
    """Makes the parameters of `create_order`, except for the trigger of a stop or a target."""
    code: re.Pattern[str] | None
    """Finds the exchange's own error code in ccxt's message; None for an exchange without codes."""
    codes: Mapping[Meaning, frozenset[str]]
    """The error codes of each meaning."""
    words: tuple[tuple[str, Meaning], ...] = ()
    """Errors that are recognised by their text; they take precedence over the codes."""
    triggered_id: str | None = None
    """The field in which a conditional order names the order that it became."""
    spelled_id: Callable[[str], str] = str
    """Converts a client order id for sending; `own_order_id` reads it back."""
    bound: str | None = None
    """How far away a market order may be filled, in words, where it needs a limit price; `params` has the number."""
    prepare: Callable[[Any], None] | None = None
    """Prepares our copy of the client."""

    @property
    def keeps_apart(self) -> bool:
        """Whether conditional orders have a list of their own."""
        return bool(self.cancels_conditional)

    def meaning_of(self, code: str | None, words: str) -> Meaning | None:
        """The meaning of an error; None if the table does not know it."""
        said = next((meaning for text, meaning in self.words if text in words), None)
        if said is not None:
            return said
        return next((meaning for meaning, codes in self.codes.items() if code in codes), None)


def codes(text: str) -> frozenset[str]:
    """A set of codes from a text with blanks between them."""
    return frozenset(text.split())
