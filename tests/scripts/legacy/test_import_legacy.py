"""`import-legacy` on the command line: its output and its exit codes."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.program import Program, Ran

SAMPLE = Path(__file__).parents[2] / "samples_legacy" / "positions.sql"
CLEAN = (
    "id,symbol,exchange,side,quantity,entry_price,status,opened_at,closed_at,exit_reason\n"
    "7,APTUSDT,binance,short,61.8,3.2333,closed,2025-10-22 18:50:40+00,2025-10-22 19:50:40+00,target\n"
)
NAIVE = CLEAN.replace("+00", "")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def run(url: str, program: Program) -> Program:
    return partial(program, "--database", url, "import-legacy")


@pytest.fixture
def dump(tmp_path: Path) -> Callable[[str], Path]:
    def dump(text: str) -> Path:
        path = tmp_path / "dump"
        path.write_text(text)
        return path

    return dump


Dump = Callable[[str], Path]


def test_the_sample_is_imported_and_its_doubts_are_told(run: Program) -> None:
    ran = run("--dump", SAMPLE)
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[0] == "18 rows: 14 imported, 0 imported before, 4 refused; 11 keys, 7 of them open"
    assert ["wrong_side_stop", "1"] in [line.split()[:2] for line in lines]
    assert (
        "wrong_side_stop: ATOMUSDT.binance (31): stop_loss_price 3.3201 stands above the entry of a long at 3.257"
        in lines
    )
    assert ran.err == ""
    again = run("--dump", SAMPLE)
    assert (again.code, again.out.splitlines()[0]) == (
        1,
        "18 rows: 0 imported, 14 imported before, 4 refused; 11 keys, 7 of them open",
    )


def test_json_says_the_same(run: Program) -> None:
    ran = run("--dump", SAMPLE, "--json", "--resolve", "keep-oldest", "--timezone", "Europe/Moscow")
    report = ran.json
    assert ran.code == 1
    assert {name: report[name] for name in report if name != "findings"} == {
        "rows": 18,
        "imported": 18,
        "already_imported": 0,
        "refused": 0,
        "streams": 11,
        "open": 9,
        "counts": {
            "two_open_rows": 2,
            "overlapping_cycles": 6,
            "intent_twice": 2,
            "spellings_fall_together": 1,
            "wrong_side_stop": 1,
            "long_decimal": 1,
            "closed_without_time": 1,
            "closed_without_reason": 1,
        },
    }
    assert next(finding for finding in report["findings"] if finding["kind"] == "spellings_fall_together") == {
        "kind": "spellings_fall_together",
        "severity": "warning",
        "stream": "FXSUSDT.binance",
        "ids": ["410", "411"],
        "message": "FXS/USDT:USDT at Binance (row 410), FXSUSDT at binance (row 411) are one key, FXSUSDT.binance",
    }


def test_nothing_found_is_exit_0(run: Program, dump: Dump, url: str) -> None:
    ran = run("--dump", dump(CLEAN))
    assert ran == Ran(0, "1 rows: 1 imported, 0 imported before, 0 refused; 1 keys, 0 of them open\n", "")
    with PositionLedger.connect(url, create=False) as ledger:
        assert [(row.position_id, row.source.value) for row in ledger.positions()] == [("APTUSDT.binance#1", "import")]


def test_a_row_that_is_refused_is_in_the_report_whole(run: Program, dump: Dump) -> None:
    ran = run("--dump", dump(CLEAN.replace("short", "none")), "--json")
    (finding,) = ran.json["findings"]
    assert (ran.code, ran.json["refused"], finding["kind"], finding["row"]["side"]) == (1, 1, "unusable_row", "none")


def test_a_naive_time_waits_for_its_zone(run: Program, dump: Dump, url: str) -> None:
    path = dump(NAIVE)
    ran = run("--dump", path)
    assert (ran.code, "pass --timezone" in ran.out) == (1, True)
    assert run("--dump", path, "--timezone", "+04:00").code == 0
    assert run("--dump", path, "--timezone", "Europe/Moscow", "--json").json["already_imported"] == 1
    with PositionLedger.connect(url) as ledger:
        assert [str(row.opened_at) for row in ledger.positions()] == ["2025-10-22 14:50:40+00:00"]


def test_only_so_many_findings_of_a_kind_are_shown(run: Program, dump: Dump) -> None:
    header, line = CLEAN.splitlines()
    rows = [line.replace("7,APT", f"{n},C{n}").replace("target", "") for n in range(23)]
    path = dump("\n".join([header, *rows]))
    shown = run("--dump", path).out.splitlines()
    assert sum(line.startswith("closed_without_reason: C") for line in shown) == 20
    assert shown[-1] == "closed_without_reason: and 3 more; see them with --verbose or --json"
    assert (
        sum(line.startswith("closed_without_reason: C") for line in run("--dump", path, "--verbose").out.splitlines())
        == 23
    )


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
def test_a_dump_may_come_through_a_pipe(
    run: Program, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pack(SAMPLE.read_bytes()))))
    assert run("--dump", "-").out.startswith("18 rows: 14 imported")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SAMPLE.read_text().partition("2558\t")[0], "is cut off: the data of monitoring.positions, from line"),
        ("INSERT INTO monitoring.positions VALUES (1);", "make it without --inserts"),
        ("PGDMP", "pg_restore -f plain.sql"),
        (CLEAN + "8,B\n", "line 3 has 2 fields"),
    ],
)
def test_a_dump_that_cannot_be_read_leaves_nothing_behind(
    run: Program, dump: Dump, url: str, text: str, words: str
) -> None:
    ran = run("--dump", dump(text))
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert not Path(url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--dump FILE or --from URL, one of them"),
        (["--dump", SAMPLE, "--from", "postgresql://localhost/x"], "--dump FILE or --from URL, one of them"),
        (["--dump", "nowhere.sql"], "'nowhere.sql' does not exist"),
        (["--dump", SAMPLE, "--timezone", "Mars/Olympus"], "'--timezone': 'Mars/Olympus' is not a time zone"),
        (["--dump", SAMPLE, "--resolve", "guess"], "'guess' is not one of 'refuse', 'keep-oldest', 'keep-newest'"),
        (["--dump", SAMPLE, "--table", "monitoring.trades"], "no data of monitoring.trades"),
        (["--from", "mysql://u:s3cret@h/x"], "--from is not a database URL"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_usage(run: Program, arguments: list[object], words: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in " ".join(ran.err.split())
    assert "s3cret" not in ran.err


def test_a_database_that_cannot_be_reached_is_exit_3(run: Program, tmp_path: Path) -> None:
    ran = run("--from", "postgresql://bot:s3cret@127.0.0.1:1/trading")
    assert (ran.code, ran.out) == (3, "")
    assert "StoreUnavailable: the legacy table could not be read" in ran.err
    assert len(ran.err.splitlines()) == 1 and "\\n" not in ran.err
    assert "s3cret" not in ran.err
    assert list(tmp_path.iterdir()) == []


def test_the_table_itself_is_imported_and_its_dump_afterwards_adds_nothing(run: Program, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE SCHEMA monitoring")
        connection.execute(
            "CREATE TABLE monitoring.positions (id bigint, signal_id bigint, symbol text, exchange text, side text,"
            " quantity numeric(20,8), entry_price numeric(20,8), has_stop_loss boolean, stop_loss_price numeric(20,8),"
            " status text, opened_at timestamptz, closed_at timestamptz, exit_reason text, exchange_order_id text)"
        )
        connection.execute(
            "INSERT INTO monitoring.positions VALUES"
            " (2548, 5483266, 'APTUSDT', 'binance', 'short', 61.8, 3.2333, false, NULL, 'rolled_back',"
            " '2025-10-22 18:50:40.981819+00', '2025-10-22 18:50:45.914876+00', 'rollback: duplicate', '53190368'),"
            " (2558, NULL, 'METUSDT', 'binance', 'short', 1200, 0.165, false, NULL, 'rolled_back',"
            " '2025-10-22 19:20:01+00', '2025-10-22 19:20:06+00', 'rollback: binance', NULL)"
        )
    first = run("--from", postgres_url, "--json")
    assert (first.code, first.json["imported"], first.json["findings"]) == (0, 2, [])
    second = run("--dump", SAMPLE, "--json")
    assert second.json["imported"] == 12
    (changed, other) = [each for each in second.json["findings"] if each["kind"] == "changed_since_import"]
    assert (changed["ids"], other["ids"]) == (["2548"], ["2558"])
    assert "exit_reason was 'rollback: duplicate' and is 'rollback: duplicate key value" in changed["message"]
    assert "quantity" not in changed["message"]
