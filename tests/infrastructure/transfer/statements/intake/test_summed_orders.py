"""An order that one file sums up and another lists fill by fill is counted once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.transfer.statements.kinds.other_fees import other_fees
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from infrastructure.transfer.statements.statement_report import StatementReport
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger

BEGIN = datetime(2026, 3, 17, 9, tzinfo=UTC)
KEY = PositionKey.of("ETH/USDT", "okx", None, Leg.SPOT)


def fill(
    hour: int, quantity: str, trade_id: str, order_id: str, *, buys: bool = True, last: bool = False
) -> StatementFill:
    return StatementFill(
        line=hour + 1,
        time=BEGIN + timedelta(hours=hour),
        key=KEY,
        buys=buys,
        quantity=Decimal(quantity),
        price=Decimal(2000 if buys else 2100),
        fee=None,
        fee_currency=None,
        profit=None,
        trade_id=trade_id,
        order_id=order_id,
        is_last=last,
    )


FILLS = [fill(1, "1", "11", "a"), fill(2, "2", "12", "a"), fill(3, "2.99", "13", "b", buys=False)]
SUMS = [fill(2, "3", "order-a", "a"), fill(3, "2.99", "order-b", "b", buys=False, last=True)]


def imported(*files: Sequence[StatementFact]) -> tuple[list[str], StatementReport]:
    with memory_ledger() as ledger:
        statements = [Statement(f"{number}.json", "any", facts) for number, facts in enumerate(files)]
        report = import_statements(ledger, statements, confirm=True)
        return [
            f"{row.status} {row.filled_qty} {row.quantity} {row.realized_pnl}" for row in ledger.positions()
        ], report


@pytest.mark.parametrize("files", [(FILLS, SUMS), (SUMS, FILLS)])
def test_it_is_taken_by_its_fills(files: tuple[list[StatementFill], list[StatementFill]]) -> None:
    rows, report = imported(*files)
    assert rows == ["closed 2.99 0 299"], "and ends where the sum of its last order ends it"
    assert (report.fills, report.repeated, report.orders) == (3, 2, 2)


def test_what_was_paid_beside_its_sum_is_what_its_fills_say() -> None:
    paid = [(Decimal("0.01"), "BNB")]
    _, report = imported([*FILLS, *other_fees(FILLS[0], paid)], [*SUMS, *other_fees(SUMS[0], paid)])
    assert report.cash == {"commission BNB": Decimal("-0.01")}
    _, report = imported([*SUMS, *other_fees(SUMS[0], paid)])
    assert report.cash == {"commission BNB": Decimal("-0.01")}


def test_one_whose_fills_are_not_all_of_it_is_refused() -> None:
    with pytest.raises(StatementRefused) as refused:
        imported(FILLS[1:], SUMS)
    assert refused.value.message == (
        "1.json: line 3: order a of ETHUSDT.okx:SPOT was filled 3 in all, and its fills in the other files come to 2; "
        "give the files of all its fills, or of none"
    )


def test_one_that_is_summed_up_alone_is_taken_as_one_fill() -> None:
    rows, report = imported(SUMS)
    assert (rows, report.repeated) == (["closed 2.99 0 299"], 0)


@pytest.mark.parametrize("files", [(FILLS, SUMS), (SUMS, FILLS), (FILLS, SUMS[1:]), (SUMS, FILLS[2:])])
def test_what_the_ledger_has_in_another_way_is_not_taken_again(files: tuple[list[StatementFill], ...]) -> None:
    with memory_ledger() as ledger:
        for facts in files:
            report = import_statements(ledger, [Statement("file", "any", facts)], confirm=True)
        assert (report.fills, report.fills_before, report.cycles) == (len(files[1]), len(files[1]), 0)
        assert_sound(ledger)


@pytest.mark.parametrize(
    ("before", "then", "says"),
    [
        (
            FILLS[:1],
            SUMS[:1],
            "line 3: order a of ETHUSDT.okx:SPOT is in the ledger with 1 filled, and here with 3; import",
        ),
        (
            SUMS[:1],
            FILLS[1:2],
            "line 3: order a of ETHUSDT.okx:SPOT is in the ledger with 3 filled, and here with 2; import",
        ),
    ],
)
def test_what_it_has_otherwise_is_refused(before: list[StatementFill], then: list[StatementFill], says: str) -> None:
    with memory_ledger() as ledger:
        import_statements(ledger, [Statement("file", "any", before)], confirm=True)
        with pytest.raises(StatementRefused) as refused:
            import_statements(ledger, [Statement("file", "any", then)], confirm=True)
    assert refused.value.message.startswith(says)


def test_an_order_that_goes_on_is_news() -> None:
    with memory_ledger() as ledger:
        for facts in (FILLS[:1], FILLS[:2]):
            report = import_statements(ledger, [Statement("file", "any", facts)], confirm=True)
        assert (report.fills, report.fills_before) == (2, 1)


OPEN = fill(2, "1", "order-a", "a")
MORE = replace(fill(4, "3", "order-a", "a"), price=Decimal(2001), fee=Decimal("0.3"), fee_currency="USDT")


def booked(*files: Sequence[StatementFact], key: PositionKey = KEY) -> tuple[list[str], StatementReport]:
    """What the files come to, one after the other."""
    with memory_ledger() as ledger:
        for facts in files:
            placed = [replace(each, key=key) if isinstance(each, StatementFill) else each for each in facts]
            report = import_statements(ledger, [Statement("file", "any", placed)], confirm=True)
            assert_sound(ledger)
        return [
            f"{row.side} {row.quantity} at {row.avg_px_open:.4f}, fees {row.fees}" for row in ledger.positions()
        ], report


def test_an_order_that_was_open_goes_on_with_what_was_filled_since() -> None:
    rows, report = booked([OPEN], [MORE])
    assert rows == ["long 3 at 2001.0000, fees 0.3"], "2 at 2001.5"
    assert (report.fills, report.fills_before, report.findings) == (1, 0, [])
    whole = replace(MORE, time=MORE.time + timedelta(hours=1), quantity=Decimal(5), fee=Decimal("0.5"))
    rows, report = booked([OPEN], [MORE], [whole])
    assert rows == ["long 5 at 2001.0000, fees 0.5"]
    for told in ([OPEN], [MORE], [whole], [replace(fill(1, "5", "11", "a"), time=whole.time)]):
        again, report = booked([OPEN], [MORE], [whole], told)
        assert (again, report.fills_before) == (rows, 1), "an earlier file, the same file, and its fills one by one"


def test_a_sum_of_a_second_is_known_again_where_its_file_is_cut_before_the_fee() -> None:
    """As statements of Binance that overlap, of which the later one ends between a trade and its fee."""
    whole = replace(fill(2, "1", "row-a", "row-a"), sums_up=True, fee=Decimal("0.3"), fee_currency="USDT")
    rows, report = booked([whole], [replace(whole, fee=None, fee_currency=None)])
    assert (rows, report.fills_before) == (["long 1 at 2000.0000, fees 0.3"], 1)
    with pytest.raises(StatementRefused, match=r"with a fee of 0\.3, and here it has 0\.4"):
        booked([whole], [replace(whole, fee=Decimal("0.4"))])


def test_the_sum_that_says_more_of_an_order_is_taken() -> None:
    for files in (([OPEN], [MORE]), ([MORE], [OPEN])):
        rows, report = imported(*files)
        assert (rows, report.repeated, report.fills) == (["entry_placed 3 3 0"], 1, 1)
    with pytest.raises(StatementRefused, match="with the price 2000, and here it has 2001"):
        imported([OPEN], [replace(MORE, quantity=Decimal(1), time=OPEN.time)])


def test_an_order_that_goes_on_may_turn_the_position() -> None:
    key = PositionKey.of("ETH/USDT:USDT", "okx")
    sells = [replace(each, buys=False) for each in (OPEN, MORE)]
    rows, _ = booked([fill(1, "2", "1", "b"), sells[0]], [sells[1]], key=key)
    assert rows == ["long 0 at 2000.0000, fees 0.15", "short 1 at 2001.5000, fees 0.15"]


def test_an_inverse_order_goes_on_at_the_harmonic_average() -> None:
    key = PositionKey.of("BTC/USD:BTC", "bybit")
    opened = replace(OPEN, quantity=Decimal(10000), price=Decimal(50000))
    whole = replace(MORE, quantity=Decimal(20000), price=Decimal("33333.333333333333333333"), fee=None)
    rows, _ = booked([opened], [whole], key=key)
    assert rows == ["long 20000 at 33333.3333, fees 0"], "the other 10000 at 25000"


@pytest.mark.parametrize(
    "said",
    [
        replace(MORE, quantity=Decimal("0.5")),
        replace(MORE, price=Decimal(600)),
        replace(MORE, time=OPEN.time - timedelta(hours=1)),
    ],
)
def test_an_order_that_cannot_have_gone_on_so_is_refused(said: StatementFill) -> None:
    with pytest.raises(StatementRefused, match="line 5: "):
        booked([OPEN], [said])


def test_fees_in_another_currency_than_before_are_not_netted() -> None:
    paid = replace(OPEN, fee=Decimal("0.001"), fee_currency="BNB")
    with pytest.raises(StatementRefused, match="is in the ledger with 1 filled, and here with 3"):
        booked([paid], [MORE])
