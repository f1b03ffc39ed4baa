"""Anchors: each names what was changed, cut off or put in before its place, and minds nothing after it."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from domain.errors import PositionAlreadyOpen
from infrastructure.integrity.anchor import Anchor, InvalidAnchor, check_anchor, make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from tests.acceptance.bot import run
from tests.infrastructure.integrity.tampering import Tamper, on_sqlite


def test_a_tail_that_was_cut_off_is_named_by_the_anchor_alone(ledger: PositionLedger, tamper: Tamper) -> None:
    anchor = make_anchor(ledger.store)
    tamper("DELETE FROM ledger_events WHERE stream = 'APTUSDT.binance' AND version > 2")
    ledger.rebuild()
    assert verify(ledger.store).ok, "what is left is consistent in itself"
    (found,) = check_anchor(ledger.store, anchor)
    assert (found.where, found.message) == ("APTUSDT.binance", "was cut off: it ends at version 2, then at 4")


def test_a_stream_that_was_removed_is_named_by_the_anchor_alone(ledger: PositionLedger, tamper: Tamper) -> None:
    anchor = make_anchor(ledger.store)
    tamper("DELETE FROM ledger_events WHERE stream = 'APTUSDT.binance'")
    ledger.rebuild()
    assert verify(ledger.store).ok
    assert [found.where for found in check_anchor(ledger.store, anchor)] == ["APTUSDT.binance"]


def test_an_event_that_was_put_before_the_place_of_an_anchor_is_found(ledger: PositionLedger, tamper: Tamper) -> None:
    tamper("UPDATE ledger_events SET nid = nid + 10 WHERE nid > 4")
    anchor = make_anchor(ledger.store)
    ledger.close(position_id="APTUSDT.binance#1", exit_reason="target", avg_px_close="3.1")
    tamper("UPDATE ledger_events SET nid = 9 WHERE nid > 18")
    (found,) = check_anchor(ledger.store, anchor)
    assert (found.where, found.message) == (
        "APTUSDT.binance",
        "had events inserted: it ends at version 5, then at 4",
    )


def test_events_of_two_streams_that_changed_places_are_found_by_the_anchor_alone(
    ledger: PositionLedger, tamper: Tamper
) -> None:
    anchor = make_anchor(ledger.store)
    for before, after in ((4, 100), (5, 4), (100, 5)):
        tamper(f"UPDATE ledger_events SET nid = {after} WHERE nid = {before}")
    assert verify(ledger.store).ok, "each stream is as it was"
    (found,) = check_anchor(ledger.store, anchor)
    assert found.message == "the events up to here stand in another order than then"


def test_an_anchor_does_not_mind_what_came_after_it(ledger: PositionLedger) -> None:
    anchor = Anchor.read(json.dumps(make_anchor(ledger.store).as_json()))
    ledger.close(position_id="APTUSDT.binance#1", exit_reason="target", avg_px_close="3.1")
    ledger.request_entry(symbol="BTCUSDT", exchange="binance", side="long", quantity="1", intent_id="b")
    assert check_anchor(ledger.store, anchor) == []


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2, "nid": 1, "events": 1, "digest": "", "streams": {}}'])
def test_what_is_no_anchor_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(InvalidAnchor, match=r"no anchor|has format") as refused:
        Anchor.read(text)
    assert "\n" not in refused.value.message and "pydantic" not in refused.value.message


def test_an_anchor_covers_refusals(ledger: PositionLedger, tamper: Tamper) -> None:
    for intent in ("again", "and again"):
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id=intent)
    anchor = Anchor.read(json.dumps(make_anchor(ledger.store).as_json()))
    assert anchor.refusals == 2
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="later")
    assert check_anchor(ledger.store, anchor) == []
    tamper("UPDATE rejections SET intent_id = 'another' WHERE intent_id = 'again'")
    assert [found.message for found in check_anchor(ledger.store, anchor)] == ["one of the first 2 was changed"]
    tamper("DELETE FROM rejections WHERE intent_id <> 'later'")
    assert [found.message for found in check_anchor(ledger.store, anchor)] == ["there were 2, and 1 are left"]


def test_an_anchor_of_an_earlier_version_says_nothing_of_refusals(ledger: PositionLedger, tamper: Tamper) -> None:
    written = make_anchor(ledger.store).as_json()
    del written["refusals"], written["refusals_digest"]
    anchor = Anchor.read(json.dumps(written))
    assert anchor.refusals is None
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="x")
    tamper("DELETE FROM rejections")
    assert check_anchor(ledger.store, anchor) == []


def test_what_an_anchor_of_an_earlier_version_does_not_cover_is_said(
    ledger: PositionLedger, ledger_url: str, tmp_path: Path
) -> None:
    written = make_anchor(ledger.store).as_json()
    (tmp_path / "now.json").write_text(json.dumps(written))
    del written["refusals"], written["refusals_digest"]
    (tmp_path / "earlier.json").write_text(json.dumps(written))
    said = run(ledger_url, "verify", "--anchor", f"{tmp_path}/earlier.json", "--json")
    (unchecked,) = json.loads(said.stdout)["unchecked"]
    assert unchecked == "refused duplicates: this anchor, of an earlier version or of a replica, does not cover them"
    assert (said.returncode, said.stderr) == (0, f"note: not checked: {unchecked}\n")
    said = run(ledger_url, "verify", "--anchor", f"{tmp_path}/now.json", "--json")
    assert (said.returncode, said.stderr, json.loads(said.stdout)["unchecked"]) == (0, "", [])


def test_a_refusal_that_cannot_be_read_is_a_finding_beside_an_anchor_too(
    ledger: PositionLedger, ledger_url: str
) -> None:
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="late")
    anchor = make_anchor(ledger.store)
    settings = Settings.read(ledger_url)
    if settings.kind == "sqlite":
        on_sqlite(settings.where, "UPDATE rejections SET ts_recorded = 'garbage'")
    else:
        with psycopg.connect(settings.where) as owner:
            owner.execute("SET session_replication_role = replica")
            owner.execute("UPDATE rejections SET ts_recorded = 'infinity'")
    (found,) = check_anchor(ledger.store, anchor)
    assert (found.kind, found.where) == ("anchor", f"nid {anchor.nid}")
    assert found.message.startswith("cannot be compared: when request_entry was refused for APTUSDT.binance")
