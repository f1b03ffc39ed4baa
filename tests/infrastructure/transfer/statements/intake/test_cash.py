"""Payments belong to the cycle that was open then, and what fills say already is not counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from domain.values import Leg, Status, timestamp_text
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.intake.told import at, cash_of, fill, leg, paid, take

TRADES = [fill(0, "1"), fill(100, "-1", "110"), fill(300, "-2"), fill(400, "2", "90")]


@pytest.fixture
def ledger() -> Iterator[PositionLedger]:
    with memory_ledger() as ledger:
        yield ledger
        assert verify(ledger.store).ok


@pytest.mark.parametrize(
    ("second", "cycle"),
    [(50, "1"), (100, "1"), (101, "1"), (160, "1"), (350, "2"), (400, "2"), (0, "1"), (300, "2")],
)
def test_a_payment_is_of_the_cycle_that_was_open_then(ledger: PositionLedger, second: int, cycle: str) -> None:
    report = take(ledger, TRADES, [paid(second, "-0.5")])
    assert report.findings == []
    assert report.cash == {"funding USDT": Decimal("-0.5")}
    assert cash_of(ledger) == {"1": {}, "2": {}} | {cycle: {"funding": "-0.5"}}


@pytest.mark.parametrize("second", [-1, 161, 299, 461])
def test_a_payment_while_nothing_was_open_is_told_and_not_recorded(ledger: PositionLedger, second: int) -> None:
    report = take(ledger, TRADES, [paid(second, "-0.5"), paid(second, "0.2", line=7000)])
    first = timestamp_text(at(second))
    assert report.findings == [
        f"BTCUSDT.binance: no cycle was open then: 2 x funding USDT, -0.3 in all, not recorded (the first at {first})"
    ]
    assert (report.payments, report.cash, cash_of(ledger)) == (2, {}, {"1": {}, "2": {}})


@pytest.mark.parametrize("second", [50, 100, 160, 350, 461])
def test_payments_that_come_with_a_later_import_are_of_the_same_cycle(ledger: PositionLedger, second: int) -> None:
    payments = [paid(second, "-0.5"), paid(second, "0.1", line=8000)]
    with memory_ledger() as other:
        take(other, TRADES, payments)
        at_once = cash_of(other)
    take(ledger, TRADES)
    report = take(ledger, payments)
    assert cash_of(ledger) == at_once
    assert report.payments_before == 0
    assert take(ledger, TRADES, payments).payments_before == (0 if second == 461 else 2)
    assert cash_of(ledger) == at_once


def test_a_payment_of_no_symbol_is_told_and_not_recorded(ledger: PositionLedger) -> None:
    report = take(ledger, TRADES, [paid(50, "3", key=None, kind="insurance", currency="BNB")])
    (finding,) = report.findings
    assert finding.startswith("no symbol: the file names none: 1 x insurance BNB, 3 in all, not recorded")


@pytest.mark.parametrize("second", [50, 200])
@pytest.mark.parametrize("later", [0, 0.005, 1])
def test_a_payment_that_the_ledger_has_under_another_id_is_told_and_not_recorded(
    ledger: PositionLedger, second: int, later: float
) -> None:
    """As the income history, what ccxt saved of it and the stream of an account name one payment."""
    take(ledger, TRADES[:1] if second > 100 else TRADES, [paid(second, "-0.5")])
    before = cash_of(ledger)
    report = take(ledger, [paid(second + later, "-0.50", cash_id="x", currency=None, line=5)])
    assert (report.cash, cash_of(ledger)) == ({}, before)
    (finding,) = report.findings
    assert finding.startswith(
        "BTCUSDT.binance: the ledger has the same from another kind of file, under another id: 1 x funding USDT, -0.5"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"second": 52, "amount": "-0.5"},
        {"second": 50, "amount": "-0.6"},
        {"second": 50, "amount": "-0.5", "currency": "BNB"},
        {"second": 50, "amount": "-0.5", "kind": "insurance"},
    ],
)
def test_another_payment_is_recorded(ledger: PositionLedger, other: dict[str, Any]) -> None:
    take(ledger, TRADES, [paid(50, "-0.5")])
    report = take(ledger, [paid(**other, cash_id="x", line=5)])
    assert (report.findings, len(report.cash)) == ([], 1)


@pytest.mark.parametrize("later", [0, 0.005, 1])
def test_a_payment_that_two_files_have_under_two_ids_is_recorded_once(ledger: PositionLedger, later: float) -> None:
    """As the stream of an account and a file of its website, where their kinds are not refused together."""
    twice = [paid(50, "-0.5"), paid(50, "-0.5", line=5)]
    report = take(ledger, TRADES, twice, [paid(50 + later, "-0.50", cash_id="x", currency=None, line=6)])
    assert cash_of(ledger)["1"] == {"funding": "-1"}, "those of one file are two"
    (finding,) = report.findings
    assert "another file has the same under another id: 1 x funding" in finding
    assert take(ledger, TRADES, twice, [paid(53, "-0.5", cash_id="y", line=7)]).findings == []


def test_rebates_of_one_moment_may_be_alike(ledger: PositionLedger) -> None:
    take(ledger, TRADES, [paid(50, "0.5", kind="rebate")])
    report = take(ledger, [paid(50, "0.5", kind="rebate", cash_id="x", line=5)])
    assert (report.findings, report.cash) == ([], {"rebate USDT": Decimal("0.5")})


def test_a_payment_that_names_no_leg_is_of_the_one_leg_that_was_held(ledger: PositionLedger) -> None:
    take(ledger, [fill(0, "1", key=leg(Leg.LONG))], [paid(50, "-0.5")])
    (row,) = ledger.positions()
    assert (row.leg, row.cash) == (Leg.LONG, {"funding": Decimal("-0.5")})


def test_a_commission_of_no_leg_is_of_the_leg_that_has_its_trade(ledger: PositionLedger) -> None:
    fee: dict[str, Any] = {"fee": Decimal("0.05"), "fee_currency": "USDT"}
    legs = [fill(0, "1", key=leg(Leg.LONG), **fee), fill(1, "-1", key=leg(Leg.SHORT))]
    commissions = [paid(0, "-0.05", kind="commission", trade_id="2"), paid(1, "-0.07", kind="commission", trade_id="3")]
    report = take(ledger, legs, commissions)
    assert (report.findings, report.cash) == ([], {})
    assert [(row.leg, row.fees) for row in ledger.positions()] == [
        (Leg.LONG, Decimal("0.05")),
        (Leg.SHORT, Decimal("0.07")),
    ]


def test_of_two_legs_none_is_guessed(ledger: PositionLedger) -> None:
    legs = [fill(0, "1", key=leg(Leg.LONG)), fill(1, "-1", key=leg(Leg.SHORT))]
    report = take(ledger, legs, [paid(50, "-0.5")])
    (finding,) = report.findings
    assert finding.startswith(
        "BTCUSDT.binance: the file names no leg, and both were held: 1 x funding USDT, -0.5 in all"
    )


FEE: dict[str, Any] = {"kind": "commission", "trade_id": "2"}
FREE = [replace(trade, fee=Decimal(0)) for trade in TRADES[1:]]
"""What follows the first of them, and cost nothing."""


def test_a_commission_is_the_fee_of_a_fill_that_says_none(ledger: PositionLedger) -> None:
    report = take(ledger, [TRADES[0], *FREE], [paid(0, "-0.04", **FEE), paid(0, "-0.01", line=4000, **FEE)])
    assert (report.fees, report.cash, report.findings) == ({"USDT": Decimal("0.05")}, {}, [])
    assert [row.fees for row in ledger.positions()] == [Decimal("0.05"), 0]


def test_a_commission_that_its_fill_says_too_is_counted_once(ledger: PositionLedger) -> None:
    fee: dict[str, Any] = {"fee": Decimal("0.05"), "fee_currency": "USDT"}
    report = take(ledger, [fill(0, "1", **fee), *FREE], [paid(0, "-0.05", **FEE)])
    assert (report.fees, report.cash, report.findings) == ({"USDT": Decimal("0.05")}, {}, [])
    assert [row.fees for row in ledger.positions()] == [Decimal("0.05"), 0]


def test_a_commission_that_is_not_what_its_fill_says_is_told_with_both(ledger: PositionLedger) -> None:
    report = take(ledger, [fill(0, "1", fee=Decimal("0.05"), fee_currency="USDT")], [paid(0, "-0.06", **FEE)])
    (finding,) = report.findings
    assert finding.startswith(
        "BTCUSDT.binance: trade 2 has a fee of 0.05 USDT; the payment on line 1,002 says 0.06 USDT"
    )
    assert [row.fees for row in ledger.positions()] == [Decimal("0.05")]


def test_a_commission_that_comes_later_is_the_fee_of_the_fill_on_record(ledger: PositionLedger) -> None:
    take(ledger, TRADES)
    report = take(ledger, [paid(0, "-0.05", **FEE), paid(0, "-1", line=4000, **FEE | {"trade_id": "77"})])
    assert [row.fees for row in ledger.positions()] == [Decimal("0.05"), 0]
    (finding,) = report.findings
    assert "payment c4000 is not recorded" in finding
    assert "no fill with trade_id 77 on record" in finding


CUT = [fill(0, "2"), fill(9, "-2", "110"), fill(30, "1", "120"), fill(60, "-3", "130")]
"""A cycle that is over, one that a fill turned, and the one that it opened."""


def test_a_fee_that_a_later_file_says_is_that_of_the_fill_on_record(ledger: PositionLedger) -> None:
    """A log that was cut between the two lines of a fill had it without its fee for ever."""
    take(ledger, CUT)
    whole = [replace(each, fee=Decimal("0.3"), fee_currency="USDT") for each in CUT]
    for payments_before in (0, 5):
        report = take(ledger, whole)
        assert (report.fills_before, report.payments_before, report.findings) == (4, payments_before, [])
    assert [str(row.fees) for row in ledger.positions()] == ["0.6", "0.4", "0.2"]
    assert cash_of(ledger) == {"1": {}, "2": {}, "3": {}}


def test_a_fee_in_kind_that_a_later_file_says_lessens_what_is_held(ledger: PositionLedger) -> None:
    bought = fill(0, "2", key=leg(Leg.SPOT))
    take(ledger, [bought])
    take(ledger, [replace(bought, fee=Decimal("0.02"), fee_currency="BTC")])
    assert [str(row.quantity) for row in ledger.positions()] == ["1.98"]


@pytest.mark.parametrize("is_named", [True, False])
def test_a_fee_in_kind_that_a_later_file_says_may_leave_nothing(ledger: PositionLedger, *, is_named: bool) -> None:
    """The cycle stayed open with nothing held, and what was bought next went into it."""
    spot = [fill(0, "2", key=leg(Leg.SPOT)), fill(9, "-1.98", "110", key=leg(Leg.SPOT))]
    take(ledger, spot)
    known = replace(spot[0], fee=Decimal("0.02"), fee_currency="BTC")
    fee = paid(0, "-0.02", kind="commission", currency="BTC", trade_id="2", key=leg(Leg.SPOT))
    for facts in ([fee] if is_named else [known, spot[1]], [known, spot[1], fill(20, "1", key=leg(Leg.SPOT))]):
        take(ledger, facts)
        over = next(iter(ledger.positions()))
        assert (over.status, over.realized_pnl, over.closed_at) == (Status.CLOSED, Decimal("17.8"), at(9))
    assert [str(row.quantity) for row in ledger.positions()] == ["0", "1"]


@pytest.mark.parametrize(("bought", "held"), [("5", "2.99"), ("2.01", "0")])
def test_a_fee_in_kind_of_a_fill_that_turned_the_position_lessens_what_it_opened(
    ledger: PositionLedger, bought: str, held: str
) -> None:
    """It was that of the short position, which was over, and more was held than the account had."""
    cover = fill(9, bought, "90", key=leg(Leg.SPOT), on_margin=True)
    take(ledger, [fill(0, "-2", key=leg(Leg.SPOT), on_margin=True), cover])
    for _ in range(2):
        take(ledger, [replace(cover, fee=Decimal("0.01"), fee_currency="BTC")])
        assert [str(row.quantity) for row in ledger.positions()] == ["0", held]


def test_a_fee_that_a_later_file_says_is_not_counted_again_as_a_commission(ledger: PositionLedger) -> None:
    take(ledger, CUT[:2])
    whole = [replace(each, fee=Decimal("0.3"), fee_currency="USDT") for each in CUT[:2]]
    unnamed = [paid(9, "-0.6", kind="commission")]
    for files in ([whole], [unnamed], [whole, unnamed]):
        take(ledger, *files)
        assert [str(row.fees) for row in ledger.positions()] == ["0.6"]
        assert cash_of(ledger) == {"1": {}}


def test_a_fee_and_commissions_of_one_run_are_counted_once(ledger: PositionLedger) -> None:
    take(ledger, CUT[:2])
    whole = [replace(each, fee=Decimal("0.3"), fee_currency="USDT") for each in CUT[:2]]
    take(ledger, whole, [paid(9, "-0.6", kind="commission")])
    assert [str(row.fees) for row in ledger.positions()] == ["0.6"]
    assert cash_of(ledger) == {"1": {}}


def test_a_fee_that_may_be_recorded_as_a_commission_is_told_and_not_recorded(ledger: PositionLedger) -> None:
    take(ledger, CUT[:2], [paid(9, "-0.6", kind="commission")])
    report = take(ledger, [replace(each, fee=Decimal("0.3"), fee_currency="USDT") for each in CUT[:2]])
    (finding,) = report.findings
    assert "the ledger has commissions that name no fill, and may have this fee: 2 x commission USDT, -0.6" in finding
    assert cash_of(ledger) == {"1": {"commission": "-0.6"}}


@pytest.mark.parametrize(("amount", "findings"), [("-0.05", 0), ("-0.06", 1)])
def test_commissions_that_name_no_trade_are_only_compared_where_fills_say_fees(
    ledger: PositionLedger, amount: str, findings: int
) -> None:
    fills = [fill(0, "1", fee=Decimal("0.05"), fee_currency="USDT"), *FREE]
    report = take(ledger, fills, [paid(0, amount, kind="commission")])
    assert (len(report.findings), report.cash) == (findings, {})
    assert report.fees == {"USDT": Decimal("0.05")}


@pytest.mark.parametrize(
    ("more", "cash"),
    [
        ({"amount": "0.01", "kind": "rebate", "currency": "BNB"}, {"rebate BNB": "0.01"}),
        ({"amount": "0.01", "kind": "rebate"}, {"rebate": "0.01"}),
        ({"amount": "-0.02", "kind": "commission", "is_apart": True}, {"commission": "-0.02"}),
    ],
)
def test_what_comes_on_top_of_the_fees_is_recorded(
    ledger: PositionLedger, more: dict[str, Any], cash: dict[str, str]
) -> None:
    fills = [fill(0, "1", fee=Decimal("0.05"), fee_currency="USDT"), *FREE]
    with memory_ledger() as other:
        take(other, fills)
        assert (take(other, [paid(50, **more)]).findings, cash_of(other)["1"]) == ([], cash)
    report = take(ledger, fills, [paid(50, **more)])
    assert (report.findings, cash_of(ledger)["1"]) == ([], cash)
    assert report.fees == {"USDT": Decimal("0.05")}


@pytest.mark.parametrize(("amount", "findings"), [("-0.05", 0), ("-0.06", 1)])
def test_commissions_of_trades_are_only_compared_where_fills_have_no_ids(
    ledger: PositionLedger, amount: str, findings: int
) -> None:
    fills = [fill(0, "1", fee=Decimal("0.05"), fee_currency="USDT", trade_id="row-1"), *FREE]
    with memory_ledger() as other:
        take(other, fills)
        (finding,) = take(other, [paid(0, amount, **FEE | {"trade_id": "77"})]).findings
        assert "the fills that the ledger has say their fees: 1 x commission USDT" in finding
    report = take(ledger, fills, [paid(0, amount, **FEE | {"trade_id": "77"})])
    assert (len(report.findings), report.cash) == (findings, {})
    assert report.fees == {"USDT": Decimal("0.05")}


def test_where_no_fill_says_a_fee_commissions_are_recorded(ledger: PositionLedger) -> None:
    take(ledger, TRADES, [paid(50, "-0.06", kind="commission")])
    assert cash_of(ledger)["1"] == {"commission": "-0.06"}


def test_a_payment_that_stands_in_two_files_is_recorded_once(ledger: PositionLedger) -> None:
    report = take(ledger, TRADES, [paid(50, "-0.5", line=5, cash_id="x")], [paid(50, "-0.5", line=8, cash_id="x")])
    assert (report.repeated, report.payments) == (1, 1)
    assert cash_of(ledger)["1"] == {"funding": "-0.5"}


def test_a_payment_that_the_ledger_has_with_another_amount_is_refused(ledger: PositionLedger) -> None:
    take(ledger, TRADES, [paid(50, "-0.5")])
    assert take(ledger, [paid(50, "-0.50")]).payments_before == 1
    with pytest.raises(
        StatementRefused, match=r"line 1,052: payment c1052 of BTCUSDT\.binance is in the ledger with -0.5"
    ):
        take(ledger, TRADES, [paid(50, "-0.6")])
