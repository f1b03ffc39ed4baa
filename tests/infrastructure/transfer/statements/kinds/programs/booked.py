"""What becomes of a file in an empty ledger."""

from __future__ import annotations

from domain.values import plain
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import file_of, money


def booked(data: bytes | str, kind: StatementKind, whose: Whose) -> list[str]:
    """Every cycle that it makes, with its money, and then what was found."""
    with memory_ledger() as ledger:
        report = import_statement(ledger, kind.name, kind.facts(file_of(data), whose), confirm=True)
        assert_sound(ledger)
        cycles = [
            f"{row.position_id} {row.side} {row.status} holds {plain(row.quantity)}: earned {money(row.realized_pnl)}, "
            f"net {money(row.net_pnl)}, fees {money(row.fees)}"
            + "".join(f", {name} {plain(amount)}" for name, amount in (*row.fees_other.items(), *row.cash.items()))
            for row in ledger.positions()
        ]
    return [*cycles, *report.findings]
