"""What the package offers to its users, and to their tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import position_ledger
from position_ledger import PositionAlreadyOpen
from position_ledger.testing import Clock, assert_sound, memory_ledger

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}


def test_a_users_test_has_a_ledger_in_memory_and_a_clock_in_its_hand() -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        clock.tick(30)
        with pytest.raises(PositionAlreadyOpen) as refused:
            ledger.request_entry(**ENTRY, intent_id="2")
        assert refused.value.age.total_seconds() == 30
        assert ledger.history("APTUSDT.binance#1")[0].event.command_id == "command-1"


def test_an_unsound_ledger_fails_the_test() -> None:
    with memory_ledger() as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        with ledger.store._connections.writing() as connection:  # type: ignore[attr-defined] # damage it from below
            connection.execute("UPDATE positions SET quantity = '7'")
        with pytest.raises(AssertionError, match=r"quantity \(7, but its events say 0\)"):
            assert_sound(ledger)
        ledger.rebuild()


def test_everything_that_is_offered_is_there() -> None:
    assert sorted(position_ledger.__all__, key=str.lower) == sorted(set(position_ledger.__all__), key=str.lower)
    for name in position_ledger.__all__:
        assert hasattr(position_ledger, name)


def test_a_foreign_package_named_domain_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", "import position_ledger"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "its own package 'domain'" in done.stderr
    assert "position-ledger record" in done.stderr
