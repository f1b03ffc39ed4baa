"""The incidents of the system that the ledger replaces, with their real numbers, and what happens now."""

from __future__ import annotations

import pytest

from domain.commands.requests import (
    Activate,
    Adjust,
    Adopt,
    Close,
    FailEntry,
    FailRollback,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    RequestEntry,
    RollBack,
    SetStopLoss,
    StartRollback,
)
from domain.errors import (
    EvidenceMissing,
    InvalidCommand,
    NothingToRollBack,
    NotProtected,
    PositionAlreadyOpen,
    PositionNotOpen,
    StaleCycle,
    WrongSideStop,
)
from domain.events import (
    Activated,
    EntryFailed,
    EntryOutcomeUnknown,
    EntryPlaced,
    EntryRequested,
    PositionAdjusted,
    PositionAdopted,
    PositionClosed,
    PositionReduced,
    RollbackFailed,
    RollbackStarted,
    RolledBack,
    StopLossLost,
    StopLossSet,
)
from projections.exposure import needs_stop
from tests.spec import ENTERED, FILLED, PLACED, given, on, request


def entry(
    symbol: str, side: str, quantity: str, intent_id: str | int, exchange: str = "binance", **fields: object
) -> RequestEntry:
    return RequestEntry.of(
        symbol=symbol, exchange=exchange, side=side, quantity=quantity, intent_id=intent_id, **fields
    )


def acknowledged(position_id: str, order: str, quantity: str, price: str, **fields: object) -> RecordEntryPlaced:
    return RecordEntryPlaced.of(
        position_id=position_id, exchange_order_id=order, filled_qty=quantity, avg_px=price, **fields
    )


def sighting(symbol: str, side: str, quantity: str, price: str, **fields: object) -> Adopt:
    return Adopt.of(
        symbol=symbol,
        exchange="binance",
        side=side,
        quantity=quantity,
        avg_px_open=price,
        reason="seen by the sync",
        **fields,
    )


def test_i01_the_sighting_of_the_synchroniser_adjusts_the_entry_and_opens_no_second_one() -> None:
    apt = "APTUSDT.binance#1"
    bot = (
        request(at="2025-10-22T18:50:40.981819Z"),
        acknowledged(apt, "53190368", "61.8", "3.2333", at="2025-10-22T18:50:41.2Z"),
    )
    seen = sighting("APT/USDT:USDT", "short", "61.0", "3.2295", at="2025-10-22T18:50:44.738217Z")
    given(*bot).when(seen).refused(
        PositionAlreadyOpen, "APTUSDT.binance#1 already holds this slot: entry_placed for 3.8 s", "by intent 5483266"
    ).when(on(Adjust, quantity="61.0", avg_px_open="3.2295", reason="sync", at="2025-10-22T18:50:44.738217Z")).then(
        PositionAdjusted, old_quantity="61.8", new_quantity="61", old_avg_px_open="3.2333", new_avg_px_open="3.2295"
    ).when(
        on(SetStopLoss, stop_price="3.2941", exchange_order_id="1", activate=True, at="2025-10-22T18:50:45.914876Z")
    ).then(StopLossSet, Activated).leaves(
        position_id="APTUSDT.binance#1",
        status="active",
        quantity="61",
        avg_px_open="3.2295",
        protected=True,
        exchange_order_id="53190368",
    )


def test_i02_a_fill_that_is_seen_before_the_entry_is_done_is_the_same_entry() -> None:
    perp = "PERPUSDT.binance#1"
    given(
        entry("PERPUSDT", "long", "882.2", "5368032", signal_price="0.2267"),
        acknowledged(perp, "24233906", "882.2", "0.2267"),
    ).when(sighting("PERPUSDT", "long", "882.2", "0.2267")).refused(PositionAlreadyOpen, "intent 5368032").when(
        on(Adjust, perp, quantity="882.2", avg_px_open="0.2267", reason="sync")
    ).no_news().when(on(SetStopLoss, perp, stop_price="0.2222", exchange_order_id="24233907", activate=True)).then(
        StopLossSet, Activated
    ).leaves(status="active", quantity="882.2", stop_price="0.2222")


@pytest.mark.parametrize(
    ("symbol", "exchange", "intent", "again_after"),
    [
        ("KASUSDT", "bybit", 12330417, "2025-10-10T23:21:10.1345Z"),
        ("BIDUSDT", "bybit", 12330424, "2025-10-10T23:21:10.407Z"),
        ("SKYUSDT", "bybit", 12330439, "2025-10-10T23:21:10.246Z"),
    ],
)
def test_i04_one_signal_delivered_twice_is_one_entry(symbol: str, exchange: str, intent: int, again_after: str) -> None:
    first = entry(symbol, "buy", "3300", intent, exchange, at="2025-10-10T23:21:10.1Z")
    again = entry(symbol, "buy", "3300", intent, exchange, at=again_after)
    given(first).when(again).no_news().answered(position_id=f"{symbol}.{exchange}#1", version=1)


