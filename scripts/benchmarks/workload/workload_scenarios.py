"""Scenarios: what happens to a position from its entry to its end, as commands that a ledger accepts."""

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


def _requested(desk: SimulatedTrader) -> Story:
    desk.moves()
    yield desk.by_key(
        c.RequestEntry,
        side=desk.a_side(),
        quantity=desk.lots(),
        intent_id=desk.number(),
        signal_price=None if desk.chance(5) else desk.px(desk.dice.randint(-2, 2)),
        stop_loss_percent="2" if desk.chance(70) else None,
    )


def _acknowledged(desk: SimulatedTrader, **fields: Any) -> Append:
    return desk.send(c.RecordEntryPlaced, exchange_order_id=desk.number(), **fields)


def _filled(desk: SimulatedTrader, parts_max: int = 3, ago_ms: int = 0) -> Story:
    for part in desk.split(desk.asked, parts_max):
        yield desk.send(c.RecordEntryFill, ago_ms=ago_ms, **desk.fill(part, desk.px(desk.dice.randint(-1, 1))))


def _entered(desk: SimulatedTrader) -> Story:
    """The acknowledgement knows of the fill, now and then without the fills themselves; or fills alone tell it."""
    yield from _requested(desk)
    if desk.chance(50):
        yield _acknowledged(desk, filled_qty=desk.asked, avg_px=desk.px())
        if desk.chance(50):
            yield from _filled(desk, 2, ago_ms=30 * SECOND)
    else:
        yield _acknowledged(desk)
        yield from _filled(desk)


def _protected(desk: SimulatedTrader) -> Story:
    if desk.chance(30):
        yield desk.send(c.SetStopLoss, **desk.stop(), activate=True)
    else:
        yield desk.send(c.SetStopLoss, **desk.stop())
        yield desk.send(c.Activate)


def _active(desk: SimulatedTrader) -> Story:
    yield from _entered(desk)
    yield from _protected(desk)


def _lasts(desk: SimulatedTrader) -> None:
    desk.wait(MINUTE, 8 * 60 * MINUTE)
    desk.moves()


def _took_profit(desk: SimulatedTrader) -> Append:
    return desk.send(c.Close, exit_reason="take profit", avg_px_close=desk.px(-15 * desk.losing), **desk.fee())


def _stopped_out(desk: SimulatedTrader) -> Append:
    return desk.send(c.Close, exit_reason="stop", avg_px_close=desk.px(20 * desk.losing), **desk.fee())


# -- whole stories ----------------------------------------------------------------------------------------------------


def took_profit(desk: SimulatedTrader) -> Story:
    """The plain one; now and then the stop trails behind."""
    yield from _active(desk)
    for _ in range(desk.dice.randrange(3)):
        _lasts(desk)
        yield desk.send(c.SetStopLoss, **desk.stop(10), locks_profit=True)
    _lasts(desk)
    yield _took_profit(desk)


def stopped_out(desk: SimulatedTrader) -> Story:
    """The stop is hit."""
    yield from _active(desk)
    _lasts(desk)
    yield _stopped_out(desk)


def scaled_out(desk: SimulatedTrader) -> Story:
    """Partial exits; some of them are heard of late."""
    yield from _active(desk)
    *parts, _ = desk.split(desk.held, 4)
    for part in parts:
        _lasts(desk)
        ago_ms = 10 * MINUTE if desk.chance(20) else 0
        yield desk.send(c.Reduce, ago_ms=ago_ms, **desk.fill(part, desk.px(-8 * desk.losing)))
    _lasts(desk)
    yield desk.send(c.Close, exit_reason="trailing stop", avg_px_close=desk.px(-4 * desk.losing), **desk.fee())


def sighted(desk: SimulatedTrader) -> Story:
    """The synchroniser sees the position before the bot is done with it (I-01), and a fill comes after it."""
    yield from _requested(desk)
    yield _acknowledged(desk, filled_qty=desk.asked, avg_px=desk.px())
    smaller = desk.split(desk.asked, 2)[0]
    yield desk.send(c.Adjust, quantity=smaller, avg_px_open=desk.px(1), reason="the synchroniser saw it")
    if desk.chance(50):
        yield desk.send(c.RecordEntryFill, ago_ms=15 * SECOND, **desk.fill(smaller, desk.px(1)))
    yield from _protected(desk)
    _lasts(desk)
    if desk.chance(50):
        average: Fields = {"avg_px_open": desk.a_tick_off(), "reason": "the exchange reports another average"}
        yield desk.send(c.Adjust, ago_ms=MINUTE, **average)
    yield _took_profit(desk)


