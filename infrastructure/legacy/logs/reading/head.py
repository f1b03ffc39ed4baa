"""The head of a record: its time, logger and level, and the place at which its message begins."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

_SECOND: Final = rb"(?P<second>[0-9]{4}-[0-9]{2}-[0-9]{2}[ T_][0-9]{2}:[0-9]{2}:[0-9]{2})"
_FRACTION: Final = rb"(?:[.,](?P<fraction>[0-9]{1,9}))?"
_ZONE: Final = rb"(?P<zone> ?(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)(?![\w:]))?"
_WORDS: Final = (
    rb"(?:TRACE|DEBUG|INFO|NOTICE|SUCCESS|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|FATAL|EXCEPTION|PANIC|ALERT|LOG|DETAIL)"
)

PLAIN: Final = re.compile(rb"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})[.,][0-9]{3} - [^ ]+ - ([A-Z]+) - ")
"""The usual format, `%(asctime)s - %(name)s - %(levelname)s - %(message)s`; its groups are second and level."""

_TIME = re.compile(rb"(?P<before>.{0,160}?)(?<![0-9A-Za-z])" + _SECOND + _FRACTION + _ZONE, re.DOTALL)
# Repetitions are limited: adjacent parts that match the same letters would try every way to share a long run of them.
_NAMED = re.compile(
    rb"[\])]?\s{0,16}[-|:\xe2\x80\x93\x94]{1,24}\s{0,16}(?P<name>[^\n]{1,120}?)\s{1,16}[-|:\xe2\x80\x93\x94]{1,24}\s{0,16}"
    rb"[\[(]?(?P<level>[A-Za-z]{3,12})[\])]?\s{0,16}(?:[-|:\xe2\x80\x93\x94]{1,24}\s{0,16}|$)"
)
_LEVELLED = re.compile(
    rb"[\])]?[\s\-|:,]{0,24}(?:\[[^\]\n]{0,80}\]|[\w.]{0,80})?[\s\-|:\[(]{0,24}\b(?P<level>"
    + _WORDS
    + rb")\b[\])\s\-|:]*"
)
_BARE = re.compile(rb"[\])]?[\s\-|:]*")
_LINE_NUMBER = re.compile(rb"\s*(?:[^\n]{1,150}?[:\-])??[0-9]{1,10}\s*[:\-\t| ]\s*|[\s\[(\"'>]*")
_LEVELS: Final = {
    "WARN": "WARNING", "ERR": "ERROR", "CRIT": "CRITICAL", "FATAL": "CRITICAL", "PANIC": "CRITICAL",
    "EXCEPTION": "ERROR", "LOG": "INFO",
}  # fmt: skip
NO_LEVEL: Final = "NONE"
SERIOUS: Final = frozenset(b"ERROR ERR EXCEPTION CRITICAL CRIT FATAL PANIC".split())
"""Words for a level that counts as an error."""


class LineHead(NamedTuple):
    """What precedes a message. `begins` is the place of the message in the line; `fraction` may be empty."""

    second: bytes
    fraction: bytes
    zone: bytes
    name: str
    level: str
    begins: int

    @classmethod
    def read(cls, line: bytes) -> Self | None:
        """Read the head of a line; None for a line without one, which continues a record.

        `lineno:` and `file:lineno:` before the time are skipped. So is anything else that a log collector puts there,
        but then a level must follow, because a message may have a time, too.
        """
        time = _TIME.match(line)
        if time is None:
            return None
        rest = _NAMED.match(line, time.end()) or _LEVELLED.match(line, time.end())
        if rest is None:
            if not _LINE_NUMBER.fullmatch(time["before"]):
                return None
            rest = _BARE.match(line, time.end())
        groups = rest.groupdict() if rest else {}
        second = time["second"].replace(b"_", b" ")
        name = (groups.get("name") or b"").decode("utf-8", "replace").strip()
        return cls(
            second,
            time["fraction"] or b"",
            time["zone"] or b"",
            name,
            level_of(groups.get("level") or b""),
            rest.end() if rest else time.end(),
        )


def level_of(word: bytes) -> str:
    """The standard name of a level."""
    name = word.decode("ascii", "replace").upper()
    return _LEVELS.get(name, name) or NO_LEVEL
