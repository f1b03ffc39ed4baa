"""Printing: data goes to stdout, notes and progress go to stderr."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import click
import msgspec

from projections.readable_text import is_seen, readable
from scripts.screen import columns_of, is_coloured, width

QUIET_SECONDS: Final = 1.0
LINE_SECONDS: Final = 5.0
_BATCH_ITEMS: Final = 1_000
"""How many items of a list are printed together."""
_LIST_END: Final = "\n]\n"
_TEXT_MIN: Final = 20
"""The least width of a text that is wrapped."""
_INDENT: Final = " " * 4
_LINE_START: Final = "\r\x1b[K"
"""Moves to the beginning of the line, and erases the line."""


class StdoutLost(OSError):
    """Stdout cannot be written to."""


def show(*lines: str, colour: str | None = None) -> None:
    """Print lines for a person. Control characters are made visible, because a line may contain texts from outside.

    A colour is used only on a terminal that has colours, unless NO_COLOR is set.
    """
    text = "\n".join(readable(line) for line in lines)
    _print(click.style(text, fg=colour) if colour is not None and is_coloured() else text)


def say(words: str) -> None:
    """Print one line for a person on stderr; if that fails, the command goes on."""
    with suppress(OSError):
        click.echo(readable(words), err=True)


def print_json(data: Any) -> None:
    """Print one JSON document."""
    print_text(json_text(data, indent=2))


def print_json_list(items: Iterable[Any]) -> None:
    """Print one JSON document that is a list, in batches, because the list may be too long for memory."""
    parts, before = iter(items), "["
    while part := list(islice(parts, _BATCH_ITEMS)):
        print_text(before + json_text(part, indent=2).removeprefix("[").removesuffix(_LIST_END))
        before = ","
    print_text("[]\n" if before == "[" else _LIST_END)


def print_json_line(data: Any) -> None:
    """Print one JSON document on one line, and flush it."""
    print_text(json_text(data))


def json_text(data: Any, indent: int | None = None) -> str:
    """A JSON document and a line end; it escapes characters that a terminal acts on, or that UTF-8 cannot encode."""
    written = _escaped(json.dumps(data, ensure_ascii=False))
    return (written if indent is None else msgspec.json.format(written, indent=indent)) + "\n"


def _escaped(line: str) -> str:
    if is_seen(line):
        return line
    return "".join(each if is_seen(each) else json.dumps(each)[1:-1].replace("\x7f", "\\u007f") for each in line)


def print_text(text: str) -> None:
    """Print text for programs, in UTF-8 whatever the locale is; on a terminal control characters are made visible."""
    if sys.stdout.isatty():
        text = "\n".join(map(readable, text.split("\n")))
    _print(text.encode(), nl=False)


def _print(text: str | bytes, *, nl: bool = True) -> None:
    """Refuses: StdoutLost; BrokenPipeError when the reader has gone."""
    try:
        click.echo(text, nl=nl)
    except BrokenPipeError:
        raise
    except OSError as wrong:
        raise StdoutLost(wrong.errno, f"stdout cannot be written to: {wrong.strerror}") from None


@dataclass(frozen=True)
class Table:
    """A table, for a terminal and for a page."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    right: frozenset[str] = frozenset()
    """The columns that are aligned to the right."""

    def only(self, columns: Sequence[str]) -> Table:
        """The table with only these columns, in this order."""
        places = [self.columns.index(name) for name in columns]
        rows = [tuple(row[place] for place in places) for row in self.rows]
        return Table(self.title, tuple(columns), rows, self.right)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: frozenset[str] = frozenset()
) -> None:
    """Print a table for people, as `show_table` does."""
    show_table(Table("", tuple(columns), [tuple(row) for row in rows], right))


def show_table(table: Table) -> None:
    """Print a table for people; `lines_of` has made control characters visible already.

    A file or a pipe has no width. On a terminal that is too narrow, the text of the last column is wrapped beside or
    below the others; if those have no room either, each row becomes a block of lines.
    """
    _print("\n".join(_fitted(table, width()) if sys.stdout.isatty() else lines_of(table)))


def _fitted(table: Table, whole: int) -> list[str]:
    lines, others = lines_of(table), table.only(table.columns[:-1])
    if len(lines[1]) <= whole:
        return lines
    names, under, *rows = lines_of(others)
    if not table.rows:
        return _wrapped("  ".join(table.columns), whole)
    if table.columns[-1] in table.right or len(under) > whole:
        return _blocks(table, whole)
    texts = [_readable_cells(row)[-1] for row in table.rows]
    room = whole - len(under) - 2
    if room < _TEXT_MIN:
        below = ([f"{_INDENT}{part}" for part in _wrapped(text, whole - len(_INDENT))] for text in texts)
        return [names, under, *(line for row, parts in zip(rows, below, strict=True) for line in (row, *parts))]
    beside: list[tuple[object, ...]] = []
    for row, text in zip(others.rows, texts, strict=True):
        first, *more = _wrapped(text, room) or [""]
        beside += [(*row, first), *((*[""] * len(row), part) for part in more)]
    return lines_of(replace(table, rows=beside))


