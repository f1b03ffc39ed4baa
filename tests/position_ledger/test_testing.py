"""The package for the tests of its users."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import position_ledger
import position_ledger_start
from position_ledger import PositionAlreadyOpen
from position_ledger.testing import CallFault, Clock, OrderFault, assert_sound, memory_ledger

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


def test_the_wheel_is_typed_and_has_the_start(tmp_path: Path) -> None:
    """A layer without `py.typed` is Any to whoever checks a bot's types."""
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
    ]
    root = Path(__file__).resolve().parent.parent.parent
    subprocess.run([*build, str(root)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    shipped = {f"{package}/py.typed" for package in (*position_ledger_start.LAYERS, "position_ledger")}
    assert shipped | {"position_ledger_start.py"} <= set(zipfile.ZipFile(wheel).namelist())


def test_the_oldest_eventsourcing_that_is_let_in_is_the_one_that_is_tested() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    oldest = (root / "requirements-oldest.txt").read_text().split()[0]
    assert f'"{oldest.replace("==", ">=").removesuffix(".0")},<9.6"' in (root / "pyproject.toml").read_text()


def test_the_page_names_every_fault_of_the_simulated_exchange() -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    faults = [f"| `{type(fault).__name__}.{fault.name}` |" for kind in (OrderFault, CallFault) for fault in kind]
    assert [line for line in faults if line not in page] == []
    assert page.count("| `OrderFault.") + page.count("| `CallFault.") == len(faults)
