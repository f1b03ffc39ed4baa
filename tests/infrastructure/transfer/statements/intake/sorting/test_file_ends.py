"""A fill without an id that one file ends with and the next begins with is told, for it may be two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.statement_facts import StatementFill
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.intake.told import fill, take


def nameless(second: float, signed: str, name: str) -> StatementFill:
    return fill(second, signed, trade_id=f"row-{name}", order_id=f"row-o{name}")


FIRST, LAST, NEXT = nameless(0, "1", "a"), nameless(10, "1", "b"), nameless(20, "1", "c")
SECOND = nameless(10, "1", "b-2")
TOLD = "BTCUSDT.binance: line 12, with which one.csv ends, and line 12, with which two.csv begins, are equal"
AGAIN = "BTCUSDT.binance: line 12, with which its file begins, is equal to the last fill that the ledger has"


@pytest.fixture
def ledger() -> Iterator[PositionLedger]:
    with memory_ledger() as ledger:
        yield ledger
        assert_sound(ledger)


def test_where_one_file_ends_and_another_begins(ledger: PositionLedger) -> None:
    (finding,) = take(ledger, [FIRST, LAST], [LAST, NEXT]).findings
    assert finding.startswith(TOLD)
    (row,) = ledger.positions()
    assert row.quantity == 3


def test_where_the_ledger_ends_and_a_file_begins(ledger: PositionLedger) -> None:
    assert take(ledger, [FIRST, LAST]).findings == []
    (finding,) = take(ledger, [LAST, NEXT]).findings
    assert finding.startswith(AGAIN)


def test_files_that_have_more_in_common_say_how_many_there_are(ledger: PositionLedger) -> None:
    assert take(ledger, [FIRST, LAST], [FIRST, LAST, SECOND, NEXT]).findings == []
    (row,) = ledger.positions()
    assert row.quantity == 4
    assert take(ledger, [FIRST, LAST, SECOND, NEXT]).findings == []


def test_the_same_file_again_is_no_other_one(ledger: PositionLedger) -> None:
    for _ in range(2):
        assert take(ledger, [LAST], [LAST]).findings == []
        assert take(ledger, [LAST]).findings == []


def test_fills_that_have_ids_are_the_same(ledger: PositionLedger) -> None:
    named = fill(10, "1", trade_id="7", order_id="8")
    assert take(ledger, [FIRST, named], [named, NEXT]).findings == []
