"""Trades that ccxt made of an exchange's answer go the way that the exchange says, and on its leg."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from domain.values import plain
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_fills import HYPERLIQUID_FUNDING
from infrastructure.transfer.statements.kinds.programs.ccxt_saved import CCXT_FUNDING, CCXT_ORDERS, CCXT_TRADES
from infrastructure.transfer.statements.statement_facts import StatementCash
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import facts_of, fills_of, kind_of, words

Info = dict[str, Any]
BUY, SELL = "buy", "sell"


def trade(second: int, side: str, price: int, info: Info, symbol: str = "BTC/USDT:USDT") -> dict[str, Any]:
    """One of 2, as ccxt has it."""
    return {
        "id": str(second),
        "order": f"o{second}",
        "info": info,
        "timestamp": 1773739452000 + 1000 * second,
        "datetime": "2026-03-17T09:24:12.000Z",
        "symbol": symbol,
        "type": "limit",
        "side": side,
        "takerOrMaker": "taker",
        "price": price,
        "amount": 2,
        "cost": 2 * price,
        "fee": {"currency": "USDT", "cost": 0.5},
        "fees": [{"currency": "USDT", "cost": 0.5}],
    }


def books(exchange: str, *trades: dict[str, Any], kind: StatementKind = CCXT_TRADES, findings: int = 0) -> list[str]:
    facts = facts_of(json.dumps(trades), kind, Whose(exchange))
    with memory_ledger() as ledger:
        report = import_statement(ledger, kind.name, facts, confirm=True)
        assert_sound(ledger)
        rows = ledger.positions()
    assert len(report.findings) == findings
    return [
        f"{row.position_id} {row.side} {plain(row.quantity)}, {plain(row.realized_pnl or Decimal(0))}" for row in rows
    ]


def test_a_trade_without_its_cost_counts_contracts_of_unknown_size() -> None:
    (fact,) = facts_of(json.dumps([trade(0, BUY, 100, {}) | {"cost": None}]), CCXT_TRADES, Whose("okx"))
    assert "in contracts of unknown" in words(fact)


@pytest.mark.parametrize(("amount", "said"), [(None, "empty"), (0.0, r"0\.0")])
def test_a_trade_without_an_amount_is_refused_with_a_way_out(amount: float | None, said: str) -> None:
    with pytest.raises(StatementRefused, match=f"line 1: amount of trade 0 is {said}; fetch it again with"):
        facts_of(json.dumps([trade(0, BUY, 100, {}) | {"amount": amount}]), CCXT_TRADES, Whose("krakenfutures"))


def bitget(side: str, does: str, mode: str = "hedge_mode", **more: Any) -> Info:
    return {"side": side, "tradeSide": does, "posMode": mode, "enterPointSource": "api", **more}


LEGS = ["BTCUSDT.{}:LONG#1 long 0, 20", "BTCUSDT.{}:SHORT#1 short 0, 10"]
"""A long position that won 10 each, and a short one that won 5 each."""


def of(exchange: str) -> list[str]:
    return [line.format(exchange) for line in LEGS]


def test_bitget_says_the_leg_where_others_say_the_way() -> None:
    told = [
        trade(0, BUY, 100, bitget(BUY, "open")),
        trade(1, SELL, 105, bitget(SELL, "open")),
        trade(2, BUY, 110, bitget(BUY, "close", profit="20")),
        trade(3, SELL, 100, bitget(SELL, "close", profit="10")),
    ]
    assert books("bitget", *told) == of("bitget")


def test_the_stream_of_bitget_says_the_way() -> None:
    told = [
        trade(0, BUY, 100, {"side": BUY, "tradeSide": "open", "posMode": "hedge_mode", "uTime": "1"}),
        trade(1, SELL, 105, {"side": SELL, "tradeSide": "open", "posMode": "hedge_mode", "uTime": "1"}),
        trade(2, SELL, 110, {"side": SELL, "tradeSide": "close", "posMode": "hedge_mode", "uTime": "1"}),
        trade(3, BUY, 100, {"side": BUY, "tradeSide": "close", "posMode": "hedge_mode", "uTime": "1"}),
    ]
    assert books("bitget", *told) == of("bitget")


@pytest.mark.parametrize(
    ("does", "reason"),
    [("burst_close_long", "liquidation"), ("dte_sys_adl_close_long", "adl"), ("delivery_close_long", "settlement")],
)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_forced_close_of_bitget_has_its_reason(does: str, reason: str, side: str) -> None:
    told = [trade(0, BUY, 100, bitget(BUY, "open")), trade(1, side, 110, bitget(side, does))]
    facts = facts_of(json.dumps(told), CCXT_TRADES, Whose("bitget"))
    assert [getattr(fact, "reason", None) for fact in facts] == [None, reason]
    assert books("bitget", *told) == ["BTCUSDT.bitget:LONG#1 long 0, 20"]


def test_bitget_in_one_way_mode_goes_as_its_side_says() -> None:
    told = [
        trade(0, BUY, 100, bitget(BUY, "buy_single", "one_way_mode")),
        trade(1, SELL, 110, bitget(SELL, "sell_single", "one_way_mode")),
        trade(2, SELL, 105, bitget(SELL, "sell_single", "one_way_mode")),
        trade(3, BUY, 100, bitget(BUY, "burst_buy_single", "one_way_mode")),
    ]
    assert books("bitget", *told) == ["BTCUSDT.bitget#1 long 0, 20", "BTCUSDT.bitget#2 short 0, 10"]


def test_an_order_of_bitget_names_its_leg() -> None:
    def order(second: int, side: str, price: int, info: Info) -> dict[str, Any]:
        told = trade(second, side, price, info)
        return {**told, "status": "closed", "filled": 2, "remaining": 0, "average": price, "trades": []}

    told = [
        order(0, BUY, 100, bitget(BUY, "open", posSide="long", reduceOnly="NO")),
        order(1, SELL, 105, bitget(SELL, "open", posSide="short", reduceOnly="NO")),
        order(2, BUY, 110, bitget(BUY, "close", posSide="long", reduceOnly="NO")),
        order(3, BUY, 100, bitget(SELL, "close", posSide="short", reduceOnly="YES")),  # ccxt turns it round itself
    ]
    assert books("bitget", *told, kind=CCXT_ORDERS) == of("bitget")


def test_mexc_says_way_and_opening_in_one_number() -> None:
    """ccxt has a sale for 2, which closes a short position, and numbers for 3 and 4."""
    told = [
        trade(0, BUY, 100, {"side": "1", "positionMode": "1"}),
        trade(1, "3", 105, {"side": "3", "positionMode": "1"}),
        trade(2, "4", 110, {"side": "4", "positionMode": "1"}),
        trade(3, SELL, 100, {"side": "2", "positionMode": "1"}),
    ]
    assert books("mexc", *told) == of("mexc")


def test_htx_says_the_way_and_whether_it_opens() -> None:
    told = [
        trade(0, BUY, 100, {"direction": BUY, "offset": "open"}),
        trade(1, SELL, 105, {"direction": SELL, "offset": "open"}),
        trade(2, SELL, 110, {"direction": SELL, "offset": "close"}),
        trade(3, BUY, 100, {"direction": BUY, "offset": "close"}),
    ]
    assert books("htx", *told) == of("htx")
    both = [{**each, "info": {**each["info"], "offset": "both"}} for each in told]
    assert books("htx", *both) == ["BTCUSDT.htx#1 long 0, 10", "BTCUSDT.htx#2 short 0, 20"]


def test_gate_says_how_much_it_closed() -> None:
    told = [
        trade(0, BUY, 100, {"size": 2, "close_size": 0}),
        trade(1, SELL, 105, {"size": -2, "close_size": 0}),
        trade(2, SELL, 110, {"size": -2, "close_size": -2}),
        trade(3, BUY, 100, {"size": 2, "close_size": 2}),
    ]
    assert books("gateio", *told) == of("gate")


def test_trades_of_one_millisecond_are_in_the_order_of_the_exchange() -> None:
    """ccxt sorts what begins with what is newest by its time alone."""
    told = [
        trade(0, SELL, 110, {"seq": 8, "closedSize": "2"}),
        trade(0, BUY, 100, {"seq": 7, "closedSize": "0"}),
        trade(9, BUY, 100, {"seq": 9, "closedSize": "0"}),
    ]
    told = [{**each, "id": str(number), "order": str(number)} for number, each in enumerate(told, start=100)]
    assert books("bybit", *({**each, "id": f"x-{each['id']}"} for each in told)) == [
        "BTCUSDT.bybit#1 long 0, 20",
        "BTCUSDT.bybit#2 long 2, 0",
    ]


def test_a_close_of_what_was_opened_before_the_file_is_no_opening() -> None:
    told = trade(0, BUY, 100, {"side": "2", "positionMode": "1"})
    assert books("mexc", told, findings=1) == ["BTCUSDT.mexc#1 short 0, 0"]


@pytest.mark.parametrize(
    "info",
    [
        "instType instId tradeId ordId side fillSz fillPx fee posSide",
        "symbol side execId execPrice execQty execFee execTime execType",
        "coin px sz side time startPosition dir closedPnl tid oid hash",
        "contract create_time id order_id size price role fee",
        "id orderId price qty realizedPnl commission commissionAsset",
        "fill_id order_id symbol side size price fillTime",
    ],
)
def test_what_ccxt_saved_is_of_ccxt_whatever_the_exchange_answered(info: str) -> None:
    answer = dict.fromkeys(info.split(), "1")
    assert kind_of(json.dumps([trade(0, BUY, 100, answer)])) == "ccxt-trades"
    assert kind_of(json.dumps([answer])) != "ccxt-trades"


@pytest.mark.parametrize("average", [None, 0])
def test_an_order_is_not_filled_at_what_was_asked_for_it(average: int | None) -> None:
    """ccxt has no average of Hyperliquid, and its limit of an order at the market is five percent away."""
    asked = {**trade(0, BUY, 105, {}), "status": "closed", "filled": 2, "remaining": 0, "average": average}
    with pytest.raises(StatementRefused, match=r"line 1: average of order 0 is (0|empty), .* fetch_my_trades gives"):
        books("hyperliquid", asked, kind=CCXT_ORDERS)


def payment(**more: Any) -> dict[str, Any]:
    row = {
        "info": {},
        "symbol": "BTC/USDT:USDT",
        "code": "USDT",
        "timestamp": 1773763200000,
        "datetime": "2026-03-17T16:00:00.000Z",
        "id": "1",
        "amount": -0.5,
    }
    return {**row, **more}


@pytest.mark.parametrize(
    ("exchange", "symbol", "amount"),
    [("binance", "BTC/USDT:USDT", "-0.5"), ("phemex", "BTCUSDT", "0.5"), ("phemex", "BTC/USDT:USDT", "0.5")],
)
def test_funding_is_received_above_zero_but_of_phemex(exchange: str, symbol: str, amount: str) -> None:
    """Its answer is handed on as it is, with its own symbol, and what is paid above zero."""
    (fact,) = facts_of(json.dumps([payment(symbol=symbol), payment(amount=0)]), CCXT_FUNDING, Whose(exchange))
    assert words(fact) == f"1: 2026-03-17T16:00:00.000000Z BTCUSDT.{exchange} funding {amount} USDT, id 1"


@pytest.mark.parametrize(("amount", "said"), [(0.2, "0.2"), (0.98, "0.2"), (-0.2, "-0.2"), (0.98, "-0.2")])
@pytest.mark.parametrize(("symbol", "code"), [("BTC/USDT:USDT", "USDT"), ("BTC/USD:BTC", "USD")])
def test_funding_of_bybit_is_what_it_says_itself(amount: float, said: str, symbol: str, code: str) -> None:
    """ccxt hands on what was paid as if it was received, before 2025 the size of the position, and USD for BTC."""
    told = payment(
        symbol=symbol, code=code, amount=amount, info={"execFee": said, "execQty": "0.98", "feeCurrency": ""}
    )
    (fact,) = facts_of(json.dumps([told]), CCXT_FUNDING, Whose("bybit"))
    assert isinstance(fact, StatementCash)
    assert (fact.amount, fact.currency, fact.cash_id) == (-Decimal(said), None, "1")


@pytest.mark.parametrize("info", [{}, None])
def test_funding_of_bybit_is_not_taken_from_ccxt_alone(info: Info | None) -> None:
    with pytest.raises(StatementRefused, match=r"line 1: execFee under info is empty .*; save again what fetch_fund"):
        facts_of(json.dumps([payment(info=info)]), CCXT_FUNDING, Whose("bybit"))


@pytest.mark.parametrize("info", [{}, None])
def test_payments_of_hyperliquid_that_were_saved_without_info_are_read(info: Info | None) -> None:
    """They were refused, although their amounts are right."""
    (fact,) = facts_of(json.dumps([payment(info=info)]), CCXT_FUNDING, Whose("hyperliquid"))
    assert "BTCUSDT.hyperliquid funding -0.5 USDT" in words(fact)


def test_payments_of_hyperliquid_are_told_apart_without_a_hash() -> None:
    """All of them have the same one, which kept a file with two of them out."""
    delta = {"type": "funding", "coin": "BTC", "usdc": "-0.5", "szi": "1", "fundingRate": "0.1"}
    answers = [{"time": 1773763200000 + hour * 3600000, "hash": f"0x{0:064x}", "delta": delta} for hour in range(2)]
    told = [
        payment(info=answer, id=answer["hash"], timestamp=answer["time"], symbol="BTC/USDC:USDC", code="USDC")
        for answer in answers
    ]
    facts = [
        facts_of(json.dumps(rows), kind, Whose("hyperliquid"))
        for rows, kind in ((told, CCXT_FUNDING), (answers, HYPERLIQUID_FUNDING))
    ]
    assert facts[0] == facts[1]
    assert len({fact.cash_id for fact in facts[0] if isinstance(fact, StatementCash)}) == 2


@pytest.mark.parametrize(
    ("exchange", "info", "said", "fee"),
    [
        ("hyperliquid", {"fee": "0.3", "builderFee": "0.2", "feeToken": "USDC"}, 0.5, ("0.3", "USDC")),
        ("bybit", {"execFee": "0.3", "feeCurrency": "MNT"}, 0.3, ("0.3", "MNT")),
        ("bybit", {"execFee": "0.3", "feeCurrency": ""}, 0.3, ("0.3", "USDT")),
        ("krakenfutures", {"fillType": "maker"}, 0.3, ("None", None)),
        ("bybit", {"execFee": "-0.3"}, 0.3, ("-0.3", "USDT")),
        ("krakenfutures", {}, 0.3, ("None", None)),
        ("hyperliquid", {}, 0.3, ("0.3", "USDT")),
        ("binance", {"commission": "0.3"}, 0.3, ("0.3", "USDT")),
    ],
)
def test_a_fee_is_what_the_exchange_says(exchange: str, info: Info, said: float, fee: tuple[str, str | None]) -> None:
    """ccxt adds what a builder took once more, takes the fee of spot for one in kind, and computes that of Kraken."""
    told = trade(0, BUY, 100, info) | {"fee": {"cost": said, "currency": "USDT"}, "fees": []}
    (fill,) = fills_of(json.dumps([told]), CCXT_TRADES, Whose(exchange))
    assert (str(fill.fee), fill.fee_currency) == fee


@pytest.mark.parametrize(("exchange", "is_kept"), [("hyperliquid", False), ("binance", True)])
def test_only_trades_of_hyperliquid_share_an_id(exchange: str, *, is_kept: bool) -> None:
    (fill,) = fills_of(json.dumps([trade(0, BUY, 100, {})]), CCXT_TRADES, Whose(exchange))
    assert (fill.trade_id == "0") is is_kept


def test_funding_of_an_unknown_amount_is_refused() -> None:
    """It was left out."""
    with pytest.raises(StatementRefused, match="line 2: amount is empty, so how much it was is not known"):
        facts_of(json.dumps([payment(), payment(amount=None)]), CCXT_FUNDING, Whose("binance"))


@pytest.mark.parametrize(
    ("exchange", "info"),
    [
        ("binance", {"isIsolated": False}),
        ("bybit", {"isLeverage": "1"}),
        ("kraken", {"margin": "20.5"}),
        ("kucoin", {"tradeType": "MARGIN_ISOLATED_TRADE"}),
        ("okx", {"instType": "MARGIN"}),
    ],
)
def test_what_an_exchange_says_was_on_margin_is_borrowed(exchange: str, info: Info) -> None:
    """2 sold at 100 and bought at 90: a short position that earned 20, and not what was held before."""
    trades = trade(1, SELL, 100, info, "BTC/USDT"), trade(2, BUY, 90, info, "BTC/USDT")
    assert books(exchange, *trades) == [f"BTCUSDT.{exchange}:SPOT#1 short 0, 20"]


@pytest.mark.parametrize(
    ("exchange", "info"),
    [
        ("binance", {}),
        ("bybit", {"isLeverage": "0"}),
        ("kraken", {"margin": "0.00000"}),
        ("kucoin", {"tradeType": "TRADE"}),
        ("okx", {"instType": "SPOT"}),
        ("gate", {"isIsolated": False}),
    ],
)
def test_what_no_exchange_says_was_on_margin_sells_what_is_there(exchange: str, info: Info) -> None:
    fill = next(iter(facts_of(json.dumps([trade(1, SELL, 100, info, "BTC/USDT")]), CCXT_TRADES, Whose(exchange))))
    assert getattr(fill, "on_margin", None) is False