def refused(desk: SimulatedTrader) -> Story:
    """The exchange does not take the order (I-30)."""
    yield from _requested(desk)
    code, outcome, reason = desk.dice.choice(_REFUSALS)
    yield desk.send(c.FailEntry, outcome=outcome, code=code, reason=reason)


def canceled(desk: SimulatedTrader) -> Story:
    """The order rests unfilled and is cancelled; now and then a fill turns up afterwards."""
    yield from _requested(desk)
    yield _acknowledged(desk)
    desk.wait(SECOND, 5 * MINUTE)
    yield desk.send(c.FailEntry, outcome="canceled", reason="not filled in time")
    if desk.chance(40):
        yield _late_fill(desk, desk.position.cycle)
        desk.wait(SECOND, MINUTE)
        yield desk.send(c.Close, exit_reason="filled late, closed at once", avg_px_close=desk.px(1), **desk.fee())


def _late_fill(desk: SimulatedTrader, cycle: int) -> Append:
    return desk.send(c.RecordEntryFill, ago_ms=2 * MINUTE, cycle=cycle, **desk.fill(desk.lots(1, 9), desk.px()))


def filled_in_the_next(desk: SimulatedTrader) -> Story:
    """A fill of a cancelled entry turns up while the next cycle is at work."""
    yield from _requested(desk)
    over = desk.position.cycle
    yield desk.send(c.FailEntry, outcome="canceled", reason="not filled in time")
    desk.wait(SECOND, MINUTE)
    yield from _active(desk)
    yield _late_fill(desk, over)
    _lasts(desk)
    yield _stopped_out(desk)


def worked_its_orders(desk: SimulatedTrader) -> Story:
    """A second entry order that is replaced and ends, targets, funding, a corrected fill, and an exit by request."""
    if desk.position.state.instrument is None:
        yield desk.by_key(o.DefineInstrument, quantity_step="0.001")
    yield from _active(desk)
    _lasts(desk)
    third, more = desk.number(), desk.lots(1, 9)
    yield desk.send(o.RequestIncrease, quantity=more, intent_id=desk.number())
    yield _acknowledged(desk)
    second = desk.order_id("entry.2")
    yield desk.send(o.ReplaceOrder, exchange_order_id=second, new_exchange_order_id=third)
    fill = desk.fill(more, desk.px(1))
    yield desk.send(c.RecordEntryFill, exchange_order_id=third, **fill)
    yield desk.send(o.EndOrder, exchange_order_id=third, outcome="filled", filled_qty=more)
    yield desk.send(o.CorrectFill, trade_id=fill["trade_id"], last_px=desk.px(2), reason="corrected by the exchange")
    yield desk.send(o.SetTakeProfit, price=desk.px(-40 * desk.losing), exchange_order_id=desk.number())
    yield desk.send(o.RecordCash, kind="funding", amount="-0.35", cash_id=desk.number())
    yield desk.send(o.LoseTakeProfit, reason="canceled by the bot")
    yield desk.send(o.RequestExit, reason="signal")
    yield desk.send(c.Reduce, **desk.fill(desk.held, desk.px(-4 * desk.losing)))
    yield desk.send(c.Close, exit_reason="signal")


def timed_out(desk: SimulatedTrader) -> Story:
    """Nobody knows whether the entry reached the exchange (I-11), until it is known one way or the other."""
    yield from _requested(desk)
    desk.wait(10 * SECOND, 20 * SECOND)
    yield desk.send(c.RecordEntryUnknown, reason="no answer for 20 s")
    if desk.chance(30):
        yield desk.send(c.FailEntry, outcome="expired", reason="not at the exchange")
        return
    yield _acknowledged(desk, ago_ms=25 * SECOND)
    yield from _filled(desk)
    yield from _protected(desk)
    _lasts(desk)
    yield _stopped_out(desk)


