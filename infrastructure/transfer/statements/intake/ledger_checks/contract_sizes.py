"""The check of units: a contract size must be known, and a file must count quantities as the ledger does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from domain.identifiers import PositionKey
from domain.instrument import Instrument
from domain.values import Leg, plain
from infrastructure.event_store.port import Store
from infrastructure.ledger.aggregate_cache import AggregateCache
from infrastructure.transfer.statements.intake.ledger_checks.definition_command import definition_command
from infrastructure.transfer.statements.statement_facts import StatementFill, StatementPosition
from infrastructure.transfer.transfer_errors import StatementRefused

T = TypeVar("T")


def with_known_contracts(store: Store, facts: Iterable[T]) -> Iterator[T]:
    """The same facts. Refuses: StatementRefused at a quantity in other units than those of the ledger."""
    defined = _Defined(store)
    for fact in facts:
        if isinstance(fact, StatementFill):
            terms = defined.of(fact.key, names_leg=fact.names_leg)
            if fact.in_contracts:
                _check_contracts(fact, terms)
            else:
                _check_units(fact, terms)
        elif isinstance(fact, StatementPosition) and fact.begins:
            _check_units(fact, defined.of(fact.key, names_leg=True))
        yield fact


class _Defined:
    """The terms of instruments in the ledger, each looked up once."""

    def __init__(self, store: Store) -> None:
        self._cache, self._known = AggregateCache(store), dict[tuple[PositionKey, bool], Instrument | None]()

    def of(self, key: PositionKey, *, names_leg: bool) -> Instrument | None:
        if (key, names_leg) not in self._known:
            keys = [key] if names_leg else [key, key.on(Leg.LONG), key.on(Leg.SHORT)]
            found = (self._cache.load(on_leg.stream).position.state.instrument for on_leg in keys)
            self._known[key, names_leg] = next((terms for terms in found if terms is not None), None)
        return self._known[key, names_leg]


def _check_units(fact: StatementFill | StatementPosition, terms: Instrument | None) -> None:
    if terms is not None and terms.contract_size != 1:
        raise StatementRefused.at(
            fact.line,
            f"its quantity {plain(fact.quantity)} counts units of {fact.key}, and in the ledger one is a contract of "
            f"{plain(terms.contract_size)}; where the file counts contracts, read it with --map, a map says so in "
            "contract_size; else import it into another ledger, or with an --account of which nothing is defined",
        )


def _check_contracts(fill: StatementFill, terms: Instrument | None) -> None:
    size, key = fill.contract_size, fill.key
    if terms is not None and size in (None, terms.contract_size):
        return
    what = f"its quantity {plain(fill.quantity)} counts contracts of"
    if size is None:
        raise StatementRefused.at(
            fill.line,
            f"{what} {key}; how much one is says neither the file nor the ledger; define it first: "
            f"{definition_command(key, '--contract-size', 'NUMBER')}, as the exchange lists it",
        )
    if terms is None:
        raise StatementRefused.at(
            fill.line,
            f"{what} {plain(size)} of {key}, and nobody defined that in the ledger; define it first: "
            f"{definition_command(key, '--contract-size', plain(size))}",
        )
    raise StatementRefused.at(
        fill.line, f"{what} {plain(size)} of {key}; in the ledger one is {plain(terms.contract_size)}"
    )
