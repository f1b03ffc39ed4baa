"""What a kind does not know is named with its line and its value, and is never left out in silence."""

from __future__ import annotations

import pytest

from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.test_samples import FOLDER, facts_told, kind_of_sample

REFUSED = [
    ("binance-futures-income.json", '"FUNDING_FEE"', '"NEW_TYPE"', "line 3: type 'NEW_TYPE' is unknown; known are: "),
    ("binance-futures-income.json", '"-0.30000000"', '"-0.3O"', "line 2: income '-0.3O' is no number"),
    ("binance-futures-income.json", '"tranId": 9689322396', '"x": 1', "line 7: tranId is missing"),
    ("binance-futures-events.jsonl", '"S":"SELL"', '"S":"HOLD"', "line 7: S 'HOLD' is neither BUY nor SELL"),
    ("binance-futures-events.jsonl", '"pa":"0.002"', '"pa":""', "line 3: pa is missing"),
    ("binance-futures-events.jsonl", '"e":"MARGIN_CALL"', '"o":"MARGIN_CALL"', "line 6: e is missing"),
    (
        "binance-futures-trades.csv",
        "7,26-03-17 09:34:12,BTCUSDT,BUY",
        "8,26-03-17 09:34:12,BTCUSDT,BUY",
        "line 5: uid '8' is another account than '7' before; make a file of each",
    ),
    (
        "bybit-executions.spot.jsonl",
        '"category":"spot",',
        "",
        "line 1: feeCurrency 'BTC' is the base of BTCUSDT, as on spot, but the category is missing",
    ),
    ("ccxt-trades.json", '"ETH/USDT"', '"ETHUSDT"', "line 3: symbol 'ETHUSDT' is not a symbol of ccxt"),
    (
        "ccxt-trades.json",
        '"cost": 1010.0',
        '"cost": 3333.0',
        "line 2: cost 3333 of 2 at 50500 would mean contracts of 0.033",
    ),
    ("ccxt-orders.json", '"average": 2001.0', '"average": 0', "line 1: average of order 901 is 0, and what"),
    ("bybit-executions.json", '"BustTrade"', '"SomeTrade"', "line 1: execType 'SomeTrade' is unknown; known are: "),
    ("bybit-executions.json", '"retCode":0', '"retCode":10001', "line 1: it is of a call that failed: retCode 10001"),
    ("bybit-closed-pnl-csv.csv", "BTCUSDT,Buy", "BTCUSDT,Close", "line 4: closing direction 'Close' is neither"),
    (
        "bybit-closed-pnl-csv.fees.csv",
        ",15.569,",
        ",0.569,",
        "line 2: which side was closed is not known: by its prices 20 were won or lost, and what was earned before",
    ),
    ("bybit-closed-pnl-csv.fees.csv", ",2.211,0.02,", ",,0.02,", "line 2: closing fee is missing, so it is not"),
    (
        "bybit-closed-pnl-csv.fees.csv",
        "12:00 2026-03-17",
        "12:00 17.03.26",
        "line 2: trade time '12:00 17.03.26' is no",
    ),
    ("okx-fills.json", '"fillSz":"2"', '"fillSz":"-2"', "line 1: fillSz '-2' is not above zero"),
    ("okx-bills.json", '"subType":"103"', '"subType":"999"', "line 1: subType '999' of a trade is unknown"),
    (
        "okx-bills.json",
        '"SWAP"',
        '"EVENT"',
        "line 1: instType 'EVENT' of a trade is unknown; known are: FUTURES, MARGIN, OPTION, SPOT, SWAP; ask for the",
    ),
    (
        "kraken-futures-log-csv.csv",
        "funding rate change",
        "funding",
        "line 3: type 'funding' is unknown, and its line says what a position earned or paid; import kraken-futures-f",
    ),
    (
        "okx-bills.json",
        '"subType":"103"',
        '"subType":"172"',
        "line 1: subType '172' is the expiry of an option, ETH-USDT-SWAP, and its bill has no price",
    ),
    (
        "okx-bills.delivery.json",
        '"ts":"1773740600001","type":"14"',
        '"ts":"1773740600001","type":"34"',
        "line 9: type '34' of a bill of contracts is unknown; known are: 2, 3, 5, 9, 13, 14, 8, 7, 10",
    ),
    (
        "okx-history-csv.csv",
        "Swap,BTC-USDT-SWAP,Buy,",
        "Swap,BTC-USDT-SWAP,Swapped,",
        "line 7: action 'swapped' is unknown; known are: buy, partial liquidation buy",
    ),
    ("okx-history-csv.csv", "Sell,3,cont", "Sell,3,USDT", "line 4: trading unit 'USDT' of BTC-USDT-SWAP is"),
    ("okx-history-csv.csv", "Time Zone:UTC+3", "Time Zone:mine", "line 3: 'mine' is not a time zone"),
    (
        "hyperliquid-fills-csv.csv",
        "17/03/2026",
        "07/03/2026",
        "line 2: time '05/03/2026 - 09:24:20' may begin with the day or with the month",
    ),
    ("hyperliquid-fills-csv.month.csv", "3/5/2026", "13/5/2026", "line 3: time '2026-17-03 09:24:19' is no time"),
    ("hyperliquid-fills-csv.csv", "Long > Short", "Settlement", "line 4: dir 'settlement' is unknown; known are: open"),
    ("binance-futures-user-trades.json", '"id":103,', "", "line 2: id is missing"),
    (
        "bybit-executions-csv.csv",
        "BTCUSDT,Liquidation",
        "BTCUSDT,Corporate",
        "line 2: filled type 'corporate' is unknown; known",
    ),
    ("bybit-executions-csv.csv", ",Short,Limit", ",Close,Limit", "line 4: direction 'close' is unknown"),
    ("bybit-transaction-log.json", '"type":"TRADE"', '"type":"FIX"', "line 1: type 'fix' is unknown; known are: trade"),
    ("bybit-transaction-log-csv.csv", "SELL,0.02", "HELD,0.02", "line 6: direction 'HELD' is neither BUY nor SELL"),
    ("hyperliquid-fills.json", '"px":"18.435"', '"px":null', "line 1: px '' is not above zero"),
    (
        "kraken-futures-log-csv.contract.csv",
        "futures trade,pf_xbtusd,pf_xbtusd,0.021",
        "position transfer,pf_xbtusd,pf_xbtusd,0.021",
        "line 4: type 'position transfer' changes what is held of pf_xbtusd, and is unknown; known are: futures trade",
    ),
    ("kraken-futures-log.json", '"old_balance":100', '"old_balance":null', "line 2: old_balance is empty, so how much"),
    (
        "freqtrade-backtest.json",
        '"Sample": {',
        '"Other": {}, "Sample": {',
        "line 1: has the trades of 2 strategies (Other, Sample)",
    ),
    (
        "freqtrade-backtest.json",
        '"safe_price": 2010.0',
        '"safe_price": null',
        "line 1: trade 1: safe_price '' is not above",
    ),
    ("hummingbot-trades.csv", "'percent': '0.0002'", "percent", "line 3: trade_fee "),
    (
        "nautilus-fills.csv",
        "BTCUSDT.BINANCE",
        "BTCUSDT",
        "line 4: instrument_id 'BTCUSDT' is not like BTCUSDT-PERP.BINANCE",
    ),
    ("nautilus-fills.csv", "0.12004 USDT", "free", "line 2: commission 'free' is not an amount like 0.05 USDT"),
    ("tradingview-trades.csv", "1,Entry long", "9,Entry long", "line 2: the entry of trade 1 is not in the file"),
    ("tradingview-trades.csv", "51000,", "51OOO,", "line 2: price usdt '51OOO' is no number"),
    ("tradingview-trades.csv", "2,Exit short", "2,Entry short", "line 5: trade 2 has two lines of type 'Entry short'"),
    (
        "tradingview-trades.csv",
        ",94.9,1.9,100",
        ",4745,1.9,100",
        "line 3: profit 4745 of 0.1 from 50000 to 51000 does not follow",
    ),
    ("tradingview-alerts.jsonl", '"action":"buy"', '"action":"exit"', "line 1: action 'exit' is neither BUY nor SELL"),
]


