"""One file alone, taken in."""

from __future__ import annotations

from collections.abc import Iterable

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.statement_facts import StatementLine
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from infrastructure.transfer.statements.statement_report import StatementReport


def import_statement(
    ledger: PositionLedger, kind: str, facts: Iterable[StatementLine], *, confirm: bool
) -> StatementReport:
    return import_statements(ledger, [Statement("file", kind, facts)], confirm=confirm)
