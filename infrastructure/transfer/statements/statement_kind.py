"""A kind of statement file: how it is recognised, and its reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from typing import Final

from domain.identifiers import PositionKey
from domain.symbols.venues import normalized_exchange
from domain.values import Leg
from infrastructure.transfer.statements.column_map import ColumnMap
from infrastructure.transfer.statements.sources.statement_file import FileForm, FileStart, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each
from infrastructure.transfer.statements.statement_facts import StatementLine
from infrastructure.transfer.transfer_errors import StatementRefused

_SHOWN_MAX: Final = 400


@dataclass(frozen=True)
class Whose:
    """What the user states about a file, because the file may not have it."""

    exchange: str | None = None
    account: str | None = None
    zone: tzinfo | None = None
    symbol: str | None = None
    columns: ColumnMap | None = None
    strategy: str | None = None
    """Which of several strategies in a file is read."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of symbols from other files of the same import, by the names in this file."""

    def key(self, symbol: str, leg: Leg = Leg.BOTH, exchange: str | None = None) -> PositionKey:
        """The key of a symbol of this account.

        Refuses: ValueError for an invalid symbol or exchange, or for another exchange than the user stated.
        """
        venue = exchange or self.exchange
        if venue is None:
            raise ValueError("the file does not say of which exchange it is; say it with --exchange")
        key = PositionKey.of(symbol, venue, self.account, leg)
        if self.exchange is not None and key.exchange != normalized_exchange(self.exchange):
            raise ValueError(f"the file says that it is of {key.exchange}, and --exchange says {self.exchange}")
        return key


FileReader = Callable[[StatementFile, Whose], Iterator[StatementLine]]
RowReader = Callable[[StatementRow], Iterable[StatementLine]]
Preparation = Callable[[Iterable[StatementRow]], Iterable[StatementRow]]


def row_by_row(
    read: Callable[[Whose, StatementRow], Iterable[StatementLine]], prepared: Preparation = iter
) -> FileReader:
    """The reader of a file in which each row can be read by itself, after the rows were `prepared`.

    Refuses: StatementRefused, with the line of a row that cannot be read.
    """
    return per_file(lambda whose: partial(read, whose), prepared)


def per_file(reader: Callable[[Whose], RowReader], prepared: Preparation = iter) -> FileReader:
    """The same for a file with a `reader` of its own, which remembers the rows before."""
    return lambda file, whose: each(prepared(file.rows()), reader(whose))


@dataclass(frozen=True, kw_only=True)
class StatementKind:
    """How such a file is recognised, and its reader; docs/importing.md says what it lacks and what becomes of it.

    Shape:   `needs` are the columns of a CSV file, the keys of a JSON object or the tables of a database that every
             such file has, each with one name or with several possible names; they tell kinds apart. `read` yields the
             facts in the order of the file. `exchange` is None where the lines of the file have it, or where it is one
             of the options that the kind `asks` for.
    Refuses: StatementRefused, naming the line and the value.
    """

    name: str
    form: FileForm
    needs: Sequence[str | Sequence[str]]
    read: FileReader
    names: Callable[[StatementFile], Mapping[str, str]] | None = None
    """Reads names for other files of the import; such a file has no facts."""
    also: FileForm | None = None
    """Another form of the file with the same names: CSV, for JSON whose objects are not nested."""
    exchange: str | None = None
    asks: Sequence[str] = field(default=())
    """Options that the user has to give: `exchange`, `symbol`, `map`."""
    is_guessed: bool = True
    """Whether the kind can be recognised by what it needs; else the user has to name it."""
    has_strategies: bool = False
    """Whether a file may have the trades of several strategies, of which one is chosen."""
    keeps_answers: bool = False
    """Whether its objects contain the answers of an exchange, and so also the keys of the kind of these answers."""

    def missing(self, start: FileStart) -> list[str]:
        """The names that a file lacks to be of this kind, each as its first possible name."""
        is_like = start.form in (self.form, self.also) or (start.form, self.form) == (FileForm.PARQUET, FileForm.CSV)
        there = set(start.names) if is_like else set()
        spelled = str.lower if start.form is FileForm.CSV else str
        needs = [(names,) if isinstance(names, str) else names for names in self.needs]
        return [names[0] for names in needs if there.isdisjoint(map(spelled, names))]

    def facts(self, file: StatementFile, whose: Whose) -> Iterator[StatementLine]:
        """The facts of a file, one by one, in its order. Refuses: StatementRefused."""
        if missing := self.missing(file.start):
            if self.form is FileForm.JSON and file.says_nothing:
                return iter(())
            if file.start.form is FileForm.JSON:
                next(file.rows(), None)  # the answer of a call that failed says why
            has = ", ".join(file.start.names)[:_SHOWN_MAX] or "nothing"
            mapped = "" if self.is_guessed else "; with --map, a map says which column says what"
            raise StatementRefused.at(1, f"{self.name} needs {', '.join(missing)}; this file has {has}{mapped}")
        return self.read(file.in_its_case() if self.form is FileForm.JSON else file, whose)
