"""What becomes of an unfinished cycle, by what the exchange shows: commands, a due order, or what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from domain.json_object import JsonObject
from projections.reconciliation.corrections import Correction
from projections.recovery.in_flight import InFlight
from projections.recovery.required_orders import RequiredOrder


class Action(StrEnum):
    """What is proposed."""

    LEAVE = "leave"
    """Nothing: it has time, or its order rests at the exchange."""
    WAIT = "wait"
    """Nothing: evidence is missing."""
    FINISH = "finish"
    """Record what the exchange shows."""
    PROTECT = "protect"
    """Somebody has to place a stop."""
    FAIL = "fail"
    """The entry came to nothing."""
    CLOSE = "close"
    """It was held, and is gone."""
    ROLL_BACK = "roll_back"
    """End the rollback with its proof, or send the closing order that it lacks."""


@dataclass(frozen=True, kw_only=True)
class Proposal(JsonObject):
    """One unfinished cycle, and what is proposed.

    Shape: `commands` belong together, in this order, each at the version that the one before it leads to; `due` is an
           order that only a bot or an operator can send; `missing` is the evidence without which nothing is done.
    """

    cycle: InFlight
    action: Action
    message: str
    commands: tuple[Correction, ...] = ()
    due: RequiredOrder | None = None
    missing: tuple[str, ...] = ()
    waits_for_another_snapshot: bool = False

    json_keys: ClassVar = (
        "**cycle",
        "missing",
        (
            "proposal",
            lambda found: {
                "action": found.action,
                "message": found.message,
                "commands": found.commands,
                "needs_order": found.due,
            },
        ),
    )

    @property
    def needs_attention(self) -> bool:
        """Whether it will not end by itself."""
        return self.action is not Action.LEAVE
