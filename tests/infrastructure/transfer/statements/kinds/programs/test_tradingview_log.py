"""An alert in the log says what it ordered; one that orders nothing is left out, and one without a price is refused."""

from __future__ import annotations

import csv
import io

import pytest

from infrastructure.transfer.statements.kinds.programs.tradingview_log import TRADINGVIEW_LOG
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of, words


def told(description: str, ticker: str = "BINANCE:BTCUSDT.P, 15m") -> list[str]:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["Alert ID", "Ticker", "Name", "Description", "Time"])
    table.writerow(["1", ticker, "Grid", description, "2026-03-17T09:34:12Z"])
    return [words(fact).partition(", fee")[0] for fact in facts_of(text.getvalue(), TRADINGVIEW_LOG, Whose())]


def test_what_the_alert_does_not_say_its_line_says() -> None:
    alert = '{"order": {"Action": "sell"}, "price": 50000, "contracts": 0.01}'
    assert told(alert) == ["2: 2026-03-17T09:34:12.000000Z BTCUSDT.binance sells 0.01 at 50000"]


def test_what_the_alert_says_goes_before() -> None:
    alert = (
        '{"action": "buy", "price": 2, "contracts": 1, "ticker": "ETHUSDT", "exchange": "bybit", "time": 1773740000}'
    )
    assert told(alert) == ["2: 2026-03-17T09:33:20.000000Z ETHUSDT.bybit buys 1 at 2"]


@pytest.mark.parametrize("description", ["Crossing 21500, price moved", '{"app": "other", "v": 1}', ""])
def test_an_alert_that_orders_nothing_is_left_out(description: str) -> None:
    assert told(description) == []


@pytest.mark.parametrize(
    ("description", "why"),
    [
        (
            "MACD (12, 26): order buy @ 0.5 filled on BTCUSDT. New strategy position is 0.5",
            "is an order without a price",
        ),
        ('{"action": "buy", "price": {{close}}}', "is no JSON"),
        ('{"action": "buy", "contracts": 1}', "price '' is not above zero"),
        ('{"action": "hold", "contracts": 1, "price": 2}', "action 'hold' is neither BUY nor SELL"),
    ],
)
def test_an_order_that_cannot_be_read_is_refused(description: str, why: str) -> None:
    with pytest.raises(StatementRefused, match=f"^line 2: .*{why}"):
        told(description)
