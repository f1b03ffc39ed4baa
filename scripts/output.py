"""How commands print: data to stdout, words and progress to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click

from projections.formatting import is_seen, readable

QUIET_SECONDS: Final = 1.0
LINE_SECONDS: Final = 5.0


def show(*lines: str) -> None:
    """Print lines for a person. Each stays one, and is all that a terminal is given: texts from outside stand in it."""
    click.echo("\n".join(readable(line) for line in lines))


def say(words: str) -> None:
    """Tell a person something in one line, on stderr."""
    click.echo(readable(words), err=True)


def print_json(data: Any) -> None:
    """Print one JSON document."""
    print_text(json_text(data, indent=2))


def print_json_line(data: Any) -> None:
    """Print one JSON document on one line, and be sure that it is on its way."""
    print_text(json_text(data))


def json_text(data: Any, indent: int | None = None) -> str:
    """A JSON document and the end of its line; what a terminal would act on, or UTF-8 has no bytes for, is escaped."""
    written = json.dumps(data, indent=indent, ensure_ascii=False)
    return "".join(f"{_escaped(line)}\n" for line in written.split("\n"))


def _escaped(line: str) -> str:
    if is_seen(line):
        return line
    return "".join(each if is_seen(each) else json.dumps(each)[1:-1].replace("\x7f", "\\u007f") for each in line)


def print_text(text: str) -> None:
    """Print what programs read: in UTF-8 whatever the locale is; a terminal is given its lines as a person is."""
    if sys.stdout.isatty():
        text = "\n".join(map(readable, text.split("\n")))
    click.echo(text.encode(), nl=False)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: frozenset[str] = frozenset()
) -> None:
    """Print a table for people: as wide as it needs to be, for a terminal can scroll and a file can hold it."""
    cells = [["" if cell is None else readable(str(cell)) for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]

    def line(texts: Sequence[str]) -> str:
        padded = [
            text.rjust(width) if name in right else text.ljust(width)
            for text, width, name in zip(texts, widths, columns, strict=True)
        ]
        return "  ".join(padded).rstrip()

    show(line(columns), "  ".join("-" * width for width in widths), *map(line, cells))


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far a long piece of work has come, on stderr: a bar on a terminal, else a line now and then.

    Nothing is shown of what takes less than a second.
    """
    if sys.stderr.isatty():
        with _bar(what, total) as advance:
            yield advance
        return
    yield _Lines(what, total).advance


class _Lines:
    """A line every few seconds, for a log."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._of = what, f" of {total:,}" if total else ""
        self._done, self._started = 0, time.monotonic()
        self._told = self._started

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told > LINE_SECONDS:
            self._told = now
            say(f"{self._what}: {self._done:,}{self._of}, {self._done / (now - self._started):,.0f}/s")


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich import console, progress, text  # noqa: PLC0415 - only a person at a terminal waits for it

    class Rate(progress.ProgressColumn):
        def render(self, task: progress.Task) -> text.Text:
            return text.Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    shown = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        Rate(),
        progress.TimeRemainingColumn(),
        console=console.Console(stderr=True),
        transient=True,
    )
    started = time.monotonic()
    task = shown.add_task(what, total=total)

    def advance(count: int) -> None:
        shown.advance(task, count)
        if not shown.live.is_started and time.monotonic() - started > QUIET_SECONDS:
            shown.start()

    try:
        yield advance
    finally:
        shown.stop()
