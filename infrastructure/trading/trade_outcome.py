"""The outcome of a flow: how it ended, the position, the refusal if any, and its story step by step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from domain.errors import CommandRefused
from domain.json_object import JsonObject
from domain.values import Status
from infrastructure.ledger.receipt import error_as_json
from projections.positions import PositionRow


class OutcomeKind(StrEnum):
    """How a flow ended."""

    PROTECTED = "protected"
    """The position is active and protected as its rules say."""
    REFUSED = "refused"
    """The ledger refused: nothing was sent."""
    FAILED = "failed"
    """The exchange refused, or nothing of the order was filled: it changed nothing."""
    ROLLED_BACK = "rolled_back"
    """The position could not be protected, and is closed again."""
    UNRESOLVED = "unresolved"
    """The outcome of an order is not known, or something is left; the slot is held, and `resume` goes on."""
    CLOSED = "closed"
    """The position is closed."""
    REDUCED = "reduced"
    """A part of the position was closed."""


@dataclass(frozen=True, slots=True)
class StoryStep(JsonObject):
    """One thing that a flow did or learned, and when."""

    at: datetime
    words: str

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.words}"


@dataclass(frozen=True, slots=True)
class Outcome(JsonObject):
    """The result of a flow.

    Shape: `position` is the row of the cycle at the end, None where there is none; `refusal` is the error of the
           ledger, which names who holds the slot; `story` is what was done, step by step.
    """

    kind: OutcomeKind
    position: PositionRow | None
    story: tuple[StoryStep, ...]
    refusal: CommandRefused | None = None
    reason: str | None = None

    json_keys: ClassVar = (
        "kind",
        "reason",
        "position",
        ("refusal", lambda outcome: None if outcome.refusal is None else error_as_json(outcome.refusal)),
        "story",
    )

    @property
    def position_id(self) -> str | None:
        """The id of the cycle; None where there is none."""
        return None if self.position is None else self.position.position_id


def kind_of(row: PositionRow) -> OutcomeKind:
    """The outcome that follows from the status of the position."""
    match row.status:
        case Status.ROLLED_BACK:
            return OutcomeKind.ROLLED_BACK
        case Status.FAILED | Status.CANCELED:
            return OutcomeKind.FAILED
        case Status.CLOSED:
            return OutcomeKind.CLOSED
        case Status.ACTIVE if row.protected or row.protection == "bot":
            return OutcomeKind.PROTECTED
        case _:
            return OutcomeKind.UNRESOLVED
