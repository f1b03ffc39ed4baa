"""PostgreSQL's COPY text format: the statement that announces it, and the values of a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

END_OF_DATA: Final = b"\\."

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".,();]+)'
_STATEMENT = re.compile(
    rf"COPY\s+(?P<table>{_NAME}(?:\s*\.\s*{_NAME})*)\s*(?:\((?P<columns>[^;]*)\))?\s*FROM\s+STDIN\b(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_NAMES = re.compile(_NAME)
_FIELD = re.compile(r"(?:[^\t\\]|\\.)*", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9A-Fa-f]{1,2})|(?P<other>.))", re.DOTALL)
_CONTROL: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def names(text: str) -> tuple[str, ...]:
    """Read identifiers: quotes are removed, and a name without quotes becomes lower case, as in SQL."""
    return tuple(
        name[1:-1].replace('""', '"') if name.startswith('"') else name.lower() for name in _NAMES.findall(text)
    )


@dataclass(frozen=True)
class CopyStatement:
    """`COPY schema.table (columns) FROM stdin;`; `options` is the rest of the statement."""

    table: tuple[str, ...]
    columns: tuple[str, ...]
    options: str

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """Read a statement that a block of data follows; None for any other line."""
        match = _STATEMENT.fullmatch(line.strip())
        if match is None:
            return None
        return cls(names(match["table"]), names(match["columns"] or ""), match["rest"].strip(" ;"))

    @property
    def name(self) -> str:
        """The name of the table as users write it."""
        return ".".join(self.table)


def values(line: bytes) -> list[str | None]:
    r"""Read one line of data, without its line end; `\N` is None.

    Refuses: UnicodeDecodeError for what is not UTF-8.
    """
    text = line.decode("utf-8")
    fields = _fields(text) if "\\\t" in text else text.split("\t")
    return [_value(field) if "\\" in field else field for field in fields]


def _fields(line: str) -> list[str]:
    r"""Split at tabs; but a tab after an odd number of backslashes is part of a value."""
    fields, start = [], 0
    while True:
        match = _FIELD.match(line, start)
        assert match is not None, "the pattern matches nothing as well"
        end = match.end()
        while end < len(line) and line[end] != "\t":  # a lone backslash at the very end
            end += 1
        fields.append(line[start:end])
        if end >= len(line):
            return fields
        start = end + 1


def _value(field: str) -> str | None:
    return None if field == "\\N" else _ESCAPE.sub(_unescaped, field.encode()).decode("utf-8")


def _unescaped(match: re.Match[bytes]) -> bytes:
    if octal := match["octal"]:
        return bytes([int(octal, 8) & 0xFF])
    if digits := match["hex"]:
        return bytes([int(digits, 16)])
    other = match["other"]
    return _CONTROL.get(other, other)