def test_i05_a_ghost_seen_132_seconds_later_is_an_adjustment() -> None:
    tag = "TAGUSDT.binance#1"
    given(entry("TAGUSDT", "sell", "564334", "583"), acknowledged(tag, "12027441", "564334", "0.00035440")).when(
        sighting("TAGUSDT", "short", "564334", "0.00035410")
    ).refused(PositionAlreadyOpen).when(
        on(Adjust, tag, quantity="564334", avg_px_open="0.00035410", reason="sync")
    ).then(PositionAdjusted, old_avg_px_open="0.0003544", new_avg_px_open="0.0003541", new_quantity="564334")


def test_i07_of_two_signals_one_is_refused_before_it_sends_anything() -> None:
    story = given(request(intent_id="5483266")).when(request(intent_id="5483267"))
    story.refused(PositionAlreadyOpen, "opened by intent 5483266; intent 5483267 is refused", "Send no order")
    story.leaves(requested_qty="61.8", intent_id="5483266")


def test_i08_a_late_close_of_the_first_attempt_does_not_hit_the_second() -> None:
    given(
        *ENTERED,
        on(StartRollback, reason="x"),
        on(RollBack, evidence={"position_quantity": "0"}),
        request(intent_id="2"),
    ).when(on(Close, "APTUSDT.binance#1", exit_reason="late close")).refused(
        StaleCycle, "APTUSDT.binance#1 is over"
    ).leaves("APTUSDT.binance#2", status="pending_entry")


def test_i09_an_entry_that_was_interrupted_holds_the_slot_after_the_restart() -> None:
    given(request(), PLACED).when(request(intent_id="a new signal")).refused(PositionAlreadyOpen, "entry_placed").when(
        acknowledged("APTUSDT.binance#1", "53190368", "61.8", "3.2333", source="recovery")
    ).then(EntryPlaced, source="recovery").when(
        on(SetStopLoss, stop_price="3.2941", exchange_order_id="1", activate=True, source="recovery")
    ).leaves(status="active", protected=True)


def test_i10_a_stop_that_was_computed_from_the_wrong_price_is_refused_and_unprotected_since_is_known() -> None:
    hnt = "HNTUSDT.bybit#1"
    adopted = Adopt.of(
        symbol="HNTUSDT",
        exchange="bybit",
        side="long",
        quantity="60",
        avg_px_open="1.751549",
        reason="sync",
        at="2025-10-22T15:21:25Z",
    )
    story = given(adopted)
    for _ in range(3):
        story.when(on(SetStopLoss, hnt, stop_price="3.2438", exchange_order_id="1")).refused(
            WrongSideStop, "a stop at 3.2438 would trigger at once", "below its entry of 1.751549"
        )
    story.leaves(protected=False, unprotected_since="2025-10-22T15:21:25.000000Z", version=1)


def test_i11_an_order_that_says_closed_and_nothing_filled_is_not_rolled_back() -> None:
    story = given(request(), PLACED, on(RecordEntryUnknown, reason="not visible for 20 s; closed, filled 0.0"))
    story.then(EntryOutcomeUnknown).leaves(status="entry_placed", outcome_unknown=True)
    story.when(on(StartRollback, reason="not found after 20 attempts")).refused(NothingToRollBack)
    story.when(request(intent_id="2")).refused(PositionAlreadyOpen)
    story.when(FILLED).leaves(quantity="61.8", outcome_unknown=False)


def test_i12_the_closing_order_comes_from_the_ledger_and_flat_needs_a_proof() -> None:
    avl = "AVLUSDT.binance#1"
    story = given(
        entry("AVLUSDT", "long", "43", "1"),
        acknowledged(avl, "1", "43", "0.1358"),
        on(StartRollback, avl, reason="no stop"),
    )
    story.then(RollbackStarted, close_side="sell", close_quantity="43")
    story.when(on(RollBack, avl, evidence={"side": None})).refused(EvidenceMissing)
    story.when(on(FailRollback, avl, reason="bought 43 more", residual_qty="86")).then(RollbackFailed).leaves(
        status="rolling_back", quantity="86", rollback_failed=True, unprotected_since="2025-10-22T18:50:41.000000Z"
    )
    story.when(on(StartRollback, avl, reason="again")).then(RollbackStarted, close_side="sell", close_quantity="86")
    story.when(on(RollBack, avl, evidence={"position_quantity": "0"})).then(RolledBack).leaves(status="rolled_back")


