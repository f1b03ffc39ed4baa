"""`export` on the command line: its files and its refusals."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE
from threading import Thread

import pytest
from pyarrow import parquet

from domain.commands.requests import RecordEntryFill
from infrastructure.event_store.records import EventRecord, IndexColumns
from infrastructure.ledger.ledger import PositionLedger
from scripts.cli import main
from tests.acceptance.bot import PROGRAM
from tests.acceptance.bot import run as command
from tests.forked_popen import ForkedPopen
from tests.infrastructure.transfer.day import live_a_day, told


@pytest.fixture
def url(tmp_path: Path) -> str:
    """What a store gives is told in tests/infrastructure/transfer; here is where it goes."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    with PositionLedger.connect(f"sqlite:///{folder}/ledger.db") as ledger:
        live_a_day(ledger)
    return f"sqlite:///{folder}/ledger.db"


@pytest.fixture
def expected(url: str) -> bytes:
    with PositionLedger.connect(url) as ledger:
        return told(ledger)


Run = Callable[..., tuple[int | str | None, bytes, str]]


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def run(*arguments: object) -> tuple[int | str | None, bytes, str]:
        monkeypatch.setattr(sys, "argv", ["position-ledger", "export", *map(str, arguments), "--database", url])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfdbinary.readouterr()
        return ended.value.code, out, err.decode()

    return run


def test_the_whole_ledger_goes_to_stdout(run: Run, expected: bytes) -> None:
    assert run() == (0, expected, "14 events and 2 rejections exported\n")


def test_a_file_is_there_whole_and_nothing_beside_it(run: Run, expected: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    path = folder / "ledger.jsonl"
    assert run("--output", path) == (0, b"", f"14 events and 2 rejections exported to {path}\n")
    assert path.read_bytes() == expected
    assert list(folder.iterdir()) == [path]


def test_a_file_that_is_there_is_not_overwritten_unless_forced(run: Run, expected: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("mine")
    code, out, err = run("--output", path)
    assert (code, out) == (1, b"")
    assert err == f"ExportRefused: {path} is there already; name another file, or overwrite it with --force\n"
    assert path.read_text() == "mine"
    assert run("--output", path, "--force")[0] == 0
    assert path.read_bytes() == expected


def test_gzip_by_the_ending_and_the_same_bytes_every_time(run: Run, expected: bytes, tmp_path: Path) -> None:
    one, other = tmp_path / "one.jsonl.gz", tmp_path / "other.jsonl.gz"
    run("--output", one)
    run("--output", other)
    assert gzip.decompress(one.read_bytes()) == expected
    assert one.read_bytes() == other.read_bytes()
    table = tmp_path / "positions.csv.gz"
    assert run("--what", "positions", "--output", table)[0] == 0
    assert gzip.decompress(table.read_bytes()).startswith(b"position_id,symbol,")


def test_the_ending_says_the_format(run: Run, tmp_path: Path) -> None:
    assert run("--output", tmp_path / "events.csv")[2].startswith("14 events exported to")
    assert len(list(csv.reader(io.StringIO((tmp_path / "events.csv").read_text(encoding="utf-8"), newline="")))) == 15
    assert run("--what", "positions", "--output", tmp_path / "positions.parquet")[0] == 0
    assert parquet.read_table(tmp_path / "positions.parquet").num_rows == 4
    assert run("--output", tmp_path / "lines", "--format", "jsonl")[0] == 0
    assert run("--what", "rejections", "--output", tmp_path / "refused.ndjson")[0] == 0
    assert [json.loads(line)["kind"] for line in (tmp_path / "refused.ndjson").read_bytes().splitlines()] == [
        "export",
        "rejection",
        "rejection",
        "end",
    ]


def test_parquet_goes_down_a_pipe(run: Run) -> None:
    code, out, _ = run("--format", "parquet", "--what", "rejections")
    assert (code, parquet.read_table(io.BytesIO(out)).num_rows) == (0, 2)


def test_a_filter_chooses_keys_in_any_spelling(run: Run) -> None:
    code, out, err = run("--what", "events", "--format", "csv", "--symbol", "apt/usdt:usdt", "--exchange", "Binance")
    rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
    assert (code, err) == (0, "7 events exported\n")
    assert {row["stream"] for row in rows} == {"APTUSDT.binance"}
    assert run("--what", "positions", "--account", "sub1")[2].endswith("\n0 positions exported\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "ledger.txt"], "its ending says no format; end it in .jsonl, .ndjson, .csv, .parquet, or name"),
        (["--what", "ledger", "--format", "csv"], "--what ledger is for JSON Lines; csv holds one kind of row"),
        (["--symbol", "APTUSDT"], "--what ledger is all of it, or it could not be imported"),
        (["--output", "events.parquet.gz"], "Parquet is compressed already; leave out .gz"),
        (["--what", "everything"], "'everything' is not one of"),
        (["--format", "xml"], "'xml' is not one of"),
        (["--output", "."], "is a directory"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str], words: str, run: Run) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, b"")
    assert words in err


def test_without_pyarrow_the_extra_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "infrastructure.transfer.columnar.parquet_writer", raising=False)
    code, _, err = run("--output", tmp_path / "events.parquet")
    assert code == 1
    assert "ExportRefused: Parquet needs pyarrow" in err and "pip install pyarrow" in err
    assert "events.parquet" not in [path.name for path in tmp_path.iterdir()]
    assert run("--output", tmp_path / "events.csv")[0] == 0