def _blocks(table: Table, whole: int) -> list[str]:
    widest = max(map(len, table.columns))
    lines: list[str] = []
    for row in table.rows:
        lines += [""] * bool(lines)
        for name, text in zip(table.columns, _readable_cells(row), strict=True):
            parts = _wrapped(text, whole - widest - 2)
            names = [name, *[""] * len(parts)]
            lines += [f"{head.ljust(widest)}  {part}" for head, part in zip(names, parts, strict=False)]
    return lines


def _wrapped(text: str, columns: int) -> list[str]:
    """The lines of a text that take so many columns; numbers, links and ids, words of ASCII, are copied whole."""
    room = max(columns, _TEXT_MIN)
    lines: list[str] = []
    for word in text.split():
        for part in [word] if word.isascii() else _broken(word, room):
            joined = f"{lines[-1]} {part}" if lines else part
            if lines and columns_of(joined) <= room:
                lines[-1] = joined
            else:
                lines.append(part)
    return lines


def _broken(word: str, room: int) -> Iterator[str]:
    """The parts of a word that take so many columns each."""
    part = ""
    for letter in word:
        if columns_of(part + letter) > room:
            yield part
            part = ""
        part += letter
    yield part


def lines_of(table: Table) -> list[str]:
    """The lines of a table: the column names, a line under them, and a line for each row. Nothing is wrapped or cut."""
    cells = [_readable_cells(row) for row in (table.columns, *table.rows)]
    widths = [max(map(columns_of, column)) for column in zip(*cells, strict=True)]
    signs = ["" if name in table.right else "-" for name in table.columns]
    line = _line_format(signs, widths)
    names, *rows = [
        ((line if "".join(row).isascii() else _line_format(signs, _letters(row, widths))) % row).rstrip()
        for row in cells
    ]
    return [names, "  ".join("-" * width for width in widths), *rows]


def _line_format(signs: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"%{sign}{width}s" for sign, width in zip(signs, widths, strict=True))


def _letters(row: Sequence[str], widths: Sequence[int]) -> list[int]:
    """How many letters each cell has to have, to take so many columns."""
    return [width - columns_of(cell) + len(cell) for cell, width in zip(row, widths, strict=True)]


def _readable_cells(row: Sequence[object]) -> tuple[str, ...]:
    texts = ["" if cell is None else str(cell) for cell in row]
    return tuple(texts if is_seen("".join(texts)) else map(readable, texts))


@contextmanager
def progress(
    what: str, total: int | None = None, *, quiet_seconds: float = QUIET_SECONDS
) -> Iterator[Callable[[int], None]]:
    """Show the progress of long work on stderr: on a terminal one line that is redrawn, else a line every few seconds.

    On a terminal nothing is shown for work that takes less than a second.
    """
    shown = _OneLine(what, total, quiet_seconds) if sys.stderr.isatty() else _Lines(what, total, LINE_SECONDS)
    try:
        yield shown.advance
    finally:
        shown.end()


class _Lines:
    """Prints a line every few seconds, for a log."""

    interval_seconds = LINE_SECONDS

    def __init__(self, what: str, total: int | None, quiet_seconds: float) -> None:
        self._what, self._total = what, total
        self._done, self._started = 0, time.monotonic()
        self._tell_at = self._started + quiet_seconds

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now > self._tell_at:
            self._tell_at = now + self.interval_seconds
            self._tell(self._words(now - self._started))

    def end(self) -> None:
        """Leave the printed lines as they are."""

    def _words(self, seconds: float) -> str:
        of = f" of {self._total:,}" if self._total else ""
        return f"{self._what}: {self._done:,}{of}, {self._done / seconds:,.0f}/s"

    def _tell(self, words: str) -> None:
        say(words)


class _OneLine(_Lines):
    """Redraws one line, and erases it at the end."""

    interval_seconds = 0.1
    _is_shown = False

    def end(self) -> None:
        """Erase the line."""
        if self._is_shown:
            self._draw("")

    def _words(self, seconds: float) -> str:
        words = super()._words(seconds)
        if not self._total or not self._done:
            return words
        return f"{words}, {seconds * (self._total - self._done) / self._done:,.0f} s left"

    def _tell(self, words: str) -> None:
        self._is_shown = True
        self._draw(words[: shutil.get_terminal_size().columns - 1])

    def _draw(self, words: str) -> None:
        with suppress(OSError):  # the terminal may be gone: the work goes on
            click.echo(_LINE_START + words, nl=False, err=True)
