"""Files that say what happened on an account: opened, recognised, and whose they are."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import Final, cast

import click

from infrastructure.transfer.statements.column_map import ColumnMap
from infrastructure.transfer.statements.kinds.mapped_csv import MAPPED_CSV
from infrastructure.transfer.statements.kinds.plain_csv import PLAIN_CSV
from infrastructure.transfer.statements.sources.archive import LAST_CHANGES, is_archive, laid_down, members
from infrastructure.transfer.statements.sources.file_text import START_MAX
from infrastructure.transfer.statements.sources.statement_file import SQLITE_MARK, StatementFile
from infrastructure.transfer.statements.statement_fill import StatementRefused
from infrastructure.transfer.statements.statement_import import Statement
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.statements.statement_kinds import KINDS, near, recognised, telling_the_same

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
    strategy: str | None = None

    @property
    def is_any_said(self) -> bool:
        """Whether anything is said that is for statements alone."""
        return any((self.exchange, self.account, self.zone, self.symbol, self.map_file, self.strategy))

    @property
    def kind_name(self) -> str | None:
        """The kind that is said; a map says one."""
        return MAPPED_CSV.name if self.kind is None and self.map_file is not None else self.kind

    def whose(self, kind: StatementKind) -> Whose:
        """Whose a file of a kind is. Refuses: a usage error for what is missing, or does not fit."""
        said = {"exchange": self.exchange, "symbol": self.symbol}
        if lacking := [name for name in kind.asks if said.get(name, "") is None]:
            raise click.UsageError(
                f"a file of kind {kind.name} does not name its {' and its '.join(lacking)}; say so with "
                f"{' and '.join(f'--{name}' for name in lacking)}"
            )
        return Whose(
            self._exchange(kind),
            self.account,
            self.zone,
            self._symbol(kind),
            self._columns(kind),
            self._strategy(kind),
        )

    def _exchange(self, kind: StatementKind) -> str | None:
        if kind.exchange is not None and self.exchange not in (None, kind.exchange):
            raise click.UsageError(f"--exchange {self.exchange}: a file of kind {kind.name} is of {kind.exchange}")
        return kind.exchange or self.exchange

    def _symbol(self, kind: StatementKind) -> str | None:
        if "symbol" not in kind.asks and self.symbol is not None:
            raise click.UsageError(f"--symbol {self.symbol}: a file of kind {kind.name} says its symbols itself")
        return self.symbol

    def _strategy(self, kind: StatementKind) -> str | None:
        if not kind.has_strategies and self.strategy is not None:
            raise click.UsageError(
                f"--strategy {self.strategy}: a file of kind {kind.name} has no strategies to choose"
            )
        return self.strategy

    def _columns(self, kind: StatementKind) -> ColumnMap | None:
        file = self.map_file
        if "map" in kind.asks and file is None:
            raise click.UsageError(f"--as {kind.name} needs --map: a file that says which column says what")
        if "map" not in kind.asks and file is not None:
            raise click.UsageError(f"--map {file}: the columns of a file of kind {kind.name} are known")
        return None if file is None else ColumnMap.read(file.read_text(encoding="utf-8-sig", errors="replace"))


@dataclass(frozen=True)
class OpenedFile:
    """A file of which the first bytes were looked at; `kind` is None for what is no statement."""

    name: str
    stream: io.BufferedReader
    statement: StatementFile
    kind: StatementKind | None

    def nearest(self) -> str:
        """What it lacks to be of some kind, in words; where it is like none, what it begins with."""
        start = self.statement.start
        begins = ", ".join(start.names)[:_SHOWN_MAX]
        found = near(start) or [f"it begins with {begins!r}" if begins else "no name of anything stands in it"]
        return f" ({'; '.join(found)})"


class OpenedFiles:
    """Files that stay open together, for each is read once; of an archive those that are in it."""

    def __init__(self, paths: Sequence[str], said: StatementOptions, stack: ExitStack) -> None:
        """Open them all, until the stack ends. Refuses: OSError, StatementRefused, a usage error."""
        self._said, self._stack = said, stack
        self.left_out: list[str] = []
        """What is no statement in an archive that has one."""
        self.empty: list[str] = []
        """Answers in which nothing stands."""
        self.files = [file for path in paths for file in self._opened(path)]
        self.empty += [file.name for file in self.files if file.kind is None and file.statement.says_nothing]
        self.files = [file for file in self.files if file.name not in self.empty]
        for file in self.files:
            if file.kind is None and (what := file.statement.what_else):
                raise StatementRefused(f"{file.name} is {what}")

    def statements(self) -> list[Statement]:
        """What the files say, to be read; each is a statement. Refuses: a usage error; StatementRefused for names."""
        if twice := telling_the_same(file.kind for file in self.files if file.kind is not None):
            first, other = (next(file for file in self.files if file.kind is kind) for kind in twice)
            raise click.UsageError(
                f"{first.name} is of kind {twice[0].name} and {other.name} of kind {twice[1].name}, which tell of the "
                "same under ids of their own: it would be counted twice. Import one of the two"
            )
        names = {
            name: named
            for file in self.files
            if file.kind is not None and file.kind.names is not None
            for name, named in file.kind.names(file.statement).items()
        }
        return [
            Statement(
                file.name,
                file.kind.name,
                file.kind.facts(file.statement, replace(self._said.whose(file.kind), names=names)),
            )
            for file in self.files
            if file.kind is not None
        ]

    def _opened(self, path: str) -> list[OpenedFile]:
        try:
            return self._open(path)
        except StatementRefused as refused:
            raise refused.in_file(path) from None

    def _open(self, path: str) -> list[OpenedFile]:
        stream = self._stack.enter_context(_stream(path))
        if not is_archive(stream):
            return [self._looked_at(path, stream, None if path == STDIN else Path(path))]
        inside = members(stream, self._stack)
        found = [
            self._member(path, name, inside)
            for name in inside
            if name.removesuffix(LAST_CHANGES) not in {*inside} - {name}
        ]
        fitting = [file for file in found if file.kind is not None and not file.kind.missing(file.statement.start)]
        if not fitting:
            return found
        self.left_out += [file.name for file in found if file not in fitting]
        return fitting

    def _member(self, archive: str, name: str, inside: Mapping[str, io.BufferedReader]) -> OpenedFile:
        member, path = inside[name], None
        if member.peek(len(SQLITE_MARK)).startswith(SQLITE_MARK):
            path = self._stack.enter_context(laid_down(name, inside))
            member = self._stack.enter_context(_stream(str(path)))
        return self._looked_at(f"{archive}: {name}", member, path)

    def _looked_at(self, name: str, stream: io.BufferedReader, path: Path | None) -> OpenedFile:
        file, kind_name = StatementFile(stream, path), self._said.kind_name
        kind = KINDS.get(kind_name) if kind_name else recognised(file.start)
        if kind_name is None and kind is None and not PLAIN_CSV.missing(file.start):
            raise click.UsageError(
                f"the first line of this file has the columns of kind {PLAIN_CSV.name}, which does not say whose it "
                f"is: add --as {PLAIN_CSV.name} --exchange NAME"
            )
        return OpenedFile(name, stream, file, kind)


def _stream(path: str) -> AbstractContextManager[io.BufferedReader]:
    if path == STDIN:
        return nullcontext(cast("io.BufferedReader", sys.stdin.buffer))
    return cast("io.BufferedReader", Path(path).open("rb", buffering=START_MAX))
