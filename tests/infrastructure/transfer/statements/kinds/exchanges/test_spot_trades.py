"""Trades on spot as websites export them: what a cell says of its currency, and what is refused."""

from __future__ import annotations

from datetime import UTC

import pytest

from infrastructure.transfer.statements.kinds.exchanges.binance.binance_spot import BINANCE_SPOT, BINANCE_SPOT_CSV
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_spot import BYBIT_SPOT
from infrastructure.transfer.statements.kinds.exchanges.coinbase_fills import COINBASE_FILLS
from infrastructure.transfer.statements.kinds.exchanges.kraken.kraken_trades import KRAKEN_TRADES, KRAKEN_TRADES_API
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import fills_of, kind_of

BINANCE = "Date(UTC),Pair,Side,Price,Executed,Amount,Fee\n"
BYBIT = (
    "Spot Pairs,Order Type,Direction,Filled Value,Filled Price,Filled Quantity,Fees,Transaction ID,Order No.,"
    "Timestamp (UTC)\n"
)
COINBASE = "portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit\n"
KRAKEN = "txid,ordertxid,pair,time,type,ordertype,price,cost,fee,vol,margin,misc,ledgers\n"


def fill(kind: StatementKind, text: str) -> StatementFill:
    (found,) = fills_of(text, kind, Whose(exchange=kind.exchange, zone=UTC))
    return found


@pytest.mark.parametrize(
    ("pair", "executed", "amount", "fee", "told"),
    [
        ("SOLUSDT", "0.18SOL", "9000.09USDT", "0.0198USDT", ("SOLUSDT", "0.18", "0.0198", "USDT")),
        ("SOLUSDT", "1,000.5 SOL", '"50,025,500.25USDT"', "0.001BNB", ("SOLUSDT", "1000.5", "0.001", "BNB")),
        ("1INCHUSDT", "0.51INCH", "25000.25USDT", "0.0011INCH", ("1INCHUSDT", "0.5", "0.001", "1INCH")),
        ("1INCHUSDT", "0.5 1INCH", "25000USDT", "", ("1INCHUSDT", "0.5", "None", None)),
        ("1INCHUSDT", "11INCH", "50000USDT", "11USDT", ("1INCHUSDT", "1", "11", "USDT")),
        ("BTC/TUSD", "0.1BTC", "5000TUSD", "", ("BTCTUSD", "0.1", "None", None)),
    ],
)
def test_a_cell_of_binance_has_its_currency(pair: str, executed: str, amount: str, fee: str, told: object) -> None:
    line = f'2026-03-17 09:24:12,{pair},BUY,"50,000.5","{executed}",{amount},{fee}\n'
    found = fill(BINANCE_SPOT_CSV, BINANCE + line)
    assert (found.key.symbol, str(found.quantity), str(found.fee), found.fee_currency) == told
    assert str(found.price) == "50000.5"


def test_the_header_of_binance_may_be_in_spanish() -> None:
    header, line = (
        "Tiempo,Par,Lado,Precio,Ejecutado,Cantidad,Tarifa\n",
        "26-03-17 09:24:12,{},SELL,2,3SOL,6USDT,0.1BNB\n",
    )
    assert kind_of(header) == BINANCE_SPOT_CSV.name
    assert fill(BINANCE_SPOT_CSV, header + line.format("SOLUSDT")) == fill(
        BINANCE_SPOT_CSV, BINANCE + line.format("SOLUSDT")
    )
    with pytest.raises(StatementRefused, match="line 2: pair is missing"):
        fill(BINANCE_SPOT_CSV, header + line.format(""))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("2026-03-17 09:24:12,SOLUSDT,BUY,100,0SOL,0USDT,0", "line 2: executed 0 is not above zero"),
        ('2026-03-17 09:24:12,SOLUSDT,BUY,100,"1,00SOL",100USDT,0', "line 2: executed '1,00' is no number"),
        (
            '2026-03-17 09:24:12,XRPUSDT,BUY,"1,234",10XRP,12.34USDT,0',
            "line 2: price '1,234' of 10 is not what 12.34 was paid at",
        ),
        ("2026-03-17 09:24:12,XRPUSDT,BUY,1.234,10XRP,12340USDT,0", "is not what 12340 was paid at"),
        ("2026-03-17 09:24:12,SOLUSDT,BUY,x,1SOL,100USDT,0", "line 2: price 'x' is no number"),
        ("2026-03-17 09:24:12,SOLUSDT,HOLD,100,1SOL,100USDT,0", "line 2: side 'HOLD' is neither BUY nor SELL"),
    ],
)
def test_a_line_of_binance_that_cannot_be_read_is_named(line: str, why: str) -> None:
    with pytest.raises(StatementRefused, match=why):
        fill(BINANCE_SPOT_CSV, BINANCE + line)


