"""`import` of an export by real processes, one of which is killed half-way."""

from __future__ import annotations

import json
import time
from itertools import count
from pathlib import Path
from subprocess import PIPE

import pytest

from domain.commands.requests import FailEntry, RequestEntry
from infrastructure.event_store.sqlite.store import SQLiteStore
from infrastructure.integrity.anchor import make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.transfer.batch import LINES_MAX
from tests.acceptance.bot import PROGRAM, run
from tests.forked_popen import ForkedPopen
from tests.infrastructure.transfer.day import live_a_day, told

STREAMS = 11
CYCLES = 100


@pytest.fixture(scope="module")
def long_export() -> bytes:
    """More than one batch of events."""
    numbers = count(1)
    store = SQLiteStore(Settings("sqlite", ":memory:"))
    with PositionLedger(store, new_id=lambda: f"command-{next(numbers)}") as ledger:
        ledger.handle_many(
            command
            for stream in range(STREAMS)
            for cycle in range(1, CYCLES + 1)
            for command in (
                RequestEntry.of(
                    symbol=f"S{stream}USDT", exchange="binance", side="long", quantity="1", intent_id=f"i{cycle}"
                ),
                FailEntry.of(position_id=f"S{stream}USDT.binance#{cycle}", reason="no", outcome="rejected"),
            )
        )
        return told(ledger)


@pytest.fixture
def day(tmp_path: Path) -> Path:
    path = tmp_path / "day.jsonl"
    with PositionLedger.connect(f"sqlite:///{tmp_path}/source.db") as ledger:
        live_a_day(ledger)
        path.write_bytes(told(ledger))
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


def events_in(url: str) -> int:
    with PositionLedger.connect(url) as ledger:
        return ledger.store.count_events()


def test_there_and_back_on_the_command_line(day: Path, ledger_url: str, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path}/source.db"
    anchor = tmp_path / "anchor.json"
    with PositionLedger.connect(source) as ledger:
        anchor.write_text(json.dumps(make_anchor(ledger.store).as_json()))
        positions = [row.as_json() for row in ledger.positions()]
    done = run(ledger_url, "import", str(day))
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1), "it says where the ledger was made"
    assert done.stdout == "14 events and 2 rejections imported; 0 and 0 were there before\n"
    assert run(ledger_url, "verify", "--anchor", str(anchor)).stdout == (
        "14 events in 2 streams, 4 rows: all of it holds\n"
    )
    with PositionLedger.connect(ledger_url) as ledger:
        assert [row.as_json() for row in ledger.positions()] == positions
        assert told(ledger) == day.read_bytes()


def test_json_says_the_same_and_stdin_is_taken(day: Path, ledger_url: str) -> None:
    done = run(ledger_url, "import", "-", "--json", stdin=day.read_bytes())
    report = json.loads(done.stdout)
    assert report | {"digest": ""} == {
        "events": 14,
        "events_before": 0,
        "rejections": 2,
        "rejections_before": 0,
        "nid": 14,
        "digest": "",
    }
    with PositionLedger.connect(ledger_url) as ledger:
        assert report["digest"] == make_anchor(ledger.store).digest


def test_a_killed_import_goes_on_where_it_stopped(long_export: bytes, ledger_url: str, tmp_path: Path) -> None:
    lines = long_export.splitlines(keepends=True)
    assert len(lines) == 2 * STREAMS * CYCLES + 2 > LINES_MAX + 100
    process = ForkedPopen[bytes]([PROGRAM, "import", "-", "--database", ledger_url], stdin=PIPE)
    assert process.stdin is not None
    process.stdin.write(b"".join(lines[: LINES_MAX + 50]))  # one batch, and the beginning of another
    process.stdin.flush()
    with PositionLedger.connect(ledger_url) as ledger:
        deadline = time.monotonic() + 60
        while (found := ledger.store.count_events()) == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.wait()
        process.stdin.close()
        assert found == ledger.store.count_events() == LINES_MAX
        assert verify(ledger.store).ok

    file = tmp_path / "ledger.jsonl"
    file.write_bytes(long_export)
    done = run(ledger_url, "import", str(file))
    left = 2 * STREAMS * CYCLES - LINES_MAX
    assert (done.returncode, done.stdout) == (
        0,
        f"{left} events and 0 rejections imported; {LINES_MAX:,} and 0 were there before\n",
    )
    with PositionLedger.connect(ledger_url) as ledger:
        assert told(ledger) == long_export
        assert verify(ledger.store).ok


def test_a_wrong_line_is_named_and_ends_in_1(day: Path, sqlite_url: str) -> None:
    day.write_bytes(day.read_bytes().replace(b"61.8", b"61.9", 1))
    done = run(sqlite_url, "import", str(day))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("made a new ledger: ")
    assert done.stderr.partition("\n")[2].startswith("ImportRefused: line 2: APTUSDT.binance version 1 has hash ")
    assert done.stderr.endswith(
        "Of this file the ledger holds the first 0 events and 0 rejections; mend the file and import it again\n"
    )
    assert "Traceback" not in done.stderr
    assert events_in(sqlite_url) == 0


def test_a_ledger_that_is_in_use_is_refused_with_1(day: Path, sqlite_url: str) -> None:
    with PositionLedger.connect(sqlite_url) as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="61.8", intent_id="1")
    done = run(sqlite_url, "import", str(day))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ImportRefused: this ledger is not empty, and its event number 1 is not the one of ")
    assert events_in(sqlite_url) == 1


def test_csv_is_refused_with_the_way_out(tmp_path: Path) -> None:
    table = tmp_path / "events.csv"
    table.write_text("nid,stream\n1,APTUSDT.binance\n")
    done = run(f"sqlite:///{tmp_path}/ledger.db", "import", str(table))
    assert (done.returncode, done.stdout) == (1, "")
    assert "of what `export` writes only JSON Lines can be imported" in done.stderr
    assert list(tmp_path.iterdir()) == [table]


def test_a_page_of_an_error_is_named(tmp_path: Path) -> None:
    page = tmp_path / "trades.csv"
    page.write_text("<!DOCTYPE html>\n<html>502 Bad Gateway</html>\n")
    done = run(f"sqlite:///{tmp_path}/ledger.db", "import", str(page))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"StatementRefused: {page} is a page of a website, as one gets in place of a file when" in done.stderr
    assert list(tmp_path.iterdir()) == [page]


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    done = run(f"sqlite:///{tmp_path}/ledger.db", "import", "nothing.jsonl")
    assert (done.returncode, "does not exist" in done.stderr) == (2, True)
