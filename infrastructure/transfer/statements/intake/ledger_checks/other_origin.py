"""Keys of which the ledger has more than statements: a statement may repeat what a bot recorded there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.identifiers import PositionId, PositionKey
from domain.values import Leg
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import RecordedEvent
from infrastructure.transfer.statements.excluded_keys import excludable
from infrastructure.transfer.statements.intake.command_ids import PREFIX
from infrastructure.transfer.statements.intake.sorting.sorted_facts import SortedFacts
from infrastructure.transfer.transfer_errors import StatementRefused


def refuse_other_origin(store: Store, facts: SortedFacts) -> None:
    """Refuse files with a key that a bot has, and name all such keys, so that they can be excluded together.

    No statement is imported into a key after a bot's event. So the last event that belongs to a cycle shows whether a
    bot has the key.
    Refuses: StatementRefused.
    """
    known = {*store.stream_names()}
    last = (_last(store, key) for key in _may_write_to(facts, known) if key.stream in known)
    found = {
        PositionId(PositionKey.parse(event.originator_id), event.cycle): event.command_id
        for event in last
        if event is not None and not event.command_id.startswith(PREFIX)
    }
    if found:
        raise of_other_origin(found)


def of_other_origin(found: Mapping[PositionId, str]) -> StatementRefused:
    """The refusal for positions that a bot has, each with the command that shows it."""
    keys = dict.fromkeys(excludable(position_id.key) for position_id in found)
    named = ", ".join(f"{position_id} (command {command_id})" for position_id, command_id in found.items())
    without = " ".join(f"--exclude {key}" for key in keys)
    return StatementRefused(
        f"the ledger has what no statement said: {named}; a statement can only be imported into a key that has nothing "
        "but statements, because it may repeat what a bot recorded. To import all other keys, and nothing of "
        f"{'this one' if len(keys) == 1 else 'these'}, add {without}; to have all of it, import into another ledger. "
        "If the files are of another account than the bot's, say which with --account"
    )


def _may_write_to(facts: SortedFacts, known: set[str]) -> Iterator[PositionKey]:
    """The keys of the facts, and the legs that facts may get that name none."""
    without_legs = {*facts.keys_without_legs, *facts.keys_without_fills}
    for key in sorted(facts.keys, key=str):
        yield key
        if key.leg is Leg.BOTH and key in without_legs and key.stream not in known:
            yield from (key.on(leg) for leg in (Leg.LONG, Leg.SHORT))


def _last(store: Store, key: PositionKey) -> RecordedEvent | None:
    """The last event of a key that is of a cycle."""
    asked = {"stream =": key.stream, "cycle >": 0}
    return next(store.select(asked, "version DESC", 1), None)
