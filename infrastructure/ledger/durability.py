"""Whether the events that an answer rests on are durable; asked for a command that appends nothing itself."""

from __future__ import annotations

from domain.errors import OutcomeUnknown, StoreUnavailable
from infrastructure.event_store.opener import NotOpenHere
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import StreamEnd
from infrastructure.ledger.aggregate_cache import CachedPosition


def is_durable(store: Store, held: CachedPosition, command_id: str | None = None) -> bool:
    """Whether the end of the stream that an answer rests on is durable.

    An end that was only read may exist on one server alone; one that was acknowledged may have been lost since,
    together with its server.
    Refuses: OutcomeUnknown when this cannot be found out.
    """
    if not held.version:
        return True
    end = held.end
    try:
        kept = store.holds(end) if held.is_acknowledged else store.keeps(end)
    except NotOpenHere:
        raise
    except StoreUnavailable as error:
        raise _not_known(end, command_id, error.message) from error
    if kept is None:
        raise _not_known(end, command_id, "the server gave up to wait for its standbys")
    held.is_acknowledged = True
    return kept


def require_durable(store: Store, held: CachedPosition, command_id: str) -> None:
    """Refuses: OutcomeUnknown for an answer from events that are not in the log durably."""
    if not is_durable(store, held, command_id):
        raise _not_known(held.end, command_id, "it is not there")


def _not_known(end: StreamEnd, command_id: str | None, reason: str) -> OutcomeUnknown:
    again = "what was asked" if command_id is None else f"the same command_id {command_id}"
    return OutcomeUnknown(
        f"nothing new was written, and whether {end.stream} version {end.version}, on which the answer rests, is kept "
        f"for good cannot be found out now ({reason}); send {again} again, it is safe",
        command_id=command_id,
    )
