"""One instrument has one key, however an exchange, ccxt, a chart or a framework spells it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands.requests import RecordEntryPlaced, RequestEntry
from domain.errors import InvalidCommand
from domain.identifiers import PositionId, PositionKey
from domain.symbols.expiry import STRIKE_DIGITS_MAX
from domain.symbols.native import NATIVE
from domain.symbols.spelling import means, normalized_symbol
from domain.values import Leg

ONE_KEY = [
    ("hyperliquid", "BTC", "BTC/USDC:USDC"),
    ("hyperliquid", "kPEPE", "KPEPE/USDC:USDC"),
    ("hyperliquid", "xyz:TSLA", "XYZ-TSLA/USDC:USDC"),
    ("hyperliquid", "hyna:XMR", "HYNA-XMR/USDE:USDE"),
    ("hyperliquid", "km:US500", "KM-US500/USDH:USDH"),
    ("hyperliquid", "BTC-USD", "BTC/USDC:USDC"),
    ("bybit", "BTCUSD", "BTC/USD:BTC"),
    ("bybit", "BTCUSDZ25", "BTC/USD:BTC-251226"),
    ("bybit", "ETHUSDH26", "ETH/USD:ETH-260327"),
    ("bybit", "BTCPERP", "BTC/USDC:USDC"),
    ("bybit", "BTC-29DEC23", "BTC/USDC:USDC-231229"),
    ("bybit", "BTCUSDT-26DEC25", "BTC/USDT:USDT-251226"),
    ("bybit", "BTC-29DEC23-80000-C", "BTC/USDC:USDC-231229-80000-C"),
    ("bybit", "BTC-26DEC25-80000-P-USDT", "BTC/USDT:USDT-251226-80000-P"),
    ("kucoin", "XBTUSDTM", "BTC/USDT:USDT"),
    ("kucoin", "XBTUSDM", "BTC/USD:BTC"),
    ("kucoin", "XBTMZ25", "BTC/USD:BTC-251226"),
    ("kucoin", "BTC-USDT", "BTC/USDT"),
    ("binance", "BTCUSD_251226", "BTC/USD:BTC-251226"),
    ("binance", "BTCUSD_PERP", "BTC/USD:BTC"),
    ("binance", "BTCUSDT_251226", "BTC/USDT:USDT-251226"),
    ("binance", "ETH-230224-800-C", "ETH/USDT:USDT-230224-800-C"),
    ("binance", "BTCUSDT-PERP", "BTC/USDT:USDT"),
    ("binance", "BINANCE:BTCUSDT", "BTC/USDT"),
    ("binance", "BINANCE:BTCUSDT.P", "BTC/USDT:USDT"),
    ("binance", "BTCUSDT-PERP.BINANCE", "BTC/USDT:USDT"),
    ("kraken", "XXBTZUSD", "BTC/USD"),
    ("kraken", "XBTUSD", "BTC/USD"),
    ("kraken", "XBT/USD", "BTC/USD"),
    ("kraken", "XETHXXBT", "ETH/BTC"),
    ("kraken", "XDGEUR", "DOGE/EUR"),
    ("krakenfutures", "PF_XBTUSD", "BTC/USD:USD"),
    ("krakenfutures", "pi_xbtusd", "BTC/USD:BTC"),
    ("krakenfutures", "FI_XBTUSD_251226", "BTC/USD:BTC-251226"),
    ("okx", "BTC-USDT-SWAP", "BTC/USDT:USDT"),
    ("okx", "BTC-USD-SWAP", "BTC/USD:BTC"),
    ("okx", "BTC-USD-251226-60000-C", "BTC/USD:BTC-251226-60000-C"),
    ("gate", "BTC_USDT", "BTC/USDT:USDT"),
    ("gate", "BTC_USD", "BTC/USD:BTC"),
    ("gate", "BTC_USDT-20251226-60000-C", "BTC/USDT:USDT-251226-60000-C"),
    ("htx", "BTC-USD", "BTC/USD:BTC"),
    ("htx", "BTC251226", "BTC/USD:BTC-251226"),
    ("deribit", "BTC-PERPETUAL", "BTC/USD:BTC"),
    ("deribit", "SOL_USDC-PERPETUAL", "SOL/USDC:USDC"),
    ("deribit", "XRP_USDC-26DEC25-0d625-C", "XRP/USDC:USDC-251226-0.625-C"),
    ("bitget", "BTCUSDT_UMCBL", "BTC/USDT:USDT"),
    ("bitget", "BTCUSD_DMCBL", "BTC/USD:BTC"),
    ("bitmex", "XBTUSD", "BTC/USD:BTC"),
    ("bitmex", "ETHUSD", "ETH/USD:BTC"),
    ("bitmex", "XBTZ25", "BTC/USD:BTC-251226"),
    ("bitmex", "ETHZ25", "ETH/BTC:BTC-251226"),
    ("bitmex", "ETHUSDZ25", "ETH/USD:BTC-251226"),
    ("bitmex", "EOSUSDTZ25", "EOS/USDT:USDT-251226"),
    ("bitfinex", "tBTCF0:USTF0", "BTC/USDT:USDT"),
    ("bitfinex", "tBTCUST", "BTC/USDT"),
    ("phemex", "sBTCUSDT", "BTC/USDT"),
    ("cryptocom", "BTCUSD-230630-CW30000", "BTC/USD:USD-230630-30000-C"),
    ("dydx", "BTC-USD", "BTC/USDC:USDC"),
    ("paradex", "BTC-USD-96000-C", "BTC/USD:USDC-96000-C"),
    ("upbit", "KRW-BTC", "BTC/KRW"),
    ("bitbns", "BTC", "BTC/INR"),
    ("jesse-exchange", "BTC-USDT", "BTC/USDT"),
]


@pytest.mark.parametrize(("exchange", "written", "unified"), ONE_KEY)
def test_what_an_exchange_and_ccxt_call_it_is_one_key(exchange: str, written: str, unified: str) -> None:
    assert PositionKey(written, exchange) == PositionKey(unified, exchange)


@pytest.mark.parametrize(("exchange", "written", "unified"), ONE_KEY)
def test_what_is_kept_is_read_as_itself_again(exchange: str, written: str, unified: str) -> None:
    del unified
    key = PositionKey(written, exchange, "sub1")
    assert PositionKey(key.symbol, exchange, "sub1") == key
    assert PositionKey.parse(key.stream) == key


@pytest.mark.parametrize(
    ("exchange", "one", "other"),
    [
        ("bybit", "BTC/USD", "BTCUSD"),
        ("gate", "BTC/USD", "BTC_USD"),
        ("okx", "BTC-USD", "BTC-USD-SWAP"),
        ("bitmex", "ETHUSD", "ETHUSD_ETH"),
        ("hyperliquid", "TSLA", "xyz:TSLA"),
        ("deribit", "BTC-PERPETUAL", "BTC_USDC-PERPETUAL"),
        ("bitbns", "BTC/ETH", "BTCETH"),
    ],
)
def test_other_instruments_stay_other_keys(exchange: str, one: str, other: str) -> None:
    assert PositionKey(one, exchange) != PositionKey(other, exchange)


@pytest.mark.parametrize(
    ("symbol", "exchange", "why"),
    [
        ("new:ABC", None, "write it as ccxt does, NEW-ABC/USDC:USDC where that is USDC$"),
        ("new:ABC", "hyperliquid", "write it as ccxt does, NEW-ABC/USDC:USDC where that is USDC$"),
        ("hyna:XMR", None, "write it as ccxt does, HYNA-XMR/USDE:USDE$"),
        ("NASDAQ:AAPL", "bybit", "is not a symbol; write it as the exchange does"),
    ],
)
def test_a_market_that_does_not_say_what_it_is_settled_in_is_refused_with_the_spelling_that_does(
    symbol: str, exchange: str | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        normalized_symbol(symbol, exchange)


@pytest.mark.parametrize(
    ("exchange", "written", "kept"),
    [
        ("ibkr", "brk.b", "BRK.B"),
        ("ibkr", "ESH26", "ESH26"),
        ("unheard-of", "BTC-USD-PERP", "BTC-USD-PERP"),
        ("unheard-of", "BTC-PERPETUAL", "BTC-PERPETUAL"),
        ("delta", "C-BTC-30000-241123", "C-BTC-30000-241123"),
        ("hyperliquid", "@107", "@107"),
        ("lighter", "2048", "2048"),
        ("okx", "DOTUSD", "DOTUSD"),
    ],
)
def test_what_is_no_pair_for_certain_is_an_instrument_of_its_own(exchange: str, written: str, kept: str) -> None:
    key = PositionKey(written, exchange, "sub1")
    assert key.symbol == kept
    assert PositionKey.parse(key.stream) == key
    assert PositionKey.parse(f"{kept}.{exchange}") == PositionKey(written, exchange)


@pytest.mark.parametrize("exchange", [None, "binance", "hyperliquid", "bitfinex"])
@pytest.mark.parametrize(
    "symbol",
    [
        *("\u0412TCUSDT", "BTC\uff0fUSDT", "BRK..B", "BRK.", ".B", "A-B-C-D-E-F-G", "a/b-c", "@"),
        *("apt\u0131usdt", "\u017fuiusdt", "\ufb01usdt"),  # which `upper` writes as APTIUSDT, SUIUSDT, FIUSDT
    ],
)
def test_look_alikes_and_fragments_are_refused(symbol: str, exchange: str | None) -> None:
    with pytest.raises(ValueError, match="is not a symbol; write it as the exchange does"):
        normalized_symbol(symbol, exchange)


@pytest.mark.parametrize(
    ("strike", "kept"),
    [("0.50", "0.5"), ("6E4", "60000"), ("9" * STRIKE_DIGITS_MAX, "9" * STRIKE_DIGITS_MAX), (f"{'0' * 59}1", "1")],
)
def test_a_strike_is_a_plain_price(strike: str, kept: str) -> None:
    assert normalized_symbol(f"BTC/USDT:USDT-251226-{strike}-C") == f"BTCUSDT-251226-{kept}-C"


@pytest.mark.parametrize("strike", ["0", "0.000", "0E5", "9" * (STRIKE_DIGITS_MAX + 1), "1E18", f"{'0' * 60}1"])
def test_a_strike_of_nothing_or_of_too_many_digits_is_refused(strike: str) -> None:
    with pytest.raises(ValueError, match="has a strike of"):
        normalized_symbol(f"BTC/USDT:USDT-251226-{strike}-C")


def test_a_symbol_of_another_exchange_is_refused() -> None:
    asked = {"side": "long", "quantity": "1", "intent_id": "i1"}
    with pytest.raises(InvalidCommand, match=r"'BYBIT:BTCUSDT\.P' is one of bybit, not of binance"):
        RequestEntry.of(symbol="BYBIT:BTCUSDT.P", exchange="binance", **asked)
    assert RequestEntry.of(symbol="BYBIT:BTCUSDT.P", exchange="bybit", **asked).key.stream == "BTCUSDT.bybit"


def test_a_command_is_told_apart_by_what_its_symbol_means() -> None:
    asked = {"exchange": "kucoinfutures", "side": "long", "quantity": "1"}
    one, other = (RequestEntry.of(symbol=name, intent_id="i1", **asked) for name in ("XBTUSDTM", "BTC/USDT:USDT"))
    assert (one.key, one.digest) == (other.key, other.digest)
    placed = RecordEntryPlaced.of(symbol="XBTUSDTM", exchange_order_id="1", **asked)
    assert placed.key == one.key == PositionKey("BTCUSDT", "kucoin")
    assert placed.model_copy(update={"quantity": "2"}).key == one.key


@pytest.mark.parametrize(
    ("exchange", "symbol", "quote"),
    [
        ("binance", "BTC/RLUSD", "RLUSD"),
        ("kraken", "XBT/TUSD", "TUSD"),
        ("okx", "BTC-PYUSD", "PYUSD"),
        ("hyperliquid", "BTC", "USDC"),
        ("binance", "BTCRLUSD", None),
    ],
)
def test_the_quote_of_what_was_given_as_a_pair_is_kept(exchange: str, symbol: str, quote: str | None) -> None:
    command = RequestEntry.of(symbol=symbol, exchange=exchange, side="long", quantity="1", intent_id="i1")
    assert getattr(command.symbol, "quote", "lost") == quote


@pytest.mark.parametrize(
    ("stream", "today"),
    [
        ("BTC.hyperliquid", "BTCUSDC.hyperliquid"),
        ("BTCUSD.bybit.sub1:LONG", "BTC/USD:BTC.bybit.sub1:LONG"),
        ("XBTUSDTM.kucoinfutures", "BTCUSDT.kucoin"),
        ("XBTUSD.kraken", "BTCUSD.kraken"),
        ("BTCUSD-251226.binance", "BTC/USD:BTC-251226.binance"),
        ("XBT/USD:XBT.kraken", "BTC/USD:BTC.kraken"),
        ("BTCUSDT.binanceusdm", "BTCUSDT.binance"),
        ("BTCUSDT.binance", "BTCUSDT.binance"),
        ("BTCUSDT-251326.binance", "BTCUSDT-251326.binance"),
        ("BTC/USD:BTC.bybit:SPOT", "BTC/USD.bybit:SPOT"),
    ],
)
def test_a_stream_is_reached_by_its_name_whatever_that_would_be_today(stream: str, today: str) -> None:
    key = PositionKey.parse(stream)
    assert key.stream == stream
    assert PositionId.parse(f"{stream}#2").text == f"{stream}#2"
    assert key.today.stream == today


@pytest.mark.parametrize(
    ("stream", "key"),
    [
        ("apt/usdt:usdt.Binance", "APTUSDT.binance"),
        ("BTCUSDT.BINANCE.sub1", "BTCUSDT.binance.sub1"),
        ("btc-usdt-swap.okx", "BTCUSDT.okx"),
        ("BTC/USDT:USDT.binanceusdm", "BTCUSDT.binance"),
        ("BRK.B.ibkr", "BRK.B.ibkr"),
    ],
)
def test_any_other_spelling_of_a_stream_is_that_of_its_key(stream: str, key: str) -> None:
    assert PositionKey.parse(stream).stream == key


def test_a_filter_takes_a_spelling_as_its_exchange_means_it() -> None:
    assert means("XBTUSDTM", "BTCUSDT", "kucoin", Leg.BOTH)
    assert means("btcusd", "BTC/USD:BTC", "bybit", Leg.BOTH)
    assert means("BTCUSD", "BTCUSD", "bybit", Leg.BOTH), "what a stream is called names it as well"
    assert not means("BTC/USD", "BTC/USD:BTC", "bybit", Leg.BOTH)
    assert means("btcusd", "BTC/USD", "bybit", Leg.SPOT)
    assert not means("btcusd", "BTC/USD:BTC", "bybit", Leg.SPOT)


COIN_MARGINED = ("bybit", "bitget", "bingx", "coinex", "gate", "htx", "mexc", "xt")


@pytest.mark.parametrize("exchange", COIN_MARGINED)
@pytest.mark.parametrize(
    ("written", "pair"),
    [
        ("XRPRLUSD", "XRP/RLUSD"),
        ("BTCFDUSD", "BTC/FDUSD"),
        ("ETHPYUSD", "ETH/PYUSD"),
        ("USDTUSD", "USDT/USD"),
        ("USDC-USD", "USDC/USD"),
        ("EURUSD", "EUR/USD"),
    ],
)
def test_a_pair_is_no_inverse_contract_because_its_name_ends_in_dollars(exchange: str, written: str, pair: str) -> None:
    key = PositionKey(written, exchange)
    assert (key.symbol, key.is_inverse) == (pair, False)
    assert key == PositionKey(pair, exchange)


@pytest.mark.parametrize("exchange", COIN_MARGINED)
@pytest.mark.parametrize("base", ["BTC", "DOT", "BNB", "ADA", "MANA", "BIT"])
def test_a_coin_in_plain_dollars_is_inverse_unless_it_is_on_the_spot_leg(exchange: str, base: str) -> None:
    contract = PositionKey(f"{base}USD", exchange)
    assert (contract.symbol, contract.is_inverse) == (f"{base}/USD:{base}", True)
    spot = PositionKey(f"{base}USD", exchange, None, Leg.SPOT)
    assert (spot.symbol, spot.is_inverse) == (f"{base}/USD", False)
    assert spot == PositionKey(f"{base}/USD", exchange, None, Leg.SPOT)


def test_a_command_reads_its_symbol_on_its_leg() -> None:
    asked = {"symbol": "XRPUSD", "exchange": "bybit", "side": "long", "quantity": "1", "intent_id": "i1"}
    assert RequestEntry.of(**asked).key.stream == "XRP/USD:XRP.bybit"
    assert RequestEntry.of(**asked, leg="spot").key.stream == "XRP/USD.bybit:SPOT"
    assert RecordEntryPlaced.of(**asked, leg="spot", exchange_order_id="1").key.stream == "XRP/USD.bybit:SPOT"


@given(
    st.sampled_from(sorted(NATIVE)),
    st.text("ABTCXUSDM01-_/:.P", min_size=1, max_size=14),
    st.sampled_from(["", "-251226", "-60000-C", "USDT", "USD", "-PERP", "USDTM"]),
)
def test_what_is_read_is_read_as_itself_again(exchange: str, begin: str, end: str) -> None:
    try:
        key = PositionKey(begin + end, exchange)
    except ValueError:
        return
    assert PositionKey(key.symbol, exchange) == key
    assert PositionKey.parse(key.stream) == key
