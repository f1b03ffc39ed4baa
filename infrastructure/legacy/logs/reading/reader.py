"""From lines to records: every line is counted, and only those that speak of what is looked for are taken apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from infrastructure.legacy.logs.reading.clock import LogClock
from infrastructure.legacy.logs.reading.head import PLAIN, LineHead
from infrastructure.legacy.logs.reading.record import Record
from infrastructure.legacy.logs.reading.tally import LineTally

CONTINUED_MAX: Final = 400
"""How many lines that continue a record are kept with it."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From one moment to another, both whole seconds and both within; None is open."""

    begins: int | None = None
    ends: int | None = None

    def holds(self, second: int) -> bool:
        """Whether a second lies within."""
        return (self.begins is None or self.begins <= second) and (self.ends is None or second <= self.ends)


class _Begun(NamedTuple):
    """The record that the next lines may continue."""

    place: int
    line: bytes
    continued: list[bytes]
    is_hot: bool


class Reader:
    """Reads lines in their order, over all files, and gives the records that hold one of the words.

    Nearly every line is of one format and says nothing that is looked for: it costs one match and a few assignments.
    """

    def __init__(self, clock: LogClock, words: tuple[bytes, ...], tally: LineTally, span: TimeRange) -> None:
        """Read with this clock, look for these words in lower case, count here, and only what lies within the span."""
        self._clock, self._words, self._tally, self._span = clock, words, tally, span
        self._levels: defaultdict[bytes, int] = defaultdict(int)
        self._is_within: bool | None = None
        self._begun = _Begun(0, b"", [], is_hot=False)
        self.listening = 0
        """How many of the next records to give, whatever they say."""

    def records(self, place: int, lines: list[bytes]) -> Iterator[Record]:
        """Read lines, of which the first has this place. Refuses: ZoneNeeded."""
        self._tally.lines += len(lines)
        hot = self._hot(place, lines)
        match_plain, now = PLAIN.match, b""  # what the loop needs is local: the loop is what costs
        is_within, levels, (first, begun, continued, is_hot) = self._is_within, self._levels, self._begun
        for at, line in enumerate(lines, place):
            if plain := match_plain(line):
                second, level = plain.groups()
                if second != now:
                    is_within, now = self._turn(second, b""), second
                    levels = self._levels
            elif head := LineHead.read(line):
                is_within, now = self._turn(head.second, head.zone), b""
                levels, level = self._levels, head.level.encode()
            else:
                if not line or line.isspace():
                    self._tally.blank_lines += 1
                elif not is_within:
                    self._leave_out(line, is_within)
                elif len(continued) < CONTINUED_MAX:
                    continued.append(line)
                    is_hot = is_hot or at in hot
                continue
            if is_hot:
                yield from self._whole(first, begun, continued)
                is_hot = False
            if continued:
                continued = []
            if is_within:
                levels[level] += 1
                first, begun = at, line
                is_hot = at in hot or self.listening > 0
            else:
                self._leave_out(line, is_within)
        self._is_within, self._begun = is_within, _Begun(first, begun, continued, is_hot)

    def rest(self) -> Iterator[Record]:
        """The last record, which no other one ended."""
        if self._begun.is_hot:
            yield from self._whole(*self._begun[:3])

    def _hot(self, place: int, lines: list[bytes]) -> set[int]:
        """The places of lines that hold a word: looking through all of them at once is ten times as fast."""
        text = b"\n".join(lines).lower()
        found = set()
        for word in self._words:
            at = text.find(word)
            while at >= 0:
                found.add(at)
                end = text.find(b"\n", at)
                at = text.find(word, end) if end >= 0 else -1
        places, begins = set(), 0
        for at in sorted(found):
            place += text.count(b"\n", begins, at)
            begins = at
            places.add(place)
        return places

    def _turn(self, second: bytes, zone: bytes) -> bool | None:
        """A second begins: whether it lies within the span; None when it is on no calendar."""
        moment = self._clock.second(second, zone)
        if moment is None or not self._span.holds(moment):
            return None if moment is None else False
        self._levels = self._tally.levels_in(moment)
        return True

    def _leave_out(self, line: bytes, is_within: bool | None) -> None:  # noqa: FBT001 - what was just found out
        if is_within is None:
            self._tally.unread.add(line[:1_000].decode("utf-8", "replace"))
        else:
            self._tally.outside += 1

    def _whole(self, place: int, line: bytes, continued: list[bytes]) -> Iterator[Record]:
        record = Record.read(place, line, continued, self._clock)
        if record is not None:
            self.listening = max(0, self.listening - 1)
            yield record
