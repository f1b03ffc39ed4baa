"""A closed position becomes a cycle with its profit, and an open one is refused."""

from __future__ import annotations

import json
from datetime import UTC

import pytest

from infrastructure.timezones import zone_of
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_positions import BINANCE_POSITIONS
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_positions import OKX_POSITIONS
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFill
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.statement_text import facts_of, fills_of

HEADER = (
    "Symbol,Margin Mode,Position Side,Entry Price,Avg. Close Price,Max Open Interest,Closed Vol.,Closing PNL,Opened,"
    "Closed,Status\n"
)
BINANCE = Whose(exchange="binance", zone=UTC)


def line(side: str, numbers: str, times: str = "10:00:00,11:00:00", status: str = "Closed") -> str:
    """Of prices of the entry and the exit, the most that was held, what was closed, and what it earned."""
    opened, closed = times.split(",")
    return f"ETHUSDT,Cross,{side},{numbers},2026-03-17 {opened},2026-03-17 {closed},{status}\n"


def books(*lines: str) -> list[str]:
    return booked(HEADER + "".join(lines), BINANCE_POSITIONS, BINANCE)


def test_what_was_earned_is_what_the_line_says() -> None:
    assert books(line("Long", "2000.1,2100.2,1,4,400.2")) == [
        "ETHUSDT.binance#1 long closed holds 0: earned 400.2, net 400.2, fees 0"
    ]


def test_what_is_no_rounding_is_found() -> None:
    assert books(line("Long", "2000,2100,1,1,90")) == [
        "ETHUSDT.binance#1 long closed holds 0: earned 100, net 100, fees 0",
        "ETHUSDT.binance#1: the file says a profit of 90, its fills come to 100",
    ]


def test_a_position_that_is_turned_over_is_two_cycles_in_either_order_of_the_file() -> None:
    lines = [
        line("Long", "2000,2100,1,1,100", "10:00:00,11:00:00"),
        line("Short", "2100,2150,1,1,-50", "11:00:00,11:00:00"),
        line("Long", "2150,2250,1,1,100", "11:00:01,12:00:00"),
    ]
    told = [
        f"ETHUSDT.binance#{number} {side} closed holds 0: earned {earned}, net {earned}, fees 0"
        for number, side, earned in ((1, "long", 100), (2, "short", -50), (3, "long", 100))
    ]
    assert books(*lines) == books(*lines[::-1]) == told


def test_both_sides_at_a_time_are_two_legs() -> None:
    assert books(line("Long", "2000,2100,1,1,100"), line("Short", "2000,2100,2,2,-200")) == [
        "ETHUSDT.binance:LONG#1 long closed holds 0: earned 100, net 100, fees 0",
        "ETHUSDT.binance:SHORT#1 short closed holds 0: earned -200, net -200, fees 0",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (line("Long", "2000,2100,3,1,100", status="Partially Closed"), "line 2: status 'partially closed' of ETHUSDT"),
        (line("Both", "2000,2100,1,1,100"), "line 2: position side 'both' is neither Long nor Short"),
        (line("Long", "2000,2100,1,1,--"), "line 2: closing pnl is missing"),
        (line("Long", "2000,2100,1,1,100", "11:00:00,10:00:00"), "line 2: it was closed at 2026-03-17 10:00"),
    ],
)
def test_a_line_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(StatementRefused, match=why):
        books(text)


def test_a_line_has_its_name_whatever_the_zone_and_the_columns() -> None:
    text = HEADER + line("Long", "2000,2100,1,1,100")
    berlin = text.replace(" 10:", " 11:").replace(" 11:00:00,Closed", " 12:00:00,Closed").replace("Status", "Status,X")
    berlin = berlin.replace("Closed\n", "Closed,1\n")
    told = [fill.trade_id for fill in fills_of(text, BINANCE_POSITIONS, BINANCE)]
    there = Whose(exchange="binance", zone=zone_of("Europe/Berlin"))
    assert [fill.trade_id for fill in fills_of(berlin, BINANCE_POSITIONS, there)] == told


def okx(**more: str) -> str:
    said = {
        "instId": "ETH-USDT-SWAP",
        "instType": "SWAP",
        "openAvgPx": "2000",
        "closeAvgPx": "2100",
        "closeTotalPos": "10",
        "openMaxPos": "10",
        "pnl": "10",
        "fee": "-0.4",
        "fundingFee": "-0.2",
        "liqPenalty": "-1",
        "settledPnl": "",
        "realizedPnl": "8.4",
        "cTime": "1773739452361",
        "uTime": "1773742452361",
        "type": "2",
        "posSide": "net",
        "direction": "long",
    }
    return json.dumps([said | more])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"type": "1"}, "line 1: type '1' of ETH-USDT-SWAP is not that of a closed position"),
        ({"instType": "MARGIN"}, "line 1: instType 'MARGIN' of ETH-USDT-SWAP does not count contracts"),
        ({"direction": "net"}, "line 1: direction 'net' of ETH-USDT-SWAP is neither long nor short"),
        ({"pnl": ""}, "line 1: pnl is missing"),
        (
            {"realizedPnl": "8.3"},
            r"line 1: pnl, fee, fundingFee, .* come to 8\.4, and realizedPnl is 8\.3; import fills",
        ),
        ({"fee": "", "fundingFee": ""}, r"line 1: pnl, fee, .* come to 9, and realizedPnl is 8\.4"),
        ({"fundingFee": "", "realizedPnl": ""}, "line 1: fundingFee is empty, so how much it was is not known"),
        ({"liqPenalty": "", "realizedPnl": ""}, "line 1: liqPenalty is empty, so how much it was is not known"),
    ],
)
def test_a_position_of_okx_that_is_none_is_refused(more: dict[str, str], why: str) -> None:
    with pytest.raises(StatementRefused, match=why):
        facts_of(okx(**more), OKX_POSITIONS, Whose(exchange="okx"))


def test_a_position_of_okx_is_on_its_leg() -> None:
    keys = [
        {
            fact.key.stream
            for fact in facts_of(okx(posSide=side, direction="long"), OKX_POSITIONS, Whose("okx"))
            if fact.key
        }
        for side in ("net", "long")
    ]
    assert keys == [{"ETHUSDT.okx"}, {"ETHUSDT.okx:LONG"}]


@pytest.mark.parametrize(
    ("more", "fee", "paid"),
    [
        ({}, "1.4", ["-0.2"]),
        ({"fee": ""}, "1.4", ["-0.2"]),
        ({"fundingFee": ""}, "1.4", ["-0.2"]),
        ({"liqPenalty": ""}, "1.4", ["-0.2"]),
        ({"liqPenalty": "", "fundingFee": "", "realizedPnl": "9.6"}, "0.4", []),
        ({"fee": "", "realizedPnl": ""}, "None", ["-0.2"]),
        ({"settledPnl": "0.5", "realizedPnl": "8.9"}, "1.4", ["-0.2", "0.5"]),
    ],
)
def test_what_a_position_of_okx_leaves_empty_follows_from_what_was_realised(
    more: dict[str, str], fee: str, paid: list[str]
) -> None:
    _, closed, *cash = facts_of(okx(**more), OKX_POSITIONS, Whose(exchange="okx"))
    assert isinstance(closed, StatementFill)
    assert (str(closed.fee), [str(each.amount) for each in cash if isinstance(each, StatementCash)]) == (fee, paid)
