"""The words and numbers by which exchanges say what a trade did: each goes its way, on its leg, with its reason."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Final

import pytest

from infrastructure.transfer.statements.kinds.exchanges.binance.binance_income import BINANCE_INCOME
from infrastructure.transfer.statements.kinds.exchanges.bitget_futures import BITGET_BILLS
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_closed import BYBIT_CLOSED_CSV
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_executions import BYBIT_EXECUTIONS
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_history import BYBIT_HISTORY
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_log import BYBIT_LOG
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_history import HYPERLIQUID_HISTORY
from infrastructure.transfer.statements.kinds.exchanges.kraken.kraken_futures import KRAKEN_LOG_CSV
from infrastructure.transfer.statements.kinds.exchanges.kraken.kraken_ledgers import KRAKEN_LEDGERS
from infrastructure.transfer.statements.kinds.exchanges.kraken.kraken_trades import KRAKEN_TRADES
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_bills import OKX_BILLS
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_history import OKX_HISTORY
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of

Row = dict[str, str]


def cells(text: str) -> Row:
    """The cells of one line, such as `side=Sell, qty=1`."""
    return dict(cell.split("=") for cell in text.split(", "))


OKX_BILL: Final = cells(
    "billId=1, balChg=1, bal=1, ccy=USDT, type=2, ts=1773763203167, instId=ETH-USDT-SWAP, instType=SWAP, px=1900, "
    "sz=20, fee=0, pnl=0"
)
OKX_LINE: Final = cells(
    "id=1, order id=2, time=2026-03-17 09:24:12, trade type=Swap, symbol=BTC-USDT-SWAP, amount=3, trading unit=cont, "
    "filled price=5, pnl=1, fee=0, fee unit=USDT, position change=1, balance change=1, balance unit=USDT"
)
BYBIT_EXECUTION: Final = cells(
    "symbol=ETHUSDT, category=linear, side=Sell, execId=1, orderId=2, execPrice=5, execQty=1, execFee=0, "
    "execTime=1773763201429"
)
BYBIT_LINE: Final = cells(
    "market=BTCUSDT, filled quantity=1, filled price=5, trading fee=0, direction=Short, trasaction id=1, order no.=2, "
    "transaction time(utc+0)=2026-03-17 09:24:12"
)
BYBIT_BOOKED: Final = cells(
    "symbol=XRPUSDT, category=linear, side=Sell, transactionTime=1773763201000, qty=1, size=-1, funding=, cashFlow=0, "
    "tradeId=1, orderId=2, currency=USDT, fee=0, tradePrice=5, change=0"
)
BYBIT_CLOSED_LINE: Final = cells(
    "contracts=ETHUSDT, closing direction=Sell, qty=1, entry price=5, exit price=6, closed p&l=1, trade "
    "time(utc+0)=2026-03-17 09:24:12"
)
HYPERLIQUID_LINE: Final = cells("time=17/03/2026 - 09:24:12, coin=SOL, px=5, sz=1, ntl=5, fee=0, closedpnl=1")
KRAKEN_LINE: Final = cells(
    "uid=1, datetime=2026-03-17 09:24:12Z, symbol=pf_xbtusd, change=-1, new balance=0, trade price=5, fee=0, realized "
    "pnl=1, collateral=usd"
)


def facts(kind: StatementKind, *rows: Row) -> list[StatementFact]:
    table = [[*rows[0]], *([*row.values()] for row in rows)]
    text = json.dumps(rows) if kind.form is FileForm.JSON else "\n".join(map(",".join, table))
    return facts_of(text, kind, Whose(exchange=kind.exchange, zone=UTC))


def does(kind: StatementKind, row: Row) -> str:
    fill = facts(kind, row)[-1]
    assert isinstance(fill, StatementFill)
    return " ".join(("buys" if fill.buys else "sells", fill.key.leg, fill.reason or "as ordered"))


@pytest.mark.parametrize(
    ("kind", "row", "column", "words", "done"),
    [
        (OKX_BILLS, OKX_BILL, "subType", "1, 204", "buys BOTH as ordered"),
        (OKX_BILLS, OKX_BILL, "subType", "2, 205", "sells BOTH as ordered"),
        (OKX_BILLS, OKX_BILL, "subType", "3, 206", "buys LONG as ordered"),
        (OKX_BILLS, OKX_BILL, "subType", "4, 207", "sells SHORT as ordered"),
        (OKX_BILLS, OKX_BILL, "subType", "5, 208", "sells LONG as ordered"),
        (OKX_BILLS, OKX_BILL, "subType", "6, 209", "buys SHORT as ordered"),
        (OKX_BILLS, OKX_BILL, "subType", "102, 106", "buys BOTH liquidation"),
        (OKX_BILLS, OKX_BILL, "subType", "103, 107", "sells BOTH liquidation"),
        (OKX_BILLS, OKX_BILL, "subType", "100, 104", "sells LONG liquidation"),
        (OKX_BILLS, OKX_BILL, "subType", "101, 105", "buys SHORT liquidation"),
        (OKX_BILLS, OKX_BILL, "subType", "127", "buys BOTH adl"),
        (OKX_BILLS, OKX_BILL, "subType", "128", "sells BOTH adl"),
        (OKX_BILLS, OKX_BILL, "subType", "125", "sells LONG adl"),
        (OKX_BILLS, OKX_BILL, "subType", "126", "buys SHORT adl"),
        (OKX_BILLS, OKX_BILL, "subType", "131", "buys BOTH as ordered"),
        (OKX_BILLS, OKX_BILL, "subType", "132", "sells BOTH as ordered"),
        (OKX_BILLS, OKX_BILL, "subType", "112", "sells BOTH settlement"),
        (OKX_BILLS, OKX_BILL, "subType", "113", "buys BOTH settlement"),
        (OKX_HISTORY, OKX_LINE, "action", "buy", "buys BOTH as ordered"),
        (OKX_HISTORY, OKX_LINE, "action", "sell", "sells BOTH as ordered"),
        (OKX_HISTORY, OKX_LINE, "action", "open long", "buys LONG as ordered"),
        (OKX_HISTORY, OKX_LINE, "action", "open short", "sells SHORT as ordered"),
        (OKX_HISTORY, OKX_LINE, "action", "close long", "sells LONG as ordered"),
        (OKX_HISTORY, OKX_LINE, "action", "close short", "buys SHORT as ordered"),
        (OKX_HISTORY, OKX_LINE, "action", "liquidation buy, partial liquidation buy", "buys BOTH liquidation"),
        (OKX_HISTORY, OKX_LINE, "action", "liquidation sell, partial liquidation sell", "sells BOTH liquidation"),
        (OKX_HISTORY, OKX_LINE, "action", "liquidation long, partial liquidation close long", "sells LONG liquidation"),
        (
            OKX_HISTORY,
            OKX_LINE,
            "action",
            "liquidation short, partial liquidation close short",
            "buys SHORT liquidation",
        ),
        (OKX_HISTORY, OKX_LINE, "action", "adl buy", "buys BOTH adl"),
        (OKX_HISTORY, OKX_LINE, "action", "adl sell", "sells BOTH adl"),
        (OKX_HISTORY, OKX_LINE, "action", "adl close long", "sells LONG adl"),
        (OKX_HISTORY, OKX_LINE, "action", "adl close short", "buys SHORT adl"),
        (OKX_HISTORY, OKX_LINE, "action", "delivery long", "sells BOTH settlement"),
        (OKX_HISTORY, OKX_LINE, "action", "delivery short", "buys BOTH settlement"),
        (
            BYBIT_EXECUTIONS,
            BYBIT_EXECUTION,
            "execType",
            "Trade, BlockTrade, MovePosition, FutureSpread",
            "sells BOTH as ordered",
        ),
        (BYBIT_EXECUTIONS, BYBIT_EXECUTION, "execType", "AdlTrade", "sells BOTH adl"),
        (BYBIT_EXECUTIONS, BYBIT_EXECUTION, "execType", "BustTrade", "sells BOTH liquidation"),
        (BYBIT_EXECUTIONS, BYBIT_EXECUTION, "execType", "Delivery, Settle", "sells BOTH settlement"),
        (BYBIT_HISTORY, BYBIT_LINE, "filled type", "Trade, BlockTrade", "sells BOTH as ordered"),
        (BYBIT_HISTORY, BYBIT_LINE, "filled type", "AdlTrade, Adl", "sells BOTH adl"),
        (BYBIT_HISTORY, BYBIT_LINE, "filled type", "BustTrade, Liquidation", "sells BOTH liquidation"),
        (BYBIT_HISTORY, BYBIT_LINE, "filled type", "Settle, Delivery", "sells BOTH settlement"),
        (BYBIT_LOG, BYBIT_BOOKED, "type", "TRADE, BLOCK_TRADE", "sells BOTH as ordered"),
        (BYBIT_LOG, BYBIT_BOOKED, "type", "ADL", "sells BOTH adl"),
        (BYBIT_LOG, BYBIT_BOOKED, "type", "LIQUIDATION", "sells BOTH liquidation"),
        (BYBIT_LOG, BYBIT_BOOKED, "type", "DELIVERY", "sells BOTH settlement"),
        (BYBIT_CLOSED_CSV, BYBIT_CLOSED_LINE, "exit type", "Trade", "sells BOTH as ordered"),
        (BYBIT_CLOSED_CSV, BYBIT_CLOSED_LINE, "exit type", "Liquidation, BustTrade", "sells BOTH liquidation"),
        (BYBIT_CLOSED_CSV, BYBIT_CLOSED_LINE, "exit type", "AdlTrade", "sells BOTH adl"),
        (BYBIT_CLOSED_CSV, BYBIT_CLOSED_LINE, "exit type", "Settle, Delivery", "sells BOTH settlement"),
        (BYBIT_CLOSED_CSV, BYBIT_CLOSED_LINE, "exit type", "StopLoss", "sells BOTH stop_loss"),
        (BYBIT_CLOSED_CSV, BYBIT_CLOSED_LINE, "exit type", "TakeProfit", "sells BOTH take_profit"),
        (
            *(KRAKEN_LOG_CSV, KRAKEN_LINE, "type"),
            "futures trade, futures unwind counterparty, futures assignee, hedging trade, rfq",
            "sells BOTH as ordered",
        ),
        (
            *(KRAKEN_LOG_CSV, KRAKEN_LINE, "type"),
            "futures liquidation, futures partial liquidation, futures total liquidation, covered liquidation",
            "sells BOTH liquidation",
        ),
        (
            *(KRAKEN_LOG_CSV, KRAKEN_LINE, "type"),
            "futures unwind, futures_unwind, futures unwind bankrupt",
            "sells BOTH liquidation",
        ),
        (HYPERLIQUID_HISTORY, HYPERLIQUID_LINE, "dir", "Open Long, Close Short, Short > Long", "buys BOTH as ordered"),
        (HYPERLIQUID_HISTORY, HYPERLIQUID_LINE, "dir", "Open Short, Close Long, Long > Short", "sells BOTH as ordered"),
        (
            *(HYPERLIQUID_HISTORY, HYPERLIQUID_LINE, "dir"),
            "Market Order Liquidation: Close Long, Backstop Liquidation: Close Long, Liquidation: Close Long",
            "sells BOTH liquidation",
        ),
        (
            HYPERLIQUID_HISTORY,
            HYPERLIQUID_LINE,
            "dir",
            "Market Order Liquidation: Close Short",
            "buys BOTH liquidation",
        ),
        (HYPERLIQUID_HISTORY, HYPERLIQUID_LINE, "dir", "Buy", "buys SPOT as ordered"),
        (HYPERLIQUID_HISTORY, HYPERLIQUID_LINE, "dir", "Sell, Spot Dust Conversion", "sells SPOT as ordered"),
        (
            *(HYPERLIQUID_HISTORY, HYPERLIQUID_LINE, "dir"),
            "Liquidated Isolated Short, Liquidated Cross Short",
            "buys BOTH liquidation",
        ),
        (
            *(HYPERLIQUID_HISTORY, HYPERLIQUID_LINE, "dir"),
            "Liquidated Isolated Long, Liquidated Cross Long",
            "sells BOTH liquidation",
        ),
        (KRAKEN_LOG_CSV, KRAKEN_LINE, "type", "futures assignor", "sells BOTH adl"),
        (KRAKEN_LOG_CSV, KRAKEN_LINE, "type", "futures settlement, settlement", "sells BOTH settlement"),
    ],
)
def test_a_word_says_what_was_done(kind: StatementKind, row: Row, column: str, words: str, done: str) -> None:
    said = words.split(", ")
    assert {word: does(kind, row | {column: word}) for word in said} == dict.fromkeys(said, done)


@pytest.mark.parametrize("sub_type", ["170", "171", "172"])
def test_an_option_that_expired_is_refused(sub_type: str) -> None:
    with pytest.raises(StatementRefused, match=f"subType '{sub_type}' is the expiry of an option"):
        facts(OKX_BILLS, OKX_BILL | {"subType": sub_type})


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("Funding fee expense", "funding"),
        ("Funding fee income", "funding"),
        ("Funding fee", "funding"),
        ("Clawback", "insurance"),
        ("Delivery/exercise clawback", "insurance"),
    ],
)
def test_a_line_of_okx_without_a_trade_is_a_payment(action: str, kind: str) -> None:
    (cash,) = facts(OKX_HISTORY, OKX_LINE | {"action": action})
    assert isinstance(cash, StatementCash)
    assert cash.kind == kind


@pytest.mark.parametrize(
    ("asset", "symbol"),
    [
        *((f"X{name}", f"{name}EUR") for name in ("ETC", "ETH", "LTC", "MLN", "REP", "XLM", "XMR", "XRP", "ZEC")),
        *((name, f"{name}EUR") for name in ("XTZ", "ZRX", "SOL")),
        *((name, "BTCEUR") for name in ("XXBT", "XBT")),
        *((name, "DOGEEUR") for name in ("XXDG", "XDG")),
        *((f"Z{name}", f"EUR{name}") for name in ("AUD", "CAD", "GBP", "JPY", "USD")),
        ("USD.HOLD", "EURUSD"),
    ],
)
def test_the_names_of_kraken_are_those_of_the_assets(asset: str, symbol: str) -> None:
    line = cells("txid=1, refid=2, time=2026-03-17 09:24:12, type=trade, aclass=currency, fee=0, balance=0")
    bought, sold = line | {"asset": asset, "amount": "1"}, line | {"txid": "3", "asset": "ZEUR", "amount": "-2"}
    (fill,) = facts(KRAKEN_LEDGERS, bought, sold)
    assert fill.key is not None
    assert fill.key.symbol == symbol


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("FUNDING_FEE", "funding"),
        ("COMMISSION", "commission"),
        ("COMMISSION_REBATE, API_REBATE, REFERRAL_KICKBACK, FEE_RETURN", "rebate"),
        ("INSURANCE_CLEAR", "insurance"),
    ],
)
def test_an_income_of_binance_is_a_payment_of_its_kind(words: str, kind: str) -> None:
    line = cells("income=-1, asset=USDT, symbol=BTCUSDT, tranId=1, time=1773763203167")
    told = [facts(BINANCE_INCOME, line | {"incomeType": word}) for word in words.split(", ")]
    assert [[cash.kind for cash in each if isinstance(cash, StatementCash)] for each in told] == [[kind]] * len(told)


@pytest.mark.parametrize(
    "words",
    [
        "TRANSFER, INTERNAL_TRANSFER, CROSS_COLLATERAL_TRANSFER, STRATEGY_UMFUTURES_TRANSFER, COIN_SWAP_DEPOSIT",
        "COIN_SWAP_WITHDRAW, AUTO_EXCHANGE, WELCOME_BONUS, CONTEST_REWARD, BFUSD_REWARD, POSITION_LIMIT_INCREASE_FEE",
        "DEPOSIT, WITHDRAW",
    ],
)
def test_what_binance_moves_between_wallets_is_of_no_position(words: str) -> None:
    line, said = cells("income=-1, asset=USDT, symbol=, tranId=1, time=1773763203167"), words.split(", ")
    assert [facts(BINANCE_INCOME, line | {"incomeType": word}) for word in said] == [[]] * len(said)


@pytest.mark.parametrize(
    ("word", "kind"), [("SPECIAL_FUNDING_FEE", "funding"), ("API_REBATE", "rebate"), ("MARKET_MAKER_REBATE", "rebate")]
)
def test_what_binance_pays_is_of_the_position(word: str, kind: str) -> None:
    line = cells("income=-1, asset=USDT, symbol=BTCUSDT, tranId=1, time=1773763203167")
    (cash,) = facts(BINANCE_INCOME, line | {"incomeType": word})
    assert isinstance(cash, StatementCash)
    assert f"{cash.kind} {cash.amount} {cash.key}" == f"{kind} -1 BTCUSDT.binance"


@pytest.mark.parametrize(
    "word", ["bonus_issue", "bonus_recycle", "bonus_expired", "cash_gift_issue", "cash_gift_recycle"]
)
def test_what_bitget_gives_is_of_no_position(word: str) -> None:
    line = cells("billId=7, symbol=, amount=5, fee=0, coin=USDT, balance=5, cTime=1773739451342")
    assert facts(BITGET_BILLS, line | {"businessType": word}) == []


@pytest.mark.parametrize(
    "words",
    [
        "open_long, open_short, close_long, close_short, buy, sell, delivery_long, delivery_short",
        "force_close_long, force_close_short, force_buy, force_sell",
        "burst_long_loss_query, burst_short_loss_query, burst_buy, burst_sell",
    ],
)
def test_a_bill_of_bitget_for_a_fill_is_left_to_the_fills(words: str) -> None:
    line = cells("billId=7, symbol=BTCUSDT, amount=-1, fee=0, coin=USDT, balance=1, cTime=1773739451342")
    said = words.split(", ")
    assert [facts(BITGET_BILLS, line | {"businessType": word}) for word in said] == [[]] * len(said)


@pytest.mark.parametrize(
    ("pair", "symbol"),
    [
        *(("USDTZUSD", "USDTUSD"), ("ZEURZUSD", "EURUSD"), ("ZGBPZUSD", "GBPUSD"), ("ZUSDZCAD", "USDCAD")),
        *(("ZUSDZJPY", "USDJPY"), ("XXBTZEUR", "BTCEUR")),
    ],
)
def test_a_pair_of_kraken_is_that_of_its_currencies(pair: str, symbol: str) -> None:
    line = cells("txid=1, ordertxid=2, time=2026-03-17 09:24:12, type=buy, price=2, cost=2, fee=0, vol=1")
    (fill,) = facts(KRAKEN_TRADES, line | {"pair": pair})
    assert fill.key is not None
    assert fill.key.symbol == symbol
