"""PositionLedger: load, decide, append, answer; and its answer when another process was faster."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any
from unittest.mock import Mock

import pytest

from domain.commands.base import Command
from domain.commands.requests import Activate, Adjust, Adopt, FailEntry, RecordEntryPlaced, RequestEntry, SetStopLoss
from domain.decisions.decision import CommandContext
from domain.errors import (
    IdempotencyMismatch,
    InvalidCommand,
    LedgerError,
    PositionAlreadyOpen,
    StaleCycle,
    StoreUnavailable,
    UnknownPosition,
    VersionConflict,
)
from infrastructure.event_store.records import RecordedEvent
from infrastructure.integrity.verify import verify
from infrastructure.ledger.aggregate_cache import AggregateCache, CachedPosition
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
FIRST = "APTUSDT.binance#1"


@pytest.fixture
def other(ledger_url: str, ledger: PositionLedger) -> Iterator[PositionLedger]:
    """Another process's view of the same ledger: it shares nothing but the file."""
    del ledger
    with PositionLedger.connect(ledger_url) as other:
        yield other


def opened_and_closed(ledger: PositionLedger, intent: str) -> str:
    position_id = ledger.request_entry(**ENTRY, intent_id=intent).position_id
    ledger.record_entry_placed(position_id=position_id, exchange_order_id=intent, filled_qty="61.8", avg_px="3.2333")
    ledger.set_stop_loss(position_id=position_id, stop_price="3.2941", exchange_order_id=f"s{intent}", activate=True)
    ledger.close(position_id=position_id, exit_reason="target", avg_px_close="3.1")
    return position_id


def test_a_rival_is_refused_and_told_who_holds_the_slot(ledger: PositionLedger) -> None:
    ledger.request_entry(**ENTRY, intent_id="first")
    with pytest.raises(PositionAlreadyOpen) as refused:
        ledger.request_entry(**ENTRY | {"symbol": "apt/usdt:usdt", "exchange": " Binance "}, intent_id="second")
    assert refused.value.position_id == FIRST
    assert refused.value.intent_id == "first"
    assert refused.value.detected_by == "state"
    assert refused.value.age.total_seconds() >= 0


def test_every_refused_duplicate_is_kept(ledger: PositionLedger) -> None:
    ledger.request_entry(**ENTRY, intent_id="first")
    assert ledger.rejections() == []
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(**ENTRY, intent_id="second", command_id="c-2", source="recovery")
    (kept,) = ledger.rejections()
    assert (kept.error, kept.intent_id, kept.command_id, kept.source) == (
        "PositionAlreadyOpen",
        "second",
        "c-2",
        "recovery",
    )
    assert (kept.position_id, kept.holder_intent_id, kept.detected_by) == (FIRST, "first", "state")


def test_a_refusal_that_is_no_duplicate_is_not_kept(ledger: PositionLedger) -> None:
    with pytest.raises(UnknownPosition):
        ledger.activate(position_id=FIRST)
    assert ledger.rejections() == []


