"""Fills whose leg no file names are of two legs where they cannot be netted, and of one where they can."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.intake.told import BTC, cash_of, fill, paid, take

Told = tuple[str, str, str | None, str | None]
"""A quantity, below zero of a sale, its price, the profit and what was closed, where they are said."""


@pytest.fixture
def ledger() -> Iterator[PositionLedger]:
    with memory_ledger() as ledger:
        yield ledger
        assert verify(ledger.store).ok


def fills(*told: Told, since: int = 0) -> list[StatementFill]:
    return [
        fill(
            since + second,
            signed,
            price,
            profit=None if profit is None else Decimal(profit),
            closes=None if closes is None else Decimal(closes),
            names_leg=False,
        )
        for second, (signed, price, profit, closes) in enumerate(told)
    ]


def books(ledger: PositionLedger) -> dict[str, str]:
    """What each leg ends with, and what all of it earned."""
    ends: dict[str, str] = {}
    earned: dict[str, Decimal] = {}
    for row in ledger.positions():
        assert row.realized_pnl is not None
        earned[row.leg] = earned.get(row.leg, Decimal(0)) + row.realized_pnl
        held = row.quantity if row.side == "long" else -row.quantity
        ends[row.leg] = f"{held:f} earned {earned[row.leg]:f}"
    return ends


ONE = [
    [("1", "100", "0", None), ("-1", "110", "10", None)],
    [("1", "100", "0", None), ("-3", "110", "10", None), ("2", "100", "20", None)],
    [("1", "100", "0", None), ("-1", "100", "0", None), ("-1", "90", "0", None)],
    [("-1", "110", "10", None), ("1", "100", "0", None), ("-1", "90", "-10", None)],
    [("1", "100", None, "0"), ("-3", "110", None, "1"), ("2", "100", None, "2")],
    [("1", "100", None, None), ("-1", "110", None, None)],
    [("1", "100", "0", None), ("-1", "110", None, None)],
    # a fill is missing between
    [("1", "100", "0", None), ("-1", "110", "10", None), ("-1", "110", "10", None)],
]


@pytest.mark.parametrize("told", ONE)
def test_what_can_be_netted_is_of_no_leg(ledger: PositionLedger, told: list[Told]) -> None:
    take(ledger, fills(*told))
    assert books(ledger).keys() == {"BOTH"}


TWO: list[tuple[list[Told], dict[str, str]]] = [
    (
        [("1", "100", "0", None), ("-2", "110", "0", None), ("2", "100", "20", None), ("-1", "105", "5", None)],
        {"LONG": "0 earned 5", "SHORT": "0 earned 20"},
    ),
    (
        [("1", "100", "0", None), ("-1", "100", "0", None), ("-1", "110", "10", None), ("1", "95", "5", None)],
        {"LONG": "0 earned 10", "SHORT": "0 earned 5"},
    ),
    (
        [("2", "100", "0", None), ("-1", "103", "0", None), ("1", "106", "0", None), ("-1", "108", "6", None)],
        {"LONG": "2 earned 6", "SHORT": "-1 earned 0"},
    ),
    (
        [("1", "100", None, "0"), ("-2", "110", None, "0"), ("1", "100", None, "1"), ("1", "120", None, "0")],
        {"LONG": "2 earned 0", "SHORT": "-1 earned 10"},
    ),
    ([("1", "100", None, "0"), ("-1", "110", None, "0")], {"LONG": "1 earned 0", "SHORT": "-1 earned 0"}),
]


@pytest.mark.parametrize(("told", "ends"), TWO)
def test_what_cannot_be_netted_is_of_two_legs(ledger: PositionLedger, told: list[Told], ends: dict[str, str]) -> None:
    report = take(ledger, fills(*told))
    assert (books(ledger), report.findings) == (ends, [])
    assert take(ledger, fills(*told)).fills_before == len(told)


MIDWAY: list[tuple[list[Told], dict[str, str]]] = [
    (  # both were held, 2 at 100 and 3 at 200, and are added to
        [("1", "110", "0", None), ("-1", "190", "0", None), ("-3", "120", "50", None), ("4", "150", "190", None)],
        {"LONG": "0 earned 50", "SHORT": "0 earned 190"},
    ),
    (  # a long of 2 at 100 was held, and is sold while a short is opened and closed
        [("1", "130", "0", None), ("-1", "140", "0", None), ("-3", "120", "30", None), ("1", "130", "10", None)],
        {"LONG": "0 earned 30", "SHORT": "0 earned 10"},
    ),
]


@pytest.mark.parametrize(("told", "ends"), MIDWAY)
def test_legs_that_were_held_before_are_found_by_what_they_earned(
    ledger: PositionLedger, told: list[Told], ends: dict[str, str]
) -> None:
    report = take(ledger, fills(*told))
    assert books(ledger) == ends
    assert all(
        "held before the file begins; its opening price follows from the profit" in each for each in report.findings
    )


INVERSE = PositionKey.of("BTCUSD_PERP", "binance")
LATER: list[Told] = [
    *(("3", "100", "0", None), ("-2", "110", "{0}", None), ("-2", "120", "0", None), ("2", "110", "{1}", None)),
    ("-1", "120", "{2}", None),
]
"""What is sold at 120 opens a short position beside what is left of the long one."""


@pytest.mark.parametrize(
    ("key", "size", "profits"),
    [
        (BTC, "1", ("20", "20", "20")),
        (BTC, "0.001", ("0.02", "0.02", "0.02")),
        (INVERSE, "1", ("0.00181818", "0.00151515", "0.00166667")),
        (INVERSE, "100", ("0.18181818", "0.15151515", "0.16666667")),
    ],
)
def test_legs_are_found_by_what_contracts_of_any_size_earn(
    ledger: PositionLedger, key: PositionKey, size: str, profits: tuple[str, ...]
) -> None:
    for name in Leg.BOTH, Leg.LONG, Leg.SHORT:
        ledger.define_instrument(symbol=key.symbol, exchange="binance", leg=name, contract_size=size)
    told = [(signed, price, profit.format(*profits), closes) for signed, price, profit, closes in LATER if profit]
    report = take(ledger, [replace(each, key=key, in_contracts=True) for each in fills(*told)])
    assert {leg: end.partition(" ")[0] for leg, end in books(ledger).items()} == {"LONG": "0", "SHORT": "0"}
    assert report.findings == []


def test_a_profit_that_is_rounded_to_nothing_opens_no_leg(ledger: PositionLedger) -> None:
    told = fills(("10", "30000", "0", None), ("-1", "30004", "0", None), ("-9", "31000", "0.00000968", None))
    for name in Leg.BOTH, Leg.LONG, Leg.SHORT:
        ledger.define_instrument(symbol=INVERSE.symbol, exchange="binance", leg=name, contract_size="1")
    report = take(ledger, [replace(each, key=INVERSE, in_contracts=True) for each in told])
    assert ({*books(ledger)}, report.findings) == ({Leg.BOTH.value}, [])


def test_a_position_that_was_added_to_before_is_of_no_leg(ledger: PositionLedger) -> None:
    take(
        ledger,
        fills(("1", "110", "0", None), ("-3", "120", "50", None), ("-1", "130", "0", None), ("1", "120", "10", None)),
    )
    assert books(ledger) == {"BOTH": "0 earned 60"}


def test_a_position_from_before_that_was_turned_over_is_of_no_leg(ledger: PositionLedger) -> None:
    """3 at 100 before; without them a sale that opened after nothing was earned looks like one beside a long leg."""
    told = [
        *[("-5", "110", "30", None), ("-2", "106", "0", None), ("4", "100", "32", None)],
        *[("1", "102", "0", None), ("-1", "105", "3", None)],
        *[("-2", "104", "0", None), ("2", "104", "0", None), ("-1", "100", "0", None)],
    ]
    take(ledger, fills(*told))
    assert books(ledger) == {"BOTH": "-1 earned 65"}


def test_what_is_neither_is_told_with_both_numbers(ledger: PositionLedger) -> None:
    told: list[Told] = [("1", "100", "0", None), ("-1", "110", "3", None)]
    report = take(ledger, fills(*told))
    assert report.findings == ["BTCUSDT.binance#1: the file says a profit of 3, its fills come to 10"]
    assert books(ledger) == {"BOTH": "0 earned 10"}


def test_a_key_that_has_legs_goes_on_with_them(ledger: PositionLedger) -> None:
    take(ledger, fills(*TWO[0][0]))
    take(ledger, fills(("1", "100", "0", None), ("-1", "103", "3", None), since=50))
    assert books(ledger) == {"LONG": "0 earned 8", "SHORT": "0 earned 20"}


def test_a_key_that_was_netted_before_gets_no_legs(ledger: PositionLedger) -> None:
    take(ledger, fills(("1", "100", None, "0")))
    with pytest.raises(StatementRefused, match=r"closes 0 of BTCUSDT\.binance, by the fills before it closes 1"):
        take(ledger, fills(*TWO[-1][0]))
    assert books(ledger) == {"BOTH": "1 earned 0"}


def test_a_payment_of_no_leg_is_of_neither(ledger: PositionLedger) -> None:
    report = take(ledger, fills(*TWO[-1][0]), [paid(50, "-0.5")])
    assert "the file names no leg, and both were held: 1 x funding USDT" in report.findings[0]
    assert all(not cash for cash in cash_of(ledger).values())


def test_a_closing_of_what_nobody_knows_has_no_profit(ledger: PositionLedger) -> None:
    report = take(ledger, fills(("1", "100", None, "1"), ("-1", "110", None, "0"), ("3", "90", None, "1")))
    rows = [f"{row.side} {row.quantity}, {row.realized_pnl}" for row in ledger.positions()]
    assert rows == ["short 0, None", "short 0, 20", "long 2, 0"]
    assert len(report.findings) == 1
    assert report.findings[0].startswith(
        "BTCUSDT.binance: 1 more was closed than was opened: it was held before the files"
    )


@pytest.mark.parametrize("leg", [Leg.BOTH, Leg.LONG])
def test_more_is_closed_than_is_known_to_be_held(ledger: PositionLedger, leg: Leg) -> None:
    opened = fill(0, "1", key=fill(0, "1").key.on(leg), closes=Decimal(0))
    closed = fill(1, "-1", "110", key=opened.key, closes=Decimal(1))
    again = fill(2, "1", key=opened.key, closes=Decimal(0))
    more = fill(3, "-3", "110", key=opened.key, closes=Decimal(3))
    with pytest.raises(StatementRefused, match=r"line 5: by the file this closes 3 of .*, by the fills"):
        take(ledger, [opened, closed, again, more])


@pytest.mark.parametrize("leg", [Leg.BOTH, Leg.LONG])
def test_more_is_closed_than_was_opened_at_the_beginning(ledger: PositionLedger, leg: Leg) -> None:
    opened = fill(0, "1", key=fill(0, "1").key.on(leg), closes=Decimal(0))
    closed = fill(1, "-3", "110", key=opened.key, closes=Decimal(3))
    report = take(ledger, [opened, closed])
    assert [f"{row.side} {row.quantity}, {row.realized_pnl}" for row in ledger.positions()] == ["long 0, None"]
    assert len(report.findings) == 1
    assert "2 more was closed than was opened" in report.findings[0]
    assert take(ledger, [opened, closed]).fills_before == 2


def define(ledger: PositionLedger, *legs: Leg) -> None:
    for leg in legs:
        ledger.define_instrument(symbol="BTCUSDT", exchange="binance", leg=leg, contract_size="0.1")


def test_contracts_have_to_be_defined_for_the_legs_that_are_found(ledger: PositionLedger) -> None:
    told = fills(("1", "100", None, "0"), ("-2", "110", None, "0"), ("2", "100", None, "2"), ("-1", "105", None, "1"))
    define(ledger, Leg.BOTH)
    counted = [replace(each, in_contracts=True) for each in told]
    with pytest.raises(
        StatementRefused, match=r"fills of BTCUSDT\.binance are of BTCUSDT\.binance:LONG, and how much"
    ) as it:
        take(ledger, counted)
    assert "of BTCUSDT.binance it is 0.1; define it first: " in it.value.message
    assert "--leg LONG --contract-size 0.1 --confirm" in it.value.message
    define(ledger, Leg.LONG, Leg.SHORT)
    take(ledger, counted)
    assert books(ledger) == {"LONG": "0 earned 0.5", "SHORT": "0 earned 2"}


def test_contracts_have_to_be_defined_for_what_is_netted(ledger: PositionLedger) -> None:
    define(ledger, Leg.LONG)
    counted = [replace(each, in_contracts=True) for each in fills(("1", "100", None, "0"), ("-1", "110", None, "1"))]
    with pytest.raises(StatementRefused, match=r"fills of BTCUSDT\.binance are of BTCUSDT\.binance, and how much"):
        take(ledger, counted)
    define(ledger, Leg.BOTH)
    take(ledger, counted)
    assert books(ledger) == {"BOTH": "0 earned 1"}
