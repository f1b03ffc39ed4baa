"""Cycles as tests of stories tell them: commands at literal seconds, the events that follow, refusals beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.decisions.decision import CommandContext
from domain.events import PositionEvent
from tests.spec import second

LATER = second(3600)


def cycle(*sent: tuple[float, Command], lag: timedelta = timedelta()) -> list[PositionEvent]:
    """The events that follow from commands; each was recorded `lag` after its second."""
    position = Position.track(sent[0][1].key)
    for number, (at, command) in enumerate(sent):
        happened = second(at)
        position.decide(command, CommandContext(f"c{number}", command.at or happened, happened + lag))
    return cast("list[PositionEvent]", list(position.collect_events()))


@dataclass(frozen=True)
class Refused:
    """A refused duplicate as the log has it."""

    ts_recorded: datetime
    intent_id: str | None = "5483299"
    position_id: str | None = "APTUSDT.binance#1"
    error: str = "PositionAlreadyOpen"
    detected_by: str = "state"
    source: str = "signal"
    command: str = "request_entry"
    stream: str = "APTUSDT.binance"


def refused(at: float, intent_id: str | None = "5483299", **fields: str) -> Refused:
    """A rival that was refused at a second."""
    return Refused(second(at), intent_id, **fields)


def rivals(seconds: Iterable[float]) -> list[Refused]:
    """A rival a second."""
    return [refused(at, f"rival-{number}") for number, at in enumerate(seconds)]
