"""The records of one symbol in the ten seconds before an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from domain.json_object import JsonObject
from infrastructure.legacy.logs.parsing.names import mentions
from infrastructure.legacy.logs.parsing.templates import facts_of
from infrastructure.legacy.logs.reading.clock import SECOND, LogClock, seconds, timestamp_of
from infrastructure.legacy.logs.reading.head import PLAIN, LineHead
from infrastructure.legacy.logs.reading.line_buffer import LineBuffer
from infrastructure.legacy.logs.reading.record import Record

BEFORE: Final = 10 * SECOND
MOMENTS_MAX: Final = 60
MESSAGE_CHARACTERS_MAX: Final = 300
_NAMELESS: Final = re.compile(rb"Entry order placed|DUPLICATE ACTIVE POSITION")
"""The known messages that name no symbol."""

_LINES_LOOKED_AT_MAX: Final = 30_000
_OUT_OF_ORDER_MAX: Final = 200
"""How many older lines in a row end the search: threads write out of order, so a few may be among younger lines."""


@dataclass(frozen=True, slots=True)
class LogMoment(JsonObject):
    """One record before an error. `event` is the kind of its fact, None when it has none that is known."""

    at: int
    seconds_before: float
    event: str | None
    level: str
    logger: str
    message: str

    json_keys: ClassVar = (("timestamp", timestamp_of("at")), "seconds_before", "event", "level", "logger", "message")


def timeline(window: LineBuffer, place: int, at: int, symbol: str | None, clock: LogClock) -> list[LogMoment]:
    """The records of a symbol in the ten seconds up to an error, with the error itself as the last.

    Shape: oldest first; at most 60 records, and records with a known fact are preferred. If the symbol of the error is
           not known: only records with a known fact.
    """
    wanted = mentions(symbol) if symbol else None
    known: list[tuple[int, LogMoment]] = []
    others: list[tuple[int, LogMoment]] = []
    too_old = 0
    for looked_at, (here, line) in enumerate(window.back_from(place)):
        if looked_at >= _LINES_LOOKED_AT_MAX or too_old > _OUT_OF_ORDER_MAX or len(known) >= MOMENTS_MAX:
            break
        second = _second(line, clock)
        if second is None:
            continue
        too_old = too_old + 1 if second < at - BEFORE - SECOND else 0
        if wanted is not None and here != place and not wanted.search(line) and not _NAMELESS.search(line):
            continue
        record = Record.read(here, line, [], clock)
        if record is None or not at - BEFORE <= record.at <= at:
            continue
        fact = next((fact for fact in facts_of(record) if symbol is None or fact.symbol in (symbol, None)), None)
        moment = LogMoment(
            record.at,
            seconds(at - record.at),
            fact.kind.value if fact else None,
            record.level,
            record.logger,
            record.first_line[:MESSAGE_CHARACTERS_MAX],
        )
        (known if fact else others).append((here, moment))
    kept = known + (others[: MOMENTS_MAX - len(known)] if wanted is not None else [])
    return [moment for _, moment in sorted(kept, key=lambda placed: (placed[1].at, placed[0]))]


def _second(line: bytes, clock: LogClock) -> int | None:
    if plain := PLAIN.match(line):
        return clock.second(plain[1])
    head = LineHead.read(line)
    return None if head is None else clock.second(head.second, head.zone)
