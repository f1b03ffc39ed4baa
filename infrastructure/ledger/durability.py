"""Whether an answer may rest on a position; asked for a command that appends nothing itself."""

from __future__ import annotations

from domain.errors import OutcomeUnknown, StoreUnavailable
from infrastructure.event_store.opener import NotOpenHere
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import StreamEnd
from infrastructure.ledger.aggregate_cache import CachedPosition


def still_holds(store: Store, held: CachedPosition, command_id: str | None = None) -> bool:
    """Whether the position is that of the stream's last event, and that event is durable.

    A remembered position is that of before if others appended since, or if its last events were lost with their
    server. An end that was only read may exist on one server alone.
    Refuses: OutcomeUnknown when this cannot be found out.
    """
    if not held.version:
        return True
    end = held.end
    try:
        kept = (held.is_fresh or store.is_last(end)) and (held.is_acknowledged or store.keeps(end))
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
    if not still_holds(store, held, command_id):
        raise _not_known(held.end, command_id, "it is not there")


def _not_known(end: StreamEnd, command_id: str | None, reason: str) -> OutcomeUnknown:
    again = "what was asked" if command_id is None else f"the same command_id {command_id}"
    return OutcomeUnknown(
        f"nothing new was written, and whether {end.stream} version {end.version}, on which the answer rests, is kept "
        f"for good cannot be found out now ({reason}); send {again} again, it is safe",
        command_id=command_id,
    )
