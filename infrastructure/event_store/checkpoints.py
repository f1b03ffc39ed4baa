"""The port of a projector: checkpoints and rows of a projection in a database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, NamedTuple

from domain.errors import HistoryDamaged
from domain.values import utc
from projections.projection import SkippedEvent

SKIP_COLUMNS: Final = tuple(column.name for column in fields(SkippedEvent))
OVERTAKEN: Final = "another rebuild began meanwhile and overtook this one, which has changed nothing"
CLEARED_ROWS: Final = 5_000
"""How many rows of a generation that nobody reads are deleted at a time."""


class Checkpoint(NamedTuple):
    """How far one generation of a projection has come: everything up to `nid` is in its rows."""

    generation: int
    nid: int


class ProjectedRow(NamedTuple):
    """A row as it is written: the position id of its cycle, when the cycle ended, and its text."""

    position_id: str
    ended_at: datetime | None
    text: str


class StoredRow(NamedTuple):
    """A row as it is read; an end that is no valid time is returned as text."""

    position_id: str
    ended_at: datetime | str | None
    text: str

    @property
    def stream(self) -> str:
        """The stream of its cycle."""
        return self.position_id.partition("#")[0]


def skipped_event(values: Sequence[Any]) -> SkippedEvent:
    """A skip from its columns, in the order of its fields. Refuses: HistoryDamaged when its time cannot be read."""
    known = dict(zip(SKIP_COLUMNS, values, strict=True))
    try:
        return SkippedEvent(**known | {"ts_recorded": utc(known["ts_recorded"])})
    except ValueError as cause:
        raise HistoryDamaged(f"when nid {known['nid']} was left out of {known['projection']}: {cause}") from cause


def cursor_found(projection: str, values: Sequence[Any] | None) -> Checkpoint:
    """The checkpoint from its columns. Refuses: HistoryDamaged when there is none."""
    if values is None:
        raise HistoryDamaged(
            f"no generation of projection {projection} is the one that is read, so nobody knows how far it has come: "
            "its row in the table projections was changed or deleted; `position-ledger rebuild` folds it anew"
        )
    return Checkpoint(*values)


class Checkpoints(ABC):
    """The checkpoints and rows of one projection.

    Each row belongs to a generation. Readers read one generation; a rebuild fills the next, and then readers switch to
    it. Rows change only together with their checkpoint, in one transaction: as long as the checkpoint has not moved, no
    row has changed.
    """

    @abstractmethod
    def cursor(self) -> Checkpoint:
        """The checkpoint of the generation that is read. Refuses: HistoryDamaged when none is."""

    @abstractmethod
    def behind(self, cursor: Checkpoint) -> int:
        """How many events there are after a checkpoint."""

    @abstractmethod
    def rows(self, generation: int, position_ids: Collection[str]) -> dict[str, str]:
        """The texts of some rows, by position id."""

    @abstractmethod
    def lasting(self, generation: int, since: datetime) -> Iterator[str]:
        """The texts of all rows whose cycles were open at `since` or later."""

    @abstractmethod
    def not_over(self, generation: int, moment: datetime) -> Iterator[str]:
        """The position ids of all facts but those of cycles that were over by a moment, with nothing after the end.

        Shape: also those of imported cycles and of cycles that a late fill came to, whose end need not be the last.
        """

    @abstractmethod
    def by_stream(self, generation: int, first: str, end: str | None) -> Iterator[StoredRow]:
        """The rows of all streams from `first` to before `end`, in the order of their streams."""

    @abstractmethod
    def advance(
        self, cursor: Checkpoint, nid: int, rows: Sequence[ProjectedRow], skip: SkippedEvent | None = None
    ) -> bool:
        """Write rows and move the checkpoint in one transaction, unless another process moved it meanwhile.

        Shape: whether it was moved; if not, nothing was written.
        """

    @abstractmethod
    def skips(self) -> list[SkippedEvent]:
        """Every event that was ever skipped, oldest first."""

    @abstractmethod
    def begin(self) -> Checkpoint:
        """Begin a new generation; an earlier rebuild that is still running is overtaken, and stops."""

    @abstractmethod
    def count(self) -> int:
        """How many rows there are in the generation that is read."""

    @abstractmethod
    def differing(self, one: int, other: int) -> set[str]:
        """The position ids whose row differs between two generations, or is missing in either."""

    @abstractmethod
    def replace(self, read: Checkpoint, rebuilt: Checkpoint, changed: Collection[str]) -> int | None:
        """Switch readers to the rebuilt generation, unless the checkpoint of the one that they read moved meanwhile.

        Shape:   in how many of the rows `changed` the two generations differ; None if the checkpoint moved, and then
                 nothing was done.
        Refuses: StoreUnavailable when another rebuild overtook this one.
        """

    @abstractmethod
    def clear(self, rows_at_once: int = CLEARED_ROWS) -> None:
        """Delete the rows of generations that are neither read nor being filled, `rows_at_once` in a transaction."""
