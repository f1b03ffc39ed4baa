"""Cycles for the tests of narratives: commands at literal seconds, their events, and refusals beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.decisions.decision import CommandContext
from domain.events import PositionEvent
from domain.rejection import Rejection
from tests.spec import second

LATER = second(3600)


def cycle(*sent: tuple[float, Command], lag: timedelta = timedelta()) -> list[PositionEvent]:
    """The events that follow from commands; each was recorded `lag` after its second, and then says its time."""
    position = Position.track(sent[0][1].key)
    for number, (at, command) in enumerate(sent):
        happened = command.at or second(at)
        said = command.model_copy(update={"at": happened}) if lag else command
        position.decide(said, CommandContext(f"c{number}", happened, second(at) + lag))
    return cast("list[PositionEvent]", list(position.collect_events()))


REFUSED = Rejection(
    ts_recorded=second(0),
    stream="APTUSDT.binance",
    command="request_entry",
    command_id="c0",
    intent_id="5483299",
    source="signal",
    error="PositionAlreadyOpen",
    detected_by="state",
    position_id="APTUSDT.binance#1",
    holder_intent_id="5483298",
    message="refused: APTUSDT.binance#1 is open",
)
"""A rival, as the log has it."""


def refused(at: float, intent_id: str | None = "5483299", **fields: Any) -> Rejection:
    """A rival that was refused at a second."""
    return replace(REFUSED, ts_recorded=second(at), intent_id=intent_id, **fields)


def rivals(seconds: Iterable[float]) -> list[Rejection]:
    """A rival a second."""
    return [refused(at, f"rival-{number}") for number, at in enumerate(seconds)]
