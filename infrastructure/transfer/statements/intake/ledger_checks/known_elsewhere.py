"""Fills of files that the ledger has under another key: of another account, or on a leg where the files name none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from domain.events import EntryFilled, PositionReduced
from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.transfer.statements.excluded_keys import excludable
from infrastructure.transfer.statements.intake.sorting.sorted_facts import SortedFacts
from infrastructure.transfer.statements.sources.statement_row import is_made_up
from infrastructure.transfer.transfer_errors import StatementRefused

_APART_MAX: Final = timedelta(minutes=1)
"""Ids alone may be the same by chance, as those of a program that counts; so near to each other they are one fill."""


def refuse_known_elsewhere(store: Store, facts: SortedFacts) -> None:
    """Refuse files of which the ledger has a fill under another key: there it would be counted twice.

    Refuses: StatementRefused, with the line of that fill.
    """
    for key, others in _may_have(store, facts):
        for other in others:
            for record in store.history(other.stream):
                event = decode(record)
                if isinstance(event, EntryFilled | PositionReduced):
                    _check(facts, key, event)


def _check(facts: SortedFacts, key: PositionKey, event: EntryFilled | PositionReduced) -> None:
    if event.exchange_order_id is None or is_made_up(event.trade_id, event.exchange_order_id):
        return
    told = facts.find(key, event.exchange_order_id, event.trade_id)
    if told is not None and abs(told.fact.time - event.ts_event) <= _APART_MAX:
        refused = StatementRefused.at(
            told.fact.line,
            f"trade {event.trade_id} of order {event.exchange_order_id} is in the ledger as one of "
            f"{event.position_id}, and would be counted twice as one of {key}: say with --account which one the file "
            f"is of, leave the key out with --exclude {excludable(key)}, or import it into another ledger",
        )
        raise facts.refusal(told.file, refused)


def _may_have(store: Store, facts: SortedFacts) -> Iterator[tuple[PositionKey, list[PositionKey]]]:
    """The keys of files, each with those of the ledger under which its fills may stand as well."""
    known: defaultdict[tuple[str, str], list[PositionKey]] = defaultdict(list)
    for stream in store.stream_names():
        other = PositionKey.parse(stream)
        known[other.symbol, other.exchange].append(other)
    for key in facts.keys_with_fills:
        others = [other for other in known[key.symbol, key.exchange] if _is_beside(key, other)]
        if others:
            yield key, others


def _is_beside(key: PositionKey, other: PositionKey) -> bool:
    """Whether what is of one key may stand under the other: both sides of a hedge are told apart, and spot is."""
    legs = {key.leg, other.leg}
    return key != other and (len(legs) == 1 or (Leg.BOTH in legs and Leg.SPOT not in legs))
