"""Fills that count contracts: how much one is has to be known, and to be what the file says, before one is taken in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from domain.identifiers import PositionKey
from domain.instrument import Instrument
from domain.values import Leg, plain
from infrastructure.event_store.port import Store
from infrastructure.ledger.aggregate_cache import AggregateCache
from infrastructure.transfer.statements.statement_fill import StatementFill, StatementRefused

T = TypeVar("T")


def with_known_contracts(store: Store, facts: Iterable[T]) -> Iterator[T]:
    """The same facts. Refuses: StatementRefused at a fill in contracts of a size that the ledger does not have so."""
    cache = AggregateCache(store)
    defined: dict[PositionKey, Instrument | None] = {}
    for fact in facts:
        if isinstance(fact, StatementFill) and fact.in_contracts:
            if fact.key not in defined:
                keys = [fact.key] if fact.names_leg else [fact.key, fact.key.on(Leg.LONG), fact.key.on(Leg.SHORT)]
                found = (cache.load(key.stream).position.state.instrument for key in keys)
                defined[fact.key] = next((terms for terms in found if terms is not None), None)
            _check(fact, defined[fact.key])
        yield fact


def _check(fill: StatementFill, terms: Instrument | None) -> None:
    size = fill.contract_size
    if terms is not None and size in (None, terms.contract_size):
        return
    key = fill.key
    define = (
        f"define it first: position-ledger instruments --symbol {key.symbol} --exchange {key.exchange}"
        f"{f' --account {key.account}' if key.account else ''} --leg {key.leg} --contract-size "
    )
    if size is None:
        raise StatementRefused.at(
            fill.line,
            f"its quantity {plain(fill.quantity)} counts contracts of {key}; how much one is says neither the file nor "
            f"the ledger; {define}NUMBER --confirm --reason TEXT, as the exchange lists it",
        )
    if terms is None:
        raise StatementRefused.at(
            fill.line,
            f"its quantity {plain(fill.quantity)} counts contracts of {plain(size)} of {key}, and nobody defined that "
            f"in the ledger; {define}{plain(size)} --confirm --reason TEXT",
        )
    raise StatementRefused.at(
        fill.line,
        f"its quantity {plain(fill.quantity)} counts contracts of {plain(size)} of {key}; in the ledger one is "
        f"{plain(terms.contract_size)}",
    )
