"""Checkpoints and rows of a projection: what a projector needs of a database."""

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
    """A row as it is kept: the cycle that it is about, when that was over, and its text."""

    position_id: str
    ended_at: datetime | None
    text: str


class StoredRow(NamedTuple):
    """A row as it is found; what stands as its end and is no time comes as text."""

    position_id: str
    ended_at: datetime | str | None
    text: str

    @property
    def stream(self) -> str:
        """Whose cycle it is about."""
        return self.position_id.partition("#")[0]


def skipped_event(values: Sequence[Any]) -> SkippedEvent:
    """A skip as a database gives it back, in the order of its fields. Refuses: HistoryDamaged for one at no time."""
    known = dict(zip(SKIP_COLUMNS, values, strict=True))
    try:
        return SkippedEvent(**known | {"ts_recorded": utc(known["ts_recorded"])})
    except ValueError as cause:
        raise HistoryDamaged(f"when nid {known['nid']} was left out of {known['projection']}: {cause}") from cause


def cursor_found(projection: str, values: Sequence[Any] | None) -> Checkpoint:
    """The cursor that a database gives back. Refuses: HistoryDamaged when there is none."""
    if values is None:
        raise HistoryDamaged(
            f"no generation of projection {projection} is the one that is read, so nobody knows how far it has come: "
            "its row in the table projections was changed or deleted; `position-ledger rebuild` folds it anew"
        )
    return Checkpoint(*values)


class Checkpoints(ABC):
    """The checkpoints and rows of one projection.

    Rows belong to a generation. Readers read one of them; a rebuild fills the next, and then they change places.
    Rows change only together with their cursor, in one transaction, so whoever finds the cursor where it was knows
    that no row changed meanwhile.
    """

    @abstractmethod
    def cursor(self) -> Checkpoint:
        """The checkpoint of the generation that is read. Refuses: HistoryDamaged when none is."""

    @abstractmethod
    def behind(self, cursor: Checkpoint) -> int:
        """How many events there are after a checkpoint."""

    @abstractmethod
    def rows(self, generation: int, position_ids: Collection[str]) -> dict[str, str]:
        """The texts of some rows, by cycle."""

    @abstractmethod
    def lasting(self, generation: int, since: datetime) -> Iterator[str]:
        """The texts of all rows whose cycles were not over at some time."""

    @abstractmethod
    def by_stream(self, generation: int, first: str, end: str | None) -> Iterator[StoredRow]:
        """The rows of all streams from one on, up to before another, in the order of their streams."""

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
        """Begin another generation; the one of an earlier rebuild is abandoned, and that rebuild stops."""

    @abstractmethod
    def count(self) -> int:
        """How many rows the generation that is read has."""

    @abstractmethod
    def differences(self, one: int, other: int) -> int:
        """In how many rows two generations differ."""

    @abstractmethod
    def replace(self, read: Checkpoint, rebuilt: Checkpoint) -> bool:
        """Switch readers to another generation, unless the one that they read moved meanwhile.

        Shape:   whether they do; if not, nothing was changed.
        Refuses: StoreUnavailable when the other generation was given up.
        """

    @abstractmethod
    def clear(self, rows_at_once: int = CLEARED_ROWS) -> None:
        """Delete the rows of generations that are neither read nor filled, a few at a time."""
