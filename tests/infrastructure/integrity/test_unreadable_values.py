"""Values that are no hash, no time or no text: each is named with its way out, and the rest is looked at."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from domain.errors import HistoryDamaged, PositionAlreadyOpen
from infrastructure.integrity.anchor import make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from infrastructure.settings import Settings
from projections.projection import STATISTICS
from tests.acceptance.bot import run
from tests.infrastructure.integrity.tampering import Tamper, on_sqlite


def test_a_row_that_cannot_be_read_is_named_with_the_way_out(tamper: Tamper, ledger: PositionLedger) -> None:
    tamper("UPDATE positions SET leg = 'SIDEWAYS' WHERE symbol = 'APTUSDT'")
    with pytest.raises(HistoryDamaged, match=r"the row of APTUSDT\.binance#1 .*`position-ledger rebuild`"):
        ledger.positions()
    assert [found.where for found in verify(ledger.store).findings] == ["APTUSDT.binance#1"]
    assert ledger.rebuild().differences == 1
    assert verify(ledger.store).ok


def test_an_event_that_was_left_out_at_no_time_is_named_and_the_rest_is_looked_at(
    tamper: Tamper, ledger: PositionLedger
) -> None:
    what = "nid, stream, version, type, '', '', '', 'infinity' FROM ledger_events WHERE nid = 2"
    tamper(f"INSERT INTO projection_skips SELECT 'statistics', {what}")
    tamper("UPDATE positions SET exit_reason = 'x' WHERE symbol = 'APTUSDT'")
    left_out, row = sorted(verify(ledger.store).findings, key=lambda found: found.kind)
    assert (left_out.kind, left_out.where, row.where) == ("projection", "statistics", "APTUSDT.binance#1")
    assert "left out" in left_out.message and "none of its rows was looked at" in left_out.message


@pytest.mark.parametrize("hashed", ["zz", "", "é" * 32, "AB" * 32, "00", "0" * 63 + "g", " " + "0" * 63])
def test_a_hash_that_is_none_is_named_and_what_follows_it_is_looked_at(
    ledger: PositionLedger, tamper: Tamper, ledger_url: str, hashed: str
) -> None:
    if Settings.read(ledger_url).kind == "postgresql":
        tamper("ALTER TABLE ledger_events DROP CONSTRAINT ledger_events_hash")
    tamper(f"UPDATE ledger_events SET hash = '{hashed}' WHERE stream = 'APTUSDT.binance' AND version = 2")
    found = [(each.kind, each.where) for each in verify(ledger.store).findings if each.kind != "guard"]
    assert found == [("hash", "APTUSDT.binance version 2")]
    with pytest.raises(HistoryDamaged, match=r"APTUSDT\.binance version 2 has the hash"):
        make_anchor(ledger.store)


@pytest.mark.parametrize("hashed", ["zz", "AB" * 32, "0" * 65, ""])
def test_what_is_no_hash_is_not_stored(ledger: PositionLedger, ledger_url: str, hashed: str) -> None:
    del ledger
    settings = Settings.read(ledger_url)
    statement = (
        "INSERT INTO ledger_events (stream, version, type, payload, hash, command_id, cycle, ts_recorded)"
        f" VALUES ('X.y', 1, 'x', '', '{hashed}', '', 1, '2025-01-01T00:00:00Z')"
    )
    if settings.kind == "sqlite":
        with closing(sqlite3.connect(settings.where)) as file, pytest.raises(sqlite3.IntegrityError, match="64 hex"):
            file.execute(statement)
    else:
        with psycopg.connect(settings.where) as owner, pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(statement.encode())


def test_a_command_after_a_hash_that_is_none_is_refused(
    ledger: PositionLedger, tamper: Tamper, ledger_url: str
) -> None:
    if Settings.read(ledger_url).kind == "postgresql":
        tamper("ALTER TABLE ledger_events DROP CONSTRAINT ledger_events_hash")
    tamper("UPDATE ledger_events SET hash = 'zz' WHERE stream = 'APTUSDT.binance' AND version = 4")
    with PositionLedger.connect(ledger_url) as again, pytest.raises(HistoryDamaged, match="'zz'"):
        again.start_rollback(position_id="APTUSDT.binance#1", reason="x")
    assert ledger.store.count_events() == 8


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE positions SET side = 'sideways' WHERE stream = 'APTUSDT.binance'",
        "UPDATE positions SET fees_other = '[' WHERE stream = 'APTUSDT.binance'",
        "UPDATE positions SET status = '' WHERE stream = 'APTUSDT.binance'",
    ],
)
def test_a_row_that_is_none_is_named_and_the_others_are_looked_at(
    ledger: PositionLedger, tamper: Tamper, statement: str
) -> None:
    tamper(statement)
    tamper("DELETE FROM positions WHERE stream = 'PERPUSDT.binance'")
    assert [(found.kind, found.where) for found in verify(ledger.store).findings] == [
        ("row", "APTUSDT.binance#1"),
        ("row", "PERPUSDT.binance#1"),
    ]


ODD_TIMES = ["infinity", "-infinity", "12026-01-01 00:00:00+00", "0044-03-15 00:00:00+00 BC"]


@pytest.fixture(params=ODD_TIMES)
def odd(postgres_url: str, request: pytest.FixtureRequest) -> str:
    """A ledger with a time that is none in every table of times, and a number that is none beside it."""
    with PositionLedger.connect(postgres_url) as ledger:
        for symbol in ("APTUSDT", "PERPUSDT"):
            ledger.request_entry(symbol=symbol, exchange="binance", side="short", quantity="1", intent_id="1")
            with pytest.raises(PositionAlreadyOpen):
                ledger.request_entry(symbol=symbol, exchange="binance", side="short", quantity="1", intent_id="2")
        Projector(ledger.store, STATISTICS).catch_up()
    time = (request.param,)
    with psycopg.connect(postgres_url) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE ledger_events SET ts_recorded = %s WHERE nid = 1", time)
        owner.execute("UPDATE positions SET updated_at = %s WHERE symbol = 'APTUSDT'", time)
        owner.execute("UPDATE projection_rows SET ended_at = %s WHERE position_id LIKE 'APT%%'", time)
        owner.execute("UPDATE rejections SET ts_recorded = %s WHERE stream = 'APTUSDT.binance'", time)
        owner.execute("UPDATE positions SET quantity = 'NaN' WHERE symbol = 'PERPUSDT'")
    return postgres_url


def test_a_time_that_is_none_is_named_and_the_rest_is_looked_at(odd: str) -> None:
    with PositionLedger.connect(odd) as ledger:
        found = verify(ledger.store).findings
        assert [(each.kind, each.where) for each in found] == [
            ("columns", "APTUSDT.binance version 1"),
            ("row", "APTUSDT.binance#1"),
            ("projection", "APTUSDT.binance#1"),
            ("row", "PERPUSDT.binance#1"),
            ("refusal", "APTUSDT.binance"),
        ]
        with pytest.raises(HistoryDamaged, match="is not a time"):
            make_anchor(ledger.store)
        with pytest.raises(HistoryDamaged, match=r"the row of APTUSDT\.binance#1"):
            ledger.positions()


@pytest.mark.parametrize("odd", ODD_TIMES[-1:], indirect=True)
def test_a_command_that_meets_a_time_that_is_none_says_so(odd: str) -> None:
    for command in (["anchor"], ["export"], ["export", "--what", "positions", "--format", "csv"], ["diagnose"]):
        done = run(odd, *command)
        assert "Traceback" not in done.stderr
        assert "HistoryDamaged" in done.stderr or command == ["diagnose"], command
    assert run(odd, "verify").returncode == 1


BYTES = "CAST(x'41ff42' AS TEXT)"


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        (f"UPDATE ledger_events SET payload = {BYTES} WHERE nid = 2", {"hash", "event", "row", "projection"}),
        (f"UPDATE ledger_events SET type = {BYTES} WHERE nid = 2", {"hash", "event", "row", "projection"}),
        (f"UPDATE ledger_events SET command_id = {BYTES} WHERE nid = 2", {"columns"}),
        (f"UPDATE ledger_events SET hash = {BYTES} WHERE nid = 2", {"hash"}),
        (f"UPDATE ledger_events SET ts_recorded = {BYTES} WHERE nid = 2", {"columns"}),
        (
            f"UPDATE ledger_events SET stream = {BYTES} WHERE nid = 2",
            {"stream", "version", "hash", "event", "row", "projection"},
        ),
        (f"UPDATE positions SET exit_reason = {BYTES} WHERE symbol = 'APTUSDT'", {"row"}),
        (f"UPDATE positions SET quantity = {BYTES} WHERE symbol = 'APTUSDT'", {"row"}),
        (f"UPDATE positions SET stream = {BYTES} WHERE symbol = 'APTUSDT'", {"row"}),
        (f"UPDATE projection_rows SET row = {BYTES} WHERE position_id LIKE 'APT%'", {"projection"}),
        (f"UPDATE projection_rows SET position_id = {BYTES} WHERE position_id LIKE 'APT%'", {"projection"}),
        (f"UPDATE rejections SET message = {BYTES}", set()),
        (f"UPDATE rejections SET stream = {BYTES}", {"refusal"}),
        (f"UPDATE rejections SET ts_recorded = {BYTES}", {"refusal"}),
    ],
)
def test_what_is_no_text_is_named_and_the_rest_is_looked_at(tmp_path: Path, statement: str, kinds: set[str]) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with PositionLedger.connect(url) as ledger:
        for symbol in ("APTUSDT", "PERPUSDT"):
            position_id = ledger.request_entry(
                symbol=symbol, exchange="binance", side="short", quantity="1", intent_id="1"
            ).position_id
            ledger.record_entry_placed(position_id=position_id, exchange_order_id="1", filled_qty="1", avg_px="3")
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="2")
        Projector(ledger.store, STATISTICS).catch_up()
        on_sqlite(f"{tmp_path}/ledger.db", statement)
        on_sqlite(f"{tmp_path}/ledger.db", "DELETE FROM positions WHERE symbol = 'PERPUSDT'")
        found = [(each.kind, each.where) for each in verify(ledger.store).findings]
        assert ("row", "PERPUSDT.binance#1") in found, "the rest"
        assert {kind for kind, where in found if "PERP" not in where} == kinds
        if "SET position_id" not in statement:  # by which nobody but its follower asks
            with pytest.raises(HistoryDamaged, match=r"bytes that are no text|cannot be read as"):
                everything(ledger)


def test_what_is_no_text_in_the_middle_of_a_walk_is_looked_at_once_as_all_else(tmp_path: Path) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        for symbol in ("APTUSDT", "BTCUSDT", "PERPUSDT"):
            ledger.request_entry(symbol=symbol, exchange="binance", side="short", quantity="1", intent_id="1")
        on_sqlite(f"{tmp_path}/ledger.db", f"UPDATE ledger_events SET command_id = {BYTES} WHERE stream LIKE 'BTC%'")
        on_sqlite(f"{tmp_path}/ledger.db", f"UPDATE positions SET exit_reason = {BYTES} WHERE symbol = 'PERPUSDT'")
        verified = verify(ledger.store)
    assert [(each.kind, each.stream) for each in verified.findings] == [
        ("columns", "BTCUSDT.binance"),
        ("row", "PERPUSDT.binance"),
    ]
    assert (verified.events, verified.streams, verified.rows) == (3, 3, 3)


def everything(ledger: PositionLedger) -> None:
    ledger.positions()
    ledger.rejections()
    make_anchor(ledger.store)
    for stream in ("APTUSDT.binance", "PERPUSDT.binance"):
        ledger.history(stream)
    list(ledger.store.log())
    Projector(ledger.store, STATISTICS).lasting(datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("column", ["stream", "payload", "hash"])
def test_a_command_that_reads_what_is_no_text_says_so(tmp_path: Path, column: str) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with PositionLedger.connect(url) as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="1")
    on_sqlite(f"{tmp_path}/ledger.db", f"UPDATE ledger_events SET {column} = {BYTES}")
    verified = run(url, "verify")
    assert (verified.returncode, "Traceback" in verified.stderr) == (1, False)
    for command in ("anchor", "export"):
        said = run(url, command).stderr
        assert "Traceback" not in said
        assert "HistoryDamaged" in said or (command, column) == ("anchor", "payload"), "an anchor is of hashes"
