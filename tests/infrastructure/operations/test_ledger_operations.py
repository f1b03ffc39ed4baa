"""The operators' methods for programs: they correct only on request, and refuse arguments that make no sense."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.errors import HistoryDamaged, InvalidCommand
from domain.events import PositionAdopted
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations import account_comparison
from infrastructure.operations.ledger_operations import AS_SHOWN
from position_ledger.testing import Clock, memory_ledger
from projections.health.checks import Check
from projections.reconciliation.discrepancies import DiscrepancyKind
from projections.reconciliation.result import ReconciliationRules

CLOCK = Clock()
SHOWN = {
    "exchange": "binance",
    "timestamp": CLOCK().isoformat(),
    "positions": [{"symbol": "APT/USDT:USDT", "side": "short", "contracts": "61", "entryPrice": "3.2295"}],
    "orders": [],
}
DOCUMENT = json.dumps(SHOWN).encode()


def reasons(ledger: PositionLedger) -> list[str]:
    events = [entry.event for entry in ledger.history("APTUSDT.binance")]
    return [event.reason for event in events if isinstance(event, PositionAdopted)]


def enter(ledger: PositionLedger, minutes_ago: int = 0) -> None:
    at = CLOCK() - timedelta(minutes=minutes_ago)
    ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="61", intent_id="1", at=at)
    ledger.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="1", at=at)


def reconciled(apply: Any) -> tuple[int, list[str]]:
    """How much was corrected, and why."""
    with memory_ledger(CLOCK) as ledger:
        (found,) = ledger.reconcile([DOCUMENT], apply=apply)
        return len(found.applied), reasons(ledger) if found.applied else []


@pytest.mark.parametrize("apply", [None, False])
def test_what_is_not_to_be_applied_changes_nothing(apply: Any) -> None:
    assert reconciled(apply) == (0, [])
    with memory_ledger(CLOCK) as ledger:
        assert ledger.recover([DOCUMENT], apply=apply)[1] == []


@pytest.mark.parametrize(("apply", "why"), [(True, AS_SHOWN), ("after the restore", "after the restore")])
def test_what_is_applied_says_why(apply: Any, why: str) -> None:
    done, (reason,) = reconciled(apply)
    assert done == 1 and reason.startswith(f"{why} (binance: ")


def test_a_blank_reason_is_none() -> None:
    for ask in (PositionLedger.reconcile, PositionLedger.recover):
        with memory_ledger(CLOCK) as ledger, pytest.raises(InvalidCommand, match="apply: is empty"):
            ask(ledger, [DOCUMENT], apply=" ")


def test_a_recovery_says_why_in_its_events() -> None:
    with memory_ledger(CLOCK) as ledger:
        enter(ledger, minutes_ago=10)
        _, (done,) = ledger.recover([DOCUMENT], apply="after the crash")
        assert done.is_done
        (*_, last) = ledger.history("APTUSDT.binance")
        assert (last.event.metadata or {})["reason"] == "after the crash"


def test_two_cycles_of_a_key_are_recovered_at_once_though_each_expects_a_version() -> None:
    """A stray, and the open cycle beside it, are both gone: the second end comes after the first."""
    gone = [SHOWN | {"timestamp": (CLOCK() - timedelta(seconds=ago)).isoformat(), "positions": []} for ago in (60, 5)]
    with memory_ledger(CLOCK) as ledger:
        enter(ledger, minutes_ago=10)
        at = CLOCK() - timedelta(minutes=10)
        ledger.fail_entry(position_id="APTUSDT.binance#1", outcome="canceled", reason="given up", at=at)
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="61", intent_id="2", at=at)
        for position_id, quantity in (("APTUSDT.binance#2", "61"), ("APTUSDT.binance#1", "4")):
            ledger.record_entry_fill(position_id=position_id, trade_id="1", last_qty=quantity, last_px="3.2", at=at)
        _, done = ledger.recover(gone, apply=True, rules=ReconciliationRules(trust_empty=True))
        assert [(each.correction.command.verb, each.is_done) for each in done] == [("close", True)] * 2
        assert {str(row.quantity) for row in ledger.positions()} == {"0"}


def test_a_diagnosis_goes_by_the_age_of_an_hour_or_by_that_which_is_said_and_may_leave_the_events_unread() -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        enter(ledger)
        clock.tick(3_599)
        assert [ledger.diagnose(age=age).ok for age in (None, timedelta(minutes=59))] == [True, False]
        clock.tick(1)
        assert [ledger.diagnose(age=age).ok for age in (None, timedelta(hours=2))] == [False, True]
        said = [ledger.diagnose(verifies=verifies).section(Check.DAMAGE).says for verifies in (True, False)]
        assert said == ["2 events in 1 stream, 1 row: all of it holds", "not looked for"]


def test_statistics_are_of_the_last_day_or_of_what_is_said() -> None:
    now, hour, day = CLOCK(), timedelta(hours=1), timedelta(days=1)
    with memory_ledger(CLOCK) as ledger:
        windows = [ledger.statistics(**of).window for of in ({}, {"until": now - hour}, {"since": now - hour})]
    assert [(each.since, each.until) for each in windows] == [
        (now - day, now),
        (now - hour - day, now - hour),
        (now - hour, now),
    ]


def test_a_position_is_compared_though_its_events_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which instrument was defined is not known then; `verify` names the event."""

    def unreadable(_: object) -> None:
        raise HistoryDamaged("it is no event")

    with memory_ledger(CLOCK) as ledger:
        ledger.define_instrument(symbol="APTUSDT", exchange="binance", contract_size="1")
        ledger.reconcile([DOCUMENT], apply=True)
        with monkeypatch.context() as damaged:
            damaged.setattr(account_comparison, "decode", unreadable)
            (result,) = ledger.reconcile([DOCUMENT])
        assert [each.key.stream for each in result.found.of(DiscrepancyKind.MATCHED)] == ["APTUSDT.binance"]