def rolled_back(desk: SimulatedTrader) -> Story:
    """No stop could be set, so the entry is undone; the first closing order may leave something."""
    yield from _entered(desk)
    yield desk.send(c.StartRollback, reason="no stop after 3 tries")
    if desk.chance(30):
        left = desk.split(desk.held, 2)[0]
        yield desk.send(c.FailRollback, residual_qty=left, reason="the closing order was filled in part")
        yield desk.send(c.StartRollback, reason="once more")
    proof = desk.dice.randrange(3)
    fills = [{"trade_id": desk.number(), "last_qty": part, "last_px": desk.px(1)} for part in desk.split(desk.held)]
    evidence = [{"fills": fills}, {"closing_order_id": desk.number()}, {"position_quantity": "0"}][proof]
    yield desk.send(c.RollBack, evidence=evidence)


def lost_its_stop(desk: SimulatedTrader) -> Story:
    """A cleaner cancels a live stop (I-19); it is noticed late and set again."""
    yield from _active(desk)
    _lasts(desk)
    yield desk.send(c.LoseStopLoss, reason="the order is gone from the exchange", ago_ms=MINUTE // 2, source="sync")
    desk.wait(SECOND, 10 * MINUTE)
    yield desk.send(c.SetStopLoss, **desk.stop())
    _lasts(desk)
    yield _stopped_out(desk)


def adopted(desk: SimulatedTrader) -> Story:
    """The exchange holds what no cycle explains; it ends at a price that nobody said."""
    desk.moves()
    why = "at the exchange, in no cycle"
    yield desk.by_key(c.Adopt, side=desk.a_side(), quantity=desk.lots(), avg_px_open=desk.px(), reason=why)
    yield desk.send(c.SetStopLoss, **desk.stop())
    _lasts(desk)
    yield desk.send(c.Close, exit_reason="gone from the exchange", source="sync")


def placed_after_the_fact(desk: SimulatedTrader) -> Story:
    """The entry is recorded when it stands at the exchange already."""
    desk.moves()
    quantity = desk.lots()
    yield desk.by_key(
        c.RecordEntryPlaced,
        side=desk.a_side(),
        quantity=quantity,
        exchange_order_id=desk.number(),
        filled_qty=quantity,
        avg_px=desk.px(),
        intent_id=desk.number() if desk.chance(50) else None,
    )
    yield from _protected(desk)
    _lasts(desk)
    yield _took_profit(desk)


def _imported(desk: SimulatedTrader, status: str, days_ago: int, **fields: Any) -> Append:
    opened_at = desk.clock - timedelta(days=days_ago)
    ends: Fields = {} if status == "active" else {"closed_at": opened_at + timedelta(hours=5), "exit_reason": "old"}
    legacy_id, quantity = desk.number(), desk.lots()
    return desk.by_key(
        c.ImportPosition,
        at=opened_at,
        opened_at=opened_at,
        status=status,
        side=desk.a_side(),
        quantity=quantity,
        avg_px_open=desk.px(),
        legacy_id=legacy_id,
        row={"id": legacy_id, "quantity": str(quantity)},
        **ends,
        **fields,
    )


def imported(desk: SimulatedTrader) -> Story:
    """Rows of the old table: cycles that are over, one that is open and goes on here, and an old one beside it."""
    yield _imported(desk, "closed", 9, realized_pnl="1.5", findings=("closed_without_reason",))
    yield _imported(desk, desk.dice.choice(("failed", "canceled", "rolled_back")), 8)
    yield _imported(desk, "active", 2, stop_price=desk.px(20), stop_confirmed=True)
    yield _imported(desk, "closed", 7)
    _lasts(desk)
    yield _stopped_out(desk)


STORIES: Final[dict[Callable[[SimulatedTrader], Story], int]] = {
    took_profit: 30, stopped_out: 20, scaled_out: 12, sighted: 8, refused: 9, canceled: 3, filled_in_the_next: 1,
    timed_out: 4, rolled_back: 5, lost_its_stop: 3, adopted: 3, placed_after_the_fact: 2,
    worked_its_orders: 3,
}  # fmt: skip
"""Everything that happens again and again, and how often; `imported` happens once, when a key moves in."""