def test_who_bought_has_to_be_said() -> None:
    trade = '{"id":1,"orderId":2,"price":"1","qty":"1","commission":"0","commissionAsset":"X","symbol":"SOLUSDT",'
    with pytest.raises(StatementRefused, match="line 1: isBuyer 'None' is neither true nor false"):
        fill(BINANCE_SPOT, trade + '"time":1773739452381,"isBuyer":null}')
    assert fill(BINANCE_SPOT, trade + '"time":1773739452381,"isBuyer":false,"isIsolated":true}').on_margin


def test_a_fee_of_bybit_is_of_what_is_received() -> None:
    line = "ICPUSDT,LIMIT,{},80.203,8.0203,10,0.01,1,2,09:24 2026-03-17\n"
    assert fill(BYBIT_SPOT, BYBIT + line.format("BUY")).fee_currency == "ICP"
    assert fill(BYBIT_SPOT, BYBIT + line.format("SELL")).fee_currency == "USDT"
    with pytest.raises(StatementRefused, match=r"line 2: a fee of 0\.01 is of a currency of ICPXYZ"):
        fill(BYBIT_SPOT, BYBIT + line.format("BUY").replace("ICPUSDT", "ICPXYZ"))


def test_a_product_of_coinbase_is_a_pair_of_one_portfolio() -> None:
    line = "{},1,{},BUY,2026-03-17T09:24:12Z,1,ETH,3500,3.5,-3503.5,USD\n"
    assert fill(COINBASE_FILLS, COINBASE + line.format("default", "ETH-USD")).fee_currency == "USD"
    with pytest.raises(StatementRefused, match="line 2: size unit 'ETH' of ETH-PERP-INTX is not that of"):
        fill(COINBASE_FILLS, COINBASE + line.format("default", "ETH-PERP-INTX"))
    two = line.format("default", "ETH-USD") + line.format("bots", "ETH-USD")
    with pytest.raises(StatementRefused, match="line 3: portfolio 'bots' is another account than 'default' before"):
        list(fills_of(COINBASE + two, COINBASE_FILLS, Whose(exchange="coinbase")))


@pytest.mark.parametrize(
    ("margin", "misc", "kind", "is_on_margin"),
    [
        ("0.00000", "initiated", "limit", False),
        ("56", "", "limit", True),
        ("0", "closing", "market", True),
        ("0", "", "settle position", True),
    ],
)
def test_kraken_says_what_is_on_margin(margin: str, misc: str, kind: str, *, is_on_margin: bool) -> None:
    line = f'T,O,XBTUSD,2026-03-17 09:24:12.5,sell,{kind},50000,50,0.1,0.001,{margin},{misc},"L1,L2"\n'
    found = fill(KRAKEN_TRADES, KRAKEN + line)
    assert (found.on_margin, found.fee_currency, found.key.symbol) == (is_on_margin, "USD", "BTCUSD")


def test_an_answer_of_kraken_without_trades_is_refused() -> None:
    with pytest.raises(StatementRefused, match="line 1: trades is no object"):
        fill(
            KRAKEN_TRADES_API,
            '{"result":{"trades":[{"ordertxid":1,"pair":1,"ordertype":1,"cost":1,"fee":1,"vol":1,"misc":1}]}}',
        )
