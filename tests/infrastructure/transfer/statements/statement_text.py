"""Files that are made up in tests, read as a file on the disk is."""

from __future__ import annotations

import io
from collections.abc import Iterable

from infrastructure.transfer.statements.sources.statement_file import StatementFile
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose
from infrastructure.transfer.statements.statement_kinds import recognised


def file_of(text: str | bytes) -> StatementFile:
    data = text.encode() if isinstance(text, str) else text
    return StatementFile(io.BufferedReader(io.BytesIO(data), 1 << 18))


def kind_of(text: str | bytes) -> str | None:
    kind = recognised(file_of(text).start)
    return None if kind is None else kind.name


def facts_of(text: str | bytes, kind: StatementKind, whose: Whose) -> list[StatementFact]:
    return list(kind.facts(file_of(text), whose))


def fills_of(text: str | bytes, kind: StatementKind, whose: Whose) -> Iterable[StatementFill]:
    return (fact for fact in facts_of(text, kind, whose) if isinstance(fact, StatementFill))
