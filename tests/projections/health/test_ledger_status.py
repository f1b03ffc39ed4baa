"""The status of open positions: their order, which of them need a person, and the verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.commands.requests import RecordEntryUnknown, Reduce, StartRollback
from domain.values import Status
from projections.health.checks import Check, Section, Severity, Symptom, worst_first
from projections.health.diagnosis import Cycles
from projections.health.ledger_status import LedgerStatus
from projections.positions import PositionRow
from scripts.status_table import status_table
from tests.spec import ENTERED, FILLED, PLACED, given, on, request, second

HOUR = timedelta(hours=1)
BARE = (request(), PLACED, FILLED)


def row(*sent: Any, named: str = "APTUSDT.binance#1", **fields: Any) -> PositionRow:
    (found,) = given(*sent).rows.values()
    return replace(found, position_id=named, **fields)


def status(*rows: PositionRow, at: float) -> LedgerStatus:
    return LedgerStatus.of(rows, second(at), HOUR)


def test_nothing_open_needs_nobody() -> None:
    found = status(at=0)
    assert (found.ok, found.next) == (True, None)
    assert found.verdict == "0 of 0 unprotected, nothing of 0 open positions needs a person"


def test_what_is_covered_is_protected_and_needs_nobody() -> None:
    found = status(row(*ENTERED), at=86_400)
    assert [(line.state, line.severity) for line in found.lines] == [("protected", Severity.OK)]
    assert found.verdict == "0 of 1 unprotected, nothing of 1 open position needs a person"


def test_what_is_over_is_not_shown() -> None:
    assert status(row(*ENTERED, status=Status.CLOSED, quantity=Decimal(0)), at=0).lines == ()


def test_what_is_bare_comes_first_with_its_age_and_the_command_to_run() -> None:
    found = status(row(*ENTERED, named="COVERED"), row(*BARE, named="BARE"), at=842)
    assert [(line.row.position_id, line.state, line.age) for line in found.lines] == [
        ("BARE", "UNPROTECTED", timedelta(seconds=840)),
        ("COVERED", "protected", timedelta(seconds=842)),
    ]
    advice = "position-ledger recover --symbol APTUSDT --exchange binance --account '' --live"
    assert found.verdict == f"1 of 2 unprotected, worst BARE 14 min: {advice}"
    assert (found.severity, found.ok, found.next) == (Severity.CRITICAL, False, advice)


def test_a_subaccount_is_asked_about_by_its_name() -> None:
    found = status(row(*BARE, account="sub1"), at=842)
    assert found.next == "position-ledger recover --symbol APTUSDT --exchange binance --account sub1 --live"


def test_what_began_at_a_time_that_is_yet_to_come_is_of_no_age_below_zero() -> None:
    found = status(row(*BARE), at=-840)
    assert "842 s" not in found.verdict and "14 min 2 s ahead: position-ledger recover" in found.verdict
    (cells,) = status_table(found.lines).rows
    assert cells[3] == "14 min 2 s ahead"


def test_an_entry_has_its_time_and_is_counted_all_the_same() -> None:
    found = status(row(*BARE), at=29)
    assert (found.ok, found.severity) == (True, Severity.OK)
    assert found.verdict.startswith("1 of 1 unprotected, 1 of them within the time of an entry, nothing of ")


def test_an_entry_has_its_time_whatever_else_is_wrong_with_it_as_diagnose_says() -> None:
    """A fill is held without a stop for a few seconds, and then the exchange does not answer about its order."""
    bare = row(*BARE, on(RecordEntryUnknown, reason="no answer"))
    found = status(bare, at=10)
    assert [each.message for line in found.lines for each in line.symptoms] == [
        "the exchange did not answer about its entry of 2025-10-22 18:50:40 UTC"
    ]
    assert found.verdict.startswith("1 of 1 unprotected, 1 of them within the time of an entry, worst ")
    says = Cycles([bare], second(10), HOUR, {}).unprotected().says
    assert says == "1 of 1 held positions, 1 within the time of an entry"


def test_of_those_alike_the_oldest_comes_first() -> None:
    young = row(*BARE, named="A YOUNG ONE", unprotected_since=second(300))
    assert [line.row.position_id for line in status(young, row(*BARE, named="OLD"), at=600).lines] == [
        "OLD",
        "A YOUNG ONE",
    ]


def test_a_critical_one_is_before_one_that_is_bare_and_has_time() -> None:
    stuck = row(*BARE, on(StartRollback, reason="no stop"), named="STUCK", rollback_failed=True, quantity=Decimal(0))
    bare = row(*BARE, named="BARE", opened_at=second(590), unprotected_since=second(590))
    assert [line.row.position_id for line in status(bare, stuck, at=600).lines] == ["STUCK", "BARE"]


def test_what_a_bot_keeps_the_stop_of_is_no_alarm() -> None:
    chosen = row(*ENTERED, protected=False, stop_confirmed=False, protection="bot")
    found = status(chosen, at=86_400)
    assert found.ok
    assert [line.state for line in found.lines] == ["unprotected by choice"]
    assert (len(found.unprotected), len(found.by_choice)) == (0, 1)


def test_a_stray_is_unprotected_though_its_cycle_is_over() -> None:
    stray = row(*BARE, status=Status.CANCELED, stray=True)
    found = status(stray, at=600)
    assert [(line.state, line.severity) for line in found.lines] == [("STRAY, UNPROTECTED", Severity.CRITICAL)]
    assert found.verdict.startswith("1 of 1 unprotected, worst ")


@pytest.mark.parametrize(
    ("sent", "fields", "state"),
    [
        ((request(),), {}, "pending_entry"),
        ((request(),), {"outcome_unknown": True}, "entry outcome unknown"),
        (
            (*BARE, on(StartRollback, reason="no stop")),
            {"rollback_failed": True, "quantity": Decimal(0)},
            "rollback failed",
        ),
        (
            (*ENTERED, on(Reduce, trade_id="x", last_qty="61.8", last_px="3")),
            {"status": Status.ACTIVE},
            "flat without an end",
        ),
    ],
)
def test_trouble_is_named_and_needs_a_person(sent: Any, fields: dict[str, Any], state: str) -> None:
    found = status(row(*sent, **fields), at=600)
    assert [line.state for line in found.lines] == [state]
    if_held = "" if found.lines[0].row.protected else ", 1 unprotected if held"
    assert found.verdict.startswith(
        f"0 of 0 unprotected, 1 more needs a person{if_held}, worst APTUSDT.binance#1 {state} "
    )


def test_what_else_needs_a_person_is_said_where_it_can_be_understood() -> None:
    behind = Symptom(Severity.WARNING, "statistics", "behind", "position-ledger stats")
    beside = Section(Check.PROJECTIONS, "behind", (behind,))
    found = LedgerStatus.of([row(request())], second(1), HOUR, (beside,))
    assert found.summary == (
        "0 of 0 unprotected, nothing of 1 open position needs a person, 1 beside them does, 1 unprotected if held"
    )


def test_symptoms_without_an_age_come_last_of_their_severity() -> None:
    old, young, ageless = (
        Symptom(Severity.WARNING, name, "", "", since)
        for name, since in (("old", second(0)), ("young", second(9)), ("ageless", None))
    )
    critical = Symptom(Severity.CRITICAL, "critical", "", "", second(10))
    assert worst_first([ageless, young, critical, old]) == [critical, old, young, ageless]
