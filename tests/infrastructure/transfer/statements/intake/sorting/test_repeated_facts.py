"""A fill that several files tell of is taken once, however exact each is; what may be one is not counted twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.values import Leg, plain
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_report import StatementReport
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.intake.told import cash_of, fill, leg, paid, take


def books(*files: list[StatementFill]) -> tuple[list[str], StatementReport]:
    with memory_ledger() as ledger:
        report = take(ledger, *files)
        assert_sound(ledger)
        rows = ledger.positions()
    return [
        f"{row.position_id} {plain(row.quantity)} at {plain(row.avg_px_open or Decimal(0))}" for row in rows
    ], report


def exact(second: float, signed: str, **more: object) -> StatementFill:
    """As an interface tells it: to the millisecond, with all decimals."""
    return fill(second + 0.361, f"{signed}.000", "100.00", line=int(second) + 2, **more)


@pytest.mark.parametrize("is_website_first", [True, False])
def test_a_fill_to_the_second_is_the_one_to_the_millisecond(*, is_website_first: bool) -> None:
    website, interface = [fill(0, "2"), fill(1, "-1")], [exact(0, "2"), exact(1, "-1")]
    files = [website, interface] if is_website_first else [interface, website]
    told, report = books(*files)
    assert (told, report.fills, report.repeated) == (["BTCUSDT.binance#1 1 at 100"], 2, 2)
    assert report.first is not None
    assert report.first.microsecond == 361_000


def test_a_fill_without_its_leg_is_the_one_on_it() -> None:
    website = [fill(0, "2", names_leg=False), fill(1, "-1", names_leg=False)]
    interface = [exact(0, "2", key=leg(Leg.LONG)), exact(1, "-1", key=leg(Leg.SHORT))]
    told, report = books(website, interface)
    assert told == ["BTCUSDT.binance:LONG#1 2 at 100", "BTCUSDT.binance:SHORT#1 1 at 100"]
    assert report.repeated == 2


@pytest.mark.parametrize(
    "other",
    [
        fill(1.5, "2", line=2),
        fill(0, "2", "101"),
        fill(0, "2", fee=Decimal(1)),
        fill(0, "2", profit=Decimal(1)),
        fill(0, "2", reason="adl"),
        fill(0, "2", order_id="x"),
        fill(0.5, "3", line=2),
    ],
)
def test_what_is_told_otherwise_is_refused(other: StatementFill) -> None:
    with pytest.raises(StatementRefused, match=r"two.csv: line 2: trade 2 of BTCUSDT.binance stands on one.csv line 2"):
        books([fill(0, "2", fee=Decimal(2), profit=Decimal(2), reason="liquidation")], [other])


def test_what_is_told_otherwise_is_named_with_both() -> None:
    with pytest.raises(StatementRefused, match=r"already, with the fee 2, and here it has 1; files of two accounts"):
        books([fill(0, "2", fee=Decimal(2))], [fill(0, "2", fee=Decimal(1))])


@pytest.mark.parametrize("is_other_first", [True, False])
def test_what_one_file_leaves_unsaid_the_other_says(*, is_other_first: bool) -> None:
    """As the executions of Bybit and its log, or trades of Binance and the events of its stream."""
    one = [fill(0, "2", order_id="row-1", held=Decimal(0)), fill(1, "-2", "110", reason="liquidation")]
    other = [
        fill(0, "2", fee=Decimal(1), fee_currency="USDT"),
        fill(1, "-2", "110", profit=Decimal(20), fee=Decimal(0), closes=Decimal(2)),
    ]
    with memory_ledger() as ledger:
        report = take(ledger, *([other, one] if is_other_first else [one, other]))
        assert_sound(ledger)
        (row,) = ledger.positions()
    assert (report.findings, report.fills, report.repeated) == ([], 2, 2)
    assert (row.fees, row.exit_reason) == (Decimal(1), "liquidation")
    assert report.profit_file == {"USDT": Decimal(20)}


def test_a_payment_to_the_second_is_the_one_to_the_millisecond() -> None:
    with memory_ledger() as ledger:
        report = take(
            ledger,
            [fill(0, "2"), paid(9, "-0.10", cash_id="f", line=4)],
            [paid(9.361, "-0.1", cash_id="f", line=7)],
        )
        assert cash_of(ledger) == {"1": {"funding": "-0.1"}}
    assert (report.findings, report.repeated) == ([], 1)


def test_a_fill_that_another_answer_has_a_millisecond_later_is_taken_once() -> None:
    """As the trades of Deribit and its transaction log have it."""
    told, report = books([exact(0, "2"), exact(1, "-1")], [exact(1.001, "-1"), exact(0.001, "2")])
    assert (told, report.fills, report.repeated) == (["BTCUSDT.binance#1 1 at 100"], 2, 2)


def test_a_fill_of_two_milliseconds_is_told_otherwise() -> None:
    with pytest.raises(StatementRefused, match=r"stands on one\.csv line 2 already"):
        books([exact(0, "2")], [fill(0.5, "2", line=2)])


def test_a_fill_without_a_name_is_not_counted_beside_its_own() -> None:
    nameless = [fill(0, "2", trade_id="row-1", order_id="row-o"), fill(9, "2", trade_id="row-2", order_id="row-p")]
    with pytest.raises(
        StatementRefused, match=r"one.csv: line 2: this has no id, and may be trade 2 of BTCUSDT.binance"
    ):
        books(nameless, [exact(0, "2")])
    told, _ = books(nameless, [fill(0, "-2"), fill(1, "2"), fill(9, "3")])
    assert told == ["BTCUSDT.binance#1 0 at 100", "BTCUSDT.binance#2 7 at 100"]


def nameless(second: float, signed: str, name: str, **more: Any) -> StatementFill:
    return fill(second, signed, trade_id=f"row-{name}", order_id=f"row-o{second}", **more)


def test_a_fill_without_a_name_is_not_counted_beside_the_same_with_other_columns() -> None:
    with pytest.raises(
        StatementRefused, match=r"two.csv: line 2: this has no id, and may be a fill of BTCUSDT.binance that stands on"
    ):
        books([nameless(0, "2", "a")], [nameless(0.4, "2", "b", line=2), nameless(9, "1", "c")])


def test_fills_without_a_name_are_several_where_both_files_have_one_of_them() -> None:
    one, two = [nameless(0, "2", "a")], [nameless(0, "2", "a"), nameless(0, "2", "a-2"), nameless(0, "2", "b")]
    told, report = books(one, two)
    assert (told, report.fills, report.repeated) == (["BTCUSDT.binance#1 6 at 100"], 3, 1)


@pytest.mark.parametrize("is_cut_first", [True, False])
def test_a_second_that_is_summed_up_is_not_counted_beside_a_part_of_it(*, is_cut_first: bool) -> None:
    """As statements of Binance that overlap, one of which ends between two trades of a second."""
    cut, whole = [nameless(0, "1", "a", sums_up=True)], [nameless(0, "3", "b", price="102", line=7, sums_up=True)]
    with pytest.raises(StatementRefused, match="in that second is not the same in both files"):
        books(*([cut, whole] if is_cut_first else [whole, cut]))


def test_what_two_accounts_traded_in_a_second_are_two_sums() -> None:
    one, two = [nameless(0, "1", "a", sums_up=True)], [nameless(0, text, text, sums_up=True) for text in ("3", "5")]
    told, _ = books([*one, two[0]], [*one, *two])
    assert told == ["BTCUSDT.binance#1 9 at 100"]


def test_fills_without_a_name_of_one_file_are_several() -> None:
    told, _ = books([nameless(0, "2", "a"), nameless(0, "2", "b")], [nameless(3, "2", "c")])
    assert told == ["BTCUSDT.binance#1 6 at 100"]


def numbered(second: float, signed: str, number: int) -> StatementFill:
    return fill(second, signed, trade_id=f"{number}", order_id=f"{number}")


def test_a_trade_that_is_numbered_is_not_counted_beside_its_parts() -> None:
    with pytest.raises(StatementRefused, match=r"two.csv: line 2: this has no id, and may be a fill"):
        books([numbered(0, "2", 2)], [numbered(0, "1", 3), numbered(0, "1", 4), numbered(60, "-1", 5)])
    told, _ = books([numbered(0, "2", 2)], [numbered(0, "2", 2), numbered(60, "-1", 5)])
    assert told == ["BTCUSDT.binance#1 1 at 100"]