def test_i14_the_identity_of_a_position_exists_before_any_order_is_sent() -> None:
    given().when(request()).answered(position_id="APTUSDT.binance#1", client_order_id="phj4bdbehtnowjiptjskodhosei")
    with pytest.raises(InvalidCommand, match="'pending' is not a position id"):
        on(Close, "pending", exit_reason="x")


@pytest.mark.parametrize(("sent", "needs"), [(1, True), (2, True), (3, True), (4, False), (5, False)])
def test_i15_an_entry_needs_a_stop_from_its_request_until_one_is_confirmed(sent: int, *, needs: bool) -> None:
    assert needs_stop(given(*ENTERED[:sent]).rows["APTUSDT.binance#1"]) is needs


def test_i16_a_price_of_zero_is_refused_and_an_unknown_one_is_left_out() -> None:
    with pytest.raises(InvalidCommand, match="avg_px: 0 is not greater than zero; leave the field out when the value"):
        acknowledged("APTUSDT.binance#1", "1", "61.8", "0")
    given(request()).when(on(RecordEntryPlaced, exchange_order_id="1", filled_qty="61.8")).leaves(avg_px_open=None)


@pytest.mark.parametrize(("signal", "fill"), [("0.556", "0.557"), ("1.163", "1.1632"), ("3.31", "1.616")])
def test_i17_the_signal_price_and_the_fill_are_both_kept(signal: str, fill: str) -> None:
    given(request(signal_price=signal)).when(on(RecordEntryFill, trade_id="1", last_qty="1", last_px=fill)).leaves(
        signal_price=signal, avg_px_open=fill
    )


@pytest.mark.parametrize("side", ["buy", "long"])
def test_i18_the_stop_of_a_long_is_never_above_its_entry(side: str) -> None:
    atom = "ATOMUSDT.binance#1"
    given(entry("ATOMUSDT", side, "61", "31"), acknowledged(atom, "1", "61", "3.257")).when(
        on(SetStopLoss, atom, stop_price="3.3201", exchange_order_id="2", activate=True)
    ).refused(WrongSideStop, "below its entry of 3.257").leaves(side="long", stop_price=None)


def test_i19_a_stop_that_a_cleaner_cancelled_is_lost_and_the_position_unprotected() -> None:
    given(*ENTERED).when(on(LoseStopLoss, reason="not at the exchange any more", source="sync")).then(
        StopLossLost, source="sync"
    ).leaves(status="active", protected=False, unprotected_since="2025-10-22T18:50:45.000000Z")


def test_i20_the_stop_of_an_old_cycle_does_not_protect_the_new_one() -> None:
    story = given(*ENTERED, on(Close, exit_reason="x"), request(intent_id="2"))
    story.when(on(RecordEntryFill, "APTUSDT.binance#2", trade_id="t2", last_qty="61.8", last_px="3.2333"))
    story.leaves(protected=False, stop_order_id=None)
    story.when(on(Activate, "APTUSDT.binance#2")).refused(NotProtected)


def test_i20_of_two_stops_the_one_that_was_confirmed_last_is_on_record() -> None:
    second_stop = on(SetStopLoss, stop_price="3.298", exchange_order_id="s2")
    story = given(*ENTERED).when(second_stop).then(StopLossSet, exchange_order_id="s2").leaves(stop_order_id="s2")
    assert [event.exchange_order_id for event in story.history if isinstance(event, StopLossSet)] == ["s1", "s2"]


@pytest.mark.parametrize(
    ("symbol", "held", "left"),
    [("HNTUSDT", "60", "59.88"), ("SCAUSDT", "2136.9", "2036.0"), ("AGIUSDT", "4160", "3160")],
)
def test_i21_a_partial_exit_is_recorded_or_else_adjusted(symbol: str, held: str, left: str) -> None:
    position_id = f"{symbol}.binance#1"
    before = (entry(symbol, "long", held, "1"), acknowledged(position_id, "1", held, "2"))
    left_plain = left.removesuffix(".0")
    given(*before).when(on(Adjust, position_id, quantity=left, reason="sync")).then(
        PositionAdjusted, old_quantity=held, new_quantity=left_plain
    )
    sold = {"60": "0.12", "2136.9": "100.9", "4160": "1000"}[held]
    given(*before).when(on(Reduce, position_id, trade_id="x1", last_qty=sold, last_px="2.1")).then(
        PositionReduced
    ).leaves(quantity=left_plain)


