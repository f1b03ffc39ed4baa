"""Reporting commands: a line in the log for each, and hooks that delay and disturb no command."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from typing import Any
from unittest.mock import Mock

import pytest

from domain.commands.requests import RequestEntry
from domain.errors import LedgerError, OutcomeUnknown, PositionAlreadyOpen, StoreUnavailable
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.append_conflicts import AppendInDoubt, VersionTaken
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.witness import LOGGER, Witness
from tests.urls import with_options

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
FIRST = "APTUSDT.binance#1"


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and words, without how long it took."""
    told = [(each.levelname, each.getMessage()) for each in caplog.records if each.name == "position_ledger"]
    return [(level, " ".join(word for word in words.split() if not word[0].isdigit())) for level, words in told]


def test_a_command_is_one_line(ledger_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with PositionLedger.connect(ledger_url) as ledger, caplog.at_level(logging.INFO, "position_ledger"):
        caplog.clear()
        for intent in ("1", "1", "2"):
            try:
                ledger.request_entry(**ENTRY, intent_id=intent)
            except PositionAlreadyOpen as refusal:
                said = refusal.message
    assert lines(caplog)[:2] == [
        ("INFO", f"{FIRST} request_entry recorded, ms"),
        ("INFO", f"{FIRST} request_entry replayed, ms"),
    ]
    assert lines(caplog)[2][0] == "WARNING" and len(lines(caplog)) == 3
    assert "APTUSDT.binance request_entry refused" in caplog.text and f"PositionAlreadyOpen: {said}" in caplog.text


def test_every_command_of_a_batch_is_one_line(ledger_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with PositionLedger.connect(ledger_url) as ledger, caplog.at_level(logging.INFO, "position_ledger"):
        caplog.clear()
        ledger.handle_many([RequestEntry.of(**ENTRY | {"symbol": each}, intent_id="1") for each in ("AUSDT", "BUSDT")])
    assert [words.split("#")[0] for _, words in lines(caplog)] == ["AUSDT.binance", "BUSDT.binance"]


def test_a_doubt_and_a_retry_are_warnings(
    ledger_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: Store, records: Any, **_rest: Any) -> None:
        raise AppendInDoubt(records, None, 0.0, "the connection was lost")

    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        insert, tries = type(ledger.store).insert_events, iter([True, False])

        def taken_once(store: Store, *arguments: Any, **options: Any) -> None:
            if next(tries):
                raise VersionTaken("somebody else's")
            insert(store, *arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(type(ledger.store), "insert_events", taken_once)
            ledger.record_entry_placed(position_id=FIRST, exchange_order_id="o")
        monkeypatch.setattr(type(ledger.store), "insert_events", lost)
        monkeypatch.setattr(type(ledger.store), "settle", lambda *_: None)
        with pytest.raises(OutcomeUnknown):
            ledger.fail_entry(position_id=FIRST, outcome="rejected", reason="x")
    told = [words for level, words in lines(caplog) if level == "WARNING"]
    assert "APTUSDT.binance record_entry_placed is decided anew: somebody else was faster" in told
    assert any(words.startswith("the connection was lost while APTUSDT.binance version") for words in told)
    assert any(words.startswith("APTUSDT.binance fail_entry failed, ms: OutcomeUnknown:") for words in told)


def test_no_line_holds_a_password(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "position_ledger")
    url = with_options(postgres_url, "password=hunter2-of-the-ledger&timeout=1")
    with PositionLedger.connect(url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        ledger.store._connections.close()  # type: ignore[attr-defined] # as a server that is gone
        with pytest.raises(LedgerError):
            ledger.fail_entry(position_id=FIRST, outcome="rejected", reason="x")
    with pytest.raises(StoreUnavailable):
        PositionLedger.connect("postgresql://bot:hunter2-of-the-ledger@127.0.0.1:1/x?timeout=1")
    assert lines(caplog) and "hunter2" not in caplog.text


def test_where_nobody_set_up_logging_a_refusal_is_not_printed(ledger_url: str) -> None:
    bot = (
        "from position_ledger import PositionAlreadyOpen, PositionLedger\n"
        f"entry = {ENTRY!r}\n"
        f"with PositionLedger.connect({ledger_url!r}) as ledger:\n"
        "    ledger.request_entry(**entry, intent_id='1')\n"
        "    try:\n"
        "        ledger.request_entry(**entry, intent_id='2')\n"
        "    except PositionAlreadyOpen:\n"
        "        print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", bot], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["made a new ledger"]


def test_hooks_are_told_of_events_refusals_and_what_is_bare(ledger_url: str) -> None:
    events, refusals, bare = list[Any](), list[Any](), list[Any]()
    with PositionLedger.connect(
        ledger_url,
        on_event=events.append,
        on_refusal=lambda command, refusal: refusals.append((command.verb, refusal.details["intent_id"])),
        on_unprotected=bare.append,
    ) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(**ENTRY, intent_id="2")
        ledger.record_entry_placed(position_id=FIRST, exchange_order_id="o", filled_qty="61.8", avg_px="3.2295")
        ledger.set_stop_loss(position_id=FIRST, stop_price="3.2941", exchange_order_id="s", activate=True)
        ledger.record_cash(position_id=FIRST, kind="funding", amount="-0.1", cash_id="f")
        ledger.lose_stop_loss(position_id=FIRST, reason="cancelled")
    told = [type(event).__name__ for event in events]
    assert told[:2] == ["EntryRequested", "EntryPlaced"] and told[-1] == "StopLossLost"
    assert refusals == [("request_entry", "1")]
    assert [(row.position_id, row.status) for row in bare] == [(FIRST, "entry_placed"), (FIRST, "active")]


def test_a_position_that_is_covered_or_kept_by_its_bot_is_no_alarm(ledger_url: str) -> None:
    bare = list[Any]()
    with PositionLedger.connect(ledger_url, on_unprotected=bare.append) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1", protection="bot")
        ledger.record_entry_placed(position_id=FIRST, exchange_order_id="o", filled_qty="61.8", avg_px="3.2295")
        ledger.activate(position_id=FIRST)
    assert bare == []


def test_the_asyncio_twin_tells_the_same_hooks(ledger_url: str) -> None:
    events = list[Any]()

    async def day() -> None:
        async with await AsyncPositionLedger.connect(ledger_url, on_event=events.append) as ledger:
            await ledger.request_entry(**ENTRY, intent_id="1")

    asyncio.run(day())
    assert [event.position_id for event in events] == [FIRST]


def test_a_hook_may_be_a_coroutine_where_a_loop_runs(ledger_url: str) -> None:
    events = list[Any]()

    async def told(event: Any) -> None:
        await asyncio.sleep(0)
        events.append((event.position_id, threading.current_thread() is threading.main_thread()))

    async def day() -> None:
        async with await AsyncPositionLedger.connect(ledger_url, on_event=told) as ledger:
            await ledger.request_entry(**ENTRY, intent_id="1")

    asyncio.run(day())
    assert events == [(FIRST, True)]
    with pytest.raises(ValueError, match="has to be awaited, and no event loop is running here"):
        PositionLedger.connect(ledger_url, on_event=told)


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, asyncio.CancelledError])
def test_a_hook_that_raises_is_logged_and_the_next_is_called(
    ledger_url: str, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    seen = list[str]()

    def raising(event: Any) -> None:
        seen.append(type(event).__name__)
        raise error("the pager is out of order")

    with PositionLedger.connect(ledger_url, on_event=raising) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        assert ledger.fail_entry(position_id=FIRST, outcome="rejected", reason="x").outcome == "recorded"
    assert seen == ["EntryRequested", "EntryFailed"]
    assert caplog.text.count(f"{error.__name__}: the pager is out of order") == 2


def test_what_is_recorded_is_answered_where_there_is_no_thread_for_a_hook(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[Any]()
    with PositionLedger.connect(ledger_url, on_event=told.append) as ledger:
        ledger.positions()  # what the store itself needs a thread for has one
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
            assert ledger.request_entry(**ENTRY, intent_id="1").outcome == "recorded"
            ledger._witness.close()
            assert told == []
        ledger.fail_entry(position_id=FIRST, outcome="rejected", reason="x")
    assert [type(event).__name__ for event in told] == ["EntryRequested", "EntryFailed"]


def test_a_hook_that_takes_its_time_delays_no_answer(ledger_url: str) -> None:
    may_go_on, told = threading.Event(), list[Any]()

    def slow(event: Any) -> None:
        assert may_go_on.wait(30)
        told.append(event)

    with PositionLedger.connect(ledger_url, on_event=slow) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        assert told == []
        may_go_on.set()
    assert len(told) == 1


def test_what_a_stuck_hook_leaves_waiting_has_a_bound(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.witness.WAITING_MAX", 2)
    may_go_on, is_stuck, told = threading.Event(), threading.Event(), list[int]()

    def stuck(number: int) -> None:
        is_stuck.set()
        assert may_go_on.wait(30)
        told.append(number)

    witness = Witness()
    witness.tell(stuck, 0)
    assert is_stuck.wait(30)
    for number in range(1, 5):
        witness.tell(stuck, number)
    assert [each.levelname for each in caplog.records if each.name == LOGGER.name] == ["WARNING"] * 2
    witness.close(0)
    may_go_on.set()
    witness.close()


def test_a_hook_may_ask_the_ledger_and_end_it(ledger_url: str) -> None:
    ledger, is_over = PositionLedger.connect(ledger_url), threading.Event()

    def ending(event: Any) -> None:
        assert ledger.position(event.position_id).status == "pending_entry"
        ledger.disconnect()
        is_over.set()

    ledger._witness._on_event = ending
    ledger.request_entry(**ENTRY, intent_id="1")
    assert is_over.wait(30)
