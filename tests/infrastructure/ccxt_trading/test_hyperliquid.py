"""Orders at Hyperliquid, through both kinds of clients, as its documentation shapes the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from domain.identifiers import client_order_id, hex_order_id
from domain.values import Leg
from infrastructure.trading.exchange_errors import NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import OrderState, OrderTicket, TicketKind
from infrastructure.trading.trader import Trader
from position_ledger.testing import Clock, memory_ledger
from tests.infrastructure.ccxt_trading.trading_server import Driven, Script, driven, scripted

INFO, EXCHANGE = "POST /info", "POST /exchange"
NAME = client_order_id("BTCUSDC.hyperliquid#1", "entry", "5483266")
STOP_NAME = client_order_id("BTCUSDC.hyperliquid#1", "stop", "5483266")
WALLET = {"walletAddress": "0x" + "11" * 20, "privateKey": "0x" + "22" * 32}
ENTRY = OrderTicket(
    symbol="BTCUSDC", side="buy", kind=TicketKind.MARKET, client_order_id=NAME, quantity=Decimal("0.021")
)
STOP = OrderTicket(
    symbol="BTCUSDC",
    side="sell",
    kind=TicketKind.STOP,
    client_order_id=STOP_NAME,
    quantity=Decimal("0.021"),
    trigger_price=Decimal(95000),
    reduce_only=True,
)
MARKETS = [
    {"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}]},
    [
        {
            "dayNtlVlm": "1000000",
            "funding": "0.0000125",
            "markPx": "97000",
            "midPx": "97000.5",
            "oraclePx": "97001",
            "openInterest": "100",
            "premium": "0",
            "prevDayPx": "96000",
        }
    ],
]


def order(**fields: Any) -> dict[str, Any]:
    return {
        "coin": "BTC",
        "side": "B",
        "limitPx": "101850",
        "sz": "0.021",
        "origSz": "0.021",
        "oid": 7719001,
        "timestamp": 1761159044000,
        "triggerCondition": "N/A",
        "isTrigger": False,
        "triggerPx": "0.0",
        "children": [],
        "isPositionTpsl": False,
        "reduceOnly": False,
        "orderType": "Market",
        "tif": "FrontendMarket",
        "cloid": hex_order_id(NAME),
        **fields,
    }


def stop(**fields: Any) -> dict[str, Any]:
    waits = {"isTrigger": True, "triggerPx": "95000", "triggerCondition": "Price below 95000", "tif": None}
    named = {"oid": 53190401, "cloid": hex_order_id(STOP_NAME), "orderType": "Stop Market"}
    return order(**{"side": "A", "reduceOnly": True, **named, **waits, **fields})


def stands(entry: dict[str, Any], status: str) -> dict[str, Any]:
    return {"status": "order", "order": {"order": entry, "status": status, "statusTimestamp": 1761159044738}}


def answered(*statuses: Any, kind: str = "order") -> dict[str, Any]:
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": [*statuses]}}}


class Account:
    """What is answered to each type of question."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {
            "metaAndAssetCtxs": MARKETS,
            "spotMetaAndAssetCtxs": [{"universe": [], "tokens": []}, []],
            "spotMeta": {"universe": [], "tokens": []},
            "perpDexs": [None],
            "orderStatus": {"status": "unknownOid"},
            "frontendOpenOrders": [],
            "historicalOrders": [],
            "userFills": [],
            "clearinghouseState": {"assetPositions": []},
        }

    def __call__(self, asked: dict[str, Any]) -> Any:
        found = self.said.get(asked["type"], (404, {"error": f"no such question: {asked['type']}"}))
        return found(asked) if isinstance(found, Callable) else found  # type: ignore[arg-type]  # a function or an answer


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def script(account: Account) -> Iterator[Script]:
    with scripted({INFO: account}) as made:
        yield made


@pytest.fixture
def exchange(kind: str, script: Script) -> Iterator[Driven]:
    with driven(kind, "hyperliquid", script.url, **WALLET) as made:
        yield made


def actions(script: Script) -> list[dict[str, Any]]:
    return [said["action"] for said in script.sent(EXCHANGE)]


def test_a_market_counts_coins(exchange: Driven) -> None:
    market = exchange.market("BTCUSDC")
    assert (market.contract_size, market.price_tick, market.quantity_step) == (1, Decimal(1), Decimal("0.00001"))


