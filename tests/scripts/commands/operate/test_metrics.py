"""`metrics`: on stdout, in a file, and without its optional package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.program import Program


def test_stdout_and_a_file_are_given_the_same(tmp_path: Path, program: Program) -> None:
    url, file = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "ledger.prom"
    with PositionLedger.connect(url):
        file.write_text("older", encoding="utf-8")
    printed = program("metrics", "--database", url)
    assert (printed.code, printed.err) == (0, "")
    assert program("metrics", "--database", url, "--textfile", file).out == ""
    written = file.read_text(encoding="utf-8")

    def without_time(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("position_ledger_read_seconds ")]

    assert without_time(written) == without_time(printed.out)
    assert file.stat().st_mode & 0o444 == 0o444, "node_exporter is somebody else"


def test_a_file_stays_as_it_was_while_there_is_no_ledger(tmp_path: Path, program: Program) -> None:
    file = tmp_path / "ledger.prom"
    file.write_text("older", encoding="utf-8")
    ran = program("metrics", "--database", f"sqlite:///{tmp_path}/none.db", "--textfile", file)
    assert ran.code == 3
    assert file.read_text(encoding="utf-8") == "older"


def test_what_is_not_installed_is_named(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "infrastructure.metering.exposition", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    ran = program("metrics")
    assert ran.code == 2
    assert "Error: metrics needs prometheus_client, which is not installed: pip install 'position-ledger[serve]'" in (
        ran.err
    )
