"""The operators' methods for programs: they correct only on request, and refuse arguments that make no sense."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from domain.errors import InvalidCommand
from domain.events import PositionAdopted
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.ledger_operations import AS_SHOWN
from position_ledger.testing import Clock, memory_ledger

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
