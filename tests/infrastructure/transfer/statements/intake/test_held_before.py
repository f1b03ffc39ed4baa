"""What was held before a file begins follows from what it says was closed, and earned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.intake.told import fill, take

INVERSE = PositionKey.of("BTC/USD:BTC", "bybit")


def said(second: int, signed: str, price: str, held: str, profit: str | None = "0", **more: Any) -> StatementFill:
    return fill(
        second,
        signed,
        price,
        held=Decimal(held),
        profit=None if profit is None else Decimal(profit),
        **more,
    )


@pytest.mark.parametrize(
    ("fills", "ends"),
    [
        # 2 opened at 100 before: closed in part, the rest is held yet
        ([said(0, "-0.5", "110", "2", "5")], [("long", "1.5", "100", "5")]),
        # 10 at 80 before, 5 more at 100, all of it closed at 120: (120 - 86.67) * 15
        (
            [said(0, "5", "100", "10"), said(1, "-15", "120", "15", "500")],
            [("long", "0", "86.666666666666666667", "500")],
        ),
        # a short of 1 at 100 before is turned over into a long of 2 at 90
        ([said(0, "3", "90", "-1", "10")], [("short", "0", "100", "10"), ("long", "2", "90", "0")]),
        # of one moment, told in another order
        (
            [said(0, "-0.5", "120", "0.5", "10"), said(0, "-0.5", "110", "1", "5", line=9)],
            [("long", "0", "100", "15")],
        ),
    ],
)
def test_what_was_held_is_adopted_as_the_file_says_it(
    fills: list[StatementFill], ends: list[tuple[str, str, str, str]]
) -> None:
    with memory_ledger() as ledger:
        report = take(ledger, fills)
        rows = [(row.side, row.quantity, row.avg_px_open, row.realized_pnl) for row in ledger.positions()]
        assert rows == [(side, *map(Decimal, numbers)) for side, *numbers in ends]
        assert len(report.findings) == 1
        assert "held before the file begins" in report.findings[0]
        assert take(ledger, fills).fills_before == len(fills)


EARNED = [
    # 5 at 100 before, 1 added at 112, so that 6 at 102 are closed in part: 2; 4 at 106 make 8 at 104 of the 4 that are
    # left
    (
        [("1", "112", "0"), ("-2", "110", "16"), ("4", "106", "0"), ("-3", "108", "12"), ("-5", "103", "-5")],
        ("long", "0", "23"),
    ),
    # a short of 3 at 100 before: 2 closed at 90, and of 5 the one that is left, 4 open a long
    ([("2", "90", "20"), ("5", "95", "5")], ("long", "4", "0")),
    # 3 at 100 before, 1 closed, 2 at 106 make 4 at 103 of the 2 that are left, of which 1 is closed
    ([("-1", "110", "10"), ("2", "106", "0"), ("-1", "105", "2")], ("long", "3", "12")),
    # all that was held was closed, and another one is opened
    ([("-1", "110", "10"), ("-2", "106", "0"), ("2", "105", "2")], ("short", "0", "2")),
    # a profit at the price of the average agrees with nothing: it is taken for a close, and told
    ([("-1", "110", "10"), ("-1", "100", "5")], ("long", "0", "15")),
    # 0.01 at 105 before, which earned less than what the fees are
    ([("1", "112", "0"), ("-1.01", "114", "2.09")], ("long", "0", "2.09")),
    # a short of 3 at 100 before is turned over into a long of 2 at 90; 2 at 96 make 4 at 93
    ([("5", "90", "30"), ("2", "96", "0"), ("-1", "95", "2")], ("long", "3", "2")),
    # the same, and all of that is turned over again
    ([("5", "90", "30"), ("2", "96", "0"), ("-7", "95", "8")], ("short", "3", "0")),
    # a short of 3 at 100 before, 1 closed; 2 at 96 make 4 at 98, which are turned over into a long of 2
    ([("1", "90", "10"), ("-2", "96", "0"), ("6", "95", "12")], ("long", "2", "0")),
    # nothing was held before
    ([("1", "100", "0"), ("-3", "110", "10"), ("-1", "112", "0")], ("short", "3", "0")),
    # profits after fees: nothing was held before, and it is told what differs
    ([("1", "100", "0"), ("-3", "110", "9.9"), ("-1", "112", "0")], ("short", "3", "0")),
]


@pytest.mark.parametrize(("told", "end"), EARNED)
def test_what_was_earned_says_what_was_held(told: list[tuple[str, str, str]], end: tuple[str, str, str]) -> None:
    fills = [
        fill(second, signed, price, profit=Decimal(profit), fee=Decimal("0.05"), fee_currency="USDT")
        for second, (signed, price, profit) in enumerate(told)
    ]
    with memory_ledger() as ledger:
        report = take(ledger, fills)
        row = ledger.positions()[-1]
        assert (row.side, row.quantity, row.realized_pnl) == (end[0], *map(Decimal, end[1:]))
        assert len(report.findings) == (1 if "9.9" in str(told) or told[0][2] != "0" or told[0][1] == "112" else 0)
        assert take(ledger, fills).fills_before == len(fills)


def test_profits_that_agree_with_nothing_say_of_nothing_that_was_held() -> None:
    """They are after funding. The first two agree with 1 that was held before, as two always may; no other one does."""
    told = [("2", "108", "0"), ("-1", "106", "-2.5"), ("1", "107", "0"), ("-2", "110", "3.5"), ("3", "109", "0")]
    told += [("1", "110", "0"), ("-4", "104", "-21.7")]
    fills = [fill(second, signed, price, profit=Decimal(profit)) for second, (signed, price, profit) in enumerate(told)]
    with memory_ledger() as ledger:
        findings = take(ledger, fills).findings
        assert [f"{row.side} {row.quantity}, {row.realized_pnl}" for row in ledger.positions()] == [
            "long 0, 3",
            "long 0, -21",
        ]
    assert [finding.partition(":")[2] for finding in findings] == [
        " the file says a profit of 1, its fills come to 3",
        " the file says a profit of -21.7, its fills come to -21",
    ]


@pytest.mark.parametrize(
    ("after", "more"), [([("1", "90", "0")], True), ([("1", "90", "0"), ("-1", "110", "15")], False), ([], True)]
)
def test_the_finding_says_whether_more_may_be_held(after: list[tuple[str, str, str]], *, more: bool) -> None:
    told = [("-1", "110", "10"), *after]
    fills = [fill(second, signed, price, profit=Decimal(profit)) for second, (signed, price, profit) in enumerate(told)]
    with memory_ledger() as ledger:
        (finding,) = take(ledger, fills).findings
    assert finding.endswith("; more may have been held, and may be held still") is more


def test_profits_after_a_fee_and_a_rebate_say_of_nothing_that_was_held() -> None:
    fills = [
        fill(0, "1", "100", profit=Decimal(0), fee=Decimal("-0.02"), fee_currency="USDT"),
        fill(1, "-1", "110", profit=Decimal("9.97"), fee=Decimal("0.05"), fee_currency="USDT"),
    ]
    with memory_ledger() as ledger:
        report = take(ledger, fills)
        assert report.findings == ["BTCUSDT.binance#1: the file says a profit of 9.97, its fills come to 10"]
        assert [row.realized_pnl for row in ledger.positions()] == [10]


def test_what_was_earned_by_contracts_says_what_was_held() -> None:
    told, end = EARNED[0]
    with memory_ledger() as ledger:
        ledger.define_instrument(symbol="BTCUSDT", exchange="binance", contract_size="0.01")
        report = take(
            ledger,
            [
                fill(second, signed, price, profit=Decimal(profit) / 100, in_contracts=True)
                for second, (signed, price, profit) in enumerate(told)
            ],
        )
        (row,) = ledger.positions()
        assert (f"{row.side}", row.quantity, row.realized_pnl) == (end[0], Decimal(0), Decimal("0.23"))
        assert len(report.findings) == 1


def test_what_was_added_to_follows_also_where_a_file_says_what_was_closed() -> None:
    """A short of 14 at 100 before, to which 3 were added at 117: 17 at 103."""
    fills = [
        fill(0, "-3", "117", closes=Decimal(0), profit=Decimal(0)),
        fill(1, "17", "93", closes=Decimal(17), profit=Decimal(170)),
    ]
    with memory_ledger() as ledger:
        take(ledger, fills)
        (row,) = ledger.positions()
        assert (
            f"{row.side} {row.quantity} at {row.avg_px_open}, earned {row.realized_pnl}" == "short 0 at 103, earned 170"
        )


def test_what_closed_a_part_and_turned_the_rest_over_is_taken() -> None:
    with memory_ledger() as ledger:
        take(ledger, [fill(0, "3", "90", closes=Decimal(1), profit=Decimal(10))])
        assert [f"{row.side} {row.quantity:f}" for row in ledger.positions()] == ["short 0", "long 2"]


def test_what_does_not_go_on_from_what_was_held_is_told_once() -> None:
    with memory_ledger() as ledger:
        report = take(ledger, [said(0, "1", "100", "0"), said(1, "1", "100", "3"), said(2, "1", "100", "4")])
        (finding,) = report.findings
        assert finding.startswith("BTCUSDT.binance: the file says that 3 was held at ")
        assert finding.endswith(", its fills come to 1")


@pytest.mark.parametrize(
    ("told", "end"),
    [
        # 40 dollars at 200 before, which are 0.2 coins
        ([("-10", "160", None, "-0.0125"), ("-30", "320", None, "0.05625")], "long 0 at 200, earned 0.04375"),
        # the same, and 20 dollars at 100 make 60 of 0.4 coins
        ([("20", "100", None, "0"), ("-60", "300", None, "0.2")], "long 0 at 150, earned 0.2"),
        # the log of an exchange says how much it was
        ([("-10", "160", "40", "-0.0125")], "long 30 at 200, earned -0.0125"),
        ([("10", "160", "-40", "0.0125")], "short 30 at 200, earned 0.0125"),
    ],
)
@pytest.mark.parametrize("leg", [Leg.BOTH, None])
def test_what_is_settled_in_its_base_says_what_was_held(
    told: list[tuple[str, str, str | None, str]], end: str, leg: Leg | None
) -> None:
    key = INVERSE.on(Leg(end.split(maxsplit=1)[0].upper()) if leg is None else leg)
    fills = [
        fill(second, signed, price, key=key, held=None if held is None else Decimal(held), profit=Decimal(profit))
        for second, (signed, price, held, profit) in enumerate(told)
    ]
    with memory_ledger() as ledger:
        ledger.define_instrument(symbol=key.symbol, exchange=key.exchange, leg=key.leg, contract_size="1")
        take(ledger, fills)
        (row,) = ledger.positions()
        assert f"{row.side} {row.quantity} at {row.avg_px_open}, earned {row.realized_pnl}" == end


@pytest.mark.parametrize(
    ("fills", "says"),
    [
        ([said(0, "1", "100", "5")], r"line 2: by the file 5 of BTCUSDT\.binance was held before this"),
        ([said(0, "-1", "100", "5", None)], r"line 2: by the file 5 of BTCUSDT\.binance was held before this"),
        (
            [said(0, "-1", "100", "5", "200")],
            r"line 2: .* the profit 200 .* no price above zero gives: perhaps .* not count units",
        ),
        (
            [said(0, "1", "100", "5", key=INVERSE)],
            r"line 2: by the file 5 of .* was held before this, and nothing in it says at what price",
        ),
    ],
)
def test_what_nobody_can_tell_is_refused(fills: list[StatementFill], says: str) -> None:
    with memory_ledger() as ledger, pytest.raises(StatementRefused, match=says):
        take(ledger, fills)


def test_what_contradicts_itself_is_refused() -> None:
    fills = [
        fill(0, "-1", "110", profit=Decimal(10)),
        said(1, "2", "106", "1"),
        said(2, "-1", "105", "3", "2", closes=Decimal(0), line=9),
    ]
    with memory_ledger() as ledger, pytest.raises(StatementRefused, match="line 9: by the file this closes 0"):
        take(ledger, fills)