def test_an_export_that_fails_half_way_leaves_no_file(run: Run, url: str, tmp_path: Path) -> None:
    with PositionLedger.connect(url) as ledger:
        columns = IndexColumns("", None, 0, None, "2025-10-22T18:50:40.000000Z")
        ledger.store.insert_events([EventRecord("PERPUSDT.binance", 1, "Nonsense.v1", b"[]", columns)])
    before = sorted(tmp_path.iterdir())
    code, _, err = run("--output", tmp_path / "events.csv")
    assert (code, err.partition(":")[0]) == (3, "HistoryDamaged")
    assert sorted(tmp_path.iterdir()) == before
    code, _, err = run("--output", tmp_path / "nowhere" / "ledger.jsonl")
    assert (code, "cannot be written: No such file or directory" in err) == (1, True)


def test_an_export_that_is_ended_half_way_leaves_no_file(tmp_path: Path) -> None:
    url, folder = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "out"
    folder.mkdir()
    with PositionLedger.connect(url) as ledger:
        position_id = ledger.request_entry(
            symbol="APTUSDT", exchange="binance", side="long", quantity="4000", intent_id="1"
        ).position_id
        ledger.record_entry_placed(position_id=position_id, exchange_order_id="1")
        fill = RecordEntryFill(position_id=position_id, exchange_order_id="1", trade_id="0", last_qty="1", last_px="3")
        ledger.handle_many([fill.model_copy(update={"trade_id": f"{number}"}) for number in range(4_000)])
    target = str(folder / "ledger.jsonl.gz")
    words = [PROGRAM, "export", "--database", url, "--output", target]
    exporting = ForkedPopen[bytes](words, stderr=PIPE)
    while not any(folder.iterdir()):
        assert exporting.poll() is None
    exporting.terminate()
    said = exporting.communicate(timeout=60)[1]
    assert (exporting.returncode, list(folder.iterdir())) == (143, []), said


def test_a_named_pipe_is_written_to_as_it_is(run: Run, expected: bytes, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert run("--output", pipe)[0] == 0
    reader.join()
    assert read == [expected]
    assert pipe.is_fifo()


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = command(f"sqlite:///{tmp_path}/none.db", "export")
    assert (done.returncode, done.stdout) == (3, "")
    assert "position-ledger init" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_ends_it_quietly(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        for number in range(300):  # more than a pipe holds
            symbol = f"S{number}USDT"
            ledger.request_entry(symbol=symbol, exchange="binance", side="long", quantity="1", intent_id="1")
    words = [PROGRAM, "export", "--database", ledger_url]
    with ForkedPopen[bytes](words, stdout=PIPE, stderr=PIPE) as export:
        assert export.stdout is not None and export.stderr is not None
        assert export.stdout.readline().startswith(b'{"kind":"export"')
        export.stdout.close()
        assert export.stderr.read() == b""
        assert export.wait(60) == 1


@pytest.mark.parametrize("arguments", [["--output", "/dev/full", "--format", "jsonl"], []])
def test_a_full_disk_is_said_without_a_traceback(url: str, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([PROGRAM, "export", "--database", url, *arguments], stdout=full, stderr=PIPE, check=False)
    where = "/dev/full" if arguments else "stdout"
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[0] == f"ExportRefused: {where} cannot be written: No space left on device"
    assert b"Traceback" not in done.stderr and b"ignored" not in done.stderr
