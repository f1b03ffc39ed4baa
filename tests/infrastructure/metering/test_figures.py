"""The figures of a ledger: right, exact, monotonic if they are counters, and absent if they are not known."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from domain.errors import EntryAlreadyPlaced, HistoryDamaged, PositionAlreadyOpen
from domain.values import timestamp_text
from infrastructure.event_store.port import WatchMemory
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.metering.exposition import exposition
from infrastructure.metering.figures import METRICS, PREFIX, MetricKind, figures
from infrastructure.watching.stored_watch import StoredWatch
from projections.health.alarm import Alarm
from projections.health.alarm_book import AlarmBook
from projections.health.checks import Check, Severity

NOW = datetime.now(UTC)
Found = dict[tuple[str, ...], Decimal]


def enter(ledger: PositionLedger, symbol: str, ago: float = 300, *, stop: bool = True, **key: Any) -> str:
    at: dict[str, Any] = {"at": timestamp_text(NOW - timedelta(seconds=ago))}
    wanted: dict[str, Any] = {"exchange": "binance", "side": "long", "quantity": "10", "intent_id": "1", **key}
    at["position_id"] = ledger.request_entry(symbol=symbol, **wanted, **at).position_id
    ledger.record_entry_placed(exchange_order_id=symbol, filled_qty="10", avg_px="10", **at)
    if stop:
        ledger.set_stop_loss(stop_price="9", exchange_order_id=f"s {symbol}", activate=True, **at)
    return str(at["position_id"])


def read(ledger: PositionLedger) -> Found:
    return {(sample.name, *sample.labels): sample.value for sample in figures(ledger, NOW)}


def test_what_is_open_and_bare_is_counted_by_account(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT")
    enter(ledger, "SUIUSDT", 120, stop=False, account="sub1")
    found = read(ledger)
    assert found["open_positions", "binance", "", "active"] == 1
    assert found["open_positions", "binance", "sub1", "entry_placed"] == 1
    assert found["held_positions", "binance", "sub1"] == 1
    assert found["unprotected_positions", "binance", ""] == 0
    assert found["unprotected_positions", "binance", "sub1"] == 1
    assert found["oldest_unprotected_seconds",] == 120
    assert found["findings", "unprotected", "critical"] == 1


def test_an_account_that_holds_nothing_any_more_is_zero_and_not_gone(ledger: PositionLedger) -> None:
    ledger.close(position_id=enter(ledger, "APTUSDT"), avg_px_close="11", exit_reason="r")
    found = read(ledger)
    assert found["held_positions", "binance", ""] == found["unprotected_positions", "binance", ""] == 0
    assert found["oldest_unprotected_seconds",] == 0


def test_profit_is_exact_by_currency_and_account(ledger: PositionLedger) -> None:
    for number, price in enumerate(["11.1", "9.05"]):
        ledger.close(position_id=enter(ledger, f"A{number}USDT"), avg_px_close=price, fee="0.01", exit_reason="r")
    ledger.close(position_id=enter(ledger, "BTCUSDC", account="sub1"), avg_px_close="10.5", exit_reason="r")
    found = read(ledger)
    assert found["realized_pnl", "binance", "", "USDT"] == Decimal("1.5")
    assert found["fees", "binance", "", "USDT"] == Decimal("0.02")
    assert found["net_pnl", "binance", "", "USDT"] == Decimal("1.48")
    assert found["realized_pnl", "binance", "sub1", "USDC"] == 5
    assert found["unknown_pnl_positions", "binance", "", "USDT"] == 0


def test_profit_that_is_not_known_is_absent_and_counted(ledger: PositionLedger) -> None:
    ledger.close(position_id=enter(ledger, "APTUSDT"), exit_reason="gone")
    found = read(ledger)
    assert ("realized_pnl", "binance", "", "USDT") not in found
    assert ("net_pnl", "binance", "", "USDT") not in found
    assert found["unknown_pnl_positions", "binance", "", "USDT"] == 1


def test_refusals_are_counted_by_kind(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT")
    for number in range(3):
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(
                symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id=f"other {number}"
            )
    assert read(ledger)["refusals_total", "request_entry", "PositionAlreadyOpen", "state"] == 3


def test_late_duplicates_are_counted_from_nought(ledger: PositionLedger) -> None:
    held = enter(ledger, "APTUSDT")
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="early")
    assert read(ledger)["late_duplicates_total",] == 0
    with pytest.raises(EntryAlreadyPlaced):
        ledger.record_entry_placed(position_id=held, exchange_order_id="another")
    assert read(ledger)["late_duplicates_total",] == 1


def test_of_an_empty_ledger_nothing_is_made_up(ledger: PositionLedger) -> None:
    names = {name for name, *_ in read(ledger)}
    assert names == {
        "findings",
        "projection_lag_events",
        "projection_stopped",
        "events_total",
        "late_duplicates_total",
        "oldest_unprotected_seconds",
    }


def test_a_watch_says_when_it_was_there_and_what_it_rings_for(ledger: PositionLedger) -> None:
    assert "watch_timestamp_seconds" not in {name for name, *_ in read(ledger)}
    memory, book = StoredWatch("night"), AlarmBook()
    book.see([Alarm(Check.UNPROTECTED, "APTUSDT.binance#1", Severity.CRITICAL, "bare", "recover", NOW)], (), NOW)
    memory.write(ledger.store, None, book, NOW)
    found = read(ledger)
    assert found["watch_alarms", "night"] == 1
    assert found["watch_timestamp_seconds", "night"] == Decimal(str(NOW.timestamp()))
    assert ("watch_write_seconds", "night") not in found, "it is known with the second one"
    book.see([], set(Check), NOW)
    memory.write(ledger.store, None, book, NOW)
    found = read(ledger)
    assert found["watch_alarms", "night"] == 0
    assert found["watch_write_seconds", "night"] > 0


def test_a_memory_that_cannot_be_read_is_not_known(ledger: PositionLedger) -> None:
    ledger.store.remember("night", WatchMemory(1, "[]"))
    assert not [name for name, *_ in read(ledger) if name.startswith("watch_")]


def test_how_late_events_were_recorded(ledger: PositionLedger) -> None:
    ledger._clock = lambda: NOW
    enter(ledger, "APTUSDT", 60)
    found = read(ledger)
    assert found["recording_delay_seconds", "0.5"] == found["recording_delay_seconds", "1"] == 60
    assert found["last_event_timestamp_seconds",] == Decimal(str(NOW.timestamp()))


def test_what_cannot_be_read_is_absent_and_the_rest_is_there(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(ledger, "APTUSDT")

    def unreadable(*_: object, **__: object) -> None:
        raise HistoryDamaged("a row is no row")

    monkeypatch.setattr(ledger, "positions", unreadable)
    found = read(ledger)
    assert found["findings", "damage", "critical"] == 1
    assert found["events_total",] == 4
    assert not [name for name, *_ in found if name in {"held_positions", "realized_pnl", "oldest_unprotected_seconds"}]


def test_what_is_open_is_asked_once(ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(ledger, "APTUSDT")
    asked: list[dict[str, Any]] = []
    positions = ledger.positions

    def counted(**question: Any) -> Any:
        asked.append(question)
        return positions(**question)

    monkeypatch.setattr(ledger, "positions", counted)
    assert read(ledger)["held_positions", "binance", ""] == 1
    assert asked == [{"open": True}]


def test_profit_is_summed_up_by_the_database_before_it_is_read(ledger: PositionLedger) -> None:
    for number in range(3):
        ledger.close(position_id=enter(ledger, f"A{number}USDT"), avg_px_close="0.1", exit_reason="r")
    (line,) = ledger.store.profit_lines()
    assert (line.cycles, line.known, line.realized) == (3, 3, Decimal(-297))


def test_an_amount_that_is_no_number_is_absent_and_the_rest_is_there(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        ledger.close(position_id=enter(ledger, "APTUSDT"), avg_px_close="11", exit_reason="r")
        with closing(sqlite3.connect(file)) as other, other:
            other.execute("UPDATE positions SET fees = 'much'")
        found = read(ledger)
    assert found["events_total",] == 5
    assert not [name for name, *_ in found if name in {"fees", "held_positions"}]


def test_a_counter_never_goes_down_and_goes_on_after_a_restart(ledger_url: str) -> None:
    counters = {name for name, metric in METRICS.items() if metric.kind is MetricKind.COUNTER}
    before: Found = {}
    for number in range(4):
        with PositionLedger.connect(ledger_url) as ledger:
            place = enter(ledger, "APTUSDT", 300 - number, intent_id=f"i{number}") if number % 2 == 0 else ""
            with pytest.raises(PositionAlreadyOpen):
                ledger.request_entry(
                    symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id=f"x{number}"
                )
            if number % 2:
                place = "APTUSDT.binance#1" if number == 1 else "APTUSDT.binance#2"
                ledger.close(position_id=place, avg_px_close="11", exit_reason="r")
            if number == 2:
                ledger.rebuild()
            found = {key: value for key, value in read(ledger).items() if key[0] in counters}
        assert all(found[key] >= value for key, value in before.items())
        assert len({name for name, *_ in found}) == len(counters)
        before = found


def test_the_text_is_what_prometheus_reads(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT", stop=False)
    families = {family.name: family for family in text_string_to_metric_families(exposition(ledger).decode())}
    for name, metric in METRICS.items():
        family = families.pop(PREFIX + name.removesuffix("_total"), None)
        if family is not None:
            assert (family.type, family.documentation) == (metric.kind.value, metric.says)
            assert all(sample.name == PREFIX + name for sample in family.samples)
    assert families == {}


def test_names_and_units_are_as_prometheus_wants_them() -> None:
    for name, metric in METRICS.items():
        assert name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
        assert name.islower()
        assert metric.says.endswith(".")
