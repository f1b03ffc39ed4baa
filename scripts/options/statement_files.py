"""Files that say what happened on an account: opened, recognised, and whose they are."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Final, cast

import click

from infrastructure.transfer.statements.column_map import ColumnMap
from infrastructure.transfer.statements.kinds.mapped_csv import MAPPED_CSV
from infrastructure.transfer.statements.kinds.plain_csv import PLAIN_CSV
from infrastructure.transfer.statements.sources.statement_file import START_MAX, StatementFile
from infrastructure.transfer.statements.statement_import import Statement
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.statements.statement_kinds import KINDS, near, recognised

STDIN = "-"
_SHOWN_MAX: Final = 60


@dataclass(frozen=True)
class StatementOptions:
    """What is said of the files on the command line."""

    kind: str | None
    exchange: str | None
    account: str | None
    zone: tzinfo | None
    symbol: str | None
    map_file: Path | None

    @property
    def is_any_said(self) -> bool:
        """Whether anything is said that is for statements alone."""
        return any((self.exchange, self.account, self.zone, self.symbol, self.map_file))

    @property
    def kind_name(self) -> str | None:
        """The kind that is said; a map says one."""
        return MAPPED_CSV.name if self.kind is None and self.map_file is not None else self.kind

    def whose(self, kind: StatementKind) -> Whose:
        """Whose a file of a kind is. Refuses: a usage error for what is missing, or does not fit."""
        return Whose(self._exchange(kind), self.account, self.zone, self._symbol(kind), self._columns(kind))

    def _exchange(self, kind: StatementKind) -> str | None:
        if "exchange" in kind.asks and self.exchange is None:
            raise click.UsageError(f"--as {kind.name} needs --exchange: the file does not say whose it is")
        if kind.exchange is not None and self.exchange not in (None, kind.exchange):
            raise click.UsageError(f"--exchange {self.exchange}: a file of kind {kind.name} is of {kind.exchange}")
        return kind.exchange or self.exchange

    def _symbol(self, kind: StatementKind) -> str | None:
        if "symbol" in kind.asks and self.symbol is None:
            raise click.UsageError(
                f"a file of kind {kind.name} does not say of which symbol it is; say it with --symbol"
            )
        if "symbol" not in kind.asks and self.symbol is not None:
            raise click.UsageError(f"--symbol {self.symbol}: a file of kind {kind.name} says its symbols itself")
        return self.symbol

    def _columns(self, kind: StatementKind) -> ColumnMap | None:
        file = self.map_file
        if "map" in kind.asks and file is None:
            raise click.UsageError(f"--as {kind.name} needs --map: a file that says which column says what")
        if "map" not in kind.asks and file is not None:
            raise click.UsageError(f"--map {file}: the columns of a file of kind {kind.name} are known")
        return None if file is None else ColumnMap.read(file.read_text(encoding="utf-8", errors="replace"))


class OpenedFiles:
    """Files that stay open together, for each is read once; the first bytes of each were looked at."""

    def __init__(self, paths: Sequence[str], stack: ExitStack) -> None:
        """Open them all, until the stack ends. Refuses: OSError."""
        self.paths = paths
        self.streams = [stack.enter_context(_opened(path)) for path in paths]
        self._files = [
            StatementFile(stream, None if path == STDIN else Path(path))
            for path, stream in zip(paths, self.streams, strict=True)
        ]

    def kinds(self, said: StatementOptions) -> list[StatementKind | None]:
        """The kind of each; None for what is no statement. Refuses: a usage error."""
        name = said.kind_name
        return [KINDS.get(name) if name else self._recognised(file) for file in self._files]

    @staticmethod
    def _recognised(file: StatementFile) -> StatementKind | None:
        kind = recognised(file.start)
        if kind is None and not PLAIN_CSV.missing(file.start):
            raise click.UsageError(
                f"the first line of this file has the columns of kind {PLAIN_CSV.name}, which does not say whose it "
                f"is: add --as {PLAIN_CSV.name} --exchange NAME"
            )
        return kind

    def nearest(self, place: int) -> str:
        """What a file lacks to be of some kind, in words; where it is like none, what it begins with."""
        start = self._files[place].start
        begins = ", ".join(start.names)[:_SHOWN_MAX]
        found = near(start) or [f"it begins with {begins!r}" if begins else "it is empty"]
        return f" ({'; '.join(found)})"

    def statements(self, kinds: Sequence[StatementKind], said: StatementOptions) -> list[Statement]:
        """What the files say, to be read."""
        return [
            Statement(path, kind.name, kind.facts(file, said.whose(kind)))
            for path, file, kind in zip(self.paths, self._files, kinds, strict=True)
        ]


def _opened(path: str) -> AbstractContextManager[io.BufferedReader]:
    if path == STDIN:
        return nullcontext(cast("io.BufferedReader", sys.stdin.buffer))
    return cast("io.BufferedReader", Path(path).open("rb", buffering=START_MAX))
