"""Defining instruments, one by one or from an exchange's list of markets; without a reason nothing is recorded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from domain.commands.order_requests import TERMS, DefineInstrument
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused
from domain.events import InstrumentDefined
from domain.identifiers import PositionKey, normalized_account
from domain.instrument import LINEAR, Instrument
from domain.json_object import JsonObject, jsonable
from domain.symbols.spelling import means
from domain.symbols.venues import normalized_exchange
from infrastructure.event_store.vocabulary.places import AsOf
from infrastructure.exchanges.market_list import MarketList
from infrastructure.ledger.aggregate_cache import AggregateCache
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger_clock import now

GivenTerms = Mapping[PositionKey, Mapping[str, Any]]
"""The terms of instruments, as fields of `define_instrument`."""


class ChangeOutcome(StrEnum):
    """The result of a definition; `left` is not recorded, because it was refused or is not known."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    LEFT = "left"


def terms_as_json(terms: Instrument | None) -> dict[str, Any] | None:
    """The terms as fields of `define_instrument`."""
    return None if terms is None else {name: jsonable(getattr(terms, name)) for name in TERMS}


@dataclass(frozen=True, slots=True)
class InstrumentChange(JsonObject):
    """What a definition would change, or has changed: the terms `before` and `after`; `message` says why it is left."""

    key: PositionKey
    outcome: ChangeOutcome
    before: Instrument | None = None
    after: Instrument | None = None
    message: str | None = None
    is_recorded: bool = False

    json_keys: ClassVar = (
        ("key", "key.stream"),
        "outcome",
        ("before", lambda change: terms_as_json(change.before)),
        ("after", lambda change: terms_as_json(change.after)),
        "message",
        ("recorded", "is_recorded"),
    )

    @property
    def is_of_another_size(self) -> bool:
        """Whether it changes what a quantity is worth."""
        return self.after is not None and self.after.contract_size != (self.before or LINEAR).contract_size

    @property
    def is_open(self) -> bool:
        """Whether it is still to be recorded, or to be looked at."""
        return self.outcome is not ChangeOutcome.UNCHANGED and not self.is_recorded


def define_instruments(
    ledger: PositionLedger, given: GivenTerms, *, reason: str | None = None, force: bool = False
) -> list[InstrumentChange]:
    """Say what each definition would change; with a reason, record those that change something.

    Shape:   each is decided as the command would be. A refused one is `left` and does not stop the others; one that is
             equal to the present terms is `unchanged`.
    Refuses: StoreError, OutcomeUnknown; what was recorded before stays, and to repeat all of it is safe.
    """
    cache = AggregateCache(ledger.store)
    changes = []
    for key, terms in given.items():
        before: Instrument | None = None
        try:
            command = _command(key, terms, reason, force=force)
            position = cache.load(key.stream).position
            before, moment = position.state.instrument, now()
            position.decide(command, CommandContext("a look", moment, moment))
            after = next((each.terms for each in position.pending_events if isinstance(each, InstrumentDefined)), None)
            if after is not None and reason is not None:
                ledger.handle(command)
        except CommandRefused as refusal:
            changes.append(InstrumentChange(key, ChangeOutcome.LEFT, before, message=str(refusal)))
            continue
        if after is None:
            changes.append(InstrumentChange(key, ChangeOutcome.UNCHANGED, before, before))
        else:
            outcome = ChangeOutcome.NEW if before is None else ChangeOutcome.CHANGED
            changes.append(InstrumentChange(key, outcome, before, after, is_recorded=reason is not None))
    return changes


def _command(key: PositionKey, terms: Mapping[str, Any], reason: str | None, *, force: bool) -> DefineInstrument:
    why = {} if reason is None else {"reason": reason, "force": force}
    return DefineInstrument.of(
        symbol=key.symbol, exchange=key.exchange, account=key.account, leg=key.leg, **terms, **why
    )


def known_keys(ledger: PositionLedger) -> list[PositionKey]:
    """Every key that has a cycle or a definition."""
    return [PositionKey.parse(stream) for stream in sorted(reach.stream for reach in ledger.store.reaches(AsOf()))]


def by_markets(
    ledger: PositionLedger,
    markets: MarketList,
    keys: Collection[PositionKey],
    *,
    reason: str | None = None,
    force: bool = False,
) -> list[InstrumentChange]:
    """Define keys from a list of markets, as `define_instruments` does; a key that is not in the list is `left`."""
    given: dict[PositionKey, Mapping[str, Any]] = {}
    left = []
    for key in keys:
        if key != key.today:
            why = f"not known: its symbol means {key.today} today, and no market is called as it was"
            left.append(InstrumentChange(key, ChangeOutcome.LEFT, message=why))
            continue
        try:
            given[key] = markets.terms(key)
        except ValueError as wrong:
            left.append(InstrumentChange(key, ChangeOutcome.LEFT, message=f"not known: {wrong}"))
    return [*define_instruments(ledger, given, reason=reason, force=force), *left]


def import_instruments(
    ledger: PositionLedger,
    markets: object,
    *,
    exchange: str,
    account: str | None = None,
    symbols: Collection[str] | None = None,
    reason: str | None = None,
    force: bool = False,
) -> list[InstrumentChange]:
    """Define the instruments of one account that the ledger has, or those named, by ccxt's `client.load_markets()`.

    Shape:   what would change, or with a `reason` what was recorded; a second call changes nothing. An instrument with
             an open position is left, unless `force` defines it for later cycles. Floats are rounded to 18 decimals.
    Refuses: ValueError when `markets` is no list of markets; StoreError, OutcomeUnknown.
    """
    place, owner = normalized_exchange(exchange), normalized_account(account)
    listed = MarketList.read(json.dumps(markets, default=str).encode(), place)
    known = [key for key in known_keys(ledger) if (normalized_exchange(key.exchange), key.account) == (place, owner)]
    keys = dict.fromkeys(known if symbols is None else ())
    for symbol in symbols or ():
        named = [key for key in known if means(symbol, key.symbol, place, key.leg)]
        keys |= dict.fromkeys(named or [PositionKey(symbol, place, owner)])
    return by_markets(ledger, listed, list(keys), reason=reason, force=force)
