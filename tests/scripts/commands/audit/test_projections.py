"""`projections` and `rebuild`: an operator lists, skips an event, and rebuilds."""

from __future__ import annotations

import getpass
import sqlite3
from contextlib import closing
from pathlib import Path
from subprocess import PIPE

import pytest
from click.testing import CliRunner

from infrastructure.ledger.ledger import PositionLedger
from scripts.commands.audit.projections import command
from tests.acceptance.bot import PROGRAM, read, run
from tests.forked_popen import ForkedPopen


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Three events, of which the second cannot be read."""
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        for symbol in ("APTUSDT", "BTCUSDT", "ETHUSDT"):
            ledger.request_entry(symbol=symbol, exchange="binance", side="long", quantity="1", intent_id="1")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TRIGGER ledger_events_no_update")
        connection.execute("UPDATE ledger_events SET type = 'EntryRequested.v9' WHERE nid = 2")
        connection.commit()
    return f"sqlite:///{file}"


def test_stats_that_cannot_go_on_say_which_event_and_what_to_do(url: str) -> None:
    done = run(url, "stats")
    assert (done.returncode, done.stdout) == (3, "")
    for words in ("stands before nid 2", "BTCUSDT.binance version 1", "'EntryRequested.v9'", "--skip 2 --reason"):
        assert words in done.stderr


def test_a_projection_that_stopped_shows_why(url: str) -> None:
    run(url, "stats")
    done = run(url, "projections")
    assert done.returncode == 0
    assert "STOPPED before nid 2" in done.stdout
    (standing,) = read(url, "projections")
    assert (standing["nid"], standing["behind"], standing["poison"]["stored_type"]) == (1, 2, "EntryRequested.v9")


def test_a_dry_run_skips_nothing(url: str) -> None:
    run(url, "stats")
    done = run(url, "projections", "--skip", "2", "--reason", "broken build")
    assert done.returncode == 0
    assert "nid 2 (BTCUSDT.binance version 1, EntryRequested.v9)" in done.stderr
    assert "this was a dry run: add --confirm" in done.stderr
    assert run(url, "stats").returncode == 3


def test_a_skip_is_kept_with_its_reason_and_the_numbers_go_on(url: str) -> None:
    run(url, "stats")
    assert run(url, "projections", "--skip", "2", "--reason", " broken build ", "--confirm").returncode == 0
    assert read(url, "stats")["opened"] == 2
    (standing,) = read(url, "projections")
    (skip,) = standing["skips"]
    assert (skip["nid"], skip["reason"], skip["skipped_by"]) == (2, "broken build", getpass.getuser())
    assert standing["poison"] is None


@pytest.mark.parametrize("nid", ["1", "3"])
def test_another_event_is_not_skipped(url: str, nid: str) -> None:
    run(url, "stats")
    done = run(url, "projections", "--skip", nid, "--reason", "x", "--confirm")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"nid {nid} is not skipped" in done.stderr


@pytest.mark.parametrize(
    "options", [("--skip", "2"), ("--skip", "2", "--reason", " "), ("--confirm",), ("--reason", "x"), ("--skip", "x")]
)
def test_a_skip_needs_an_event_and_a_reason(options: tuple[str, ...]) -> None:
    assert CliRunner().invoke(command, ["--database", "sqlite:///:memory:", *options]).exit_code == 2


def test_a_follower_says_that_it_is_held_up_and_that_it_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    url = f"sqlite:///{file}?timeout=0.2"
    with PositionLedger.connect(url) as ledger, closing(sqlite3.connect(file, isolation_level=None)) as holder:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="1")
        holder.execute("BEGIN IMMEDIATE")
        words = [PROGRAM, "projections", "--follow", "--database", url]
        follower = ForkedPopen[str](words, stderr=PIPE, text=True)
        try:
            assert follower.stderr is not None
            said = follower.stderr.readline()
            assert said.startswith("no event is read: ") and "locked by another process" in said
            holder.execute("ROLLBACK")
            assert follower.stderr.readline().startswith("goes on after ")
            (standing,) = read(url, "projections")
        finally:
            follower.terminate()
            rest = follower.communicate(timeout=60)[1]
    assert standing["behind"] == 0
    assert (follower.returncode, rest) == (143, "")


def test_a_rebuild_folds_everything_and_says_so(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="1")
    done = run(ledger_url, "rebuild")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "1 events folded into 1 positions; 0 rows were wrong\n"
        "1 events folded into 1 rows of statistics; 0 rows were wrong\n"
    )
    assert read(ledger_url, "rebuild") == {
        "events": 1,
        "rows": 1,
        "differences": 0,
        "projections": {"statistics": {"events": 1, "rows": 1, "differences": 0}},
    }
    assert read(ledger_url, "projections")[0]["generation"] == 3
