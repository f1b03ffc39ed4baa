"""What the package offers to its users, and to their tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import position_ledger
import position_ledger_start
from position_ledger import PositionAlreadyOpen
from position_ledger.testing import Clock, assert_sound, memory_ledger

ENTRY = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}


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
        damage = "UPDATE positions SET quantity = '7'"
        ledger.store._connections.write(lambda each: each.execute(damage))  # type: ignore[attr-defined] # from below
        with pytest.raises(AssertionError, match=r"quantity \(7, but its events say 0\)"):
            assert_sound(ledger)
        ledger.rebuild()


def test_everything_that_is_offered_is_there() -> None:
    assert sorted(position_ledger.__all__, key=str.lower) == sorted(set(position_ledger.__all__), key=str.lower)
    for name in position_ledger.__all__:
        assert hasattr(position_ledger, name)


@pytest.mark.parametrize("layer", position_ledger_start.LAYERS)
def test_a_foreign_package_of_a_layers_name_is_noticed(tmp_path: Path, layer: str) -> None:
    (tmp_path / layer).mkdir()
    (tmp_path / layer / "__init__.py").touch()
    program = "import position_ledger_start; position_ledger_start.main()"
    for code, expected in (("import position_ledger", 1), (program, 2)):
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == expected
        assert f"its own package {layer!r}, but another one would be imported from {tmp_path}" in done.stderr
        assert "position-ledger record" in done.stderr
        assert ("Traceback" in done.stderr) is (expected == 1)


@pytest.mark.parametrize("package", [*position_ledger_start.LAYERS, "position_ledger"])
def test_every_package_that_ships_is_typed(package: str) -> None:
    assert (Path(position_ledger_start.__file__).parent / package / "py.typed").exists()
