"""Scenarios: what happens to a position from its entry to its close, as commands that the ledger accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from domain.commands import order_requests as o
from domain.commands import requests as c
from scripts.benchmarks.workload.simulated_trader import MINUTE, SECOND, Append, Fields, SimulatedTrader

Story = Iterator[Append]

_REFUSALS: Final = (
    ("30208", "rejected", "the price is above the limit"),
    ("30209", "rejected", "the price is below the limit"),
    ("10001", "rejected", "the order is smaller than the minimum"),
    ("-2027", "rejected", "the leverage limit is exceeded"),
    ("-4140", "expired", "the symbol is closed"),
)


# -- beginnings -------------------------------------------------------------------------------------------------------


def _requested(trader: SimulatedTrader) -> Story:
    trader.moves()
    yield trader.by_key(
        c.RequestEntry,
        side=trader.a_side(),
        quantity=trader.lots(),
        intent_id=trader.number(),
        signal_price=None if trader.chance(5) else trader.px(trader.dice.randint(-2, 2)),
        stop_loss_percent="2" if trader.chance(70) else None,
    )


def _acknowledged(trader: SimulatedTrader, **fields: Any) -> Append:
    return trader.send(c.RecordEntryPlaced, exchange_order_id=trader.number(), **fields)


def _filled(trader: SimulatedTrader, parts_max: int = 3, ago_ms: int = 0) -> Story:
    for part in trader.split(trader.asked, parts_max):
        yield trader.send(c.RecordEntryFill, ago_ms=ago_ms, **trader.fill(part, trader.px(trader.dice.randint(-1, 1))))


def _entered(trader: SimulatedTrader) -> Story:
    """The acknowledgement has the filled quantity, and fills may follow it; or only the fills have it."""
    yield from _requested(trader)
    if trader.chance(50):
        yield _acknowledged(trader, filled_qty=trader.asked, avg_px=trader.px())
        if trader.chance(50):
            yield from _filled(trader, 2, ago_ms=30 * SECOND)
    else:
        yield _acknowledged(trader)
        yield from _filled(trader)


def _protected(trader: SimulatedTrader) -> Story:
    if trader.chance(30):
        yield trader.send(c.SetStopLoss, **trader.stop(), activate=True)
    else:
        yield trader.send(c.SetStopLoss, **trader.stop())
        yield trader.send(c.Activate)


def _active(trader: SimulatedTrader) -> Story:
    yield from _entered(trader)
    yield from _protected(trader)


def _lasts(trader: SimulatedTrader) -> None:
    trader.wait(MINUTE, 8 * 60 * MINUTE)
    trader.moves()


def _took_profit(trader: SimulatedTrader) -> Append:
    return trader.send(c.Close, exit_reason="take profit", avg_px_close=trader.px(-15 * trader.losing), **trader.fee())


def _stopped_out(trader: SimulatedTrader) -> Append:
    return trader.send(c.Close, exit_reason="stop", avg_px_close=trader.px(20 * trader.losing), **trader.fee())


# -- whole stories ----------------------------------------------------------------------------------------------------


def took_profit(trader: SimulatedTrader) -> Story:
    """A target is reached; sometimes the stop was trailed before."""
    yield from _active(trader)
    for _ in range(trader.dice.randrange(3)):
        _lasts(trader)
        yield trader.send(c.SetStopLoss, **trader.stop(10), locks_profit=True)
    _lasts(trader)
    yield _took_profit(trader)


def stopped_out(trader: SimulatedTrader) -> Story:
    """The stop is hit."""
    yield from _active(trader)
    _lasts(trader)
    yield _stopped_out(trader)


def scaled_out(trader: SimulatedTrader) -> Story:
    """Partial exits, some of which are reported late."""
    yield from _active(trader)
    *parts, _ = trader.split(trader.held, 4)
    for part in parts:
        _lasts(trader)
        ago_ms = 10 * MINUTE if trader.chance(20) else 0
        yield trader.send(c.Reduce, ago_ms=ago_ms, **trader.fill(part, trader.px(-8 * trader.losing)))
    _lasts(trader)
    yield trader.send(c.Close, exit_reason="trailing stop", avg_px_close=trader.px(-4 * trader.losing), **trader.fee())


def sighted(trader: SimulatedTrader) -> Story:
    """The synchroniser sees the position before the bot has finished the entry (I-01); a fill may follow."""
    yield from _requested(trader)
    yield _acknowledged(trader, filled_qty=trader.asked, avg_px=trader.px())
    smaller = trader.split(trader.asked, 2)[0]
    yield trader.send(c.Adjust, quantity=smaller, avg_px_open=trader.px(1), reason="the synchroniser saw it")
    if trader.chance(50):
        yield trader.send(c.RecordEntryFill, ago_ms=15 * SECOND, **trader.fill(smaller, trader.px(1)))
    yield from _protected(trader)
    _lasts(trader)
    if trader.chance(50):
        average: Fields = {"avg_px_open": trader.a_tick_off(), "reason": "the exchange reports another average"}
        yield trader.send(c.Adjust, ago_ms=MINUTE, **average)
    yield _took_profit(trader)


def refused(trader: SimulatedTrader) -> Story:
    """The exchange rejects the order (I-30)."""
    yield from _requested(trader)
    code, outcome, reason = trader.dice.choice(_REFUSALS)
    yield trader.send(c.FailEntry, outcome=outcome, code=code, reason=reason)


def canceled(trader: SimulatedTrader) -> Story:
    """The order is not filled and is cancelled; sometimes a fill is reported afterwards."""
    yield from _requested(trader)
    yield _acknowledged(trader)
    trader.wait(SECOND, 5 * MINUTE)
    yield trader.send(c.FailEntry, outcome="canceled", reason="not filled in time")
    if trader.chance(40):
        yield _late_fill(trader, trader.position.cycle)
        trader.wait(SECOND, MINUTE)
        yield trader.send(c.Close, exit_reason="filled late, closed at once", avg_px_close=trader.px(1), **trader.fee())


def _late_fill(trader: SimulatedTrader, cycle: int) -> Append:
    return trader.send(c.RecordEntryFill, ago_ms=2 * MINUTE, cycle=cycle, **trader.fill(trader.lots(1, 9), trader.px()))


def filled_in_the_next(trader: SimulatedTrader) -> Story:
    """A fill of a cancelled entry is reported during the next cycle."""
    yield from _requested(trader)
    over = trader.position.cycle
    yield trader.send(c.FailEntry, outcome="canceled", reason="not filled in time")
    trader.wait(SECOND, MINUTE)
    yield from _active(trader)
    yield _late_fill(trader, over)
    _lasts(trader)
    yield _stopped_out(trader)


def worked_its_orders(trader: SimulatedTrader) -> Story:
    """A second entry order that is replaced and filled, a target, funding, a corrected fill, and a requested exit."""
    if trader.position.state.instrument is None:
        yield trader.by_key(o.DefineInstrument, quantity_step="0.001")
    yield from _active(trader)
    _lasts(trader)
    third, more = trader.number(), trader.lots(1, 9)
    yield trader.send(o.RequestIncrease, quantity=more, intent_id=trader.number())
    yield _acknowledged(trader)
    second = trader.order_id("entry.2")
    yield trader.send(o.ReplaceOrder, exchange_order_id=second, new_exchange_order_id=third)
    fill = trader.fill(more, trader.px(1))
    yield trader.send(c.RecordEntryFill, exchange_order_id=third, **fill)
    yield trader.send(o.EndOrder, exchange_order_id=third, outcome="filled", filled_qty=more)
    yield trader.send(
        o.CorrectFill, trade_id=fill["trade_id"], last_px=trader.px(2), reason="corrected by the exchange"
    )
    yield trader.send(o.SetTakeProfit, price=trader.px(-40 * trader.losing), exchange_order_id=trader.number())
    yield trader.send(o.RecordCash, kind="funding", amount="-0.35", cash_id=trader.number())
    yield trader.send(o.LoseTakeProfit, reason="canceled by the bot")
    yield trader.send(o.RequestExit, reason="signal")
    yield trader.send(c.Reduce, **trader.fill(trader.held, trader.px(-4 * trader.losing)))
    yield trader.send(c.Close, exit_reason="signal")


def timed_out(trader: SimulatedTrader) -> Story:
    """At first it is not known whether the entry reached the exchange (I-11); later it turns out that it did or not."""
    yield from _requested(trader)
    trader.wait(10 * SECOND, 20 * SECOND)
    yield trader.send(c.RecordEntryUnknown, reason="no answer for 20 s")
    if trader.chance(30):
        yield trader.send(c.FailEntry, outcome="expired", reason="not at the exchange")
        return
    yield _acknowledged(trader, ago_ms=25 * SECOND)
    yield from _filled(trader)
    yield from _protected(trader)
    _lasts(trader)
    yield _stopped_out(trader)


def rolled_back(trader: SimulatedTrader) -> Story:
    """No stop could be set, so the entry is rolled back; the first closing order may be filled only in part."""
    yield from _entered(trader)
    yield trader.send(c.StartRollback, reason="no stop after 3 tries")
    if trader.chance(30):
        left = trader.split(trader.held, 2)[0]
        yield trader.send(c.FailRollback, residual_qty=left, reason="the closing order was filled in part")
        yield trader.send(c.StartRollback, reason="once more")
    proof = trader.dice.randrange(3)
    fills = [
        {"trade_id": trader.number(), "last_qty": part, "last_px": trader.px(1)} for part in trader.split(trader.held)
    ]
    evidence = [{"fills": fills}, {"closing_order_id": trader.number()}, {"position_quantity": "0"}][proof]
    yield trader.send(c.RollBack, evidence=evidence)


def lost_its_stop(trader: SimulatedTrader) -> Story:
    """A cleanup cancels a live stop (I-19); this is noticed late, and the stop is set again."""
    yield from _active(trader)
    _lasts(trader)
    yield trader.send(c.LoseStopLoss, reason="the order is gone from the exchange", ago_ms=MINUTE // 2, source="sync")
    trader.wait(SECOND, 10 * MINUTE)
    yield trader.send(c.SetStopLoss, **trader.stop())
    _lasts(trader)
    yield _stopped_out(trader)


def adopted(trader: SimulatedTrader) -> Story:
    """The exchange holds a position that no cycle explains; it is closed at an unknown price."""
    trader.moves()
    why = "at the exchange, in no cycle"
    yield trader.by_key(c.Adopt, side=trader.a_side(), quantity=trader.lots(), avg_px_open=trader.px(), reason=why)
    yield trader.send(c.SetStopLoss, **trader.stop())
    _lasts(trader)
    yield trader.send(c.Close, exit_reason="gone from the exchange", source="sync")


def placed_after_the_fact(trader: SimulatedTrader) -> Story:
    """The entry is recorded when it is already at the exchange."""
    trader.moves()
    quantity = trader.lots()
    yield trader.by_key(
        c.RecordEntryPlaced,
        side=trader.a_side(),
        quantity=quantity,
        exchange_order_id=trader.number(),
        filled_qty=quantity,
        avg_px=trader.px(),
        intent_id=trader.number() if trader.chance(50) else None,
    )
    yield from _protected(trader)
    _lasts(trader)
    yield _took_profit(trader)


def _imported(trader: SimulatedTrader, status: str, days_ago: int, **fields: Any) -> Append:
    opened_at = trader.clock - timedelta(days=days_ago)
    ends: Fields = {} if status == "active" else {"closed_at": opened_at + timedelta(hours=5), "exit_reason": "old"}
    legacy_id, quantity = trader.number(), trader.lots()
    return trader.by_key(
        c.ImportPosition,
        at=opened_at,
        opened_at=opened_at,
        status=status,
        side=trader.a_side(),
        quantity=quantity,
        avg_px_open=trader.px(),
        legacy_id=legacy_id,
        row={"id": legacy_id, "quantity": str(quantity)},
        **ends,
        **fields,
    )


def imported(trader: SimulatedTrader) -> Story:
    """Rows of the old table: closed cycles, one that is open and continues here, and an old one after it."""
    yield _imported(trader, "closed", 9, realized_pnl="1.5", findings=("closed_without_reason",))
    yield _imported(trader, trader.dice.choice(("failed", "canceled", "rolled_back")), 8)
    yield _imported(trader, "active", 2, stop_price=trader.px(20), stop_confirmed=True)
    yield _imported(trader, "closed", 7)
    _lasts(trader)
    yield _stopped_out(trader)


STORIES: Final[dict[Callable[[SimulatedTrader], Story], int]] = {
    took_profit: 30, stopped_out: 20, scaled_out: 12, sighted: 8, refused: 9, canceled: 3, filled_in_the_next: 1,
    timed_out: 4, rolled_back: 5, lost_its_stop: 3, adopted: 3, placed_after_the_fact: 2,
    worked_its_orders: 3,
}  # fmt: skip
"""The scenarios that are repeated, by their weights; `imported` happens once, as the first of a key."""
