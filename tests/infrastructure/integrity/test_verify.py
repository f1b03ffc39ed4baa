"""Verifying history: every change that somebody makes with the guards removed is found and named."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from domain.alteration import altered
from domain.errors import HistoryDamaged, StoreError
from domain.values import EPOCH
from infrastructure.event_store.codec import encode
from infrastructure.event_store.hash_chain import GENESIS, chained
from infrastructure.integrity.anchor import check_anchor, make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger_clock import now
from infrastructure.settings import Settings
from projections.positions import project
from tests.acceptance.bot import run
from tests.infrastructure.integrity.tampering import Tamper
from tests.infrastructure.roles import as_role, made_role

LEFT_OUT = "INSERT INTO projection_skips SELECT 'statistics',"
WHAT = "version, type, '', '', '', ts_recorded FROM ledger_events WHERE nid = 2"


def test_what_nobody_touched_holds(ledger: PositionLedger) -> None:
    report = verify(ledger.store)
    assert (report.ok, report.events, report.streams, report.rows) == (True, 8, 2, 2)
    assert check_anchor(ledger.store, make_anchor(ledger.store)) == []


@pytest.mark.parametrize(
    ("statement", "kind", "where"),
    [
        (
            "UPDATE ledger_events SET payload = replace(payload, '61.8', '61.9') WHERE nid = 2",
            "hash",
            "APTUSDT.binance version 2",
        ),
        (
            "UPDATE ledger_events SET type = 'EntryOutcomeUnknown.v1' WHERE stream = 'APTUSDT.binance' AND version = 4",
            "hash",
            "APTUSDT.binance version 4",
        ),
        (
            "DELETE FROM ledger_events WHERE stream = 'PERPUSDT.binance' AND version = 2",
            "version",
            "PERPUSDT.binance version 3",
        ),
        ("UPDATE ledger_events SET version = version + 10 WHERE stream = 'APTUSDT.binance' AND version = 4", "version",
         "APTUSDT.binance version 14"),
        (
            "UPDATE ledger_events SET stream = 'BTCUSDT.binance' WHERE stream = 'PERPUSDT.binance'",
            "hash",
            "BTCUSDT.binance version 1",
        ),
        (
            "UPDATE ledger_events SET ts_recorded = '2020-01-01T00:00:00.000000Z' WHERE version = 3",
            "columns",
            "APTUSDT.binance version 3",
        ),
        (
            "UPDATE ledger_events SET mark = NULL WHERE stream = 'APTUSDT.binance'",
            "columns",
            "APTUSDT.binance version 1",
        ),
        (
            "UPDATE ledger_events SET command_id = 'another' WHERE stream = 'APTUSDT.binance' AND version = 3",
            "columns",
            "APTUSDT.binance version 3",
        ),
        ("UPDATE positions SET quantity = '7' WHERE stream = 'APTUSDT.binance'", "row", "APTUSDT.binance#1"),
        ("UPDATE positions SET protected = '0' WHERE stream = 'PERPUSDT.binance'", "row", "PERPUSDT.binance#1"),
        ("DELETE FROM positions WHERE stream = 'PERPUSDT.binance'", "row", "PERPUSDT.binance#1"),
        ("UPDATE positions SET position_id = 'X.y#1', stream = 'X.y' WHERE stream = 'APTUSDT.binance'", "row", "X.y#1"),
        ("UPDATE positions_orders SET position_id = 'X.y#1' WHERE position_id LIKE 'APT%'", "row", "X.y#1"),
        ("INSERT INTO positions_orders VALUES ('PERPUSDT.binance#2', 0, '{}')", "row", "PERPUSDT.binance#2"),
        ("DELETE FROM positions_orders WHERE position_id = 'APTUSDT.binance#1'", "row", "APTUSDT.binance#1"),
        ("UPDATE positions_orders SET body = '{' WHERE position_id LIKE 'PERP%'", "row", "PERPUSDT.binance#1"),
        ("UPDATE positions_orders SET body = body || ' ' WHERE position_id LIKE 'PERP%'", "row", "PERPUSDT.binance#1"),
        ("UPDATE positions_orders SET place = -1 WHERE position_id LIKE 'PERP%' AND place = 0", "row",
         "PERPUSDT.binance#1"),
        ("UPDATE positions_orders SET place = 7 WHERE position_id LIKE 'PERP%' AND place = 1", "row",
         "PERPUSDT.binance#1"),
        (f"{LEFT_OUT} nid, 'X.y', {WHAT}", "projection", "nid 2"),
        (f"{LEFT_OUT} 77, stream, {WHAT}", "projection", "nid 77"),
    ],
)  # fmt: skip
def test_what_was_changed_is_named(
    ledger: PositionLedger, tamper: Tamper, statement: str, kind: str, where: str
) -> None:
    tamper(statement)
    report = verify(ledger.store)
    assert not report.ok
    assert (kind, where) in {(found.kind, found.where) for found in report.findings}


@pytest.mark.parametrize(
    ("version", "changed", "message"),
    [
        (1, {"intent_id": "9"}, "opens APTUSDT.binance#1, which was opened before"),
        (4, {"ts_recorded": EPOCH}, "says that it was recorded before version 4 was"),
        (4, {}, None),
    ],
)
def test_what_no_command_records_is_named_though_its_hash_and_row_fit(
    ledger: PositionLedger, version: int, changed: dict[str, Any], message: str | None
) -> None:
    """Whoever may append, as the role of a bot, can do so without the ledger."""
    written = ledger.history("APTUSDT.binance")[version - 1].event
    forged = altered(written, originator_version=5, **changed)
    row = project(ledger.position("APTUSDT.binance#1"), forged)
    ledger.store.insert_events([encode(forged)], rows=[row])
    found = {found.message for found in verify(ledger.store).findings}
    assert message in found if message else not found


@pytest.mark.parametrize(("cycle", "is_named"), [(2, False), (3, True)])
def test_a_cycle_whose_number_does_not_follow_is_named_though_its_hash_and_row_fit(
    ledger: PositionLedger, cycle: int, *, is_named: bool
) -> None:
    ledger.start_rollback(position_id="APTUSDT.binance#1", reason="forged")
    last = ledger.roll_back(position_id="APTUSDT.binance#1", evidence={"position_quantity": "0"}).version
    written = ledger.history("APTUSDT.binance")[0].event
    forged = altered(written, originator_version=last + 1, cycle=cycle, intent_id="9", ts_recorded=now())
    ledger.store.insert_events([encode(forged)], rows=[project(None, forged)])
    message = "opens cycle 3, where 1 was the last"
    assert [each.message for each in verify(ledger.store).findings] == [message] * is_named


def test_a_row_that_is_filed_as_of_another_stream_is_found_by_its_id(ledger: PositionLedger, tamper: Tamper) -> None:
    tamper("UPDATE positions SET stream = 'X.y' WHERE symbol = 'APTUSDT'")
    (found,) = verify(ledger.store).findings
    assert (found.kind, found.where) == ("row", "APTUSDT.binance#1")
    assert found.message == "differs in stream (X.y, but its events say APTUSDT.binance)"


def test_an_inserted_event_is_named(ledger: PositionLedger, tamper: Tamper, ledger_url: str) -> None:
    anchor = make_anchor(ledger.store)
    (first,) = ledger.store.load("APTUSDT.binance")[:1]
    forged = chained(GENESIS, "ETHUSDT.binance", 1, first.topic, first.state)
    tamper("UPDATE ledger_events SET nid = nid + 100 WHERE nid > 4")
    tamper(
        f"INSERT INTO ledger_events (nid, stream, version, type, command_id, intent_id, cycle, mark, payload, hash,"
        f" ts_recorded) SELECT 5, 'ETHUSDT.binance', 1, type, command_id, intent_id, cycle, mark, payload,"
        f" '{forged}', ts_recorded FROM ledger_events WHERE nid = 1"
    )
    if Settings.read(ledger_url).kind == "postgresql":
        tamper("SELECT setval(pg_get_serial_sequence('ledger_events', 'nid'), 108)")
    ledger.rebuild()
    assert verify(ledger.store).ok, "a forger who can compute hashes makes a stream that holds"
    inserted = {found.where: found.message for found in check_anchor(ledger.store, anchor)}
    assert "was inserted" in inserted["ETHUSDT.binance"]


def test_a_rewritten_stream_is_named_though_its_hashes_were_computed_anew(
    ledger: PositionLedger, tamper: Tamper
) -> None:
    anchor = make_anchor(ledger.store)
    head = GENESIS
    for stored in ledger.store.load("APTUSDT.binance"):
        payload = stored.state.decode().replace("61.8", "61.9")
        head = chained(head, "APTUSDT.binance", stored.originator_version, stored.topic, payload.encode())
        tamper(
            f"UPDATE ledger_events SET payload = '{payload}', hash = '{head}'"
            f" WHERE stream = 'APTUSDT.binance' AND version = {stored.originator_version}"
        )
    ledger.rebuild()
    assert verify(ledger.store).ok
    (found,) = check_anchor(ledger.store, anchor)
    assert (found.where, found.message) == (
        "APTUSDT.binance version 4",
        "has another hash: something up to here changed",
    )


@pytest.mark.usefixtures("ledger")
def test_a_gap_in_a_stream_stops_commands_too(tamper: Tamper, ledger_url: str) -> None:
    tamper("DELETE FROM ledger_events WHERE stream = 'APTUSDT.binance' AND version = 2")
    with PositionLedger.connect(ledger_url) as fresh, pytest.raises(StoreError, match="jumps from version 1 to 3"):
        fresh.close(position_id="APTUSDT.binance#1", exit_reason="target")


def test_a_second_spelling_of_a_key_is_named(ledger: PositionLedger, tamper: Tamper) -> None:
    tamper("UPDATE ledger_events SET stream = 'perpusdt.binance' WHERE stream = 'PERPUSDT.binance'")
    tamper("UPDATE ledger_events SET stream = 'no key' WHERE stream = 'APTUSDT.binance'")
    found = {(each.kind, each.where) for each in verify(ledger.store).findings}
    assert {("stream", "perpusdt.binance"), ("stream", "no key")} <= found


def test_a_place_out_of_order_is_named(ledger: PositionLedger, tamper: Tamper) -> None:
    tamper("UPDATE ledger_events SET nid = -1 WHERE stream = 'APTUSDT.binance' AND version = 3")
    found = [(each.kind, each.where) for each in verify(ledger.store).findings]
    assert found == [("nid", "APTUSDT.binance version 3")]


def test_a_sequence_that_was_set_back_is_named_by_who_meets_it(postgres_url: str) -> None:
    entry: dict[str, Any] = {"exchange": "binance", "side": "short", "quantity": "1", "intent_id": "1"}
    with PositionLedger.connect(postgres_url) as ledger, psycopg.connect(postgres_url, autocommit=True) as owner:
        for symbol in ("APTUSDT", "PERPUSDT"):
            ledger.request_entry(symbol=symbol, **entry)
        owner.execute("ALTER SEQUENCE ledger_events_nid_seq RESTART WITH 1")
        with pytest.raises(HistoryDamaged, match="its sequence stands behind the log") as refusal:
            ledger.request_entry(symbol="BTCUSDT", **entry)
        owner.execute(refusal.value.message.rpartition("let its owner say where it ends: ")[2].encode())
        assert ledger.request_entry(symbol="BTCUSDT", **entry).may_order
        assert verify(ledger.store).ok


@pytest.mark.parametrize("as_bot", [False, True])
def test_a_place_that_nobody_handed_out_is_named(ledger_url: str, *, as_bot: bool) -> None:
    settings = Settings.read(ledger_url)
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="1")
        assert verify(ledger.store).unchecked == ()
    if settings.kind == "sqlite":
        return  # whatever is there, the next place is after it
    with made_role(settings.where) as role, psycopg.connect(settings.where, autocommit=True) as owner:
        assert run(ledger_url, "init", "--runtime-role", role).returncode == 0
        url = as_role(ledger_url, role) if as_bot else ledger_url
        with PositionLedger.connect(url) as auditor:
            assert verify(auditor.store).ok
            owner.execute("SET session_replication_role = replica")
            owner.execute("ALTER TABLE ledger_events ALTER nid SET GENERATED BY DEFAULT")
            owner.execute("UPDATE ledger_events SET nid = 900000000000000000")
            assert [(each.kind, each.where) for each in verify(auditor.store).findings] == [
                ("nid", "APTUSDT.binance version 1")
            ]
            owner.execute(f"REVOKE SELECT ON SEQUENCE ledger_events_nid_seq FROM {role}".encode())
            report = verify(auditor.store)
            assert (report.ok, len(report.unchecked)) == (as_bot, as_bot)
            said = run(url, "verify", "--json")
            assert json.loads(said.stdout)["unchecked"] == list(report.unchecked)
            assert ("note: not checked: places" in said.stderr) == as_bot
