"""The watch on a real ledger: its alarms, its notices to sinks, and its memory."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import HistoryDamaged, SchemaMismatch, StoreUnavailable
from infrastructure.event_store.port import WatchMemory
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.watching.sinks.sink import NoticeBatch
from infrastructure.watching.stored_watch import AnotherWatch
from infrastructure.watching.watcher import SnapshotsUnreadable
from projections.health import diagnosis
from tests.infrastructure.watching.night import BARE, Night, Recorder


def test_a_quiet_ledger_rings_for_nothing(night: Night) -> None:
    assert night.round() == []
    assert night.said == []


def test_it_rings_once_and_when_it_is_over_across_restarts(night: Night) -> None:
    night.enter()
    assert sorted(night.round()) == [f"alarm incomplete {BARE}", f"alarm unprotected {BARE}"]
    assert night.round() == []
    night.at += timedelta(minutes=59)
    assert night.round() == ["worse incomplete APTUSDT.binance#1"]
    night.at += timedelta(minutes=1)
    assert night.round() == [f"again unprotected {BARE}"]
    night.protect()
    assert sorted(night.round()) == [f"over incomplete {BARE}", f"over unprotected {BARE}"]
    assert json.loads((night.memory() or WatchMemory(0, "{}")).body)["alarms"] == []


def test_within_the_time_of_an_entry_nothing_rings(night: Night) -> None:
    night.enter(ago=timedelta())
    assert night.round() == []


def test_a_sink_that_is_down_holds_up_no_other_and_is_told_later(night: Night) -> None:
    down = Recorder("down", is_down=True)
    night.sinks = [Recorder(), down]
    night.enter()
    assert len(night.round()) == 2
    assert down.heard == []
    assert any(said.startswith("down: not delivered: down; tried again in ") for said in night.said)
    night.protect()
    assert len(night.round()) == 2, "the others are told that it is over"
    down.is_down = False
    night.round()
    assert sorted(down.words) == [f"missed incomplete {BARE}", f"missed unprotected {BARE}"]


def test_a_sink_that_hangs_holds_up_no_other(night: Night) -> None:
    release = threading.Event()

    class Hanging(Recorder):
        def send(self, batch: NoticeBatch) -> None:
            release.wait(20)
            super().send(batch)

    night.sinks = [Recorder(), hanging := Hanging("hanging")]
    night.enter()
    watcher = night.watch()
    try:
        watcher.run(rounds=3)
        assert len(night.recorder.heard) == 2
        assert hanging.heard == []
    finally:
        release.set()
        watcher.close()
    assert len(hanging.heard) == 2, "what was under way is waited for"
    assert night.round() == [], "and remembered"


def test_a_sink_that_is_down_for_long_is_told_to_the_others(night: Night) -> None:
    night.sinks = [Recorder(), Recorder("down", is_down=True)]
    night.enter()
    watcher = night.watch()
    try:
        watcher.once(20)
        night.at += timedelta(minutes=2)
        watcher.once(20)
    finally:
        watcher.close()
    assert "alarm watch sink down" in night.recorder.words


def test_nothing_is_written_while_nothing_changes(night: Night) -> None:
    night.enter()
    night.round()
    before = night.memory()
    watcher = night.watch()
    try:
        watcher.run(rounds=1)
        with night.ledger() as ledger:
            first = ledger.store.watch_memory("night")
        watcher.run(rounds=5)
    finally:
        watcher.close()
    assert before is not None and first is not None
    assert night.memory() == first
    assert first.turn - before.turn <= 1


def test_no_ledger_at_all_is_no_alarm_but_refused(night: Night) -> None:
    def connect() -> PositionLedger:
        raise SchemaMismatch("holds no ledger")

    with pytest.raises(SchemaMismatch):
        night.watch(connect=connect).once(20)


def test_a_memory_that_cannot_be_read_is_refused_and_another_name_begins_with_none(night: Night) -> None:
    night.enter()
    with night.ledger() as ledger:
        damaged = (
            "no JSON",
            "[]",
            '{"place": [1], "alarms": []}',
            '{"place": null}',
            '{"place": null, "alarms": [{}]}',
        )
        for turn, body in enumerate(damaged, start=1):
            ledger.store.remember("night", WatchMemory(turn, body))
            with pytest.raises(HistoryDamaged, match="give the watch another name, and it starts with an empty memory"):
                night.round()
    assert len(night.round(name="another")) == 2


def test_two_watches_of_one_name_do_not_go_on(night: Night) -> None:
    first = night.watch()
    first.once(20)
    night.enter()
    assert len(night.round()) == 2
    with pytest.raises(AnotherWatch, match="another watch of the name night"):
        first.once(20)
    with pytest.raises(AnotherWatch):
        first.close()


def test_what_was_written_though_nobody_said_so_is_our_own(night: Night) -> None:
    night.enter()
    watcher = night.watch()
    watcher.look()
    assert watcher._ledger is not None
    store, remember = watcher._ledger.store, watcher._ledger.store.remember

    def without_a_reply(name: str, memory: WatchMemory) -> bool:
        store.remember = remember  # type: ignore[method-assign] # the reply to this one is lost
        remember(name, memory)
        raise StoreUnavailable("the reply is lost")

    store.remember = without_a_reply  # type: ignore[method-assign] # its reply is lost once
    watcher.once(20)
    watcher.once(20)
    watcher.close()
    assert len(night.recorder.heard) == 2
    assert night.round() == []


def test_snapshots_that_cannot_be_read_ring(night: Night) -> None:
    def shown() -> Any:
        raise SnapshotsUnreadable("binance.json: not JSON")

    assert night.round(shown=shown) == ["alarm exchange snapshots"]
    assert night.round() == ["over exchange snapshots"]


def test_a_silence_rings(night: Night) -> None:
    night.enter(ago=timedelta())
    night.protect()
    plan = {"question": replace(night.plan.question, quiet=timedelta(minutes=30))}
    assert night.round(**plan) == []
    night.at += timedelta(minutes=31)
    assert night.round(**plan) == ["alarm silence ledger"]
    with night.ledger() as ledger:
        ledger.define_instrument(symbol="SUIUSDT", exchange="binance", contract_size="1", reason="r")
    night.at -= timedelta(minutes=31)
    assert night.round(**plan) == ["over silence ledger"]


def test_a_silence_of_which_a_wrong_clock_hides_the_length_is_a_warning_about_that_clock(night: Night) -> None:
    night.enter(ago=timedelta())
    night.protect()
    plan = {"question": replace(night.plan.question, quiet=timedelta(minutes=30))}
    night.set_by = timedelta(seconds=-50)
    assert night.round(**plan) == []
    night.set_by = timedelta(hours=-2)
    assert night.round(**plan) == ["alarm silence ledger"]
    assert "2 h ahead of the clock" in night.recorder.heard[0].alarm.message
    assert "look which clock is wrong" in night.recorder.heard[0].alarm.advice


def test_a_follower_that_is_behind_rings_as_status_shows_it(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.enter(ago=timedelta())
    monkeypatch.setattr(diagnosis, "LAG_MAX", 1)
    assert night.round() == ["alarm projections statistics"]
