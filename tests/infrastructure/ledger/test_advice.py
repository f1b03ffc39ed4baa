"""The advice of each refusal is followed, and the books are right afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from domain import errors
from domain.commands.requests import COMMANDS, ImportPosition
from domain.errors import CommandRefused
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import Clock, memory_ledger
from tests.pages import says_no
from tests.spec import second

Line = tuple[str, dict[str, Any]]


class Advice(NamedTuple):
    """What was told before, what is refused, in which words it says what to do, what is done then, and what is true."""

    rule: type[CommandRefused]
    before: list[Line]
    asked: Line
    says: str
    followed: list[Line]
    true: dict[str, object]
    of: str = "BTCUSDT.binance#1"


def line(verb: str, **fields: Any) -> Line:
    """A command about the one position, unless it says which."""
    place = {"symbol": "BTC/USDT:USDT", "exchange": "binance"}
    by_key = verb in ("request_entry", "adopt", "define_instrument")
    return verb, (place if by_key else {"position_id": "BTCUSDT.binance#1"}) | fields


REQUEST = line("request_entry", side="long", quantity="10", intent_id="s1")
PLACED = line("record_entry_placed", exchange_order_id="e1")
FILLED = line("record_entry_fill", exchange_order_id="e1", trade_id="t1", last_qty="10", last_px="100")
HELD = [REQUEST, PLACED, FILLED]
STOP = line("set_stop_loss", stop_price="90", exchange_order_id="s1")
CLOSED = line("close", exit_reason="target", avg_px_close="110")
NEXT = line("adopt", side="long", quantity="1", avg_px_open="100", reason="held")
INCREASE = line("request_increase", quantity="5", intent_id="dca1")
ROLLBACK = line("start_rollback", reason="no stop")


STRAY = [
    line("request_entry", side="long", quantity="1", intent_id="s1"),
    line("fail_entry", outcome="canceled", reason="timed out"),
    line("request_entry", side="long", quantity="10", intent_id="s2"),
    line("record_entry_fill", trade_id="late", last_qty="1", last_px="100"),
]


def sold(qty: str, px: str = "110", trade_id: str = "x1", **fields: Any) -> Line:
    return line("reduce", trade_id=trade_id, last_qty=qty, last_px=px, exchange_order_id="X", **fields)


def entry_fill(**fields: Any) -> Line:
    return line("record_entry_fill", **{"trade_id": "t1", "last_qty": "10", "last_px": "100"} | fields)


def cash(**fields: Any) -> Line:
    return line("record_cash", **{"kind": "funding", "amount": "-1", "cash_id": "c1"} | fields)


UNHEARD = sold("2", "105", "x0")
"""It was closed before the fill that turned the position, and told after it."""
TOLD_IN_BOTH_CYCLES = [
    line("correct_fill", trade_id="x1", last_qty="8", reason="x0 was lost"),
    line("correct_fill", trade_id="x1", last_qty="7", reason="x0 was lost", position_id="BTCUSDT.binance#2"),
    UNHEARD,
]
TURNED_BY_THE_WRONG_QUANTITY = (
    errors.StaleCycle,
    [*HELD, sold("15", flip=True)],
    UNHEARD,
    "it closed 2 less here, and opened as much more: say so with correct_fill in both cycles",
    TOLD_IN_BOTH_CYCLES,
)


ADVICE = [
    Advice(
        errors.InvalidCommand,
        [],
        line("request_entry", side="long", quantity=61.8, intent_id="s1"),
        'send the text "61.8"',
        [line("request_entry", side="long", quantity="61.8", intent_id="s1")],
        {"requested_qty": "61.8", "quantity": "0"},
    ),
    Advice(
        errors.InvalidCommand,
        HELD,
        line("close", exit_reason="dust", avg_px_close="110", dust=True),
        "leave out one of the two",
        [line("close", exit_reason="sold", avg_px_close="110")],
        {"realized_pnl": "100", "residual_qty": "0"},
    ),
    Advice(
        errors.InvalidCommand,
        [],
        line("adopt", side="long", quantity="10", avg_px_open="-6", reason="a spread"),
        "say it of the instrument (define_instrument, price_may_be_negative) before a position opens",
        [
            line("define_instrument", price_may_be_negative=True),
            line("adopt", side="long", quantity="10", avg_px_open="-6", reason="a spread"),
        ],
        {"quantity": "10", "avg_px_open": "-6"},
    ),
    Advice(
        errors.UnknownPosition,
        HELD,
        sold("10", position_id="BTCUSDT.binance#9"),
        "the last cycle is BTCUSDT.binance#1",
        [sold("10")],
        {"quantity": "0", "realized_pnl": "100"},
    ),
    Advice(
        errors.StaleCycle,
        [*HELD, CLOSED, NEXT],
        STOP,
        "the current cycle is #2",
        [line("set_stop_loss", stop_price="90", exchange_order_id="s1", position_id="BTCUSDT.binance#2")],
        {"protected": True, "quantity": "1"},
        "BTCUSDT.binance#2",
    ),
    Advice(
        *TURNED_BY_THE_WRONG_QUANTITY,
        {"status": "closed", "stray": False, "quantity": "0", "realized_pnl": "90"},
    ),
    Advice(
        *TURNED_BY_THE_WRONG_QUANTITY,
        {"side": "short", "quantity": "7", "avg_px_open": "110"},
        "BTCUSDT.binance#2",
    ),
    Advice(
        errors.StaleCycle,
        [*HELD, sold("10"), line("close", exit_reason="target"), NEXT],
        UNHEARD,
        "or one of those fills closed less than is on record (correct_fill it here)",
        [line("correct_fill", trade_id="x1", last_qty="8", reason="told wrong"), UNHEARD],
        {"status": "closed", "stray": False, "quantity": "0", "realized_pnl": "90"},
    ),
    Advice(
        errors.PositionNotOpen,
        [*HELD, CLOSED],
        STOP,
        "came too late (fills, cash, corrections)",
        [cash(), line("correct_fill", trade_id="t1", last_px="99", reason="corrected")],
        {"status": "closed", "quantity": "0", "realized_pnl": "110", "net_pnl": "109"},
    ),
    Advice(
        errors.PositionNotOpen,
        STRAY,
        STOP,
        "holds 1 that was filled too late, beside the cycle that has its slot: reduce or close it",
        [sold("1", "98")],
        {"quantity": "0", "realized_pnl": "-2", "stray": False},
    ),
    Advice(
        errors.ReduceExceedsPosition,
        [*STRAY, entry_fill(position_id="BTCUSDT.binance#2")],
        sold("3", "98"),
        "reduce the 1 that are held here, and the 2 that are left in the cycle that is open",
        [sold("1", "98"), sold("2", "98", position_id="BTCUSDT.binance#2")],
        {"quantity": "8", "realized_pnl": "-4", "avg_px_open": "100"},
        "BTCUSDT.binance#2",
    ),
    Advice(
        errors.PositionAlreadyOpen,
        HELD,
        line("adopt", side="long", quantity="12", avg_px_open="101", reason="at the exchange"),
        "work with that position",
        [line("adjust", quantity="12", avg_px_open="101", reason="at the exchange")],
        {"quantity": "12", "avg_px_open": "101"},
    ),
    Advice(
        errors.WrongStatus,
        [REQUEST],
        STOP,
        "record the entry first",
        [PLACED, FILLED, STOP],
        {"protected": True, "quantity": "10"},
    ),
    Advice(
        errors.WrongStatus,
        [*HELD, line("request_exit", reason="signal", intent_id="a")],
        INCREASE,
        "end_order if it was canceled",
        [line("end_order", client_order_id="EXIT", outcome="canceled"), INCREASE],
        {"quantity": "10", "realized_pnl": "0"},
    ),
    Advice(
        errors.WrongStatus,
        [*HELD, ROLLBACK],
        line("close", exit_reason="rolled back"),
        "roll_back ends it, with the proof",
        [line("roll_back", evidence={"fills": [{"trade_id": "r1", "last_qty": "10", "last_px": "99"}]})],
        {"status": "rolled_back", "quantity": "0", "realized_pnl": "-10"},
    ),
    Advice(
        errors.EntryAlreadyPlaced,
        [REQUEST, PLACED, entry_fill(exchange_order_id="e1", last_qty="4")],
        line("record_entry_placed", exchange_order_id="e2", filled_qty="6", avg_px="90"),
        "say replace_order if the exchange replaced",
        [
            line("replace_order", exchange_order_id="e1", new_exchange_order_id="e2"),
            entry_fill(exchange_order_id="e2", trade_id="t2", last_qty="6", last_px="90"),
        ],
        {"quantity": "10", "avg_px_open": "94"},
    ),
    Advice(
        errors.EntryHasFills,
        [REQUEST, PLACED, entry_fill(exchange_order_id="e1", last_qty="4")],
        line("fail_entry", outcome="canceled", reason="timed out"),
        "end_order says that nothing more is filled",
        [line("end_order", exchange_order_id="e1", outcome="canceled"), STOP, line("activate")],
        {"quantity": "4", "status": "active", "protected": True},
    ),
    Advice(
        errors.WrongSideStop,
        [*HELD, STOP, line("activate")],
        line("set_stop_loss", stop_price="105", exchange_order_id="s1"),
        "unless it locks in profit (locks_profit) on an active position",
        [line("set_stop_loss", stop_price="105", exchange_order_id="s1", locks_profit=True)],
        {"protected": True, "stop_price": "105"},
    ),
    Advice(
        errors.WrongSideTarget,
        [*HELD, STOP, line("activate")],
        line("set_take_profit", price="95", exchange_order_id="p1"),
        "stands above its entry of 100",
        [line("set_take_profit", price="105", exchange_order_id="p1")],
        {"protected": True, "quantity": "10"},
    ),
    Advice(
        errors.NotFilled,
        [REQUEST, PLACED],
        line("activate"),
        "record the fill (or adjust) before it is activated",
        [FILLED, STOP, line("activate")],
        {"status": "active", "quantity": "10"},
    ),
    Advice(
        errors.NotFilled,
        [REQUEST, PLACED],
        line("adjust", avg_px_open="101", reason="seen"),
        "send it with the price",
        [line("adjust", quantity="10", avg_px_open="101", reason="seen")],
        {"quantity": "10", "avg_px_open": "101"},
    ),
    Advice(
        errors.NotFilled,
        [*HELD, sold("8")],
        line("correct_fill", trade_id="t1", last_qty="5", reason="corrected"),
        "Correct the fills that closed it first",
        [
            line("correct_fill", trade_id="x1", last_qty="4", reason="corrected"),
            line("correct_fill", trade_id="t1", last_qty="5", reason="corrected"),
        ],
        {"quantity": "1", "realized_pnl": "40", "avg_px_open": "100"},
    ),
    Advice(
        errors.NotProtected,
        HELD,
        line("activate"),
        "set one before it is activated",
        [STOP, line("activate")],
        {"status": "active", "protected": True},
    ),
    Advice(
        errors.ReduceExceedsPosition,
        HELD,
        sold("15"),
        "split it: reduce the 10 that are held, close, and open the other side with the 5 that are left",
        [
            sold("10"),
            line("close", exit_reason="turned"),
            line("adopt", side="short", quantity="5", avg_px_open="110", reason="the rest"),
        ],
        {"status": "closed", "quantity": "0", "realized_pnl": "100"},
    ),
    Advice(
        errors.ReduceExceedsPosition,
        HELD,
        sold("15"),
        "send it with flip: true",
        [sold("15", flip=True)],
        {"side": "short", "quantity": "5", "avg_px_open": "110"},
        "BTCUSDT.binance#2",
    ),
    Advice(
        errors.ReduceExceedsPosition,
        HELD,
        line("request_exit", reason="signal", quantity="12"),
        "ask for at most that",
        [line("request_exit", reason="signal", quantity="10")],
        {"quantity": "10"},
    ),
    Advice(
        errors.ReduceExceedsPosition,
        [*HELD, STOP],
        line("end_order", exchange_order_id="s1", outcome="filled", filled_qty="12", avg_px="90"),
        "record the fills of its entry first",
        [
            entry_fill(exchange_order_id="e2", trade_id="t2", last_qty="2", last_px="88"),
            line("end_order", exchange_order_id="s1", outcome="filled", filled_qty="12", avg_px="90"),
        ],
        {"quantity": "0", "realized_pnl": "-96"},
    ),
    Advice(
        errors.StaleEvidence,
        [*HELD, sold("4", at="2025-01-05T10:05:00Z")],
        line("adjust", quantity="9", reason="the exchange says so", at="2025-01-05T10:00:00Z"),
        "Send what is held now, with the time at which the exchange said so",
        [line("adjust", quantity="5", reason="the exchange says so", at="2025-01-05T10:06:00Z")],
        {"quantity": "5", "realized_pnl": "40"},
    ),
    Advice(
        errors.StaleEvidence,
        [REQUEST, PLACED, entry_fill(last_qty="6"), CLOSED, entry_fill(trade_id="t2", last_qty="4")],
        CLOSED,
        "say so with the time at which it was (at)",
        [(CLOSED[0], CLOSED[1] | {"at": "2025-10-22T18:50:41Z"})],
        {"status": "closed", "quantity": "0", "realized_pnl": "100"},
    ),
    Advice(
        errors.OrderAmbiguous,
        [*HELD, STOP, line("reduce", trade_id="x1", last_qty="10", last_px="90")],
        line("end_order", exchange_order_id="s1", outcome="filled", filled_qty="10", avg_px="90"),
        "send its end without filled_qty",
        [line("end_order", exchange_order_id="s1", outcome="filled")],
        {"quantity": "0", "realized_pnl": "-100"},
    ),
    Advice(
        errors.NothingToClose,
        [*HELD, sold("10")],
        sold("10", "90", "x2"),
        "if that opened the other side at the exchange, send it with flip: true",
        [sold("10", "90", "x2", flip=True)],
        {"side": "short", "quantity": "10", "avg_px_open": "90"},
        "BTCUSDT.binance#2",
    ),
    Advice(
        errors.NothingToClose,
        [REQUEST, PLACED],
        line("close", exit_reason="gone"),
        "fail_entry ends an entry without fills",
        [line("fail_entry", outcome="canceled", reason="gone")],
        {"status": "canceled", "quantity": "0"},
    ),
    Advice(
        errors.ExitBeforeEntry,
        [REQUEST],
        sold("10"),
        "send it again after the fills of its entry",
        [entry_fill(), sold("10")],
        {"quantity": "0", "realized_pnl": "100"},
    ),
    Advice(
        errors.ExitAlreadyRequested,
        [*HELD, line("request_exit", reason="signal", intent_id="a")],
        line("request_exit", reason="stop", intent_id="b"),
        "say end_order when that one was canceled",
        [
            line("end_order", client_order_id="EXIT", outcome="canceled"),
            line("request_exit", reason="stop", intent_id="b"),
            sold("10"),
        ],
        {"quantity": "0", "realized_pnl": "100"},
    ),
    Advice(
        errors.UnknownOrder,
        HELD,
        line("end_order", exchange_order_id="e9", outcome="filled", filled_qty="10"),
        "it has entry (e1)",
        [line("end_order", exchange_order_id="e1", outcome="filled", filled_qty="10")],
        {"quantity": "10", "avg_px_open": "100"},
    ),
    Advice(
        errors.OrderAmbiguous,
        [REQUEST, INCREASE],
        entry_fill(last_qty="5"),
        "send exchange_order_id (or client_order_id) with it",
        [entry_fill(last_qty="5", client_order_id="ENTRY.2")],
        {"quantity": "5"},
    ),
    Advice(
        errors.OrderAmbiguous,
        [
            *HELD,
            line("set_stop_loss", stop_price="90", quantity="6", exchange_order_id="s1"),
            line("set_stop_loss", stop_price="80", quantity="4", exchange_order_id="s2"),
        ],
        line("lose_stop_loss", reason="gone"),
        "send exchange_order_id, to say which is gone",
        [line("lose_stop_loss", reason="gone", exchange_order_id="s1")],
        {"protected": False, "stop_price": "80"},
    ),
    Advice(
        errors.OrderHasFills,
        [
            REQUEST,
            PLACED,
            entry_fill(exchange_order_id="e1", last_qty="4"),
            entry_fill(exchange_order_id="e1", trade_id="t2", last_qty="2"),
        ],
        line("end_order", exchange_order_id="e1", outcome="canceled", filled_qty="4"),
        "correct_fill what never was",
        [
            line("correct_fill", trade_id="t2", void=True, reason="never was"),
            line("end_order", exchange_order_id="e1", outcome="canceled", filled_qty="4"),
        ],
        {"quantity": "4", "avg_px_open": "100"},
    ),
    Advice(
        errors.UnknownFill,
        [REQUEST, PLACED],
        line("correct_fill", trade_id="t1", last_px="101", reason="corrected"),
        "record the fill first",
        [FILLED, line("correct_fill", trade_id="t1", last_px="101", reason="corrected")],
        {"quantity": "10", "avg_px_open": "101"},
    ),
    Advice(
        errors.InstrumentInUse,
        HELD,
        line("define_instrument", contract_size="1000"),
        "send force with a reason to define it for the next cycle",
        [line("define_instrument", contract_size="1000", force=True, reason="contracts"), sold("10")],
        {"contract_size": "1", "realized_pnl": "100"},
    ),
    Advice(
        errors.NothingToRollBack,
        [REQUEST, PLACED],
        ROLLBACK,
        "if the exchange holds something, adjust to it first",
        [
            line("adjust", quantity="4", avg_px_open="100", reason="at the exchange"),
            ROLLBACK,
            line("roll_back", evidence={"fills": [{"trade_id": "r1", "last_qty": "4", "last_px": "99"}]}),
        ],
        {"status": "rolled_back", "quantity": "0", "realized_pnl": "-4"},
    ),
    Advice(
        errors.EvidenceMissing,
        [*HELD, ROLLBACK],
        line("roll_back"),
        "send evidence, as closing_order_id, fills, or position_quantity 0",
        [line("roll_back", evidence={"position_quantity": "0"})],
        {"status": "rolled_back", "quantity": "0", "realized_pnl": None},
    ),
    Advice(
        errors.NotFlat,
        [*HELD, ROLLBACK, entry_fill(exchange_order_id="e2", trade_id="t2", last_qty="2")],
        line("roll_back", evidence={"closing_order_id": "r"}),
        "send all closing fills",
        [line("roll_back", evidence={"fills": [{"trade_id": "r1", "last_qty": "12", "last_px": "99"}]})],
        {"status": "rolled_back", "quantity": "0", "realized_pnl": "-12"},
    ),
    Advice(
        errors.NotFlat,
        [*HELD, ROLLBACK],
        line("roll_back", evidence={"position_quantity": "3"}),
        "fail_rollback",
        [line("fail_rollback", reason="3 are left", residual_qty="3")],
        {"status": "rolling_back", "quantity": "3", "realized_pnl": None},
    ),
    Advice(
        errors.IdempotencyMismatch,
        HELD,
        entry_fill(exchange_order_id="e1", last_px="101"),
        "say correct_fill if the exchange corrected it",
        [line("correct_fill", trade_id="t1", last_px="101", reason="corrected by the exchange")],
        {"quantity": "10", "avg_px_open": "101"},
    ),
    Advice(
        errors.IdempotencyMismatch,
        [*HELD, cash()],
        cash(amount="-1.5"),
        "send the difference as a correction with a cash_id of its own",
        [cash(kind="correction", amount="-0.5", cash_id="c2")],
        {"net_pnl": "-1.5"},
    ),
    Advice(
        errors.IdempotencyMismatch,
        [REQUEST, PLACED, entry_fill(exchange_order_id="e1", fee="2")],
        line("record_cash", kind="commission", amount="-2.5", cash_id="c1", trade_id="t1"),
        "send the difference as a correction, without trade_id",
        [line("record_cash", kind="correction", amount="-0.5", cash_id="c1")],
        {"net_pnl": "-2.5"},
    ),
    Advice(
        errors.IdempotencyMismatch,
        [REQUEST],
        line("request_entry", side="long", quantity="12", intent_id="s1"),
        "look that one up, and change it there",
        [line("request_increase", quantity="2", intent_id="s1 more")],
        {"requested_qty": "10", "quantity": "0"},
    ),
    Advice(
        errors.VersionConflict,
        HELD,
        sold("10", expected_version=1),
        "is at version 3, not 1 as expected; look again",
        [sold("10", expected_version=3)],
        {"quantity": "0", "realized_pnl": "100"},
    ),
]

OFFERS_NOTHING = {
    errors.AlreadyActive: "there is nothing left to activate",
    errors.OrderAlreadyEnded: "an order that ended stays so; more of it is recorded by its fills",
}
"""Refusals after which nothing is to be sent."""


@pytest.fixture
def ledger() -> Iterator[PositionLedger]:
    with memory_ledger(Clock()) as ledger:
        yield ledger


def send(ledger: PositionLedger, told: Line) -> None:
    """Send a command; EXIT and ENTRY.2 stand for the client order ids that the ledger gave out."""
    verb, fields = told
    name = str(fields.get("client_order_id", "")).lower()
    if name:
        orders = ledger.position("BTCUSDT.binance#1").orders
        fields = fields | {"client_order_id": orders[name if name in orders else f"{name}.1"].client_order_id}
    ledger.handle(COMMANDS[verb].of(**fields))


@pytest.mark.parametrize("advice", ADVICE, ids=lambda advice: f"{advice.rule.__name__}: {advice.says[:40]}")
def test_whoever_follows_a_refusal_has_true_books(ledger: PositionLedger, advice: Advice) -> None:
    for told in advice.before:
        send(ledger, told)
    rows = ledger.positions()
    with pytest.raises(CommandRefused) as refusal:
        send(ledger, advice.asked)
    assert type(refusal.value) is advice.rule
    assert advice.rule.__name__ in says_no(advice.asked[0])
    assert advice.says in refusal.value.message
    assert ledger.positions() == rows, "a refusal changed something"
    for told in advice.followed:
        send(ledger, told)
    row = ledger.position(advice.of).as_json()
    assert {name: row[name] for name in advice.true} == advice.true


def test_of_an_imported_row_nothing_is_said_to_be_told_by_fills(ledger: PositionLedger) -> None:
    row = {"status": "closed", "side": "long", "quantity": "10", "legacy_id": "7", "opened_at": second(0), "row": {}}
    ledger.handle(ImportPosition.of(symbol="BTC/USDT:USDT", exchange="binance", at=second(0), findings=[], **row))
    send(ledger, NEXT)
    with pytest.raises(errors.StaleCycle, match="is over; the current cycle is #2, and cycles share nothing"):
        send(ledger, UNHEARD)


def test_every_refusal_is_followed_or_offers_nothing() -> None:
    every = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CommandRefused)}
    followed = {advice.rule for advice in ADVICE}
    assert every - {CommandRefused} == followed | set(OFFERS_NOTHING)
    assert not followed & set(OFFERS_NOTHING)
