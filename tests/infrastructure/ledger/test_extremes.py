"""The answers of a ledger when a clock is wrong, a database disappears, or an id is used for another key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.requests import ImportPosition, RecordEntryPlaced, RequestEntry
from domain.errors import (
    IdempotencyMismatch,
    InvalidCommand,
    LedgerError,
    PositionNotOpen,
    ReduceExceedsPosition,
    StoreUnavailable,
)
from domain.rejection import Rejection
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from position_ledger.testing import Clock

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "10"}
ADOPTED: dict[str, Any] = ENTRY | {"avg_px_open": "10", "reason": "found"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(ledger_url: str, clock: Clock) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as opened:
        yield PositionLedger(opened.store, clock=clock)


# -- times ------------------------------------------------------------------------------------------------------


def test_what_is_yet_to_come_is_refused(ledger: PositionLedger, clock: Clock) -> None:
    with pytest.raises(InvalidCommand, match="is yet to come: the ledger's clock says 2025-10-22T18:50:40"):
        ledger.request_entry(**ENTRY, intent_id="1", at=clock() + timedelta(seconds=61))
    assert not ledger.positions()
    assert ledger.request_entry(**ENTRY, intent_id="1", at=clock() + timedelta(seconds=60)).outcome == "recorded"


class FrozenTime(datetime):
    """What `datetime.now` gives in a test that stops the clock, and what pandas and pendulum give for a time."""


def test_a_time_may_be_of_a_class_of_another_library(ledger: PositionLedger) -> None:
    frozen = FrozenTime(2025, 10, 22, 18, 50, 40, tzinfo=UTC)
    of_it = PositionLedger(ledger.store, clock=lambda: frozen)
    entered = of_it.request_entry(**ENTRY, intent_id="1")
    of_it.fail_entry(position_id=entered.position_id, reason="x", outcome="rejected", at=frozen)
    row = ledger.position(entered.position_id)
    assert row.opened_at == row.closed_at == frozen


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2101-01-01T00:00:00Z"])
def test_times_of_other_centuries_are_refused(ledger: PositionLedger, at: str) -> None:
    with pytest.raises(InvalidCommand, match="lies outside 2000 to 2100"):
        ledger.request_entry(**ENTRY, intent_id="1", at=at)
    assert not ledger.positions()


def test_exits_count_again_once_the_clock_of_the_ledger_is_mended(ledger: PositionLedger, clock: Clock) -> None:
    mended, clock.time = clock.time, datetime(2036, 2, 7, tzinfo=UTC)
    position_id = ledger.adopt(**ADOPTED).position_id
    clock.time = mended
    ledger.reduce(position_id=position_id, trade_id="1", last_qty="4", last_px="12")
    assert ledger.position(position_id).quantity == 6
    with pytest.raises(ReduceExceedsPosition):
        ledger.reduce(position_id=position_id, trade_id="2", last_qty="500", last_px="12")
    assert verify(ledger.store).ok


def test_a_fill_of_a_clock_that_was_wrong_keeps_no_later_evidence_out(ledger: PositionLedger, clock: Clock) -> None:
    position_id = ledger.adopt(**ADOPTED).position_id
    mended, clock.time = clock.time, datetime(2036, 2, 7, tzinfo=UTC)
    exit_: dict[str, Any] = {"position_id": position_id, "trade_id": "1", "last_qty": "4", "last_px": "12"}
    ledger.reduce(**exit_, exchange_order_id="X", at=clock.time - timedelta(seconds=1))
    clock.time = mended
    ledger.adjust(position_id=position_id, quantity="5", reason="the exchange says so", at=mended)
    assert ledger.position(position_id).quantity == 5


def test_no_past_exit_is_of_more_than_was_ever_entered(ledger: PositionLedger, clock: Clock) -> None:
    position_id = ledger.adopt(**ADOPTED).position_id
    before = clock() - timedelta(seconds=5)
    ledger.reduce(position_id=position_id, trade_id="1", last_qty="4", last_px="12", at=before)
    with pytest.raises(ReduceExceedsPosition, match="never held more than 10, of which 4 are closed"):
        ledger.reduce(position_id=position_id, trade_id="2", last_qty="7", last_px="12", at=before)
    assert ledger.position(position_id).quantity == 10


# -- a batch whose database goes away in the middle --------------------------------------------------------------


def entry(symbol: str, intent: str) -> Command:
    return RequestEntry.of(**ENTRY | {"symbol": symbol}, intent_id=intent)


def lost_after_the_refusal(ledger: PositionLedger, patch: pytest.MonkeyPatch) -> None:
    keep: Callable[[Rejection], None] = ledger.store.log_rejection

    def insert(*_: object, **__: object) -> None:
        raise StoreUnavailable("the database is away; nothing was written")

    def keep_and_lose(rejection: Rejection) -> None:
        keep(rejection)
        patch.setattr(ledger.store, "insert_events", insert)

    patch.setattr(ledger.store, "log_rejection", keep_and_lose)


def test_a_batch_that_was_written_in_part_answers_for_each_command(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.handle(entry("HELDUSDT", "1"))
    lost_after_the_refusal(ledger, monkeypatch)
    batch = [entry("M1USDT", "1"), entry("HELDUSDT", "2"), entry("M2USDT", "1"), entry("M3USDT", "1")]
    answers: list[Receipt | LedgerError] = ledger.handle_many(batch)
    assert [type(answer).__name__ for answer in answers] == [
        "Receipt",
        "PositionAlreadyOpen",
        "StoreUnavailable",
        "StoreUnavailable",
    ]
    assert "not tried" in str(answers[3])
    monkeypatch.undo()
    assert sorted(row.symbol for row in ledger.positions()) == ["HELDUSDT", "M1USDT"]
    again = ledger.handle_many(batch)
    assert [answer.outcome for answer in again if isinstance(answer, Receipt)] == ["replayed", "recorded", "recorded"]


def test_a_batch_of_which_nothing_was_written_says_so(ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.handle(entry("HELDUSDT", "1"))
    lost_after_the_refusal(ledger, monkeypatch)
    with pytest.raises(StoreUnavailable, match="nothing was written"):
        ledger.handle_many([entry("HELDUSDT", "2"), entry("M1USDT", "1")])


# -- ids of other cycles -----------------------------------------------------------------------------------------


def test_the_id_of_a_late_fill_is_no_id_of_the_open_cycle(ledger: PositionLedger) -> None:
    over = ledger.request_entry(**ENTRY, intent_id="1").position_id
    ledger.fail_entry(position_id=over, reason="x", outcome="rejected")
    request = ENTRY | {"intent_id": "2", "command_id": "X"}
    first = ledger.request_entry(**request)
    fill: dict[str, Any] = {"position_id": over, "trade_id": "t", "last_qty": "1", "last_px": "1"}
    for command_id in ("X", "Y"):
        late = ledger.record_entry_fill(**fill | {"trade_id": command_id}, command_id=command_id)
        again = ledger.record_entry_fill(**fill | {"trade_id": command_id}, command_id=command_id)
        assert (again.outcome, again.version, again.position_id) == ("replayed", late.version, over)
    again = ledger.request_entry(**request)
    assert (again.outcome, again.version, again.position_id) == ("replayed", first.version, first.position_id)
    assert ledger.request_entry(**request | {"command_id": "Z"}).outcome == "replayed"
    placed: dict[str, Any] = {"position_id": first.position_id, "exchange_order_id": "o"}
    assert ledger.record_entry_placed(**placed, command_id="Y").outcome == "recorded"
    with pytest.raises(IdempotencyMismatch):
        ledger.record_entry_placed(**placed, command_id="X")


def test_the_id_of_a_row_imported_beside_is_no_id_of_the_open_cycle(ledger: PositionLedger) -> None:
    ledger.request_entry(**ENTRY, intent_id="1", command_id="X")
    row = ImportPosition.of(**ENTRY, status="closed", opened_at="2025-10-01T00:00:00Z", row={"id": "1"}, command_id="X")
    first = ledger.handle(row)
    assert (ledger.handle(row).outcome, ledger.handle(row).version) == ("replayed", first.version)
    assert ledger.request_entry(**ENTRY, intent_id="1", command_id="X").outcome == "replayed"


# -- an order that is told again after its cycle was closed -------------------------------------------------------


def test_an_order_told_again_opens_no_second_cycle(ledger: PositionLedger) -> None:
    placed = ENTRY | {"exchange_order_id": "9", "filled_qty": "10", "avg_px": "10"}
    first = ledger.record_entry_placed(**placed)
    ledger.close(position_id=first.position_id, exit_reason="x")
    again = ledger.record_entry_placed(**placed)
    assert (again.outcome, again.position_id, again.version) == ("replayed", first.position_id, 1)
    assert ledger.record_entry_placed(**placed | {"signal_price": "9"}).outcome == "replayed"
    with pytest.raises(PositionNotOpen, match="was entered by order 9 and is closed"):
        ledger.record_entry_placed(**placed | {"filled_qty": "11"})
    assert ledger.record_entry_placed(**placed | {"exchange_order_id": "10"}).position_id == "APTUSDT.binance#2"


@pytest.mark.parametrize("is_cached", [True, False])
def test_an_order_told_again_after_later_cycles_opens_none_either(
    ledger: PositionLedger, clock: Clock, *, is_cached: bool
) -> None:
    placed = ENTRY | {"filled_qty": "10", "avg_px": "10"}
    for order in "789":
        cycle = ledger.record_entry_placed(**placed, exchange_order_id=order).position_id
        ledger.close(position_id=cycle, exit_reason="x")
    asked = ledger if is_cached else PositionLedger(ledger.store, clock=clock)
    again = asked.record_entry_placed(**placed, exchange_order_id="8")
    assert (again.outcome, again.position_id) == ("replayed", "APTUSDT.binance#2")
    batch = [RecordEntryPlaced.of(**placed, exchange_order_id=order) for order in ("7", "8", "9")]
    answers = [answer for answer in asked.handle_many(batch) if isinstance(answer, Receipt)]
    assert [(answer.outcome, answer.position_id[-1]) for answer in answers] == [("replayed", each) for each in "123"]
    with pytest.raises(PositionNotOpen, match="binance#1 was entered by order 7 and is closed, with 10 filled"):
        asked.record_entry_placed(**placed | {"filled_qty": "11"}, exchange_order_id="7")
    assert asked.record_entry_placed(**placed, exchange_order_id="10").position_id == "APTUSDT.binance#4"
    assert verify(ledger.store).ok


def test_only_a_flat_key_of_several_cycles_is_asked_about_orders(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = ledger.store.cycle_of_order

    def note(stream: str, order: str) -> int | None:
        asked.append(order)
        return ask(stream, order)

    monkeypatch.setattr(ledger.store, "cycle_of_order", note)
    for order in "123":
        cycle = ledger.record_entry_placed(**ENTRY, exchange_order_id=order).position_id
        ledger.record_entry_placed(**ENTRY, exchange_order_id=order)
        ledger.record_entry_placed(position_id=cycle, exchange_order_id=order)
        ledger.fail_entry(position_id=cycle, reason="x", outcome="rejected")
    assert asked == ["3"]


# -- instruments -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strike", ["9" * 6000, "9" * 19, "0", "1e99", "0.0000000000000000001"])
def test_a_strike_that_is_no_price_is_refused_by_either_store(ledger: PositionLedger, strike: str) -> None:
    with pytest.raises(InvalidCommand, match="has a strike of"):
        ledger.request_entry(**ENTRY | {"symbol": f"BTCUSDT-251226-{strike}-C"}, intent_id="1")
