"""Dust that Hyperliquid sells has the same trade id every time."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_fills import (
    HYPERLIQUID_FILLS,
    HYPERLIQUID_FUNDING,
)
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_history import (
    HYPERLIQUID_HISTORY,
    HYPERLIQUID_PAYMENTS,
)
from infrastructure.transfer.statements.kinds.programs.ccxt_saved import CCXT_TRADES
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import facts_of, fills_of, kind_of, words

HOUR = 3_600_000
FILLS = [
    ("B", "1.005", "Buy", 11, 101),
    ("A", "1", "Sell", 12, 102),
    ("A", "0.005", "Spot Dust Conversion", 13, 0),
    ("B", "1.004", "Buy", 14, 103),
    ("A", "1", "Sell", 15, 104),
    ("A", "0.004", "Spot Dust Conversion", 16, 0),
]
ANSWER = [
    dict(
        coin="HYPE/USDC",
        px="20",
        sz=size,
        side=side,
        time=1773739452000 + number * HOUR,
        startPosition="0.0",
        dir=direction,
        closedPnl="0.0",
        oid=order,
        fee="0.0",
        tid=trade,
        feeToken="USDC",
    )
    for number, (side, size, direction, order, trade) in enumerate(FILLS)
]
BY_CCXT = [
    dict(
        id=str(trade),
        order=str(order),
        info={},
        timestamp=1773739452000 + number * HOUR,
        datetime=None,
        symbol="HYPE/USDC",
        side="buy" if side == "B" else "sell",
        takerOrMaker="taker",
        price="20",
        amount=size,
        cost=None,
        fee={"cost": "0.0", "currency": "USDC"},
    )
    for number, (side, size, _, order, trade) in enumerate(FILLS)
]


@pytest.mark.parametrize(("kind", "answer"), [(HYPERLIQUID_FILLS, ANSWER), (CCXT_TRADES, BY_CCXT)])
def test_dust_is_sold_twice_under_one_id(kind: StatementKind, answer: list[object]) -> None:
    with memory_ledger() as ledger:
        for _ in range(2):
            report = import_statement(
                ledger, kind.name, facts_of(json.dumps(answer), kind, Whose("hyperliquid")), confirm=True
            )
        assert [row.quantity for row in ledger.positions()] == [0, 0]
    assert report.fills_before == len(FILLS)


def test_dust_has_the_same_id_by_ccxt() -> None:
    told = [
        {fact.trade_id for fact in fills_of(json.dumps(answer), kind, Whose("hyperliquid"))}
        for kind, answer in ((HYPERLIQUID_FILLS, ANSWER), (CCXT_TRADES, BY_CCXT))
    ]
    assert told[0] == told[1]
    assert len(told[0]) == len(FILLS)


def test_the_website_says_of_dust_that_it_is_sold() -> None:
    header, line = "time,coin,dir,px,sz,ntl,fee,closedPnl", "17/03/2026 - 09:24:12,HYPE/USDC,{},20,0.005,0.1,0,0"
    dust, sold = (
        list(fills_of(f"{header}\n{line.format(way)}\n", HYPERLIQUID_HISTORY, Whose("hyperliquid", zone=UTC)))
        for way in ("Spot Dust Conversion", "Sell")
    )
    assert [replace(fill, trade_id="", order_id="") for fill in dust] == [
        replace(fill, trade_id="", order_id="") for fill in sold
    ]


@pytest.mark.parametrize(
    "day", ["17/3/2026", "3/17/2026", "17.3.2026", "17.03.2026", "17-03-2026", "2026/3/17", "2026-03-17"]
)
def test_the_website_writes_days_as_its_user_does(day: str) -> None:
    text = f"time,coin,dir,px,sz,ntl,fee,closedPnl\n{day} - 09:24:12,ETH,Open Long,2000,1,2000,0.9,-0.9\n"
    (fill,) = fills_of(text, HYPERLIQUID_HISTORY, Whose("hyperliquid", zone=UTC))
    assert fill.time == datetime(2026, 3, 17, 9, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize("day", ["3.4.2026", "03-04-2026", "2026/4/3"])
def test_a_day_is_known_without_another_one(day: str) -> None:
    text = f"time,coin,dir,px,sz,ntl,fee,closedPnl\n{day} - 09:24:12,ETH,Open Long,2000,1,2000,0.9,-0.9\n"
    (fill,) = fills_of(text, HYPERLIQUID_HISTORY, Whose("hyperliquid", zone=UTC))
    assert (fill.time.month, fill.time.day) == (4, 3)
    with pytest.raises(StatementRefused, match="may begin with the day or with the month"):
        list(fills_of(text.replace(day, "3/4/2026"), HYPERLIQUID_HISTORY, Whose("hyperliquid", zone=UTC)))


@pytest.mark.parametrize(
    ("direction", "liquidation", "crossed", "reason"),
    [
        ("Liquidated Cross Long", True, True, "liquidation"),
        ("Close Long", True, True, "liquidation"),
        ("Close Long", True, False, None),
        ("Open Long", True, False, None),
        ("Close Long", False, True, None),
        ("Auto-Deleveraging", False, True, "adl"),
        ("Settlement", False, True, "settlement"),
    ],
)
def test_who_takes_over_a_liquidation_is_not_liquidated(
    direction: str, *, liquidation: bool, crossed: bool, reason: str | None
) -> None:
    more = {"liquidation": {"liquidatedUser": "0x1", "markPx": "20", "method": "market"}} if liquidation else {}
    answer = [{**ANSWER[1], "coin": "HYPE", "dir": direction, "crossed": crossed, **more}]
    (fill,) = fills_of(json.dumps(answer), HYPERLIQUID_FILLS, Whose("hyperliquid"))
    assert fill.reason == reason


@pytest.mark.parametrize(
    ("coin", "token", "symbol"),
    [
        *(("hyna:XMR", "USDE", "HYNA-XMR/USDE"), ("hyna:XMR", "USDC", "HYNA-XMR/USDC")),
        *(("cash:GOLD", "USDT0", "CASH-GOLD/USDT0"), ("xyz:NVDA", "USDC", "XYZ-NVDA/USDC"), ("ETH", "USDC", "ETHUSDC")),
    ],
)
def test_a_market_is_settled_in_what_its_fees_are(coin: str, token: str, symbol: str) -> None:
    answer = [{**ANSWER[1], "coin": coin, "dir": "Close Long", "feeToken": token}]
    (fill,) = fills_of(json.dumps(answer), HYPERLIQUID_FILLS, Whose("hyperliquid"))
    assert (fill.key.symbol, fill.key.settle) == (symbol, token)


def test_a_market_of_the_website_is_settled_in_what_its_fees_are_where_it_says_so() -> None:
    text = "time,coin,dir,px,sz,ntl,fee,closedPnl{}\n17/03/2026 - 09:24:12,XMR (new),Open Long,8,1,8,0,0{}\n"
    for column, cell, symbol in (("", "", "NEW-XMR/USDC"), (",feeToken", ",USDH", "NEW-XMR/USDH")):
        data = text.format(column, cell)
        (fill,) = fills_of(data, HYPERLIQUID_HISTORY, Whose("hyperliquid", zone=UTC))
        assert fill.key.symbol == symbol


def test_funding_of_a_market_is_in_what_that_is_settled_in() -> None:
    delta = {"type": "funding", "coin": "hyna:XMR", "usdc": "-0.1", "szi": "1", "fundingRate": "0.1"}
    answer = [{"time": 1773739452000, "hash": "0x0", "delta": delta}]
    text = "time,coin,sz,side,payment,rate\n17/03/2026 09:24:12,XMR (hyna),1,Long,-0.1,0.1\n"
    for data, kind in ((json.dumps(answer), HYPERLIQUID_FUNDING), (text, HYPERLIQUID_PAYMENTS)):
        (fact,) = facts_of(data, kind, Whose("hyperliquid", zone=UTC))
        assert "HYNA-XMR/USDE.hyperliquid funding -0.1 USDE" in words(fact)


def test_shares_of_outcomes_are_left_out() -> None:
    answer = [{**fill, "coin": "#5160"} for fill in ANSWER[:2]]
    text = "time,coin,dir,px,sz,ntl,fee,closedPnl\n17/03/2026 - 09:24:12,#5160,Settlement,1,8,8,0,3\n"
    assert facts_of(json.dumps(answer), HYPERLIQUID_FILLS, Whose("hyperliquid")) == []
    assert facts_of(text, HYPERLIQUID_HISTORY, Whose("hyperliquid", zone=UTC)) == []


def test_dust_that_an_earlier_version_called_zero_is_not_sold_again() -> None:
    fills = list(fills_of(json.dumps(ANSWER[:3]), HYPERLIQUID_FILLS, Whose("hyperliquid")))
    with memory_ledger() as ledger:
        earlier = [*fills[:2], replace(fills[2], trade_id="0")]
        import_statement(ledger, HYPERLIQUID_FILLS.name, earlier, confirm=True)
        with pytest.raises(StatementRefused, match=r"may be trade 0 of 0\.005 that the ledger has of that second"):
            import_statement(ledger, HYPERLIQUID_FILLS.name, fills, confirm=True)


PAID = {"time": 1773739452000, "coin": "HYPE", "usdc": "-0.1", "szi": "1", "fundingRate": "0.1"}


def test_the_stream_of_events_has_fills_and_funding() -> None:
    fill, cancelled = {**ANSWER[0], "coin": "HYPE", "dir": "Open Long"}, [{"coin": "HYPE", "oid": 3}]
    part = {"fill": fill | {"tid": 7}, "twapId": 3}
    twap = {"twapHistory": [{"state": {"coin": "HYPE"}}]}, {"twapSliceFills": [part]}
    events = {"fills": [fill]}, {"funding": PAID}, {"nonUserCancel": cancelled}, {"liquidation": {"lid": 1}}, *twap
    text = "\n".join(json.dumps({"channel": "user", "data": event}) for event in events)
    assert kind_of(text) == HYPERLIQUID_FILLS.name
    told = [words(fact).partition("Z ")[2] for fact in facts_of(text, HYPERLIQUID_FILLS, Whose("hyperliquid"))]
    assert told[0].startswith("HYPEUSDC.hyperliquid buys 1.005")
    assert told[1].startswith("HYPEUSDC.hyperliquid funding -0.1 USDC")
    assert ["trade 7 of" in line for line in told[2:]] == [True]


def test_a_stream_of_funding_has_the_ids_of_the_answer() -> None:
    stream = json.dumps({"channel": "userFundings", "data": {"isSnapshot": True, "user": "0x1", "fundings": [PAID]}})
    delta = {"type": "funding", **PAID}
    answer = json.dumps([{"time": delta.pop("time"), "hash": "0x0", "delta": delta}])
    assert kind_of(stream) == kind_of(answer) == HYPERLIQUID_FUNDING.name
    told = [facts_of(text, HYPERLIQUID_FUNDING, Whose("hyperliquid")) for text in (stream, answer)]
    assert told[0] == told[1] != []


@pytest.mark.parametrize("direction", ["Auto-Deleveraging", "Settlement"])
def test_a_line_of_the_website_that_says_no_side_names_the_file_that_does(direction: str) -> None:
    text = f"time,coin,dir,px,sz,ntl,fee,closedPnl\n17/03/2026 - 09:24:12,SOL,{direction},100,5,500,0,12\n"
    with pytest.raises(
        StatementRefused, match=rf"^line 2: dir '{direction.lower()}' is unknown; .*\(hyperliquid-fills\)$"
    ):
        list(fills_of(text, HYPERLIQUID_HISTORY, Whose("hyperliquid", zone=UTC)))