def test_i23_a_re_entry_keeps_neither_side_nor_price_nor_stop() -> None:
    one, two = "POWRUSDT.binance#1", "POWRUSDT.binance#2"
    story = given(
        entry("POWRUSDT", "sell", "1700", "301"),
        acknowledged(one, "1", "1700", "0.1163"),
        on(SetStopLoss, one, stop_price="0.118626", exchange_order_id="2", activate=True),
        on(Close, one, exit_reason="PHANTOM_CLEANUP"),
        entry("POWRUSDT", "buy", "1690", "309"),
    )
    story.leaves(side="long", avg_px_open=None, stop_price=None, exchange_order_id=None, exit_reason=None)
    story.when(acknowledged(two, "3", "1690", "0.1185")).leaves(
        avg_px_open="0.1185", filled_qty="1690", protected=False
    )
    story.leaves(one, side="short", avg_px_open="0.1163", stop_price="0.118626", status="closed")


def test_i25_a_position_is_closed_once() -> None:
    manta = "MANTAUSDT.binance#1"
    story = given(entry("MANTAUSDT", "long", "100", "1"), acknowledged(manta, "1", "100", "0.2"))
    story.when(on(Close, manta, exit_reason="aged", avg_px_close="0.21", at="2025-10-22T22:34:46Z")).then(
        PositionClosed
    )
    story.when(on(Close, manta, exit_reason="aged", avg_px_close="0.21", at="2025-10-22T22:34:47Z")).refused(
        PositionNotOpen, "is closed: it is over"
    )
    assert sum(isinstance(event, PositionClosed) for event in story.history) == 1


def test_i26_a_rollback_of_nothing_is_refused() -> None:
    given(request(), PLACED).when(on(StartRollback, reason="x")).refused(NothingToRollBack, "fail_entry")
    with pytest.raises(InvalidCommand, match="last_qty: 0 is not greater than zero"):
        on(RollBack, evidence={"fills": [{"trade_id": "1", "last_qty": "0", "last_px": "1"}]})


def test_i27_no_reason_is_too_long_for_a_rollback() -> None:
    reason = 'rollback: duplicate key value violates unique constraint "idx_unique_active_position"' * 100
    given(*ENTERED, on(StartRollback, reason="x")).when(
        on(RollBack, reason=reason, evidence={"position_quantity": "0"})
    ).then(RolledBack, reason=reason).leaves(exit_reason=reason)


def test_i28_a_position_at_one_exchange_blocks_no_other_exchange() -> None:
    assert entry("B3USDT", "long", "1", "1", "binance").key != entry("B3USDT", "long", "1", "2", "bybit").key


@pytest.mark.parametrize("exchange", ["Binance", "BINANCE", " binance "])
def test_i28_one_exchange_in_two_spellings_is_one_exchange(exchange: str) -> None:
    given(entry("B3USDT", "long", "1", "1", "binance")).when(entry("B3/USDT", "long", "1", "2", exchange)).refused(
        PositionAlreadyOpen, "B3USDT.binance#1"
    )


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("30208", "Failed to place order: price is higher than the maximum buying price"),
        ("30209", "Failed to place order: price is lower than the minimum selling price"),
        ("10001", "The number of contracts is less than the minimum"),
        ("110017", "Reduce-only order would increase the position"),
        ("170193", "Buy order price cannot be higher than the limit"),
        ("-2027", "Exceeded the maximum allowable position at current leverage."),
        ("-4140", "Invalid symbol status for opening position."),
        ("-2021", "Order would immediately trigger."),
    ],
)
def test_i30_what_the_exchange_refused_is_kept_with_code_and_text(code: str, text: str) -> None:
    given(request()).when(on(FailEntry, reason=text, outcome="rejected", code=code)).then(
        EntryFailed, code=code, reason=text, outcome="rejected"
    ).leaves(status="failed", exit_reason=text).when(request(intent_id="2")).then(EntryRequested, cycle=2)


@pytest.mark.parametrize("status_after", [1, 2, 4])
def test_the_synchroniser_never_adopts_what_an_entry_in_progress_explains(status_after: int) -> None:
    given(*ENTERED[:status_after]).when(sighting("APTUSDT", "short", "61", "3.2295")).refused(PositionAlreadyOpen)


def test_an_orphan_is_adopted_once_the_stream_is_flat() -> None:
    given(*ENTERED, on(Close, exit_reason="x")).when(sighting("APTUSDT", "short", "61", "3.2295")).then(
        PositionAdopted, cycle=2
    )
