"""A stop that is attached to its entry: the position is protected from the first fill, in the end by the real price."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from domain.commands.requests import RecordEntryPlaced
from infrastructure.trading.effects import Effect, Tell
from infrastructure.trading.rules import Rules
from infrastructure.trading.trader import Trader
from position_ledger import PositionLedger
from position_ledger.testing import Clock, SimulatedExchange, memory_ledger

SIGNAL: dict[str, Any] = {"symbol": "APT/USDT:USDT", "side": "short", "quantity": "61.8", "intent_id": "1"}
TWO_PERCENT: dict[str, Any] = {"stop_loss_percent": "2", "signal_price": "3.2295"}


def passing(clock: Clock) -> Callable[[float], None]:
    return lambda seconds: clock.tick(max(1, round(seconds)))


def traded(
    ledger: PositionLedger, clock: Clock, name: str = "bybit", *, attaches: bool = True, **said: Any
) -> tuple[Trader, SimulatedExchange]:
    """A trader that entered short at 3.2295, at an exchange whose every call takes a second."""
    exchange = SimulatedExchange(name, seed=1, clock=clock, sleep=passing(clock), latency_seconds=1)
    exchange.list_market("APT/USDT:USDT", "3.2295", quantity_step="0.1")
    trader = Trader(
        ledger, exchange, rules=Rules(attaches_stops=attaches), owner="bot", clock=clock, sleep=passing(clock)
    )
    assert trader.enter(**SIGNAL | said).kind == "protected"
    return trader, exchange


def test_it_goes_along_and_is_the_stop_on_record() -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        trader, exchange = traded(ledger, clock, **TWO_PERCENT)
        (stop,) = exchange.audit.stops("APTUSDT")
        assert exchange.audit.bare_seconds("APTUSDT") == [0.0]
        row = ledger.position("APTUSDT.bybit#1")
        assert (row.stop_price, row.stop_order_id) == (Decimal("3.2941"), stop.order_id)
        assert trader.synchronise().ok
        exchange.set_price("APTUSDT", "3.3")
        assert [each.kind for each in trader.resume()] == ["closed"]


def test_one_by_the_real_entry_takes_its_place_and_nothing_is_bare_meanwhile() -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        trader, exchange = traded(ledger, clock, **TWO_PERCENT | {"signal_price": "3.2333"})
        (stop,) = exchange.audit.stops("APTUSDT")
        assert stop.ticket.trigger_price == Decimal("3.2941")  # 2 % above 3.2295; 3.2980 went along
        assert stop.ticket.client_order_id
        assert exchange.audit.bare_seconds("APTUSDT") == [0.0]
        assert trader.synchronise().ok


@pytest.mark.parametrize("price", ["3.4", "3.2"], ids=["beyond it", "back again"])
def test_one_that_was_hit_before_anybody_knew_of_it_ends_the_cycle(price: str) -> None:
    clock = Clock()
    exchange = SimulatedExchange("bybit", seed=1, clock=clock, sleep=passing(clock))
    exchange.list_market("APT/USDT:USDT", "3.2295", quantity_step="0.1")

    class Killed(Trader):
        def _done(self, effect: Effect) -> Any:
            if isinstance(effect, Tell) and isinstance(effect.command, RecordEntryPlaced):
                raise KeyboardInterrupt
            return super()._done(effect)

    with memory_ledger(clock) as ledger:
        options: dict[str, Any] = {"rules": Rules(attaches_stops=True), "clock": clock, "sleep": passing(clock)}
        trader = Trader(ledger, exchange, owner="bot", **options)
        exchange.list_market("XMR/USDT:USDT", "310", quantity_step="0.1")
        beside: dict[str, Any] = {"symbol": "XMRUSDT", "side": "long", "quantity": "1", "intent_id": "2"}
        assert trader.enter(**beside, stop_loss_percent="2").kind == "protected", "which tells nothing of the other"
        with pytest.raises(KeyboardInterrupt):
            Killed(ledger, exchange, owner="bot", **options).enter(**SIGNAL | TWO_PERCENT)
        exchange.set_price("APTUSDT", "3.4")
        assert exchange.audit.held("APTUSDT") == 0
        exchange.set_price("APTUSDT", price)
        ended = {str(each.position_id): each.kind for each in trader.resume()}
        assert ended["APTUSDT.bybit#1"] == "rolled_back"
        assert exchange.audit.stops("APTUSDT") == [] and len(exchange.audit.entries()) == 2
        assert exchange.audit.held("XMRUSDT") == 1


def test_an_absolute_price_needs_no_signal_price() -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        _, exchange = traded(ledger, clock, stop_price="3.3")
        assert exchange.audit.entries()[0].ticket.attached_stop == Decimal("3.3")
        assert exchange.audit.bare_seconds("APTUSDT") == [0.0]


@pytest.mark.parametrize(
    ("name", "attaches", "said"),
    [
        ("bybit", False, TWO_PERCENT),
        ("binance", True, TWO_PERCENT),
        ("bybit", True, {"stop_loss_percent": "2"}),
    ],
    ids=["not wanted", "not taken there", "no price known"],
)
def test_it_stays_at_home_and_the_stop_is_placed_as_ever(name: str, attaches: bool, said: dict[str, str]) -> None:  # noqa: FBT001 - a case of the table
    clock = Clock()
    with memory_ledger(clock) as ledger:
        _, exchange = traded(ledger, clock, name, attaches=attaches, **said)
        assert exchange.audit.entries()[0].ticket.attached_stop is None
        assert len(exchange.audit.stops("APTUSDT")) == 1
        assert exchange.audit.bare_seconds("APTUSDT")[0] > 0