def test_an_entry_is_sent_once_under_our_id_and_without_anybodys_fee(exchange: Driven, script: Script) -> None:
    script.routes[EXCHANGE] = answered({"filled": {"totalSz": "0.021", "avgPx": "97001.5", "oid": 7719001}})
    placed = exchange.place(ENTRY)
    assert (placed.order_id, placed.client_order_id, placed.filled_qty, placed.avg_px) == (
        "7719001",
        NAME,
        Decimal("0.021"),
        Decimal("97001.5"),
    )
    [action] = actions(script)  # no approval of a fee, no referrer
    assert set(action) == {"type", "orders", "grouping"}
    assert action["orders"] == [
        {
            "a": 0,
            "b": True,
            "p": "101850",
            "s": "0.021",
            "r": False,
            "t": {"limit": {"tif": "Ioc"}},
            "c": hex_order_id(NAME),
        }
    ]


@pytest.mark.parametrize("chosen", [{"approvedBuilderFee": True}, {"builderFee": True, "feeRate": "0.1%"}])
def test_what_the_client_was_told_of_fees_is_not_sent(script: Script, chosen: dict[str, Any]) -> None:
    script.routes[EXCHANGE] = answered({"resting": {"oid": 7719001}})
    with driven("threads", "hyperliquid", script.url, **WALLET, options=chosen) as exchange:
        exchange.place(ENTRY)
        assert ["builder" in action for action in actions(script)] == [False]
        client = exchange.exchange._client
        client.options["approvedBuilderFee"] = True  # as a later ccxt might do by itself
        with pytest.raises(Refused, match=r"nothing was sent: order with .*builder was not asked for"):
            exchange.place(ENTRY)
        with pytest.raises(Refused, match="nothing was sent: approveBuilderFee"):
            client.approve_builder_fee("0x" + "33" * 20, "0.1%")
    assert len(actions(script)) == 1


def test_a_sale_is_bound_below_the_mark_price(exchange: Driven, script: Script) -> None:
    script.routes[EXCHANGE] = answered({"resting": {"oid": 7719001}})
    exchange.place(OrderTicket(**{name: getattr(ENTRY, name) for name in OrderTicket.__slots__} | {"side": "sell"}))
    assert actions(script)[0]["orders"][0]["p"] == "92150"


@pytest.mark.parametrize(
    "answer",
    [(503, ""), None, [{"universe": []}, []], [MARKETS[0], [{"markPx": None}]]],
    ids=lambda each: str(each)[:20],
)
def test_without_a_mark_price_nothing_is_sent(exchange: Driven, script: Script, account: Account, answer: Any) -> None:
    exchange.market("BTCUSDC")
    account.said["metaAndAssetCtxs"] = answer
    with pytest.raises(Refused, match="nothing was sent"):
        exchange.place(ENTRY)
    assert not actions(script)


def test_a_stop_waits_for_its_price_and_is_bound_from_there(exchange: Driven, script: Script) -> None:
    script.routes[EXCHANGE] = answered({"resting": {"oid": 53190401}})
    placed = exchange.place(STOP)
    [action] = actions(script)
    [sent] = action["orders"]
    assert (sent["p"], sent["r"], sent["t"]) == (
        "85500",
        True,
        {"trigger": {"isMarket": True, "triggerPx": "95000", "tpsl": "sl"}},
    )
    assert (placed.order_id, placed.client_order_id, placed.trigger_price) == ("53190401", STOP_NAME, Decimal(95000))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"client_order_id": "e1"}, "hyperliquid takes client order ids of"),
        ({"leg": Leg.LONG}, "hyperliquid holds one position of a contract, and no leg LONG"),
        ({"quantity": Decimal("0.0210001")}, "is off the exchange's step"),
        ({"attached_stop": Decimal(95000)}, "takes no stop along with an entry"),
    ],
)
def test_what_hyperliquid_does_not_take_is_not_sent(
    exchange: Driven, script: Script, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused, match=f"nothing was sent: .*{words}"):
        exchange.place(OrderTicket(**{name: getattr(ENTRY, name) for name in OrderTicket.__slots__} | wrong))
    assert not actions(script)


REFUSED = [
    "Price must be divisible by tick size. asset=0",
    "Order must have minimum value of $10. asset=0",
    "Insufficient margin to place order. asset=0",
    "Reduce only order would increase position. asset=0",
    "Order could not immediately match against any resting orders. asset=0",
    "Invalid TP/SL price. asset=0",
    "No liquidity available for market order.",
    "Order would increase open interest while open interest is capped",
    "Order rejected due to price more aggressive than oracle while at open interest cap",
    "Order would increase open interest too quickly",
    "Order price too far from oracle",
    "Order would cause position to exceed margin tier limit at current leverage",
]


