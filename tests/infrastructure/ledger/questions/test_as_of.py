"""The past by both clocks: what had been recorded by a moment, and what had happened by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.errors import CommandRefused, HistoryDamaged, InvalidCommand, UnknownPosition
from domain.events import PositionEvent
from infrastructure.event_store.codec import decode
from infrastructure.event_store.vocabulary.places import AsOf
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from infrastructure.ledger.questions import as_of as as_of_module
from infrastructure.ledger.questions import standing_cycles
from infrastructure.ledger.questions.as_of import AsOfQuery
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from position_ledger.testing import Clock, memory_ledger
from projections.event_time.past_rows import rows_at
from projections.exposure import standing
from projections.listed_row import LISTED_COLUMNS
from projections.positions import PositionRow, project
from projections.projection import STATISTICS
from tests.infrastructure.generated_ledger import fill
from tests.infrastructure.roles import as_role, made_role
from tests.spec import second
from tests.strategies import KEY, conversations

FIRST = "APTUSDT.binance#1"


def folded(events: Sequence[PositionEvent]) -> list[PositionRow]:
    rows: dict[str, PositionRow] = {}
    for event in events:
        rows[event.position_id] = project(rows.get(event.position_id), event)
    return sorted(rows.values(), key=lambda row: (row.opened_at, row.position_id))


def talk(ledger: PositionLedger, clock: Clock, sent: Sequence[Command]) -> list[HistoryEntry]:
    """Let a ledger hear all of it, three commands a second; what it has recorded then."""
    for number, command in enumerate(sent):
        with suppress(CommandRefused):
            ledger.handle(command)
        clock.tick(number % 3 == 0)
    with suppress(UnknownPosition):
        return ledger.history(KEY.stream)
    return []


@given(conversations(14))
def test_as_of_every_version_place_and_time_is_the_folded_prefix(sent: list[Command]) -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        entries = talk(ledger, clock, sent)
        for entry in entries:
            version, time = entry.event.originator_version, entry.event.ts_recorded
            prefixes: list[tuple[datetime | int | str, list[HistoryEntry]]] = [
                (version, [each for each in entries if each.event.originator_version <= version]),
                (f"#{entry.nid}", [each for each in entries if each.nid <= entry.nid]),
                (time, [each for each in entries if each.event.ts_recorded <= time]),
            ]
            for moment, prefix in prefixes:
                rows = folded([each.event for each in prefix])
                assert ledger.positions(as_of=moment) == rows
                held = [row for row in rows if row.status.is_open or row.stray]
                known = AsOfQuery.read(moment, "recorded").positions(ledger.store, open_only=True)
                assert [row for row in known if row.status.is_open or row.stray] == held
                assert [ledger.position(row.position_id, as_of=moment) for row in rows] == rows
                assert ledger.history(KEY.stream, as_of=moment) == prefix
                for row in rows:
                    of_cycle = [each for each in prefix if each.event.position_id == row.position_id]
                    assert ledger.history(row.position_id, as_of=moment) == of_cycle


def test_at_any_moment_of_many_keys_stands_what_the_log_comes_to_by_then(ledger_url: str) -> None:
    store = open_store(Settings.read(ledger_url))
    with PositionLedger(store) as ledger:
        fill(store, 120, streams=24)
        events = [(stored.id, decode(stored)) for stored in store.log()]
        times = sorted({event.ts_recorded for _, event in events})
        moments: list[AsOf] = [AsOf(nid=nid) for nid, _ in events[::90]]
        moments += [AsOf(time=time) for time in (second(-10_000_000), *times[::90], second(100_000_000))]
        moments += [AsOf(version=version) for version in (0, 1, 5, 30)]
        moments += [AsOf(time=times[len(times) // 2], nid=len(events) // 3, version=20)]
        for moment in moments:
            then = list(store.log(as_of=moment))
            rows = folded([event for event in map(decode, then) if event.has_cycle])
            assert ledger.positions(as_of=moment) == rows
            for row in rows[:: len(rows) // 10 + 1]:
                of_cycle = [each for each in then if each.originator_id == row.stream and each.cycle == row.cycle]
                assert list(store.history(row.stream, row.cycle, moment)) == of_cycle
            listed = [{name: getattr(row, name) for name in LISTED_COLUMNS} for row in AsOfQuery(moment).listed(store)]
            assert listed == [{name: getattr(row, name) for name in LISTED_COLUMNS} for row in rows]
            known = AsOfQuery(moment).positions(store, open_only=True)
            assert [row for row in known if row.status.is_open or row.stray] == [
                row for row in rows if row.status.is_open or row.stray
            ]


def test_the_cycles_of_a_key_are_those_of_its_history_at_any_moment(ledger_url: str) -> None:
    with PositionLedger(open_store(Settings.read(ledger_url))) as ledger:
        fill(ledger.store, 60, streams=2)
        for stream in [*ledger.store.stream_names()]:
            history = ledger.history(stream)
            moments: list[str | None] = [
                None,
                "0",
                f"#{history[-1].nid // 2}",
                history[-1].event.ts_recorded.isoformat(),
            ]
            for moment in [*moments, *(str(entry.event.originator_version) for entry in history[::9])]:
                then = {each.event.cycle for each in ledger.history(stream, as_of=moment) if each.event.has_cycle}
                assert ledger.cycles(stream, as_of=moment) == sorted(then)
        assert ledger.cycles("XMRUSDT.binance") == []
        with pytest.raises(InvalidCommand, match="is not a key"):
            ledger.cycles("no key")


@given(conversations(14), st.integers(0, 20), st.integers(0, 20))
def test_what_was_known_by_a_place_about_what_had_happened_by_a_time(
    sent: list[Command], moment: int, nid: int
) -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        entries = talk(ledger, clock, sent)
        time = second(moment)
        rows = in_order([each.event for each in entries], time)
        assert ledger.positions(as_of=time, by="event-time") == rows
        known_standing = AsOfQuery.read(time, "event-time").positions(ledger.store, open_only=True)
        assert standing(known_standing, open=True, unprotected=False) == standing(rows, open=True, unprotected=False)
        nid = min(nid, max((each.nid for each in entries), default=0))
        known = [each.event for each in entries if each.nid <= nid]
        assert ledger.positions(as_of=AsOf(time=time, nid=nid), by="event-time") == in_order(known, time)


def test_a_place_or_a_version_that_nothing_has_come_to_is_no_moment(ledger_url: str) -> None:
    """It would be answered as of today, without a word: a 9 too many in a place is a mistake that nobody sees."""
    with PositionLedger(open_store(Settings.read(ledger_url))) as ledger:
        slot: dict[str, Any] = {"exchange": "binance", "side": "short", "quantity": "1"}
        ledger.request_entry(symbol="APTUSDT", intent_id="1", **slot)
        ledger.request_entry(symbol="ETHUSDT", intent_id="2", **slot)
        ledger.fail_entry(position_id=FIRST, outcome="canceled", reason="no fill")
        ledger.request_entry(symbol="APTUSDT", intent_id="3", **slot)
        for question in (ledger.positions, partial(ledger.history, "APTUSDT.binance"), partial(ledger.position, FIRST)):
            assert question(as_of="#4") and question(as_of=3)
            with pytest.raises(InvalidCommand, match=r"^as of #5: the log ends at #4; "):
                question(as_of="#5")
        with pytest.raises(InvalidCommand, match=r"^as of #5: the log ends at #4; "):
            ledger.positions(as_of=AsOf(time=second(0), nid=5), by="event-time")
        for of_stream in (ledger.history, ledger.cycles):
            assert of_stream("ETHUSDT.binance", as_of=1)
            with pytest.raises(InvalidCommand, match=r"^as of version 2: ETHUSDT\.binance is at version 1; "):
                of_stream("ETHUSDT.binance", as_of=2)
        with pytest.raises(InvalidCommand, match=r"^as of version 4: APTUSDT\.binance is at version 3; "):
            ledger.position(FIRST, as_of="4")
        assert len(ledger.positions(as_of=99)) == 3, "a version of each stream, however long it is"
        assert ledger.cycles("XMRUSDT.binance", as_of=7) == []


def test_what_stood_by_event_time_is_told_by_the_cycles_that_may_have_stood(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Any] = []

    def counted(stored: Any) -> PositionEvent:
        decoded.append(stored.id)
        return decode(stored)

    monkeypatch.setattr(as_of_module, "decode", counted)
    with PositionLedger(open_store(Settings.read(ledger_url))) as ledger:
        fill(ledger.store, 300, streams=24)
        store = ledger.store
        events = list(map(decode, store.log()))
        times = sorted(event.ts_event for event in events)
        for number, time in enumerate((times[0], *times[:: len(times) // 7], times[-1], second(100_000_000))):
            if number == 4:  # what is recorded after the facts have come so far is read as well
                ledger.request_entry(symbol="NEW/USDT", exchange="okx", side="long", quantity="1", intent_id="n")
                monkeypatch.setattr(standing_cycles, "are_told", lambda _: True)
            everything = AsOfQuery.read(time, "event-time").positions(store)
            read_all = len(decoded)
            decoded.clear()
            found = AsOfQuery.read(time, "event-time").positions(store, open_only=True)
            assert standing(found, open=True, unprotected=False) == standing(everything, open=True, unprotected=False)
            assert len(decoded) == len(set(decoded)) <= read_all
            if time >= times[-1]:
                assert len(decoded) < read_all / 4, (len(decoded), read_all)
            decoded.clear()


@pytest.mark.parametrize(
    "tables", ["ALL TABLES IN SCHEMA public", "ledger_events, ledger_schema, positions, positions_orders, rejections"]
)
def test_a_role_that_may_only_read_is_told_what_stood_by_event_time_from_the_log(
    postgres_url: str, tables: str
) -> None:
    with PositionLedger.connect(postgres_url) as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="okx", side="long", quantity="1", intent_id="n")
        grants = "GRANT USAGE ON SCHEMA public TO {}", f"GRANT SELECT ON {tables} TO {{}}"
        with made_role(postgres_url, *grants) as role:
            store = open_store(Settings.read(as_role(postgres_url, role)))
            (row,) = AsOfQuery.read(second(100_000_000), "event-time").positions(store, open_only=True)
            assert row == ledger.position("APTUSDT.okx#1")
            store.close()


def test_what_stood_by_event_time_is_told_in_a_snapshot_as_of_its_moment(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger, PositionLedger.connect(ledger_url) as other:
        ledger.request_entry(symbol="APTUSDT", exchange="okx", side="long", quantity="1", intent_id="n")
        with ledger.store.snapshot():
            before = ledger.positions()
            other.request_entry(symbol="SUIUSDT", exchange="okx", side="long", quantity="1", intent_id="n")
            assert ledger.positions(open=True, as_of=second(100_000_000), by="event-time") == before


def test_facts_that_are_no_json_are_damage_and_no_outage(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url) as ledger, psycopg.connect(postgres_url, autocommit=True) as owner:
        failed = ledger.request_entry(symbol="APTUSDT", exchange="okx", side="long", quantity="1", intent_id="n")
        ledger.fail_entry(position_id=failed.position_id, outcome="rejected", reason="30208")
        asked: dict[str, Any] = {"as_of": second(100_000_000), "by": "event-time"}
        assert ledger.positions(open=True, **asked) == []
        owner.execute("UPDATE projection_rows SET row = '{'")
        with pytest.raises(HistoryDamaged, match=r"invalid input syntax for type json.*verify"):
            ledger.positions(open=True, **asked)
        assert [finding.where for finding in verify(ledger.store).findings] == [failed.position_id]
        Projector(ledger.store, STATISTICS).rebuild()
        assert ledger.positions(open=True, **asked) == []


def in_order(events: Sequence[PositionEvent], moment: datetime) -> list[PositionRow]:
    return sorted(rows_at(events, moment), key=lambda row: (row.opened_at, row.position_id))


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    """Two keys; the fill of the first one is older than the sighting that was recorded before it."""
    clock = Clock()
    with PositionLedger.connect(ledger_url) as plain:
        ledger = PositionLedger(plain.store, clock=clock)
        for symbol in ("APTUSDT", "PERPUSDT"):
            ledger.request_entry(symbol=symbol, exchange="binance", side="short", quantity="61.8", intent_id="1")
        clock.tick(1)
        placed: dict[str, Any] = {"exchange_order_id": "53190368", "filled_qty": "61.8", "avg_px": "3.2333"}
        ledger.record_entry_placed(position_id=FIRST, **placed)
        clock.tick(3)
        ledger.adjust(position_id=FIRST, quantity="61", avg_px_open="3.2295", reason="seen")
        clock.tick(5)
        fill: dict[str, Any] = {"trade_id": "881", "last_qty": "61", "last_px": "3.2295"}
        ledger.record_entry_fill(position_id=FIRST, **fill, at=second(0.5))
        ledger.close(position_id=FIRST, exit_reason="target", avg_px_close="3.2", at=second(8))
        yield ledger


def seen(rows: Sequence[PositionRow]) -> list[tuple[str, str, str]]:
    return [(row.symbol, row.status.value, str(row.quantity)) for row in rows]


def test_the_two_clocks_tell_two_things(ledger: PositionLedger) -> None:
    perp = ("PERPUSDT", "pending_entry", "0")
    assert seen(ledger.positions(as_of=second(0.7))) == [("APTUSDT", "pending_entry", "0"), perp]
    assert seen(ledger.positions(as_of=second(0.7), by="event-time")) == [("APTUSDT", "pending_entry", "61"), perp]
    assert seen(ledger.positions(as_of=second(8))) == [("APTUSDT", "entry_placed", "61"), perp]
    assert seen(ledger.positions(as_of=second(8), by="event-time")) == [("APTUSDT", "closed", "0"), perp]
    assert ledger.positions(as_of=second(-1), by="event-time") == []


def test_filters_go_by_what_was_then(ledger: PositionLedger) -> None:
    assert seen(ledger.positions(open=True, as_of=second(8), by="event-time")) == [("PERPUSDT", "pending_entry", "0")]
    assert seen(ledger.positions(unprotected=True, as_of=second(2), by="event-time")) == [
        ("APTUSDT", "entry_placed", "61.8"),
        ("PERPUSDT", "pending_entry", "0"),
    ]


def test_one_position_is_told_as_all_of_them_are(ledger: PositionLedger) -> None:
    for at in (0, 0.5, 1, 4, 8, 9):
        for by in ("recorded", "event-time"):
            rows = ledger.positions(as_of=second(at), by=by)
            assert [ledger.position(row.position_id, as_of=second(at), by=by) for row in rows] == rows
    assert ledger.position(FIRST, as_of=second(9)) == ledger.position(FIRST)


@pytest.mark.parametrize("by", ["recorded", "event-time"])
def test_a_position_that_was_not_there_yet_is_not_known(ledger: PositionLedger, by: str) -> None:
    with pytest.raises(UnknownPosition, match=f"no position {FIRST} as of .* by {by}"):
        ledger.position(FIRST, as_of=second(-1), by=by)
    with pytest.raises(UnknownPosition):
        ledger.position("APTUSDT.binance#7", as_of=second(9), by=by)


def test_a_history_by_event_time_is_what_had_happened_unchanged_and_in_the_order_of_recording(
    ledger: PositionLedger,
) -> None:
    every = ledger.history(FIRST)
    assert [entry.event.originator_version for entry in ledger.history(FIRST, as_of=second(2), by="event-time")] == [
        1,
        2,
        4,
    ]
    assert ledger.history(FIRST, as_of=second(8), by="event-time") == every
    assert ledger.history(FIRST, as_of=second(-1), by="event-time") == []
    assert ledger.history("APTUSDT.binance", as_of=second(8) + timedelta(days=1), by="event-time") == every


def test_a_history_by_event_time_begins_with_the_opening_though_its_clock_is_ahead(ledger: PositionLedger) -> None:
    ledger.request_entry(symbol="BIDUSDT", exchange="bybit", side="long", quantity="4", intent_id="1", at=second(20))
    position_id = "BIDUSDT.bybit#1"
    ledger.record_entry_fill(position_id=position_id, trade_id="t", last_qty="4", last_px="1", at=second(19))
    (row,) = ledger.positions(as_of=second(19), by="event-time")[2:]
    assert (row.position_id, str(row.quantity), row.opened_at) == (position_id, "4", second(20))
    versions = [
        entry.event.originator_version for entry in ledger.history(position_id, as_of=row.updated_at, by="event-time")
    ]
    assert versions == [1, 2]


@pytest.mark.parametrize("moment", [None, 3, "#3", AsOf(nid=3), AsOf(version=3)])
def test_only_a_time_can_be_read_on_the_exchanges_clock(
    ledger: PositionLedger, moment: AsOf | int | str | None
) -> None:
    with pytest.raises(InvalidCommand, match="by event-time: only a time"):
        ledger.positions(as_of=moment, by="event-time")
    with pytest.raises(InvalidCommand, match="by event-time: only a time"):
        ledger.position(FIRST, as_of=moment, by="event-time")
    with pytest.raises(InvalidCommand, match="by event-time: only a time"):
        ledger.history(FIRST, as_of=moment, by="event-time")


def test_there_are_two_clocks(ledger: PositionLedger) -> None:
    with pytest.raises(InvalidCommand, match="by 'moon': it is one of recorded, event-time"):
        ledger.positions(as_of=second(8), by="moon")
