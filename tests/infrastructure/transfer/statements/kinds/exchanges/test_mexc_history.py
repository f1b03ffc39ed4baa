"""What MEXC calls to buy opens and to sell closes, on either side."""

from __future__ import annotations

import pytest

from infrastructure.transfer.statements.kinds.exchanges.mexc_history import MEXC_TRADES
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked

HEADER = (
    "UID,Time(UTC+00:00),Futures Trading Pair,Direction,Order Type,Filled Qty (Cont.),Filled Qty (Crypto),"
    "Filled Qty (Amount),Filled Price,Trading Fee,Fee-payment Crypto,Role,Closing PNL\n"
)


def line(second: int, direction: str, quantity: str, price: str, profit: str = "0") -> str:
    moment = f"2026-03-17 09:34:{second:02d}"
    return f"1,{moment},ETH_USDT,{direction},market,1,{quantity},1,{price},0.1,USDT,Taker,{profit}\n"


def books(*lines: str) -> list[str]:
    return booked(HEADER + "".join(lines), MEXC_TRADES, Whose(exchange="mexc"))


def test_a_short_is_bought_and_sold() -> None:
    assert books(line(1, "buy short", "2", "2000"), line(2, "sell short", "2", "1900", "200")) == [
        "ETHUSDT.mexc#1 short closed holds 0: earned 200, net 199.8, fees 0.2"
    ]


def test_both_sides_at_a_time_are_two_legs() -> None:
    lines = [
        line(1, "buy short", "2", "2000"),
        line(2, "buy long", "1", "2000"),
        line(3, "sell short", "2", "1900", "200"),
    ]
    assert books(*lines) == [
        "ETHUSDT.mexc:SHORT#1 short closed holds 0: earned 200, net 199.8, fees 0.2",
        "ETHUSDT.mexc:LONG#1 long entry_placed holds 1: earned 0, net -0.1, fees 0.1",
    ]


def test_what_was_held_before_follows_from_what_it_earned() -> None:
    assert books(line(1, "sell long", "1", "2100", "100"))[0].startswith(
        "ETHUSDT.mexc#1 long closed holds 0: earned 100"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (line(1, "hold", "1", "2"), "line 2: direction 'hold' is unknown; known are: buy long, sell long"),
        (line(1, "buy long", "0", "2"), "line 2: filled qty \\(crypto\\) '0' is not above zero"),
        (
            line(1, "buy long", "1", "2").replace("ETH_USDT", "BTC_USD"),
            "line 2: futures trading pair 'BTC_USD' is settled in its base",
        ),
    ],
)
def test_a_line_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(StatementRefused, match=why):
        books(text)
