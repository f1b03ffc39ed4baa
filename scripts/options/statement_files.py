"""Opening statement files of an account: recognising their kind, and finding out whose they are."""

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
from infrastructure.transfer.statements.kind_recognition import KINDS, near, recognised, telling_the_same
from infrastructure.transfer.statements.kinds.mapped_csv import MAPPED_CSV
from infrastructure.transfer.statements.kinds.plain_csv import PLAIN_CSV, refuse_orders
from infrastructure.transfer.statements.sources.archive import LAST_CHANGES, is_archive, laid_down, members
from infrastructure.transfer.statements.sources.file_text import START_MAX
from infrastructure.transfer.statements.sources.statement_file import SQLITE_MARK, FileForm, StatementFile
from infrastructure.transfer.statements.statement_import import Statement
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused

STDIN = "-"
_SHOWN_MAX: Final = 60


@dataclass(frozen=True)
class StatementOptions:
    """What the command line says about the files."""

    kind: str | None
    exchange: str | None
    account: str | None
    zone: tzinfo | None
    symbol: str | None
    map_file: Path | None
    strategy: str | None = None

    @property
    def is_any_given(self) -> bool:
        """Whether any option is given that is only for statements."""
        return any((self.exchange, self.account, self.zone, self.symbol, self.map_file, self.strategy))

    @property
    def kind_name(self) -> str | None:
        """The kind that is given; `--map` implies one."""
        return MAPPED_CSV.name if self.kind is None and self.map_file is not None else self.kind

    def whose(self, kind: StatementKind) -> Whose:
        """Whose a file of a kind is. Refuses: a usage error for an option that is missing or does not fit the kind."""
        given = {"exchange": self.exchange, "symbol": self.symbol}
        if lacking := [name for name in kind.asks if given.get(name, "") is None]:
            raise click.UsageError(
                f"a file of kind {kind.name} does not name its {' and its '.join(lacking)}; say so with "
                f"{' and '.join(f'--{name}' for name in lacking)}"
            )
        return Whose(
            self._exchange(kind),
            self.account or None,
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
    """A file whose first bytes were read to recognise its kind; `kind` is None for a file that is no statement."""

    name: str
    stream: io.BufferedReader
    statement: StatementFile
    kind: StatementKind | None

    def nearest(self) -> str:
        """In words, what the file lacks to be of a similar kind; if no kind is similar, what the file begins with."""
        start = self.statement.start
        begins = ", ".join(start.names)[:_SHOWN_MAX]
        found = near(start) or [f"it begins with {begins!r}" if begins else "it has no names of columns or keys"]
        return f" ({'; '.join(found)})"


class OpenedFiles:
    """Files that stay open together, because each is read only once; an archive stands for the files in it."""

    def __init__(self, paths: Sequence[str], options: StatementOptions, stack: ExitStack) -> None:
        """Open all of them, until the stack is closed. Refuses: OSError, StatementRefused, a usage error."""
        self._options, self._stack = options, stack
        self.left_out: list[str] = []
        """The files of an archive that are no statements, if others in it are."""
        self.empty: list[str] = []
        """Answers of an exchange that contain nothing."""
        self.files = [file for path in paths for file in self._opened(path)]
        self.empty += [file.name for file in self.files if file.kind is None and file.statement.says_nothing]
        self.files = [file for file in self.files if file.name not in self.empty]
        for file in self.files:
            may_be_else = file.kind is None or file.statement.start.form is FileForm.JSON  # a map may say the encoding
            if may_be_else and (what := file.statement.what_else):
                raise StatementRefused(f"{file.name} is {what}")

    def statements(self) -> list[Statement]:
        """The statements of the files, still unread.

        Refuses: a usage error for two files that tell of the same fills; StatementRefused for a file of names that
                 cannot be read.
        """
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
                file.kind.facts(file.statement, replace(self._options.whose(file.kind), names=names)),
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
        file, kind_name = StatementFile(stream, path), self._options.kind_name
        kind = KINDS.get(kind_name) if kind_name else recognised(file.start)
        if kind_name is None and kind is None and not PLAIN_CSV.missing(file.start):
            refuse_orders(file.start.names)
            raise click.UsageError(
                f"the first line of this file has the columns of kind {PLAIN_CSV.name}, which does not say whose it "
                f"is: add --as {PLAIN_CSV.name} --exchange NAME"
            )
        return OpenedFile(name, stream, file, kind)


def _stream(path: str) -> AbstractContextManager[io.BufferedReader]:
    if path == STDIN:
        return nullcontext(cast("io.BufferedReader", sys.stdin.buffer))
    return cast("io.BufferedReader", Path(path).open("rb", buffering=START_MAX))
