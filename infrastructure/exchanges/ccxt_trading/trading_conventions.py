"""What an exchange does otherwise than the others with orders: one table, filled in per exchange."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from infrastructure.trading.exchange_orders import OrderTicket

Json = dict[str, Any]


class Meaning(StrEnum):
    """What an error of an exchange says became of the call."""

    REFUSED = "refused"
    """Nothing was done."""
    NOTHING_TO_REDUCE = "nothing to reduce"
    """Nothing was done: an order that may only reduce has nothing to close."""
    RATE_LIMITED = "rate limited"
    """Nothing was done, for there were too many calls."""
    NO_ANSWER = "no answer"
    """Nobody knows."""
    TAKEN = "taken before"
    """An order of this client id is there: it is to be looked up, so nobody knows until then."""
    ABSENT = "absent"
    """There is no such order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuestion:
    """One way to ask for an order: one by its id, or a list."""

    method: str
    """As ccxt calls it: `fetch_order` has one answer, anything else a list."""
    params: Mapping[str, Any]
    client_id: str | None = None
    """What the parameter for a client order id is called; None for a list that is looked through."""
    order_id: str | None = None
    """What the parameter for the exchange's id is called; `fetch_order` takes it first."""
    is_conditional: bool = False
    """Whether it asks for orders of the list that is kept apart."""

    @property
    def is_list(self) -> bool:
        """Whether several orders come back."""
        return self.method != "fetch_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingConventions:
    """One exchange. The sources are names of pages of its own documentation."""

    exchange: str
    source: str
    has_unique_ids: bool
    """Whether a client order id is refused for ever once it was used; else among open orders only."""
    shown_seconds: float
    """How long after it was sent an order may still appear."""
    shown_because: str
    ended_shown: str
    """For how long an order that has ended is found, in words: then it is as if it never was."""
    client_id: re.Pattern[str]
    """What a client order id may look like."""
    attaches_stops: bool
    closes_position: bool
    conditional: str
    """Where orders are that wait for a price, in words."""
    by_id: tuple[OrderQuestion, ...]
    lists: tuple[OrderQuestion, ...]
    """Where an order is to be found that is not known by its id: open ones, conditional ones, recent ones."""
    cancels_conditional: Mapping[str, Any]
    """With what a conditional order is cancelled, where it has a list of its own."""
    fills_of: str | None
    """What the parameter of `fetch_my_trades` is called that names an order; None: the latest fills of all."""
    fills_by_client_id: str | None
    """The same for a client order id; None where fills do not name it."""
    fills_max: int
    """How many fills one answer holds at most."""
    params: Callable[[OrderTicket], Json]
    """What goes along with `create_order`, beside the trigger of a stop or a target."""
    code: re.Pattern[str] | None
    """Where in ccxt's words the exchange's own code stands; None for one without codes."""
    codes: Mapping[Meaning, frozenset[str]]
    words: tuple[tuple[str, Meaning], ...] = ()
    """What is told apart by its text alone; looked at before the codes."""
    triggered_id: str | None = None
    """What a conditional order calls the order that it became."""
    spelled_id: Callable[[str], str] = str
    """A client order id as it is sent; `own_order_id` reads it back."""
    bound: str | None = None
    """How far away a market order may be filled, in words, where one has to say a price; `params` has the number."""
    prepare: Callable[[Any], None] | None = None
    """What is done to our copy of the client."""

    @property
    def keeps_apart(self) -> bool:
        """Whether conditional orders have a list of their own."""
        return bool(self.cancels_conditional)

    def meaning_of(self, code: str | None, words: str) -> Meaning | None:
        """What an error says, as far as the table knows it."""
        said = next((meaning for text, meaning in self.words if text in words), None)
        if said is not None:
            return said
        return next((meaning for meaning, codes in self.codes.items() if code in codes), None)


def codes(text: str) -> frozenset[str]:
    """A list of codes as it stands in a table."""
    return frozenset(text.split())
