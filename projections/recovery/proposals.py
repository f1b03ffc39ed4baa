"""Proposals for unfinished cycles: commands to record, an order to send, or the evidence that is missing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from domain.json_object import JsonObject
from projections.reconciliation.corrections import Correction
from projections.recovery.in_flight import InFlight
from projections.recovery.required_orders import RequiredOrder


class Action(StrEnum):
    """The kind of a proposal."""

    LEAVE = "leave"
    """Do nothing: its time is not up, or its order rests at the exchange."""
    WAIT = "wait"
    """Do nothing yet: evidence is missing."""
    FINISH = "finish"
    """Record what the exchange shows."""
    PROTECT = "protect"
    """A bot or an operator has to place a stop."""
    FAIL = "fail"
    """Record that the entry failed: nothing was filled."""
    CLOSE = "close"
    """Close the cycle, because the exchange no longer holds it; or send the order that closes a stray."""
    ROLL_BACK = "roll_back"
    """End the rollback with its proof, or send the closing order that it lacks."""


@dataclass(frozen=True, kw_only=True)
class Proposal(JsonObject):
    """One unfinished cycle, and what is proposed for it.

    Shape: `commands` belong together, in this order, each expecting the version after the one before it; `due` is an
           order that only a bot or an operator can send; `missing` is the evidence that is needed first.
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
        """Whether somebody has to do something: everything but `leave`."""
        return self.action is not Action.LEAVE