def let_win(rival_intent: str, ledger: PositionLedger, ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a rival append between the decision of the next command and its append."""
    insert = ledger.store.insert_events

    def insert_after_the_rival(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(ledger.store, "insert_events", insert)
        with PositionLedger.connect(ledger_url) as rival:
            rival.request_entry(**ENTRY, intent_id=rival_intent)
        return insert(*args, **kwargs)

    monkeypatch.setattr(ledger.store, "insert_events", insert_after_the_rival)


def test_a_lost_race_is_read_back_and_says_so(
    ledger: PositionLedger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_win("rival", ledger, ledger_url, monkeypatch)
    with pytest.raises(PositionAlreadyOpen) as lost:
        ledger.request_entry(**ENTRY, intent_id="mine")
    assert (lost.value.detected_by, lost.value.intent_id) == ("version_conflict", "rival")
    assert [kept.detected_by for kept in ledger.rejections()] == ["version_conflict"]
    assert len(ledger.history("APTUSDT.binance")) == 1


def test_a_race_lost_to_myself_is_a_replay(
    ledger: PositionLedger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_win("12330417", ledger, ledger_url, monkeypatch)
    assert ledger.request_entry(**ENTRY, intent_id="12330417").outcome == "replayed"
    assert len(ledger.history("APTUSDT.binance")) == 1
    assert ledger.rejections() == []


def test_a_slot_that_was_taken_long_ago_is_not_called_a_lost_race(
    ledger: PositionLedger, other: PositionLedger
) -> None:
    other.request_entry(**ENTRY, intent_id="first")
    with pytest.raises(PositionAlreadyOpen) as refused:
        ledger.request_entry(**ENTRY, intent_id="second")
    assert refused.value.detected_by == "state"


def test_a_process_that_never_saw_a_key_goes_on_where_others_left_it(
    ledger: PositionLedger, other: PositionLedger
) -> None:
    opened_and_closed(other, "1")
    assert ledger.request_entry(**ENTRY, intent_id="2").position_id == "APTUSDT.binance#2"
    assert ledger.request_entry(**ENTRY, intent_id="1").position_id == FIRST


def test_a_stale_memory_never_refuses_what_is_allowed_by_now(ledger: PositionLedger, other: PositionLedger) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    other.fail_entry(position_id=FIRST, reason="expired", outcome="expired")
    assert ledger.request_entry(**ENTRY, intent_id="2").position_id == "APTUSDT.binance#2"


def test_a_stale_memory_never_allows_what_is_refused_by_now(ledger: PositionLedger, other: PositionLedger) -> None:
    opened_and_closed(ledger, "1")
    other.request_entry(**ENTRY, intent_id="2")
    with pytest.raises(PositionAlreadyOpen) as refused:
        ledger.request_entry(**ENTRY, intent_id="3")
    assert refused.value.intent_id == "2"


def test_what_is_news_by_now_is_never_no_news_to_a_stale_memory(ledger: PositionLedger, other: PositionLedger) -> None:
    ledger.adopt(**ENTRY, avg_px_open="3.2", reason="seen")
    seen = Adjust.of(position_id=FIRST, quantity="61.8", reason="seen")
    assert ledger.handle(seen).outcome == "replayed"
    for tell in (lambda: [ledger.handle(seen)], lambda: ledger.handle_many([seen])):
        other.adjust(position_id=FIRST, quantity="50", reason="seen")
        answers = [*tell(), *tell()]
        assert [answer.outcome for answer in answers if isinstance(answer, Receipt)] == ["recorded", "replayed"]
        assert str(other.position(FIRST).quantity) == "61.8"


def test_what_a_batch_records_is_told_recorded_though_another_of_its_answers_is_no_longer_true(
    ledger: PositionLedger, other: PositionLedger
) -> None:
    """It was recorded, then decided again beside the other one: the entry was told replayed, an adoption refused."""
    ledger.adopt(**ENTRY, avg_px_open="3.2", reason="seen")
    other.adjust(position_id=FIRST, quantity="50", reason="seen")
    seen = Adjust.of(position_id=FIRST, quantity="61.8", reason="seen")
    entry = RequestEntry.of(**ENTRY | {"symbol": "XUSDT"}, intent_id="1")
    adoption = Adopt.of(**ENTRY | {"symbol": "YUSDT"}, avg_px_open="3.2", reason="seen")
    answers = ledger.handle_many([entry, adoption, seen])
    assert [answer.outcome for answer in answers if isinstance(answer, Receipt)] == ["recorded"] * 3


def test_a_stale_memory_never_tells_how_a_position_stood_before(ledger: PositionLedger, other: PositionLedger) -> None:
    opened = ledger.adopt(**ENTRY, avg_px_open="3.2", reason="seen", command_id="c")
    with pytest.raises(PositionAlreadyOpen):
        other.request_entry(**ENTRY, intent_id="2")  # so it remembers what it only read
    ledger.close(position_id=FIRST, exit_reason="target", avg_px_close="3.1")
    again = other.adopt(**ENTRY, avg_px_open="3.2", reason="seen", command_id="c")
    assert (again.outcome, again.status, again.current_status) == ("replayed", opened.status, "closed")


def test_a_receipt_tells_nothing_of_what_another_thread_decides_next(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has the position as soon as it is put back, and what it decides may never be recorded."""
    put = AggregateCache.put

    def taken_at_once(cache: AggregateCache, held: CachedPosition) -> None:
        put(cache, held)
        taken = cache.taken("APTUSDT.binance")
        assert taken is not None
        now = datetime.now(UTC)
        failing = FailEntry.of(position_id=FIRST, outcome="rejected", reason="seen")
        taken.position.decide(failing, CommandContext("other", now, now))

    monkeypatch.setattr(AggregateCache, "put", taken_at_once)
    answers = [ledger.request_entry(**ENTRY, intent_id="1", command_id="c") for _ in range(2)]
    assert [(answer.outcome, answer.current_version) for answer in answers] == [("recorded", 1), ("replayed", 1)]


def test_commands_that_get_in_each_others_way_are_both_recorded(ledger: PositionLedger, other: PositionLedger) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    ledger.record_entry_placed(position_id=FIRST, exchange_order_id="1")
    other.record_entry_fill(position_id=FIRST, trade_id="a", last_qty="30", last_px="3.2")
    receipt = ledger.record_entry_fill(position_id=FIRST, trade_id="b", last_qty="31.8", last_px="3.3")
    assert (receipt.outcome, receipt.version) == ("recorded", 4)
    assert str(ledger.position(FIRST).filled_qty) == "61.8"


def test_expected_version_refuses_what_was_decided_on_an_old_look(
    ledger: PositionLedger, other: PositionLedger
) -> None:
    ledger.request_entry(**ENTRY, intent_id="1", expected_version=0)
    other.record_entry_placed(position_id=FIRST, exchange_order_id="1", expected_version=1)
    with pytest.raises(VersionConflict) as stale:
        ledger.adjust(position_id=FIRST, quantity="60", reason="seen", expected_version=1)
    assert stale.value.details == {"version": 2, "expected_version": 1}
    assert ledger.adjust(position_id=FIRST, quantity="60", reason="seen", expected_version=2).version == 3


def test_an_intent_opens_one_cycle_ever(ledger: PositionLedger) -> None:
    first = ledger.request_entry(**ENTRY, intent_id="1")
    ledger.fail_entry(position_id=FIRST, reason="no", outcome="canceled")
    assert ledger.request_entry(**ENTRY, intent_id="1").position_id == first.position_id
    ledger.request_entry(**ENTRY, intent_id="2")
    again = ledger.request_entry(**ENTRY, intent_id="1")
    assert (again.outcome, again.position_id, again.status, again.version) == ("replayed", FIRST, "pending_entry", 1)
    with pytest.raises(IdempotencyMismatch, match="other content"):
        ledger.request_entry(**ENTRY | {"quantity": "61.9"}, intent_id="1")
    assert [kept.error for kept in ledger.rejections()] == ["IdempotencyMismatch"]


def test_a_late_fill_of_a_cancelled_cycle_is_recorded_there_while_another_is_open(ledger: PositionLedger) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    ledger.fail_entry(position_id=FIRST, reason="no", outcome="canceled")
    second = ledger.request_entry(**ENTRY, intent_id="2").position_id
    fill: dict[str, Any] = {"position_id": FIRST, "trade_id": "t", "last_qty": "61.8", "last_px": "3.2333"}
    receipt = ledger.record_entry_fill(**fill)
    assert (receipt.outcome, receipt.position_id, receipt.status, receipt.version) == ("recorded", FIRST, "canceled", 4)
    assert ledger.record_entry_fill(**fill).outcome == "replayed"
    late, current = ledger.positions()
    assert (late.late_fill, str(late.filled_qty), late.status) == (True, "61.8", "canceled")
    assert (current.position_id, str(current.filled_qty), current.status) == (second, "0", "pending_entry")
    assert ledger.record_entry_placed(position_id=second, exchange_order_id="2").version == 5
    assert verify(ledger.store).ok
    assert ledger.rebuild().differences == 0


def test_any_other_command_on_an_old_cycle_is_refused(ledger: PositionLedger) -> None:
    opened_and_closed(ledger, "1")
    ledger.request_entry(**ENTRY, intent_id="2")
    with pytest.raises(StaleCycle, match="current cycle is #2"):
        ledger.close(position_id=FIRST, exit_reason="a late close of attempt 1")
    assert ledger.position("APTUSDT.binance#2").status == "pending_entry"


def test_a_command_sent_again_gets_its_first_answer_from_an_old_cycle_too(ledger: PositionLedger) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    fail: dict[str, Any] = {"position_id": FIRST, "reason": "no", "outcome": "canceled", "command_id": "c"}
    first = ledger.fail_entry(**fail)
    ledger.request_entry(**ENTRY, intent_id="2")
    again = ledger.fail_entry(**fail)
    assert (again.outcome, again.version, again.events) == ("replayed", first.version, ("EntryFailed",))


def test_many_commands_are_one_transaction(ledger: PositionLedger) -> None:
    answers = ledger.handle_many(
        [
            RequestEntry.of(**ENTRY, intent_id="1"),
            RecordEntryPlaced.of(position_id=FIRST, exchange_order_id="1"),
            RequestEntry.of(**ENTRY | {"symbol": "PERPUSDT"}, intent_id="2"),
        ]
    )
    assert [answer.outcome for answer in answers if isinstance(answer, Receipt)] == ["recorded"] * 3
    assert verify(ledger.store).ok


def test_of_many_commands_a_refused_one_does_not_hold_up_the_others(ledger: PositionLedger) -> None:
    answers = ledger.handle_many(
        [
            RequestEntry.of(**ENTRY, intent_id="1"),
            RequestEntry.of(**ENTRY, intent_id="2"),
            Activate.of(position_id=FIRST),
            RequestEntry.of(**ENTRY | {"symbol": "PERPUSDT"}, intent_id="3"),
        ]
    )
    assert [type(answer).__name__ for answer in answers] == ["Receipt", "PositionAlreadyOpen", "NotFilled", "Receipt"]
    assert len(ledger.positions()) == 2


def reads(ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The streams that are read from now on."""
    load, seen = ledger.store.load, list[str]()

    def heard(stream: str) -> Sequence[RecordedEvent]:
        seen.append(stream)
        return load(stream)

    monkeypatch.setattr(ledger.store, "load", heard)
    return seen


def placed_and_known() -> list[Command]:
    return [
        RecordEntryPlaced.of(position_id=FIRST, exchange_order_id="1", filled_qty="61.8", avg_px="3.2333"),
        SetStopLoss.of(position_id=FIRST, stop_price="3.2941", exchange_order_id="2", activate=True),
    ]


def test_many_commands_go_on_from_what_is_remembered(ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    seen = reads(ledger, monkeypatch)
    ledger.handle_many(placed_and_known())
    ledger.close(position_id=FIRST, exit_reason="target", avg_px_close="3.1")
    ledger.handle_many([RequestEntry.of(**ENTRY, intent_id="2"), RequestEntry.of(**ENTRY, intent_id="2")])
    assert seen == []
    assert len(ledger.history("APTUSDT.binance")) == 6
    assert verify(ledger.store).ok


def test_many_commands_without_news_are_still_remembered(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = RequestEntry.of(**ENTRY, intent_id="1")
    ledger.handle(again)
    seen = reads(ledger, monkeypatch)
    (answer,) = ledger.handle_many([again])
    assert isinstance(answer, Receipt)
    assert answer.outcome == "replayed"
    ledger.handle_many(placed_and_known())
    assert seen == []


def test_many_commands_on_what_is_remembered_no_more_are_decided_anew(
    ledger: PositionLedger, other: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    other.record_entry_placed(position_id=FIRST, exchange_order_id="1", filled_qty="61.8", avg_px="3.2333")
    seen = reads(ledger, monkeypatch)
    answers = ledger.handle_many(placed_and_known())
    assert seen
    assert [answer.outcome for answer in answers if isinstance(answer, Receipt)] == ["replayed", "recorded"]
    assert verify(ledger.store).ok


def test_threads_of_one_process_get_one_slot_between_them(ledger: PositionLedger) -> None:
    answers: list[str] = []
    start = threading.Barrier(10)

    def ask(number: int) -> None:
        start.wait()
        try:
            answers.append(ledger.request_entry(**ENTRY, intent_id=str(number)).outcome)
        except PositionAlreadyOpen:
            answers.append("refused")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["recorded"] + ["refused"] * 9
    assert len(ledger.rejections()) == 9


def test_loading_reads_one_cycle_however_many_came_before(ledger: PositionLedger, ledger_url: str) -> None:
    for number in range(30):
        opened_and_closed(ledger, str(number))
    with PositionLedger.connect(ledger_url) as fresh:
        assert len(fresh.store.load("APTUSDT.binance")) == len(ledger.history(FIRST)) == 5
        assert len(fresh.store.load_cycle("APTUSDT.binance", 7)) == 5
        assert fresh.request_entry(**ENTRY, intent_id="new").position_id == "APTUSDT.binance#31"


def test_a_process_that_rounds_its_own_numbers_reads_the_same_history(ledger: PositionLedger, ledger_url: str) -> None:
    """What an adjustment had counted follows from sums of what is on record, which are made anew at every start."""
    first = ledger.request_entry(**{**ENTRY, "quantity": "30.12"}, intent_id="a")
    told: dict[str, Any] = {"position_id": first.position_id, "last_px": "3.2"}
    ledger.record_entry_fill(**told, trade_id="1", last_qty="30.12", client_order_id=first.client_order_id)
    second = ledger.request_increase(position_id=first.position_id, quantity="31.62", intent_id="b")
    ledger.record_entry_fill(**told, trade_id="2", last_qty="31.62", client_order_id=second.client_order_id)
    ledger.adjust(position_id=first.position_id, avg_px_open="3.3", quantity="61.74", reason="seen")
    with localcontext() as context, PositionLedger.connect(ledger_url) as another:
        context.prec = 3
        another.record_entry_fill(**told, trade_id="3", last_qty="5", client_order_id=second.client_order_id)
        assert another.position(first.position_id).quantity == Decimal("66.74")


def test_as_of_a_version_a_place_and_a_time_is_what_was_recorded_by_then(ledger_url: str) -> None:
    moments = iter(datetime(2025, 10, 22, 18, 50, second, tzinfo=UTC) for second in range(60))
    with PositionLedger.connect(ledger_url) as plain:
        ledger = PositionLedger(plain.store, clock=lambda: next(moments))
        opened_and_closed(ledger, "1")
        statuses = [row.status for version in range(1, 6) for row in ledger.positions(as_of=version)]
        assert statuses == ["pending_entry", "entry_placed", "pending_sl", "active", "closed"]
        assert [row.status for row in ledger.positions(as_of="#2")] == ["entry_placed"]
        written = [entry.event.ts_recorded for entry in ledger.history("APTUSDT.binance")]
        assert [row.status for row in ledger.positions(as_of=written[1])] == ["entry_placed"]
        assert ledger.positions(as_of="2025-10-22T18:49:00Z") == []
        assert len(ledger.history(FIRST, as_of=2)) == 2
        with pytest.raises(InvalidCommand, match="names no zone"):
            ledger.positions(as_of="2025-10-22T18:49:00")


def test_history_of_what_never_was_is_not_an_empty_list(ledger: PositionLedger) -> None:
    with pytest.raises(UnknownPosition):
        ledger.history("APTUSDT.binance")
    with pytest.raises(UnknownPosition):
        ledger.position(FIRST)
    with pytest.raises(InvalidCommand, match="not a key like"):
        ledger.history("nonsense")


def test_the_asyncio_twin_has_every_method() -> None:
    assert {name for name in dir(PositionLedger) if name[0] != "_"} - set(dir(AsyncPositionLedger)) == set()


def test_the_asyncio_twin_takes_the_same_arguments() -> None:
    def arguments(kind: type, name: str) -> dict[str, tuple[Any, ...]]:
        asked = inspect.signature(getattr(kind, name)).parameters.values()
        return {each.name: (each.kind, each.default, str(each.annotation)) for each in asked}

    names = [name for name, member in inspect.getmembers(PositionLedger) if name[0] != "_" and callable(member)]
    assert {"connect", "rebuild", "positions", "reconcile", "handle"} <= {*names}
    differing = [name for name in names if arguments(PositionLedger, name) != arguments(AsyncPositionLedger, name)]
    assert differing == []


def test_the_asyncio_twin_waits_for_nobody_elses_threads(ledger_url: str) -> None:
    async def busy() -> str:
        loop, stop = asyncio.get_running_loop(), threading.Event()
        loop.set_default_executor(ThreadPoolExecutor(1))
        waiting = loop.run_in_executor(None, stop.wait)
        try:
            async with await asyncio.wait_for(AsyncPositionLedger.connect(ledger_url), 30) as ledger:
                receipt = await asyncio.wait_for(ledger.request_entry(**ENTRY, intent_id="1"), 30)
                assert await ledger.rejections() == []
                stop.set()
                await waiting
                return receipt.outcome
        finally:
            stop.set()

    assert asyncio.run(busy()) == "recorded"


def test_what_had_no_thread_is_never_recorded_later(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An executor keeps what it could start no thread for, and has it made as soon as another thread is free."""
    may_go_on = threading.Event()

    async def crowded() -> list[str]:
        async with AsyncPositionLedger.connect(ledger_url) as ledger:
            busy = ledger._threads.submit(may_go_on.wait, 30)
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
                with pytest.raises(StoreUnavailable, match=r"can't start new thread; nothing was written\. End"):
                    await ledger.request_entry(**ENTRY, intent_id="1")
                may_go_on.set()
                await asyncio.wrap_future(busy)
                later = ledger._threads.submit(list[str])  # behind it, for the same thread
                return [row.position_id for row in await ledger.positions()] + await asyncio.wrap_future(later)

    assert asyncio.run(crowded()) == []


def test_a_server_that_cannot_be_watched_over_is_no_ledger(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
    with pytest.raises(StoreUnavailable, match="watched over: can't start new thread; nothing was written"):
        PositionLedger.connect(postgres_url)


def test_the_asyncio_twin_is_opened_by_whichever_way_a_program_awaits_it(ledger_url: str) -> None:
    async def opened() -> list[str]:
        outcomes: list[str] = []
        async with AsyncPositionLedger.connect(ledger_url) as ledger:
            outcomes.append((await ledger.request_entry(**ENTRY, intent_id="1")).outcome)
        with pytest.raises(LedgerError, match=r"closed|disconnect"):
            await ledger.positions()
        async with await AsyncPositionLedger.connect(ledger_url) as ledger:
            outcomes.append((await ledger.request_entry(**ENTRY, intent_id="1")).outcome)
        ledger = await asyncio.create_task(AsyncPositionLedger.connect(ledger_url))
        await ledger.disconnect()
        return outcomes

    assert asyncio.run(opened()) == ["recorded", "replayed"]


def test_what_is_no_text_is_no_position_id(ledger: PositionLedger) -> None:
    for ask in (ledger.position, ledger.history):
        with pytest.raises(InvalidCommand, match="1 is not a text like APTUSDT"):
            ask(1)  # type: ignore[arg-type] # as a bot without a type checker may


def test_the_asyncio_twin_gives_the_same_answers(ledger_url: str) -> None:
    async def day() -> tuple[list[str], str, int]:
        async with await AsyncPositionLedger.connect(ledger_url) as ledger:
            answers = await asyncio.gather(
                *(ledger.request_entry(**ENTRY, intent_id=str(number)) for number in range(6)), return_exceptions=True
            )
            row = await ledger.position(FIRST)
            history = await ledger.history(FIRST)
            assert len(await ledger.positions(open=True)) == 1
            return [type(answer).__name__ for answer in answers], row.status.value, len(history)

    names, status, events = asyncio.run(day())
    assert sorted(names) == ["PositionAlreadyOpen"] * 5 + ["Receipt"]
    assert (status, events) == ("pending_entry", 1)
