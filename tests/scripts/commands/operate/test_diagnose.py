"""`diagnose` on the command line: on ledgers without findings, with findings, and with damage."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.commands.requests import ImportPosition
from domain.errors import PositionAlreadyOpen
from infrastructure.database_url import without_password
from infrastructure.integrity.verify import Verified
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations import health
from infrastructure.settings import Settings
from scripts.commands.operate import diagnose
from tests.past import before_now
from tests.scripts.program import Program, Ran
from tests.urls import with_options

CHECKS = ["incomplete", "unprotected", "outcome_unknown", "rolling_back", "orders", "projections", "damage", "database"]


class Diagnosed(Ran):
    @property
    def sections(self) -> dict[str, dict[str, Any]]:
        return {section["check"]: section for section in self.json["sections"]}

    def found(self, check: str) -> list[tuple[str, str]]:
        return [(each["severity"], each["subject"]) for each in self.sections[check]["findings"]]


Run = Callable[..., Diagnosed]


@pytest.fixture
def run(ledger_url: str, program: Program) -> Run:
    return lambda *arguments: Diagnosed(*program("diagnose", *arguments, "--database", ledger_url))


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    """APT, entered and protected ten minutes ago."""
    with PositionLedger.connect(ledger_url) as ledger:
        apt: dict[str, Any] = {"position_id": "APTUSDT.binance#1", "at": before_now(599)}
        request(ledger, "APTUSDT", 600)
        ledger.record_entry_placed(**apt, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333")
        ledger.set_stop_loss(**apt, stop_price="3.298", exchange_order_id="s1", activate=True)
        yield ledger


def request(ledger: PositionLedger, symbol: str, ago: float, exchange: str = "binance") -> None:
    ledger.request_entry(
        symbol=symbol, exchange=exchange, side="short", quantity="61.8", intent_id=f"{symbol} {ago}", at=before_now(ago)
    )


@pytest.fixture
def tamper(ledger_url: str, ledger: PositionLedger) -> Callable[[str], None]:
    """Change what is stored as whoever owns the database can, with the guards removed."""
    del ledger
    settings = Settings.read(ledger_url)

    def on_sqlite(statement: str) -> None:
        with closing(sqlite3.connect(settings.where)) as connection:
            triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute(statement)
            for _, text in triggers:
                connection.execute(text)
            connection.commit()

    def on_postgres(statement: str) -> None:
        with psycopg.connect(settings.where) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement.encode())

    return on_sqlite if settings.kind == "sqlite" else on_postgres


# -- a ledger that is well --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ledger")
def test_a_ledger_that_is_well_is_exit_0(run: Run) -> None:
    ran = run("--json")
    assert (ran.code, ran.json["mode"], ran.json["ok"], list(ran.sections)) == (0, "check", True, CHECKS)
    assert {name for name, section in ran.sections.items() if section["severity"] != "ok"} <= {"database"}
    assert ran.sections["damage"]["says"] == "4 events in 1 stream, 1 row: all of it holds"
    assert "last_24_hours" not in ran.json
    assert run().out.splitlines()[-1] in ("ok: nothing was found", "warning: database")


@pytest.mark.usefixtures("ledger")
def test_the_database_software_is_named_and_its_warning_is_no_reason_to_fail(
    run: Run, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    is_sqlite = ledger_url.startswith("sqlite")
    ran = run("--json")
    assert ran.code == 0
    assert ran.sections["database"]["says"].startswith("SQLite 3." if is_sqlite else "PostgreSQL, ")
    assert ran.sections["database"]["severity"] == ("warning" if is_sqlite else "ok")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    assert run("--json").sections["database"]["severity"] == "ok"


def test_a_primary_that_takes_no_writes_is_critical(program: Program, postgres_url: str) -> None:
    PositionLedger.connect(postgres_url).disconnect()
    read_only = with_options(postgres_url, "options=-cdefault_transaction_read_only%3Don")
    told = program("diagnose", "--database", read_only)
    assert told.code == 1
    assert "critical: " in told.out and "nothing can be recorded: its transactions are read-only" in told.out
    assert program("diagnose", "--database", postgres_url).code == 0


def test_without_a_ledger_there_is_nothing_to_look_at(run: Run) -> None:
    ran = run()
    assert (ran.code, ran.out) == (3, "")


# -- one that needs a hand --------------------------------------------------------------------------------------------


def test_what_is_wrong_is_named_with_the_next_command(run: Run, ledger: PositionLedger, ledger_url: str) -> None:
    request(ledger, "FLRUSDT", 120)
    request(ledger, "AVLUSDT", 7200, "bybit")
    ledger.lose_stop_loss(position_id="APTUSDT.binance#1", reason="cancelled by a cleaner", at=before_now(120))
    before = ledger.store.count_events()
    ran = run()
    assert (ran.code, ran.err) == (1, "")
    named = shlex.join(["--database", without_password(ledger_url)])
    assert (
        "critical  incomplete       2 under way, 2 for longer than they may\n"
        "          critical: AVLUSDT.bybit#1: pending_entry for 2 h\n"
        f"            next: position-ledger recover --symbol AVLUSDT --exchange bybit --account '' --live {named}\n"
        "          warning: FLRUSDT.binance#1: pending_entry for 2 min\n"
        f"            next: position-ledger recover --symbol FLRUSDT --exchange binance --account '' --live {named}\n"
        "critical  unprotected      1 of 1 held positions, and 2 unprotected if held\n"
        "          critical: APTUSDT.binance#1: short 61.8 without a confirmed stop for 2 min\n"
    ) in re.sub(r"for (2 h|2 min) [.\d]+ s\b", r"for \1", ran.out)
    assert re.fullmatch("critical: incomplete, unprotected(; warning: database)?", ran.out.splitlines()[-1])
    assert ledger.store.count_events() == before


def test_only_what_is_critical_is_exit_1_and_age_says_what_is(run: Run, ledger: PositionLedger) -> None:
    request(ledger, "FLRUSDT", 7200)
    assert run().code == 1
    assert (run("--age", "3").code, run("--age", "0.5").code) == (0, 1)
    assert run("--symbol", "apt/usdt:usdt").code == 0
    assert run("--exchange", "Binance").code == 1
    assert run("--account", "sub1").code == 0


def test_an_exchange_that_differs_is_named_with_its_snapshot(run: Run, ledger: PositionLedger, tmp_path: Path) -> None:
    path = tmp_path / "binance.json"
    xmr = {"symbol": "XMR/USDT:USDT", "side": "long", "contracts": 0.5, "entry_price": 310.25}
    document: dict[str, Any] = {
        "exchange": "binance",
        "timestamp": before_now(5),
        "positions": [xmr],
        "orders": [],
        "conditional_orders": [],
    }
    path.write_text(json.dumps(document))
    ran = run("--snapshot", path, "--trust-empty", "--json")
    assert (ran.code, ran.found("exchange")) == (
        1,
        [("warning", "APTUSDT.binance#1"), ("critical", "XMRUSDT.binance"), ("critical", "XMRUSDT.binance")],
    )
    advice = ran.sections["exchange"]["findings"][0]["advice"]
    key = "position-ledger reconcile --symbol APTUSDT --exchange binance"
    assert advice.startswith(f"{key} --trust-empty --snapshot {path} --data")
    assert run("--snapshot", path, "--symbol", "APTUSDT").code == 0
    path.write_text(json.dumps(document | {"timestamp": None}))
    whose = ("--exchange", "binance", "--account", "")
    told = run("--snapshot", path, *whose, "--taken-at", document["timestamp"], "--trust-empty", "--json")
    taken_at = document["timestamp"].replace("Z", "+00:00")
    advice = told.sections["exchange"]["findings"][0]["advice"]
    assert advice.startswith(f"{key} --account '' --taken-at {taken_at} --trust-empty --snapshot {path} --data")
    assert ledger.store.count_events() == 4


def test_what_is_to_be_run_when_all_stops_are_gone_is_understood(
    run: Run, program: Program, ledger: PositionLedger, tmp_path: Path
) -> None:
    apt = {"symbol": "APT/USDT:USDT", "side": "short", "contracts": 61.8, "entry_price": 3.2333}
    files: list[str] = []
    for ago in (60, 5):
        path = tmp_path / f"{ago}.json"
        shown = {
            "timestamp": before_now(ago),
            "positions": [apt],
            "orders": [],
            "conditional_orders": [],
        }
        path.write_text(json.dumps(shown))
        files += ["--snapshot", str(path)]
    advice = run(*files, "--exchange", "binance", "--json").sections["exchange"]["findings"][-1]["advice"]
    command = re.search(r"position-ledger (reconcile .*?), and place", advice)
    assert command is not None, advice
    ran = Ran(*program(*shlex.split(command[1])))
    assert "note that the stop of APTUSDT.binance#1 is lost" in ran.out, ran.err
    assert not ledger.position("APTUSDT.binance#1").protected


def test_a_report_adds_the_rates_of_a_day(run: Run, ledger: PositionLedger) -> None:
    request(ledger, "FLRUSDT", 600)
    ledger.fail_entry(position_id="FLRUSDT.binance#1", outcome="rejected", code="30208", reason="price limit")
    request(ledger, "OLDUSDT", 90_000)
    ledger.fail_entry(position_id="OLDUSDT.binance#1", outcome="rejected", reason="x", at=before_now(89_999))
    with pytest.raises(PositionAlreadyOpen):
        request(ledger, "APTUSDT", 1)
    ran = run("--mode", "report", "--json")
    report = ran.json["last_24_hours"]
    assert (ran.code, report["by_status"]) == (0, {"active": 1, "failed": 1})
    assert [each["count"] for each in report["failures_per_hour"]] == [1]
    assert (report["rejections"]["early"], len(report["criteria"])) == (1, 7)
    assert list(ran.sections) == [*CHECKS[:6], "criteria", *CHECKS[6:]]
    said = run("--mode", "report").out
    assert "\nopened      1 active, 1 failed\nfailures    1\n" in said
    assert "\nduplicates  1 refused early, 0 late, 0 other repeats\ncriteria    " in said
    assert run("--mode", "report", "--symbol", "XMR/USDT", "--json").json["last_24_hours"]["by_status"] == {}


def test_cycles_of_the_old_table_are_in_no_rate_of_a_day_as_in_no_statistics(
    run: Run, ledger: PositionLedger, program: Program, ledger_url: str, tamper: Callable[[str], None]
) -> None:
    row: dict[str, Any] = {
        "quantity": "1",
        "status": "failed",
        "opened_at": before_now(60),
        "closed_at": before_now(30),
    }
    old: dict[str, Any] = {"symbol": "OLDUSDT", "exchange": "binance", "side": "long", "row": {"id": "1"}}
    ledger.handle(ImportPosition.of(**old, **row, legacy_id="1"))
    assert program("stats", "--json", "--database", ledger_url).json["by_status"]["failed"] == 0
    report = run("--mode", "report", "--json").json["last_24_hours"]
    assert (report["by_status"], report["failures_per_hour"]) == ({"active": 1}, [])
    tamper("UPDATE projections SET nid = 0")
    tamper("UPDATE ledger_events SET type = 'Nonsense.v9' WHERE version = 2")
    report = run("--mode", "report", "--json").json["last_24_hours"]
    assert (report["by_status"], report["failures_per_hour"], report["criteria"]) == ({"active": 1}, [], None)


def test_a_wrong_word_is_usage(run: Run) -> None:
    for arguments in (["--mode", "repair"], ["--age", "-1"], ["--snapshot", "nowhere.json"], ["--timezone", "UTC"]):
        ran = run(*arguments)
        assert (ran.code, ran.out) == (2, "")


# -- one that is damaged ----------------------------------------------------------------------------------------------


def test_damage_is_named_and_not_looked_for_when_that_is_said(run: Run, tamper: Callable[[str], None]) -> None:
    tamper("UPDATE ledger_events SET payload = replace(payload, '61.8', '61.9') WHERE version = 2")
    ran = run("--json")
    assert (ran.code, ran.sections["damage"]["severity"]) == (1, "critical")
    assert ran.found("damage")[0] == ("critical", "APTUSDT.binance version 2")
    assert ran.sections["damage"]["findings"][0]["advice"].startswith("position-ledger history APTUSDT.binance -")
    skipped = run("--skip-verify", "--json")
    assert (skipped.code, skipped.sections["damage"]["says"]) == (0, "not looked for")
    assert run("--skip-verify").out.endswith("; damage was not looked for\n")


def test_an_event_that_nobody_can_read_stops_no_diagnosis(run: Run, tamper: Callable[[str], None]) -> None:
    tamper("UPDATE ledger_events SET type = 'Nonsense.v9' WHERE version = 2")
    for arguments in (["--mode", "report"], []):
        ran = run(*arguments, "--json")
        assert (ran.code, ran.found("projections")) == (1, [("critical", "statistics")])
        assert ("critical", "APTUSDT.binance version 2") in ran.found("damage")
        assert "criteria" not in ran.sections
    ran = run("--mode", "report", "--json")
    assert ran.json["last_24_hours"]["criteria"] is None
    assert "criteria    not known" in run("--mode", "report").out


def test_rows_that_nobody_can_read_stop_no_diagnosis(run: Run, tamper: Callable[[str], None]) -> None:
    tamper("UPDATE positions SET leg = 'SIDEWAYS'")
    ran = run("--mode", "report", "--json")
    assert (ran.code, ran.found("damage")) == (1, [("critical", "positions")])
    assert ran.sections["damage"]["findings"][0]["advice"].startswith("position-ledger rebuild -")
    assert "incomplete" not in ran.sections, "nothing is said of what could not be looked at"


def test_a_row_that_differs_is_to_be_rebuilt(run: Run, tamper: Callable[[str], None]) -> None:
    tamper("UPDATE positions SET intent_id = 'another'")
    (found,) = run("--json").sections["damage"]["findings"]
    assert found["subject"] == "APTUSDT.binance#1" and found["advice"].startswith("position-ledger rebuild -")


def test_everything_else_is_said_before_every_event_is_read(
    ledger: PositionLedger, ledger_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del ledger
    said: list[str] = []

    def verified(*_: object, processes: int, **__: object) -> Verified:
        said.append(capsys.readouterr().out)
        return Verified(processes, 0, 0, ())

    monkeypatch.setattr(health, "verify", verified)
    words = ["--mode", "report", "--processes", "3", "--database", ledger_url]
    with pytest.raises(SystemExit) as done:
        diagnose.command.main(words)
    (before,) = said
    assert done.value.code == 0
    assert "ok        projections" in before and "criteria    6 of 7" in before and "ok        damage" not in before
    damage, verdict = capsys.readouterr().out.rsplit("\n\n", 1)
    assert damage == "\nok        damage           3 events in 0 streams, 0 rows: all of it holds"
    assert verdict in ("ok: nothing was found\n", "warning: database\n")
