"""One record of a log: a head, a message, and the lines that continue it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from infrastructure.legacy.logs.reading.clock import LogClock
from infrastructure.legacy.logs.reading.head import LineHead

TEXT_CHARACTERS_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class Record:
    """`at` in microseconds since 1970, UTC; `place` is the line it begins on, counted over all files."""

    at: int
    place: int
    logger: str
    level: str
    text: str

    @classmethod
    def read(cls, place: int, line: bytes, continued: list[bytes], clock: LogClock) -> Self | None:
        """Put a record together; None when its first line has no head or no possible time. Refuses: ZoneNeeded."""
        head = LineHead.read(line)
        second = head and clock.second(head.second, head.zone)
        if head is None or second is None:
            return None
        message = b"\n".join([line[head.begins :], *continued]) if continued else line[head.begins :]
        text = message[:TEXT_CHARACTERS_MAX].decode("utf-8", "replace")
        return cls(second + int((head.fraction + b"000000")[:6]), place, head.name, head.level, text)

    @property
    def first_line(self) -> str:
        """The message without what continues it."""
        return self.text.partition("\n")[0].strip()