@pytest.mark.parametrize("words", REFUSED)
def test_a_refusal_has_the_exchanges_words(exchange: Driven, script: Script, words: str) -> None:
    script.routes[EXCHANGE] = answered({"error": words})
    with pytest.raises(Refused) as refused:
        exchange.place(ENTRY)
    assert (refused.value.code, refused.value.text) == (None, words)
    assert not isinstance(refused.value, RateLimited)


@pytest.mark.parametrize(
    "answer",
    [
        answered({"error": "words that nobody knows"}),
        answered("waitingForTrigger"),
        answered(),
        {"status": "err", "response": "words that nobody knows"},
        (502, "<html>Bad Gateway</html>"),
        None,
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_nobody_knows_is_no_answer_and_is_not_sent_again(exchange: Driven, script: Script, answer: Any) -> None:
    script.routes[EXCHANGE] = answer
    with pytest.raises(NoAnswer):
        exchange.place(ENTRY)
    assert len(actions(script)) == 1


def test_too_many_calls_are_told(exchange: Driven, script: Script) -> None:
    words = "Too many cumulative requests sent (37986 > 10436) for cumulative volume traded $437.92."
    script.routes[EXCHANGE] = {"status": "err", "response": words}
    with pytest.raises(RateLimited):
        exchange.place(ENTRY)


def test_an_order_is_found_by_our_id(exchange: Driven, account: Account) -> None:
    filled = stands(order(sz="0.0"), "filled")
    account.said["orderStatus"] = lambda asked: (
        filled if asked["oid"] == hex_order_id(NAME) else {"status": "unknownOid"}
    )
    found = exchange.find("BTCUSDC", client_order_id=NAME)
    assert (found.order_id, found.client_order_id) == ("7719001", NAME)
    assert (found.state, found.filled_qty, found.avg_px) == (OrderState.FILLED, Decimal("0.021"), None)


def test_what_was_filled_of_an_order_stands_among_the_latest_fills(exchange: Driven, account: Account) -> None:
    account.said["orderStatus"] = stands(order(sz="0.0"), "filled")
    found = exchange.find("BTCUSDC", exchange_order_id="7719001")
    mine = {
        "coin": "BTC",
        "px": "97001.5",
        "sz": "0.021",
        "side": "B",
        "time": 1761159044738,
        "oid": 7719001,
        "tid": 118906512037719,
        "fee": "0.9",
        "feeToken": "USDC",
        "dir": "Open Long",
        "crossed": True,
    }
    account.said["userFills"] = [mine, {**mine, "oid": 1, "tid": 2}, {**mine, "coin": "ETH", "oid": 3, "tid": 4}]
    [fill] = exchange.fills("BTCUSDC", found)
    assert (fill.trade_id, fill.quantity, fill.price, fill.fee, fill.fee_currency) == (
        "118906512037719",
        Decimal("0.021"),
        Decimal("97001.5"),
        Decimal("0.9"),
        "USDC",
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("open", OrderState.OPEN),
        ("triggered", OrderState.OPEN),
        ("canceled", OrderState.CANCELED),
        ("reduceOnlyCanceled", OrderState.CANCELED),
        ("scheduledCancel", OrderState.CANCELED),
        ("badTriggerPxRejected", OrderState.REJECTED),
    ],
)
def test_a_stop_stands_as_the_exchange_says(exchange: Driven, account: Account, status: str, state: OrderState) -> None:
    account.said["orderStatus"] = stands(stop(), status)
    found = exchange.find("BTCUSDC", client_order_id=STOP_NAME)
    assert (found.state, found.filled_qty, found.trigger_price) == (state, Decimal(0), Decimal(95000))


@pytest.mark.parametrize("question", ["frontendOpenOrders", "historicalOrders"])
def test_a_stop_is_found_in_the_lists(exchange: Driven, account: Account, question: str) -> None:
    kept: Any = stop()
    if question == "historicalOrders":
        kept = {"order": kept, "status": "canceled", "statusTimestamp": 1761159044738}
    account.said[question] = [kept]
    found = exchange.find("BTCUSDC", client_order_id=STOP_NAME)
    assert (found.order_id, found.client_order_id) == ("53190401", STOP_NAME)


def test_an_order_is_not_there_when_every_question_said_no(exchange: Driven, script: Script) -> None:
    exchange.market("BTCUSDC")
    asked = len(script.asked)
    assert exchange.find("BTCUSDC", client_order_id=NAME) is None
    questions = [said["type"] for _, said in script.asked[asked:]]
    assert questions == ["orderStatus", "frontendOpenOrders", "historicalOrders"]


@pytest.mark.parametrize("question", ["orderStatus", "frontendOpenOrders", "historicalOrders"])
@pytest.mark.parametrize("answer", [(503, ""), {"status": "err", "response": "busy"}, None], ids=str)
def test_an_order_is_not_said_to_be_absent_while_one_question_is_open(
    exchange: Driven, account: Account, question: str, answer: Any
) -> None:
    account.said[question] = answer
    with pytest.raises(NoAnswer):
        exchange.find("BTCUSDC", client_order_id=NAME)


def test_a_stop_is_cancelled_and_asked_for_afterwards(exchange: Driven, script: Script, account: Account) -> None:
    account.said["orderStatus"] = stands(stop(), "open")
    found = exchange.find("BTCUSDC", client_order_id=STOP_NAME)
    script.routes[EXCHANGE] = answered("success", kind="cancel")
    account.said["orderStatus"] = stands(stop(), "canceled")
    gone = exchange.cancel("BTCUSDC", found)
    assert (gone.state, gone.client_order_id) == (OrderState.CANCELED, STOP_NAME)
    assert [action["type"] for action in actions(script)] == ["cancel"]


def test_what_is_no_longer_there_is_not_cancelled(exchange: Driven, script: Script, account: Account) -> None:
    account.said["orderStatus"] = stands(stop(), "open")
    found = exchange.find("BTCUSDC", client_order_id=STOP_NAME)
    words = "Order was never placed, already canceled, or filled. asset=0"
    script.routes[EXCHANGE] = answered({"error": words}, kind="cancel")
    assert exchange.cancel("BTCUSDC", found) is None


def test_an_account_shows_orders_under_our_ids(exchange: Driven, account: Account) -> None:
    account.said["frontendOpenOrders"] = [stop(), stop(oid=2, cloid="0x1234567890abcdef1234567890abcdef")]
    shown = exchange.account()
    assert [(seen.client_order_id, seen.is_stop) for seen in shown.orders] == [
        (STOP_NAME, True),
        ("0x1234567890abcdef1234567890abcdef", True),
    ]
    assert shown.positions == ()


def test_words_of_an_error_hold_no_key(exchange: Driven, script: Script) -> None:
    script.routes[EXCHANGE] = {"status": "err", "response": f"{WALLET['privateKey']} of {WALLET['walletAddress']}"}
    with pytest.raises(NoAnswer) as silence:
        exchange.place(ENTRY)
    assert WALLET["privateKey"] not in str(silence.value) and WALLET["walletAddress"] not in str(silence.value)


def test_a_trader_enters_and_protects_there(script: Script, account: Account) -> None:
    """All of it through the real client: claimed, sent, followed by its fills, and covered."""
    kept: dict[str, dict[str, Any]] = {}

    def taken(said: dict[str, Any]) -> Any:
        (sent,) = said["action"]["orders"]
        number = 7719001 + len(kept)
        waits = "trigger" in sent["t"]
        made = stop if waits else order
        price = {"triggerPx": sent["t"]["trigger"]["triggerPx"]} if waits else {"sz": "0.0"}
        entry = made(oid=number, cloid=sent["c"], origSz=sent["s"], side="B" if sent["b"] else "A", **price)
        kept[sent["c"]] = stands(entry, "open" if waits else "filled")
        if not waits:
            account.said["userFills"] = [
                {"coin": "BTC", "px": "97001.5", "sz": sent["s"], "side": "B", "time": 1761159044738, "oid": number}
                | {"tid": 1, "fee": "0.9", "feeToken": "USDC", "dir": "Open Long", "crossed": True}
            ]
        return answered({"resting": {"oid": number}})

    def told(asked: dict[str, Any]) -> Any:
        by_number = {each["order"]["order"]["oid"]: each for each in kept.values()}
        return (kept | by_number).get(asked["oid"], {"status": "unknownOid"})

    script.routes[EXCHANGE], account.said["orderStatus"] = taken, told
    with driven("threads", "hyperliquid", script.url, **WALLET) as made, memory_ledger() as ledger:
        trader = Trader(ledger, made.exchange, clock=Clock(), sleep=lambda _: None)
        outcome = trader.enter(
            symbol="BTC/USDC:USDC", side="long", quantity="0.021", stop_loss_percent="2", intent_id="5483266"
        )
    assert outcome.kind == "protected", [str(step) for step in outcome.story]
    assert outcome.position is not None
    assert (outcome.position.avg_px_open, outcome.position.stop_price) == (Decimal("97001.5"), Decimal(95061))
    assert (next(iter(kept)), len(kept)) == (hex_order_id(NAME), 2)
