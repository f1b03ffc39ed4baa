"""The answer of a command that was lost on its way is asked for by the id of the command."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from domain.alteration import altered
from domain.commands.base import Command
from domain.commands.requests import Reduce
from domain.errors import InvalidCommand, OutcomeUnknown, PositionAlreadyOpen
from infrastructure.event_store import port
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.append_conflicts import AppendInDoubt
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
FIRST, SECOND = "APTUSDT.binance#1", "APTUSDT.binance#2"


def test_a_receipt_is_that_of_the_command_sent_again(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        first = ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        ledger.record_entry_placed(
            position_id=FIRST, exchange_order_id="o", filled_qty="61.8", avg_px="3.2295", command_id="c-2"
        )
        promised = ledger.start_rollback(position_id=FIRST, reason="no stop", command_id="c-3")
    with PositionLedger.connect(ledger_url) as ledger:
        found = ledger.receipt("c-1")
        assert found is not None
        assert (found.outcome, found.may_order, found.client_order_id) == ("replayed", False, first.client_order_id)
        assert (found.version, found.current_version, found.current_status) == (1, 3, "rolling_back")
        assert found == ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        closing = ledger.receipt("c-3")
        assert closing is not None and closing.client_order_id == promised.client_order_id
        assert (closing.close_side, closing.close_quantity) == (promised.close_side, promised.close_quantity)


def test_an_id_is_found_however_the_command_was_given_it(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        sent = ledger.request_entry(**ENTRY, intent_id="5483266", command_id=" 17 ")
        for asked in ("17", " 17 ", 17):
            found = ledger.receipt(asked)
            assert found is not None and found.position_id == sent.position_id
        for intent in ("5483266", 5483266):
            assert [row.position_id for row in ledger.positions(intent_id=intent)] == [FIRST]
        for wrong in ("", "a\x00b", "\ud800"):
            with pytest.raises(InvalidCommand, match="command_id: "):
                ledger.receipt(wrong)


def test_a_receipt_is_looked_for_in_one_key_where_it_is_said(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        ledger.request_entry(**ENTRY | {"symbol": "PERPUSDT"}, intent_id="1", command_id="c-2")
        for key in ("APTUSDT.binance", FIRST):
            found = ledger.receipt("c-1", key=key)
            assert found is not None and found == ledger.receipt("c-1")
            assert ledger.receipt("c-2", key=key) is None
        with pytest.raises(InvalidCommand, match="no key"):
            ledger.receipt("c-1", key="no key")


def test_a_receipt_of_a_cycle_that_is_long_over_is_found(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        for number in "123":
            position_id = ledger.request_entry(**ENTRY, intent_id=number, command_id=f"c-{number}").position_id
            ledger.fail_entry(position_id=position_id, outcome="rejected", reason="-2019", command_id=f"f-{number}")
        found = ledger.receipt("f-1")
        assert found is not None and (found.position_id, found.events) == (FIRST, ("EntryFailed",))


def test_a_command_that_ended_one_cycle_and_began_the_next_has_one_receipt(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        ledger.record_entry_placed(position_id=FIRST, exchange_order_id="o", filled_qty="61.8", avg_px="3.2295")
        flip: dict[str, Any] = {
            "position_id": FIRST,
            "trade_id": "t",
            "last_qty": "100",
            "last_px": "3.2",
            "flip": True,
        }
        first = ledger.reduce(**flip, command_id="c-flip")
        found = ledger.receipt("c-flip")
        assert found is not None and (found.events, found.position_id) == (first.events, first.position_id)
        assert (found.version, found.status) == (first.version, first.status)


def test_a_fill_that_turned_the_position_is_answered_as_at_first_when_it_is_sent_again(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger, PositionLedger.connect(ledger_url) as another:
        ledger.request_entry(**ENTRY, intent_id="1")
        ledger.record_entry_placed(position_id=FIRST, exchange_order_id="o", filled_qty="61.8", avg_px="3.2295")
        flip = Reduce.of(position_id=FIRST, trade_id="t", last_qty="100", last_px="3.2", flip=True, command_id="c")
        first = ledger.handle(flip)
        assert (first.position_id, first.events[-1]) == (SECOND, "PositionAdopted")
        replayed = altered(first, outcome="replayed")
        assert [ledger.handle(flip), another.handle(flip), *another.handle_many([flip])] == [replayed] * 3
        closed = ledger.close(position_id=SECOND, exit_reason="done")
        ledger.request_entry(**ENTRY, intent_id="2")
        now = altered(replayed, current_status=closed.status, current_version=closed.version)
        assert [ledger.handle(flip), another.handle(flip)] == [now, now]


def test_what_was_defined_of_no_cycle_has_a_receipt(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.define_instrument(symbol="APTUSDT", exchange="binance", contract_size="10", command_id="c-1")
        found = ledger.receipt("c-1")
        assert found is not None and found.events == ("InstrumentDefined",)


def test_nothing_is_known_of_a_command_that_was_refused_or_never_sent(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(**ENTRY, intent_id="2", command_id="refused")
        assert ledger.receipt("refused") is None
        assert ledger.receipt("never sent") is None
        assert [each.command_id for each in ledger.rejections()] == ["refused"]


def test_a_command_is_looked_for_part_by_part_so_that_each_is_answered_in_time(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "SOUGHT_AT_ONCE", 3)
    asked: list[Mapping[str, Any]] = []
    with PositionLedger.connect(ledger_url) as ledger:
        assert ledger.receipt("never sent") is None
        for number in range(10):
            ledger.request_entry(**ENTRY | {"symbol": f"A{number}USDT"}, intent_id="1", command_id=f"c-{number}")
        select = ledger.store.select

        def heard(conditions: Mapping[str, Any], *rest: Any) -> Any:
            asked.append(conditions)
            return select(conditions, *rest)

        monkeypatch.setattr(ledger.store, "select", heard)
        assert ledger.receipt("never sent") is None
        assert [len(conditions) for conditions in asked] == [0, 3, 3, 3, 3]
        for number in range(10):
            found = ledger.receipt(f"c-{number}")
            assert found is not None and found.position_id == f"A{number}USDT.binance#1"


def test_a_command_in_doubt_is_not_said_to_be_unknown(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_: Store, records: Any, **_rest: Any) -> None:
        raise AppendInDoubt(records, None, 0.0, "the connection was lost")

    with PositionLedger.connect(ledger_url) as ledger:
        with monkeypatch.context() as patch:
            patch.setattr(type(ledger.store), "insert_events", lost)
            patch.setattr(type(ledger.store), "settle", lambda *_: None)
            with pytest.raises(OutcomeUnknown):
                ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
            with pytest.raises(OutcomeUnknown, match="Send the same command_id c-1 again"):
                ledger.receipt("c-1")
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        assert ledger.receipt("c-1") is not None


def test_a_cancelled_task_finds_the_receipt_of_what_it_sent(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    is_sent, may_go_on, handle = threading.Event(), threading.Event(), PositionLedger.handle

    def held_up(self: PositionLedger, command: Command) -> Receipt:
        is_sent.set()
        assert may_go_on.wait(30)
        return handle(self, command)

    async def cancelled() -> Receipt | None:
        async with await AsyncPositionLedger.connect(ledger_url) as ledger:
            sending = asyncio.create_task(ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1"))
            assert await asyncio.to_thread(is_sent.wait, 30)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            asking = asyncio.create_task(ledger.receipt("c-1"))
            await asyncio.sleep(0.02)
            assert not asking.done()  # it is under way, so that nobody can say that it is not known
            may_go_on.set()
            return await asking

    monkeypatch.setattr(PositionLedger, "handle", held_up)
    found = asyncio.run(cancelled())
    assert found is not None and (found.position_id, found.outcome) == (FIRST, "replayed")


def test_a_task_that_is_cancelled_while_it_connects_leaves_no_connection_behind(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_opening, may_go_on, is_closed = threading.Event(), threading.Event(), threading.Event()
    connect, disconnect = PositionLedger.connect, PositionLedger.disconnect

    def held_up(*arguments: Any, **options: Any) -> PositionLedger:
        is_opening.set()
        assert may_go_on.wait(30)
        return connect(*arguments, **options)

    def closed(self: PositionLedger) -> None:
        disconnect(self)
        is_closed.set()

    async def cancelled() -> None:
        opening = asyncio.create_task(AsyncPositionLedger.connect(ledger_url))
        assert await asyncio.to_thread(is_opening.wait, 30)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    monkeypatch.setattr(PositionLedger, "connect", held_up)
    monkeypatch.setattr(PositionLedger, "disconnect", closed)
    asyncio.run(cancelled())
    may_go_on.set()
    assert is_closed.wait(30)