@pytest.mark.parametrize(("name", "was", "becomes", "says"), REFUSED, ids=[f"{r[0]}-{r[2]}" for r in REFUSED])
def test_what_is_not_known_is_named(name: str, was: str, becomes: str, says: str) -> None:
    path = FOLDER / name
    text = path.read_text(encoding="utf-8")
    assert was in text
    with pytest.raises(StatementRefused) as refused:
        facts_told(text.replace(was, becomes).encode(), kind_of_sample(path))
    assert refused.value.message.startswith(says)


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        (
            "okx-fills.json",
            '{"code":"50111","msg":"Invalid OK-ACCESS-KEY","data":[]}',
            "code '50111' Invalid OK-ACCESS",
        ),
        ("bybit-executions.json", '{"retCode":10003,"retMsg":"API key is invalid.","result":{}}', "retCode 10003 API"),
    ],
)
def test_a_call_that_failed_says_why(name: str, answer: str, says: str) -> None:
    with pytest.raises(StatementRefused, match=f"line 1: it is of a call that failed: {says}"):
        facts_told(answer.encode(), kind_of_sample(FOLDER / name))


def test_an_answer_without_any_says_nothing() -> None:
    assert facts_told(b'{"code":"0","msg":"","data":[]}', kind_of_sample(FOLDER / "okx-fills.json")) == ""
    with pytest.raises(StatementRefused, match=r"line 1: okx-fills needs instType, .* this file has code, msg"):
        facts_told(b'{"code":"0","msg":""}', kind_of_sample(FOLDER / "okx-fills.json"))
