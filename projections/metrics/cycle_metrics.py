"""The facts of a cycle that statistics need, folded from the log: one row for each cycle."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.alteration import TypedStruct, altered
from domain.events import EntryRequested, PositionEvent, PositionImported
from domain.values import Instant, Status
from projections.exposure import Gap, counted_at, is_covered
from projections.positions import PositionRow, Project, project


class CycleFacts(TypedStruct, frozen=True, kw_only=True, gc=False):
    """One cycle as it stands, and facts that its row does not have. All times are on the exchange's clock.

    `protected_at`: when all that was held was protected for the first time. `gaps`: the gaps that are over; one that is
    not began at `exposed_since`. `last_at`: when the last event counted. `events`: how many events were applied.
    """

    position: PositionRow
    opened_by: str
    """The kind of event with which it began."""
    protected_at: Instant | None = None
    gaps: tuple[Gap, ...] = ()
    exposed_since: Instant | None = None
    taken_over_at: Instant | None = None
    """When a later cycle took this stray over; not stored, because it follows from the events of another cycle."""
    last_at: Instant | None = None
    events: int = 0

    @property
    def position_id(self) -> str:
        """The id of the cycle."""
        return self.position.position_id

    @property
    def is_imported(self) -> bool:
        """Whether it is imported from the legacy table, so that this ledger did not decide it."""
        return self.opened_by == PositionImported.__name__

    @property
    def was_requested(self) -> bool:
        """Whether it began with a request, before any order was sent."""
        return self.opened_by == EntryRequested.__name__

    @property
    def opened_at(self) -> datetime:
        """When it began."""
        return self.position.opened_at

    @property
    def ended_at(self) -> datetime | None:
        """When it was over, or its last change where that is not known; None while it is open, or holds something."""
        if self.position.status.is_open or self.exposed_since:
            return None
        return self.position.closed_at or self.position.updated_at

    @property
    def told_until(self) -> datetime | None:
        """Until when there is something to tell of it: a fill after its end may have been held for a while as well."""
        ended = self.ended_at
        return None if ended is None else max([ended, *(gap.ended for gap in self.gaps[-1:])])

    @property
    def request_to_protected(self) -> timedelta | None:
        """How long it took from the request to the first protection; None without both."""
        return self.protected_at - self.opened_at if self.was_requested and self.protected_at else None

    @property
    def is_rollback_for_duplicate(self) -> bool:
        """Whether it was rolled back because it was a duplicate.

        Only the bot knows that, and says it only by the word "duplicate" in its reason: no field of an event does.
        """
        return self.position.status is Status.ROLLED_BACK and "duplicate" in (self.position.exit_reason or "").lower()

    @property
    def came_to_nothing(self) -> bool:
        """Whether its entry failed without a fill, so that another entry may follow at once."""
        return self.position.status in (Status.FAILED, Status.CANCELED)

    @property
    def was_held(self) -> bool:
        """Whether it ever held something."""
        return bool(self.protected_at or self.gaps or self.exposed_since)

    @property
    def lacks_protection(self) -> bool:
        """Whether it was never protected, although it should have a stop at the exchange."""
        return self.protected_at is None and self.position.protection == "exchange"

    @property
    def moved_money(self) -> bool:
        """Whether something was entered, or paid, or received."""
        return bool(self.position.filled_qty or self.position.cash)

    def gaps_until(self, now: datetime) -> list[Gap]:
        """All gaps; one that is not over ends at `now`."""
        return [*self.gaps, self._gap_until(now)] if self.exposed_since else [*self.gaps]

    def _gap_until(self, now: datetime) -> Gap:
        assert self.exposed_since is not None, "it is exposed"
        assert self.last_at is not None, "something happened, and was taken in"
        return Gap(self.exposed_since, max(self.last_at, now))

    def taken_over(self, at: datetime) -> CycleFacts:
        """The same facts, when a later cycle took over at `at` what this stray holds."""
        return altered(self, gaps=(*self.gaps, self._gap_until(at)), exposed_since=None, taken_over_at=at)


def fold(facts: CycleFacts | None, event: PositionEvent, projected: Project = project) -> CycleFacts:
    """Apply one event to the facts of its cycle, which are None before the event that opens it."""
    row = projected(facts.position if facts else None, event)
    known = facts or CycleFacts(position=row, opened_by=type(event).__name__)
    at = counted_at(event, known.last_at)
    was_exposed, covered = known.exposed_since, is_covered(row)
    return altered(
        known,
        position=row,
        protected_at=known.protected_at or (at if covered else None),
        gaps=(*known.gaps, Gap(was_exposed, at)) if was_exposed and covered is not False else known.gaps,
        exposed_since=(was_exposed or at) if covered is False else None,
        last_at=at,
        events=known.events + 1,
    )
