"""Damage that a watch meets: it rings, and is not over before somebody has looked again."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import HistoryDamaged, StoreUnavailable
from domain.values import timestamp_text
from infrastructure.event_store.port import WatchMemory
from infrastructure.exchanges.document import read_snapshot
from tests.infrastructure.watching.night import Night


def test_damage_rings(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.enter(ago=timedelta())
    monkeypatch.setattr("infrastructure.integrity.verify.expected", lambda records: ("another" for _ in records))
    words = night.round(verifies_every=timedelta(hours=1))
    assert words == ["alarm damage APTUSDT.binance version 1", "alarm damage APTUSDT.binance version 2"]
    assert night.round() == [f"over {word.removeprefix('alarm ')}" for word in words]


def test_damage_is_not_over_while_nobody_has_looked_again(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.enter(ago=timedelta())
    with monkeypatch.context() as damaged:
        damaged.setattr("infrastructure.integrity.verify.expected", lambda records: ("another" for _ in records))
        assert len(night.round(verifies_every=timedelta(hours=1))) == 2
    watcher = night.watch(verifies_every=timedelta(hours=1))
    release = threading.Event()
    assert watcher._patrol is not None
    walk = watcher._patrol._walk
    watcher._patrol._walk = lambda store: (release.wait(20), walk(store))[1]  # type: ignore[method-assign] # held up
    try:
        watcher.run(rounds=3)
        assert len(night.recorder.heard) == 2
        release.set()
        watcher.once(20)
    finally:
        release.set()
        watcher.close()
    assert [word.split()[0] for word in night.recorder.words[2:]] == ["over", "over"]


def test_what_cannot_be_verified_rings_for_who_looks_once(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def malformed(*_: Any) -> Any:
        raise StoreUnavailable("database disk image is malformed")

    with monkeypatch.context() as damaged:
        damaged.setattr("infrastructure.watching.damage_patrol.verify", malformed)
        assert night.round(verifies_every=timedelta(hours=1)) == ["alarm damage ledger"]
    assert night.round(verifies_every=timedelta(hours=1)) == ["over damage ledger"]


def test_a_walk_that_fails_is_tried_again_before_it_rings(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(*_: Any) -> Any:
        raise StoreUnavailable("the connection was lost")

    monkeypatch.setattr("infrastructure.watching.damage_patrol.verify", cut_off)
    watcher = night.watch(verifies_every=timedelta(seconds=0))
    words = []
    try:
        for failures in (1, 2):
            while sum(each.startswith("not verified") for each in night.said) < failures:
                watcher.run(rounds=1)
            words.append([*night.recorder.words])
        watcher.once(20)
    finally:
        watcher.close()
    assert words[0] == [] and night.recorder.words == ["alarm damage ledger"]


def test_an_event_that_cannot_be_read_rings(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.round()
    night.enter(ago=timedelta())
    with monkeypatch.context() as damaged:

        def unreadable(_: object) -> None:
            raise HistoryDamaged("nid 1 cannot be read")

        damaged.setattr("infrastructure.ledger.questions.history.decode", unreadable)
        assert night.round() == ["alarm damage log"]
    assert night.round() == ["over damage log"]


def test_no_alarm_of_a_cycle_is_over_while_its_row_cannot_be_read(night: Night) -> None:
    night.enter()
    assert len(night.round()) == 2
    night.change("UPDATE positions SET side = 'sideways'")
    assert night.round() == ["alarm damage positions"]
    night.change("UPDATE positions SET side = 'short'")
    assert night.round() == ["over damage positions"]


def test_no_alarm_of_an_exchange_is_over_while_there_are_no_rows_to_compare(night: Night) -> None:
    night.enter(ago=timedelta())
    rows = [
        {"symbol": "APTUSDT", "side": "short", "contracts": "61", "entry_price": "3.2295"},
        {"symbol": "SOLUSDT", "side": "long", "contracts": "5", "entry_price": "20"},
    ]
    document = {"exchange": "binance", "timestamp": timestamp_text(night.at), "positions": rows, "orders": []}
    snapshot = read_snapshot(json.dumps(document).encode())
    plan: dict[str, Any] = {"shown": lambda: ([snapshot], {})}
    assert "alarm exchange SOLUSDT.binance" in night.round(**plan)
    night.change("UPDATE positions SET side = 'sideways'")
    assert night.round(**plan) == ["alarm damage positions"]


def test_a_past_that_is_lost_rings_once(night: Night) -> None:
    night.enter(ago=timedelta())
    night.round()
    memory = night.memory()
    assert memory is not None
    body = json.loads(memory.body)
    body["place"][1] = "0" * 64
    with night.ledger() as ledger:
        ledger.store.remember("night", WatchMemory(memory.turn + 1, json.dumps(body)))
    assert night.round() == ["alarm damage log"]
    assert night.round() == ["over damage log"]