def test_a_document_may_be_a_dict_as_it_is_in_a_bot() -> None:
    with memory_ledger(CLOCK) as ledger:
        (read,), (found,) = ledger.reconcile([DOCUMENT]), ledger.reconcile([SHOWN])
        assert found.as_json() == read.as_json()


@pytest.mark.parametrize("snapshots", [DOCUMENT, DOCUMENT.decode(), SHOWN, [DOCUMENT.decode()], [None], [[]]])
def test_what_is_no_list_of_snapshots_is_refused(snapshots: Any) -> None:
    with memory_ledger(CLOCK) as ledger, pytest.raises(ValueError, match="snapshot"):
        ledger.reconcile(snapshots)


def test_a_time_without_a_zone_is_refused_by_name() -> None:
    naive: Any = datetime(2026, 1, 1)  # noqa: DTZ001 - what is tried
    for name in ("since", "until"):
        with memory_ledger(CLOCK) as ledger, pytest.raises(InvalidCommand, match=f"{name}: .* names no zone"):
            ledger.statistics(**{name: naive})


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    """It held nothing, and was answered by zeros that looked like a quiet day."""
    now, hour = CLOCK(), timedelta(hours=1)
    with memory_ledger(CLOCK) as ledger:
        for window in ({"since": now + hour}, {"since": now, "until": now}, {"since": now, "until": now - hour}):
            with pytest.raises(InvalidCommand, match=r"since 20.*Z is not before until 20.*Z"):
                ledger.statistics(**window)


def test_refusals_of_a_key_are_found_by_its_text() -> None:
    entry: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "1"}
    with memory_ledger(CLOCK) as ledger:
        ledger.request_entry(**entry, intent_id="1")
        with pytest.raises(Exception, match="already holds"):
            ledger.request_entry(**entry, intent_id="2")
        assert [each.intent_id for each in ledger.rejections("apt/usdt.binance")] == ["2"]
        assert ledger.rejections("FXSUSDT.binance") == []
        with pytest.raises(InvalidCommand, match="is not a key"):
            ledger.rejections("junk")


def test_a_snapshot_that_does_not_say_exactly_when_it_was_taken_corrects_nothing() -> None:
    """It corrected as of the earliest moment that its time can mean, and a fill after that was counted again."""
    with memory_ledger(CLOCK) as ledger:
        bare = SHOWN | {"timestamp": CLOCK().replace(tzinfo=None).isoformat()}
        for corrected in (lambda: ledger.reconcile([bare], apply=True), lambda: ledger.recover([bare], apply=True)):
            with pytest.raises(InvalidCommand, match="of binance does not say exactly when it was taken"):
                corrected()
        unnamed = {name: value for name, value in bare.items() if name != "exchange"}
        with pytest.raises(InvalidCommand, match="of an exchange does not say"):
            ledger.reconcile([unnamed], apply=True)
        assert len(ledger.reconcile([bare])) == 1
        assert ledger.positions() == []
