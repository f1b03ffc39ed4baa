"""The simulated exchange behaves as the real ones do, and has every fault that is scripted."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from domain.values import Leg, Side
from infrastructure.simulation.books.fault_plan import CALLS_MAX, CallFault, Fault, OrderFault
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from infrastructure.trading.exchange_errors import NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import ExchangeOrder, OrderState, OrderTicket, TicketKind
from infrastructure.trading.exchange_port import AsyncExchange, Exchange
from infrastructure.trading.trader import Trader
from position_ledger.testing import Clock, memory_ledger
from projections.account_snapshot import OrderKind

APT = "APTUSDT"


def simulated(name: str = "binance", clock: Clock | None = None, **options: Any) -> SimulatedExchange:
    made = SimulatedExchange(name, clock=clock or Clock(), **options)
    made.set_price("APT/USDT:USDT", "3.23")
    return made


def ticket(name: str = "e1", quantity: str | None = "61.8", side: Any = "sell", **said: Any) -> OrderTicket:
    return OrderTicket(
        **{
            "symbol": APT,
            "side": side,
            "kind": TicketKind.MARKET,
            "client_order_id": name,
            "quantity": None if quantity is None else Decimal(quantity),
            **said,
        }
    )


def stop(name: str = "s1", quantity: str | None = "61.8", trigger: str = "3.3", **said: Any) -> OrderTicket:
    fields = {
        "side": "buy",
        "kind": TicketKind.STOP,
        "trigger_price": Decimal(trigger),
        "reduce_only": quantity is not None,
    }
    return ticket(name, quantity, **{**fields, **said})


def found(exchange: SimulatedExchange, name: str = "e1") -> ExchangeOrder | None:
    return exchange.find(APT, client_order_id=name)


def test_it_is_an_exchange_of_the_port() -> None:
    exchange: Exchange = simulated()
    awaited: AsyncExchange = simulated()
    assert exchange.name == awaited.name == "binance"


def test_an_entry_is_filled_and_held() -> None:
    exchange = simulated()
    order = exchange.place(ticket())
    assert (order.state, order.filled_qty, order.avg_px) == (OrderState.FILLED, Decimal("61.8"), Decimal("3.23"))
    [fill] = exchange.fills(APT, order)
    assert (fill.quantity, fill.fee, fill.fee_currency) == (Decimal("61.8"), Decimal("0.0998070"), "USDT")
    snapshot = exchange.account()
    assert snapshot.positions is not None and snapshot.orders == () and snapshot.has_conditional
    [held] = snapshot.positions
    assert (held.key.symbol, held.side, held.quantity, held.avg_px_open) == (
        APT,
        Side.SHORT,
        Decimal("61.8"),
        Decimal("3.23"),
    )


def test_a_price_triggers_a_stop() -> None:
    exchange = simulated()
    exchange.place(ticket())
    placed = exchange.place(stop())
    assert placed.is_conditional and placed.state is OrderState.OPEN
    [seen] = exchange.account().orders or ()
    assert (seen.kind, seen.side, seen.trigger_price, seen.reduce_only, seen.client_order_id) == (
        OrderKind.STOP,
        "buy",
        Decimal("3.3"),
        True,
        "s1",
    )
    exchange.set_price(APT, "3.2999")
    assert exchange.audit.held(APT) == Decimal("-61.8")
    exchange.set_price(APT, "3.31")
    assert exchange.audit.held(APT) == 0
    assert found(exchange, "s1") == exchange.find(APT, exchange_order_id=placed.order_id)
    assert (ended := found(exchange, "s1")) and (ended.state, ended.avg_px) == (OrderState.FILLED, Decimal("3.31"))


def test_a_target_is_triggered_the_other_way() -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.place(stop("t1", trigger="3.1", kind=TicketKind.TARGET))
    assert [seen.kind for seen in exchange.account().orders or ()] == [OrderKind.TARGET]
    exchange.set_price(APT, "3.31")
    assert exchange.audit.held(APT)
    exchange.set_price(APT, "3.1")
    assert not exchange.audit.held(APT)


def test_a_stop_that_closes_the_position_closes_whatever_it_is_by_then() -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.place(stop(quantity=None, close_position=True))
    assert exchange.audit.is_covered(APT)
    exchange.place(ticket("e2", "10"))
    assert exchange.audit.is_covered(APT)
    [seen] = exchange.account().orders or ()
    assert (seen.quantity, seen.reduce_only) == (None, True)
    exchange.set_price(APT, "3.4")
    assert exchange.audit.held(APT) == 0
    assert (ended := found(exchange, "s1")) and ended.filled_qty == Decimal("71.8")


def test_a_stop_that_only_reduces_opens_nothing_when_all_is_gone() -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.place(stop())
    exchange.place(ticket("x1", side="buy", reduce_only=True))
    assert exchange.audit.held(APT) == 0
    assert [seen.client_order_id for seen in exchange.account().orders or ()] == ["s1"]
    exchange.set_price(APT, "3.4")
    assert exchange.audit.held(APT) == 0
    assert (ended := found(exchange, "s1")) and ended.state is OrderState.EXPIRED


def test_a_stop_that_may_open_does_open() -> None:
    exchange = simulated()
    exchange.place(stop(reduce_only=False))
    exchange.set_price(APT, "3.4")
    assert exchange.audit.held(APT) == Decimal("61.8")


def test_a_reduce_only_order_reduces_and_never_turns_round() -> None:
    exchange = simulated()
    with pytest.raises(Refused, match="-2022"):
        exchange.place(ticket(side="buy", reduce_only=True))
    exchange.place(ticket())
    order = exchange.place(ticket("x1", "100", "buy", reduce_only=True))
    assert (order.state, order.filled_qty) == (OrderState.EXPIRED, Decimal("61.8"))
    assert exchange.audit.held(APT) == 0


def test_an_order_beyond_what_is_held_turns_it_round() -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.place(ticket("e2", "100", "buy"))
    assert exchange.audit.held(APT) == Decimal("38.2")
    assert [order.ticket.client_order_id for order in exchange.audit.entries()] == ["e1", "e2"]
    assert exchange.audit.doubled() == []


def test_a_limit_rests_until_its_price_comes() -> None:
    exchange = simulated()
    order = exchange.place(ticket(side="buy", kind=TicketKind.LIMIT, price=Decimal("3.2")))
    assert order.state is OrderState.OPEN
    assert [seen.kind for seen in exchange.account().orders or ()] == [OrderKind.OTHER]
    exchange.set_price(APT, "3.2")
    assert exchange.audit.held(APT) == Decimal("61.8")


def test_what_is_left_of_an_order_is_cancelled_once() -> None:
    exchange = simulated()
    order = exchange.place(ticket(side="buy", kind=TicketKind.LIMIT, price=Decimal("3.2")))
    assert (ended := exchange.cancel(APT, order)) and ended.state is OrderState.CANCELED
    assert exchange.cancel(APT, order) is None
    exchange.set_price(APT, "3.1")
    assert exchange.audit.held(APT) == 0


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (ticket(quantity="0.0005"), "-4003"),
        (ticket(quantity="61.8001"), "-1111"),
        (ticket(quantity="1"), "-4164"),
        (ticket(leg=Leg.SHORT), "-4061"),
        (ticket(quantity=None, cost=Decimal(100)), "-1106"),
        (ticket(attached_stop=Decimal("3.3")), "-1106"),
        (ticket(trigger_price=Decimal("3.3")), "-1106"),
        (stop(trigger="3.30001"), "-4014"),
        (stop(trigger="3.2"), "-2021"),
        (ticket(symbol="BTCUSDT"), "-1121"),
        (ticket(leg=Leg.SPOT), "-4061"),
        (ticket(quantity="-61.8"), "-4003"),
        (ticket(quantity="NaN"), "-4003"),
        (ticket(quantity="Infinity"), "-4003"),
        (ticket(kind=TicketKind.LIMIT, price=Decimal(-3)), "-4001"),
        (ticket(kind=TicketKind.LIMIT, price=Decimal(0)), "-4001"),
        (stop(trigger="-3.3", side="sell"), "-4001"),
        (ticket(side="short"), "-1117"),
        (ticket("two words"), "-4015"),
        (ticket("e" * 37), "-4015"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_in_the_exchanges_code(wrong: OrderTicket, code: str) -> None:
    exchange = simulated()
    with pytest.raises(Refused) as refused:
        exchange.place(wrong)
    assert refused.value.code == code
    assert exchange.audit.orders() == []


@pytest.mark.parametrize(("hedge", "leg"), [(False, Leg.SPOT), (True, Leg.SPOT), (True, Leg.BOTH), (False, Leg.LONG)])
def test_an_account_of_contracts_takes_no_order_of_another_kind_of_leg(*, hedge: bool, leg: Leg) -> None:
    exchange = simulated(hedge=hedge)
    with pytest.raises(Refused, match=f"leg {leg.value} is none of an account of contracts"):
        exchange.place(ticket(leg=leg))
    assert exchange.audit.orders() == []


def test_one_stop_closes_a_position_and_a_target_beside_it() -> None:
    exchange = simulated()
    exchange.place(ticket())
    first = exchange.place(stop(quantity=None, close_position=True))
    with pytest.raises(Refused, match="-4130"):
        exchange.place(stop("s2", None, "3.4", close_position=True))
    exchange.place(stop("t1", None, "3.1", kind=TicketKind.TARGET, close_position=True))
    exchange.place(stop("s3", trigger="3.4"))
    exchange.cancel(APT, first)
    exchange.place(stop("s4", None, "3.4", close_position=True))


def test_orders_without_an_id_share_none() -> None:
    exchange = simulated()
    for price in ("3.3", "3.4"):
        exchange.place(ticket("", kind=TicketKind.LIMIT, price=Decimal(price)))
    assert len(exchange.audit.orders()) == 2


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "Infinity"])
def test_what_happens_around_it_is_in_numbers_above_zero(number: str) -> None:
    exchange = simulated()
    exchange.place(ticket())
    wrongs: tuple[Callable[[], None], ...] = (
        lambda: exchange.set_price(APT, number),
        lambda: exchange.list_market("SUI/USDT:USDT", number),
        lambda: exchange.list_market("SUI/USDT:USDT", "3.5", quantity_step=number),
        lambda: exchange.deleverage(APT, number),
    )
    for wrong in wrongs:
        with pytest.raises(ValueError, match="it is a number above zero"):
            wrong()
    assert exchange.audit.held(APT) == Decimal("-61.8") and exchange.market(APT).last_price == Decimal("3.23")


def test_an_id_is_taken_among_open_orders_only() -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.place(ticket())
    assert len(exchange.audit.doubled(APT)) == 1
    exchange.place(stop())
    with pytest.raises(NoAnswer, match="-4116"):
        exchange.place(stop())


def test_an_id_is_taken_for_ever_where_the_switch_says_so() -> None:
    exchange = simulated(unique_ids=True)
    exchange.place(ticket())
    with pytest.raises(NoAnswer, match="-4116"):
        exchange.place(ticket())
    assert exchange.market(APT).has_unique_ids and not simulated().market(APT).has_unique_ids


def test_bybit_attaches_a_stop_that_ends_with_the_position() -> None:
    exchange = simulated("bybit")
    exchange.place(ticket(attached_stop=Decimal("3.3")))
    assert exchange.audit.is_covered(APT)
    assert exchange.account().orders != ()
    exchange.place(ticket("x1", side="buy", reduce_only=True))
    assert exchange.account().orders == ()


def test_in_hedge_mode_both_legs_are_held_at_once() -> None:
    exchange = simulated(hedge=True)
    exchange.place(ticket(leg=Leg.SHORT))
    exchange.place(ticket("e2", "10", "buy", leg=Leg.LONG))
    assert (exchange.audit.held(APT, Leg.SHORT), exchange.audit.held(APT, Leg.LONG)) == (Decimal("-61.8"), Decimal(10))
    assert {held.key.leg for held in exchange.account().positions or ()} == {Leg.LONG, Leg.SHORT}
    exchange.place(ticket("x1", "20", leg=Leg.LONG))
    assert exchange.audit.held(APT, Leg.LONG) == 0
    with pytest.raises(Refused, match="-4061"):
        exchange.place(ticket("e3"))


def test_contracts_are_counted_as_the_exchange_counts_them() -> None:
    exchange = SimulatedExchange("okx", clock=Clock())
    exchange.list_market("BTC/USDT:USDT", "60000", contract_size="0.01", quantity_step="1", min_quantity="1")
    exchange.place(ticket(symbol="BTCUSDT", quantity="3", side="buy"))
    [held] = exchange.account().positions or ()
    assert (held.quantity, held.contracts, held.avg_px_open) == (Decimal("0.03"), Decimal(3), Decimal(60000))


def test_an_inverse_contract_has_an_inverse_average() -> None:
    exchange = SimulatedExchange("bybit", clock=Clock())
    exchange.list_market("BTC/USD:BTC", "50000", inverse=True, quantity_step="1", min_quantity="1")
    symbol = exchange.market("BTC/USD:BTC").symbol
    exchange.place(ticket(symbol=symbol, quantity="100", side="buy"))
    exchange.set_price("BTC/USD:BTC", "100000")
    exchange.place(ticket("e2", symbol=symbol, quantity="100", side="buy"))
    [held] = exchange.account().positions or ()
    assert held.avg_px_open is not None and round(held.avg_px_open, 6) == Decimal("66666.666667")


def test_a_ledger_takes_the_fees_of_an_inverse_contract() -> None:
    clock = Clock()
    exchange = SimulatedExchange("binance", clock=clock)
    exchange.list_market("BTC/USD:BTC", "60000", contract_size="100", inverse=True, quantity_step="1")
    with memory_ledger(clock) as ledger:
        trader = Trader(ledger, exchange, clock=clock, sleep=clock.tick)
        held = trader.enter(symbol="BTC/USD:BTC", side="long", quantity="10", stop_loss_percent="2", intent_id="1")
        assert held.kind == "protected" and held.position is not None
        assert held.position.fees == Decimal("0.000008333333333333")


def test_the_auditor_counts_bare_seconds() -> None:
    clock = Clock()
    exchange = simulated(clock=clock)
    exchange.place(ticket())
    clock.tick(7)
    exchange.place(stop())
    clock.tick(100)
    assert exchange.audit.bare_seconds(APT) == [7.0]
    exchange.place(ticket("e2", "10"))
    clock.tick(2)
    assert exchange.audit.bare_seconds(APT) == [9.0] and not exchange.audit.is_covered(APT)


def test_a_liquidation_and_a_deleveraging_are_orders_of_nobody() -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.deleverage(APT, "11.8")
    assert exchange.audit.held(APT) == -50
    exchange.liquidate(APT)
    assert exchange.audit.held(APT) == 0
    assert [order.ticket.client_order_id for order in exchange.audit.orders()] == ["e1", "adl_autoclose", "autoclose"]
    assert len(exchange.audit.entries()) == 1


def test_no_more_is_closed_than_is_held() -> None:
    exchange = simulated()
    exchange.liquidate(APT)
    assert exchange.audit.orders() == []
    exchange.place(ticket())
    exchange.deleverage(APT, "1000")
    assert exchange.audit.held(APT) == 0


@pytest.mark.parametrize("spelling", ["APT/USDT:USDT", "aptusdt", "APTUSDT"])
def test_the_auditor_knows_a_symbol_in_every_spelling(spelling: str) -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.place(stop())
    audit = exchange.audit
    assert audit.held(spelling) == Decimal("-61.8") and len(audit.stops(spelling)) == 1
    assert len(audit.orders(spelling)) == 2 and len(audit.entries(spelling)) == 1 and len(audit.holders(spelling)) == 1
    assert len(audit.bare_seconds(spelling)) == 1 and audit.market(spelling).symbol == APT


# -- faults -----------------------------------------------------------------------------------------------------


def test_a_lost_answer_leaves_an_order() -> None:
    exchange = simulated()
    exchange.next_order(APT, OrderFault.ANSWER_LOST)
    with pytest.raises(NoAnswer):
        exchange.place(ticket())
    assert (order := found(exchange)) and order.state is OrderState.FILLED
    exchange.place(ticket("e2"))


def test_an_order_that_never_arrived_is_nowhere() -> None:
    exchange = simulated()
    exchange.next_order(APT, OrderFault.NEVER_ARRIVED)
    with pytest.raises(NoAnswer):
        exchange.place(ticket())
    exchange.calm()
    assert found(exchange) is None and exchange.audit.orders() == []


def test_a_refused_order_is_nowhere() -> None:
    exchange = simulated()
    exchange.next_order(APT, OrderFault.REFUSED)
    exchange.next_stop(APT, OrderFault.REFUSED)
    with pytest.raises(Refused, match="-2019"):
        exchange.place(ticket())
    exchange.place(ticket())
    with pytest.raises(Refused, match="-2021"):
        exchange.place(stop())
    exchange.place(stop())
    assert len(exchange.audit.orders()) == 2


def polled(look: Callable[[], bool]) -> int:
    """After how many calls something is so."""
    return next(calls for calls in range(1, CALLS_MAX + 2) if look())


def test_an_order_may_be_taken_after_it_was_asked_for_in_vain() -> None:
    exchange = simulated(seed=2)
    exchange.next_order(APT, OrderFault.DONE_LATER)
    with pytest.raises(NoAnswer):
        exchange.place(ticket())
    assert exchange.audit.orders() == []
    assert polled(lambda: found(exchange) is not None) > 1
    assert exchange.audit.held(APT) == Decimal("-61.8")


def test_an_order_is_taken_late_by_the_clock_as_well() -> None:
    clock = Clock()
    exchange = simulated(clock=clock, seed=2)
    exchange.next_order(APT, OrderFault.DONE_LATER)
    with pytest.raises(NoAnswer):
        exchange.place(ticket())
    clock.tick(int(exchange.market(APT).shown_seconds / 2))
    assert found(exchange) is not None


def test_a_late_fill_comes_after_its_acknowledgement() -> None:
    exchange = simulated()
    exchange.next_order(APT, OrderFault.FILLED_LATE)
    order = exchange.place(ticket())
    assert (order.state, order.filled_qty) == (OrderState.OPEN, Decimal(0))
    polled(lambda: bool(exchange.fills(APT, order)))
    assert exchange.audit.held(APT) == Decimal("-61.8")


def test_an_order_that_was_cancelled_is_not_filled_late() -> None:
    exchange = simulated()
    exchange.next_order(APT, OrderFault.FILLED_LATE)
    order = exchange.place(ticket())
    if (ended := exchange.cancel(APT, order)) is not None:
        assert ended.state is OrderState.CANCELED
        exchange.calm()
        assert exchange.audit.held(APT) == 0


@pytest.mark.parametrize("seed", range(5))
def test_an_order_is_filled_in_parts_on_the_step(seed: int) -> None:
    exchange = simulated(seed=seed)
    exchange.next_order(APT, OrderFault.FILLED_IN_PARTS)
    order = exchange.place(ticket())
    assert order.state is OrderState.OPEN and 0 < order.filled_qty < Decimal("61.8")
    assert order.filled_qty % Decimal("0.001") == 0
    exchange.calm()
    assert (ended := found(exchange)) and (ended.state, ended.filled_qty) == (OrderState.FILLED, Decimal("61.8"))
    assert len(exchange.fills(APT, order)) == 2


def test_the_rest_of_an_order_may_expire() -> None:
    exchange = simulated()
    exchange.next_order(APT, OrderFault.REST_EXPIRES)
    order = exchange.place(ticket())
    assert order.state is OrderState.EXPIRED and 0 < order.filled_qty < Decimal("61.8")
    exchange.calm()
    assert exchange.audit.held(APT) == -order.filled_qty


def test_fills_may_come_before_their_acknowledgement() -> None:
    exchange = simulated(seed=2)
    exchange.next_order(APT, OrderFault.ANSWER_BEHIND)
    order = exchange.place(ticket())
    assert (order.state, order.filled_qty, order.avg_px) == (OrderState.OPEN, Decimal(0), None)
    assert [fill.quantity for fill in exchange.fills(APT, order)] == [Decimal("61.8")]
    exchange.calm()
    assert (ended := found(exchange)) and ended.state is OrderState.FILLED


def test_an_order_may_be_shown_late() -> None:
    exchange = simulated(seed=2)
    exchange.next_order(APT, OrderFault.HIDDEN)
    order = exchange.place(ticket())
    assert found(exchange) is None and exchange.audit.held(APT)
    exchange.calm()
    assert (ended := found(exchange)) and ended.order_id == order.order_id


def test_an_order_may_not_say_its_price_or_side() -> None:
    exchange = simulated()
    exchange.next_order(APT, OrderFault.UNPRICED, OrderFault.SIDELESS)
    order = exchange.place(ticket())
    assert (order.avg_px, order.side, order.filled_qty) == (None, None, Decimal("61.8"))


def test_fills_may_come_twice_and_in_another_order() -> None:
    exchange = simulated()
    exchange.next_order(APT, OrderFault.FILLED_IN_PARTS)
    order = exchange.place(ticket())
    exchange.calm()
    exchange.next_calls(CallFault.SHUFFLED_FILLS)
    shuffled = exchange.fills(APT, order)
    honest = exchange.fills(APT, order)
    assert len(shuffled) == 3 and set(shuffled) == set(honest) and len(honest) == 2


@pytest.mark.parametrize("fault", [CallFault.STALE_ACCOUNT, CallFault.LATE_POSITIONS])
def test_the_account_may_be_shown_as_it_was(fault: CallFault) -> None:
    exchange = simulated()
    exchange.next_calls(fault, CALLS_MAX + 1)
    exchange.place(ticket())
    exchange.place(stop())
    shown = exchange.account()
    assert shown.positions == () and shown.doubts == ()
    assert bool(shown.orders) == (fault is CallFault.LATE_POSITIONS)
    polled(lambda: bool(exchange.account().positions))


def test_a_list_that_was_cut_off_is_doubted() -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.next_calls(CallFault.CUT_OFF_ACCOUNT)
    assert exchange.account().doubts == ("it is partial: positions_count is 1, and there are 0",)
    assert exchange.account().doubts == ()


@pytest.mark.parametrize(
    ("fault", "error"),
    [(CallFault.OUTAGE, NoAnswer), (CallFault.MAINTENANCE, Refused), (CallFault.RATE_LIMIT, RateLimited)],
)
def test_a_call_may_come_to_nothing(fault: CallFault, error: type[Exception]) -> None:
    exchange = simulated()
    exchange.next_calls(fault, 2)
    with pytest.raises(error):
        exchange.place(ticket())
    with pytest.raises(error):
        exchange.account()
    assert exchange.audit.orders() == []
    exchange.place(ticket())


def test_how_probable_a_fault_is_can_be_said_at_any_time() -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.fail_at({CallFault.OUTAGE: 1.0})
    with pytest.raises(NoAnswer):
        exchange.account()
    exchange.fail_at({CallFault.CUT_OFF_ACCOUNT: 1.0})
    assert exchange.account().doubts
    exchange.fail_at({})
    assert not exchange.account().doubts


def test_an_order_that_closes_in_parts_rests_until_its_rest_is_filled() -> None:
    exchange = simulated()
    exchange.place(ticket())
    exchange.next_order(APT, OrderFault.FILLED_IN_PARTS, at_once="20")
    placed = exchange.place(ticket("x", "61.8", "buy", reduce_only=True))
    assert (placed.state, exchange.audit.held(APT)) == (OrderState.OPEN, Decimal("-41.8"))
    exchange.calm()
    assert exchange.audit.held(APT) == 0


def story(seed: int) -> list[str]:
    rates: dict[Fault, float] = {fault: 0.2 for kind in (OrderFault, CallFault) for fault in kind}
    exchange = simulated(seed=seed, rates=rates)
    told = []
    for number in range(30):
        try:
            told.append(repr(exchange.place(ticket(f"e{number}"))))
            told.append(repr(exchange.account()))
        except (Refused, NoAnswer) as wrong:
            told.append(repr(wrong))
    return told


def test_the_same_seed_tells_the_same_story() -> None:
    assert story(1) == story(1)
    assert story(1) != story(2)


def test_without_faults_nothing_goes_wrong() -> None:
    exchange = simulated()
    for number in range(50):
        assert exchange.place(ticket(f"e{number}")).state is OrderState.FILLED
    assert len(exchange.audit.doubled()) == 49


def test_every_call_spends_its_latency() -> None:
    slept: list[float] = []
    exchange = simulated(latency_seconds=0.5, sleep=slept.append)
    exchange.place(ticket())
    exchange.account()
    assert slept == [0.5, 0.5]


@pytest.mark.parametrize(("at_once", "held"), [("61", "-61"), ("60.9997", "-60.999"), ("100", "-61.8")])
def test_how_much_of_an_order_is_filled_at_once_can_be_said(at_once: str, held: str) -> None:
    exchange = simulated()
    exchange.next_order(APT, OrderFault.REST_EXPIRES, at_once=at_once)
    exchange.place(ticket())
    assert exchange.audit.held(APT) == Decimal(held)


def test_what_is_held_is_of_the_orders_that_opened_it_and_added_to_it() -> None:
    exchange = simulated()
    for name in ("e1", "e2"):
        exchange.place(ticket(name))
    assert [order.ticket.client_order_id for order in exchange.audit.holders(APT)] == ["e1", "e2"]
    exchange.place(ticket("e3", "150", "buy"))
    assert [order.ticket.client_order_id for order in exchange.audit.holders(APT)] == ["e3"]
    exchange.place(ticket("x", "26.4"))
    assert exchange.audit.holders(APT) == []
