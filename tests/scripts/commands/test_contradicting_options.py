"""Options that contradict or need each other are a usage error, before a ledger is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scripts.program import Program

SNAPSHOT = Path(__file__).parents[2] / "samples_snapshots" / "binance.json"
REFUSED = {
    "projections --confirm": "--reason and --confirm say more about --skip",
    "projections --reason x": "--reason and --confirm say more about --skip",
    "projections --skip 1": "--skip needs --reason TEXT",
    "projections --skip 1 --reason x --follow": "--follow goes on for ever, and --skip is done once",
    "history APTUSDT.binance --before 3": "add --html FILE",
    "history APTUSDT.binance#1 --by event-time --story": "a story is told as it was recorded",
    "history APTUSDT.binance#1 --by event-time --html a.html": "a story is told as it was recorded",
    "positions --as-of 3 --sort worst": "--sort worst judges what is open by its age now",
    "positions --as-of 3 --sort age": "--sort age judges what is open by its age now",
    "report --cycles": "--cycles adds to the page of --html FILE",
    "status --watch 1 --json": "--watch shows a person, --json tells a program once",
    "pnl --json --csv": "--json and --csv are two ways to print",
    "export --spreadsheet": "--spreadsheet is for CSV, not for jsonl",
    f"recover --live --snapshot {SNAPSHOT}": "--live asks the exchange, --snapshot reads a file",
    "recover --confirm --reason x": "--confirm needs --snapshot FILE or --live",
    f"instruments --snapshot {SNAPSHOT} --live --exchange okx": "choose one",
    f"import {SNAPSHOT} --as legacy --exclude APTUSDT.binance": "--exclude is for statements",
    f"import {SNAPSHOT} {SNAPSHOT} --as legacy --confirm": "--as legacy takes one dump",
    f"import {SNAPSHOT} --as legacy --confirm --exchange okx": "--as legacy takes one dump",
    f"import {SNAPSHOT} --as legacy": "--as legacy writes at once",
    "bench --processes 1,x": "is not a list of numbers like 1,4,16",
    "bench --processes 0": "is not a list of numbers like 1,4,16",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_does_not_fit_together_is_refused_before_anything_is_done(
    words: str, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", f"sqlite:///{tmp_path}/ledger.db")
    ran = program(*words.split())
    assert (ran.code, ran.out, [*tmp_path.iterdir()]) == (2, "", [])
    assert REFUSED[words] in " ".join(ran.err.split())
