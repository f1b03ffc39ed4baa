"""KuCoin has a header for each of its pages, some with a comma within the quotes of a name."""

from __future__ import annotations

from datetime import UTC

import pytest

from infrastructure.transfer.statements.kinds.exchanges.kucoin.kucoin_spot import KUCOIN_SPOT
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import fills_of, kind_of

OF_MARGIN = (
    "UID,Account Type,Order ID,Symbol,Side,Order Type,Avg. Filled Price,Filled Amount,Filled Volume,"
    'Filled Volume (USDT),Filled Time(UTC),Fee,Tax,Maker/Taker,"Fee Currency,"\n'
    "1,Cross Margin,o1,BTC-USDT,BUY,LIMIT,42000,0.5,21000,21000,2026-03-17 09:34:12,10,,maker,KCS\n"
)
OF_BOT = (
    "UID,Account Type,Order ID,Symbol,Side,Order Type,Filled Price,Filled Amount,Filled Volume,Filled Volume (USDT),"
    "Time Filled(UTC),Fee,Fee Currency,Tax\n"
    "1,Trading Bot,o1,BTC-USDT,BUY,LIMIT,42000,0.5,21000,21000,2026-03-17 09:34:12,10,KCS,\n"
)


@pytest.mark.parametrize("text", [OF_MARGIN, OF_BOT])
def test_margin_and_trading_bots_have_headers_of_their_own(text: str) -> None:
    assert kind_of(text) == KUCOIN_SPOT.name
    (fill,) = fills_of(text, KUCOIN_SPOT, Whose("kucoin", zone=UTC))
    assert (str(fill.key), str(fill.price), str(fill.fee), fill.fee_currency) == (
        "BTCUSDT.kucoin:SPOT",
        "42000",
        "10",
        "KCS",
    )
    assert fill.on_margin is (text is OF_MARGIN)


def test_a_contract_is_no_pair() -> None:
    """The contracts of a trading bot have the columns of its pairs, and their quantities count contracts."""
    with pytest.raises(StatementRefused, match="line 2: symbol 'XBTUSDTM' is that of a contract"):
        list(fills_of(OF_BOT.replace("BTC-USDT", "XBTUSDTM"), KUCOIN_SPOT, Whose("kucoin", zone=UTC)))
