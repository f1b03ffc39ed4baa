"""What is to be cleaned up in a legacy table, what is left alone, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.identifiers import PositionKey
from domain.values import Side, Status
from infrastructure.legacy.cleanup.evidence import CleanupEvidence
from infrastructure.legacy.cleanup.plan import Mode, Plan, clean
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.raw import RawRow
from infrastructure.legacy.source.table import understood
from projections.account_snapshot import AccountSnapshot, PositionReport

NOW = datetime(2025, 10, 23, tzinfo=UTC)
COLUMNS = ("id", "symbol", "exchange", "side", "quantity", "status", "opened_at", "exchange_order_id")
HOUR = timedelta(hours=1)


def row(
    name: int,
    symbol: str = "APTUSDT",
    *,
    exchange: str = "binance",
    side: str = "short",
    quantity: str = "61.8",
    status: str = "active",
    hours: float = 5,
    order: str | None = None,
) -> LegacyRow:
    opened_at = (NOW - timedelta(hours=hours) + timedelta(seconds=name)).isoformat(sep=" ")
    raw = RawRow(name, COLUMNS, (str(name), symbol, exchange, side, quantity, status, opened_at, order))
    (read,) = understood([raw]).rows
    return read


def held(symbol: str, side: str, quantity: str, exchange: str = "binance") -> PositionReport:
    return PositionReport(key=PositionKey(symbol, exchange), side=Side(side), quantity=Decimal(quantity))


def seen(*positions: PositionReport, exchange: str = "binance", **fields: Any) -> AccountSnapshot:
    return AccountSnapshot(**{"exchange": exchange, "positions": positions, "taken_at": NOW, **fields})


def cleaned(
    mode: Mode, *rows: LegacyRow, snapshots: tuple[AccountSnapshot, ...] = (), age: timedelta = HOUR, **fields: Any
) -> Plan:
    return clean(rows, mode, age, CleanupEvidence(snapshots, NOW, timedelta(minutes=15), **fields))


def changed(plan: Plan) -> dict[str, tuple[Status, str]]:
    return {change.row.name: (change.status, change.why) for change in plan.changes}


def left(plan: Plan) -> dict[tuple[str, ...], str]:
    return {each.ids: each.why for each in plan.left}


OTHER = held("PERPUSDT", "long", "1")
"""Something, for an exchange that shows nothing at all is not believed."""


# -- duplicates -------------------------------------------------------------------------------------------------


def test_of_two_open_rows_the_one_with_the_order_is_kept_whatever_the_spelling() -> None:
    mine, ghost = row(2548, order="53190368"), row(2549, "APT/USDT:USDT", exchange="Binance", side="sell")
    plan = cleaned(Mode.DUPLICATES, mine, ghost)
    assert changed(plan) == {"2549": (Status.CLOSED, "duplicate of row 2548, for it names order 53190368")}
    assert plan.changes[0].beside == (mine,)
    assert plan.left == []


def test_the_row_with_the_order_is_kept_even_if_it_came_later() -> None:
    assert list(changed(cleaned(Mode.DUPLICATES, row(1), row(2, order="7")))) == ["1"]


def test_without_an_order_the_first_one_is_kept() -> None:
    plan = cleaned(Mode.DUPLICATES, row(3), row(1), row(2))
    assert {name: why for name, (_, why) in changed(plan).items()} == dict.fromkeys(
        ("2", "3"), "duplicate of row 1, for it was opened first"
    )


def test_one_order_that_two_rows_name_is_one_order() -> None:
    plan = cleaned(Mode.DUPLICATES, row(1, order="7"), row(2, order="7"), row(3))
    assert {name: why for name, (_, why) in changed(plan).items()} == dict.fromkeys(
        ("2", "3"), "duplicate of row 1, for it names order 7, and it was opened first"
    )


def test_of_two_orders_without_a_snapshot_none_is_closed() -> None:
    plan = cleaned(Mode.DUPLICATES, row(1, order="7"), row(2, order="8"))
    assert plan.changes == []
    assert left(plan) == {
        ("1", "2"): "they name several orders, 7 (row 1), 8 (row 2), and no snapshot shows which of them are held"
    }


def test_of_two_orders_the_one_that_is_as_large_as_what_is_held_is_kept() -> None:
    plan = cleaned(
        Mode.DUPLICATES,
        row(1, order="7"),
        row(2, quantity="61", order="8"),
        snapshots=(seen(held("APTUSDT", "short", "61")),),
    )
    assert list(changed(plan)) == ["1"]
    assert changed(plan)["1"][1].startswith("duplicate of row 2, for the exchange holds short 61")


@pytest.mark.parametrize(("quantity", "words"), [("123.6", "all of them together"), ("5", "none of them")])
def test_two_orders_that_are_both_held_hide_nothing(quantity: str, words: str) -> None:
    plan = cleaned(
        Mode.DUPLICATES, row(1, order="7"), row(2, order="8"), snapshots=(seen(held("APTUSDT", "short", quantity)),)
    )
    assert plan.changes == []
    assert left(plan)["1", "2"].endswith(f"the exchange holds short {quantity}: {words}")


def test_the_side_that_the_exchange_holds_is_kept_before_any_order() -> None:
    plan = cleaned(
        Mode.DUPLICATES, row(1, side="long", order="7"), row(2), snapshots=(seen(held("APTUSDT", "short", "61")),)
    )
    assert changed(plan) == {"1": (Status.CLOSED, "duplicate of row 2, for the exchange holds short 61")}


def test_on_both_sides_only_a_snapshot_can_tell() -> None:
    plan = cleaned(Mode.DUPLICATES, row(1, side="long"), row(2))
    assert plan.changes == []
    assert left(plan) == {("1", "2"): "they are on both sides, and no snapshot shows which of them is held"}


def test_a_hedge_holds_both_sides_and_has_no_duplicates() -> None:
    hedge = (held("APTUSDT", "short", "61.8"), held("APTUSDT", "long", "61.8"))
    plan = cleaned(Mode.DUPLICATES, row(1, side="long"), row(2), row(3), snapshots=(seen(*hedge),))
    assert list(changed(plan)) == ["3"]


def test_a_snapshot_that_is_too_old_says_nothing_about_duplicates() -> None:
    old = seen(held("APTUSDT", "long", "1"), taken_at=NOW - HOUR)
    assert list(changed(cleaned(Mode.DUPLICATES, row(1, order="7"), row(2), snapshots=(old,)))) == ["2"]


@pytest.mark.parametrize(
    "rows",
    [
        [row(1), row(2, exchange="bybit")],
        [row(1), row(2, "KASUSDT")],
        [row(1, status="closed"), row(2)],
        [row(1, status="rolled_back"), row(2)],
    ],
)
def test_rows_of_two_keys_or_that_are_over_are_no_duplicates(rows: list[LegacyRow]) -> None:
    plan = cleaned(Mode.DUPLICATES, *rows)
    assert (plan.changes, plan.left) == ([], [])


# -- incomplete -------------------------------------------------------------------------------------------------


def test_an_entry_without_an_order_is_failed_when_it_is_old() -> None:
    plan = cleaned(
        Mode.INCOMPLETE, row(1, status="pending_entry"), row(2, "KASUSDT", status="pending_entry", hours=0.5)
    )
    assert changed(plan) == {"1": (Status.FAILED, "pending_entry for 4 h 59 min, no order was ever noted")}
    assert plan.left == []


@pytest.mark.parametrize(
    "placed", [row(1, status="entry_placed"), row(1, status="pending_entry", order="7"), row(1, status="pending_sl")]
)
def test_what_may_be_at_the_exchange_is_left_alone_without_a_snapshot(placed: LegacyRow) -> None:
    plan = cleaned(Mode.INCOMPLETE, placed)
    assert plan.changes == []
    assert left(plan)["1",].endswith("there is no --snapshot of binance")


@pytest.mark.parametrize(
    ("status", "becomes"),
    [("pending_entry", Status.FAILED), ("entry_placed", Status.FAILED), ("pending_sl", Status.CLOSED)],
)
def test_what_is_not_at_the_exchange_is_over(status: str, becomes: Status) -> None:
    plan = cleaned(Mode.INCOMPLETE, row(1, status=status, order="7"), snapshots=(seen(OTHER),))
    assert changed(plan) == {"1": (becomes, f"{status} for 4 h 59 min, not at the exchange")}


def test_what_is_at_the_exchange_is_real() -> None:
    there = seen(held("APTUSDT", "short", "61"))
    plan = cleaned(Mode.INCOMPLETE, row(1, status="entry_placed"), snapshots=(there,))
    assert plan.changes == []
    assert "the exchange holds short 61: it is real" in left(plan)["1",]


def test_an_active_row_is_not_incomplete() -> None:
    plan = cleaned(Mode.INCOMPLETE, row(1), snapshots=(seen(OTHER),))
    assert (plan.changes, plan.left) == ([], [])


# -- orphaned ---------------------------------------------------------------------------------------------------


def test_what_the_exchange_does_not_hold_is_closed() -> None:
    plan = cleaned(Mode.ORPHANED_DB, row(1), row(2, "PERPUSDT", side="buy"), snapshots=(seen(OTHER),))
    assert changed(plan) == {"1": (Status.CLOSED, "not at the exchange, which holds nothing")}
    assert plan.left == []


def test_the_other_side_at_the_exchange_is_not_this_row() -> None:
    other = seen(held("APTUSDT", "long", "5"))
    plan = cleaned(Mode.ORPHANED_DB, row(1), snapshots=(other,))
    assert changed(plan) == {"1": (Status.CLOSED, "not at the exchange, which holds long 5")}


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (seen(), "it shows no positions at all while 1 rows are open"),
        (seen(OTHER, positions=None), "it has no list of positions"),
        (seen(OTHER, row_doubts=("it has no side",), unread_positions=("APTUSDT",)), "it has no side"),
        (seen(OTHER, doubts=("it is partial",)), "the snapshot of binance: it is partial"),
        (seen(OTHER, taken_at=None), "it does not say when it was taken"),
        (seen(OTHER, taken_at=NOW - HOUR), "too long ago"),
        (seen(OTHER, taken_at=NOW + HOUR), "which is yet to come"),
        (seen(OTHER, exchange="bybit"), "there is no --snapshot of binance"),
    ],
)
def test_nothing_is_concluded_from_a_snapshot_that_may_be_wrong(snapshot: AccountSnapshot, words: str) -> None:
    plan = cleaned(Mode.ORPHANED_DB, row(1), snapshots=(snapshot,))
    assert plan.changes == []
    assert words in left(plan)["1",]


def test_an_empty_snapshot_is_believed_when_that_is_asked_for() -> None:
    assert list(changed(cleaned(Mode.ORPHANED_DB, row(1), snapshots=(seen(),), trust_empty=True))) == ["1"]


def test_a_snapshot_that_shows_hardly_any_active_row_may_be_of_another_account() -> None:
    rows = [row(1, "AUSDT"), row(2, "BUSDT"), row(3, "CUSDT"), row(4, "DUSDT", status="pending_entry")]
    there = [held(name, "short", "61.8") for name in ("AUSDT", "BUSDT")]
    foreign = cleaned(Mode.ORPHANED_DB, *rows, snapshots=(seen(OTHER, there[0]),))
    assert (changed(foreign), "shows 1 of the 3 positions" in left(foreign)[("2",)]) == ({}, True)
    assert list(changed(cleaned(Mode.ORPHANED_DB, *rows, snapshots=(seen(OTHER, *there),)))) == ["3"]
    assert list(changed(cleaned(Mode.ORPHANED_DB, *rows, snapshots=(seen(OTHER),), trust_empty=True))) == [
        "1",
        "2",
        "3",
    ]


def test_a_clock_ahead_of_ours_makes_no_row_older() -> None:
    young = row(1, hours=0.01)
    ahead = seen(OTHER, taken_at=NOW + timedelta(seconds=59))
    assert changed(cleaned(Mode.ORPHANED_DB, young, snapshots=(ahead,))) == {}


def test_a_row_younger_than_the_snapshot_is_not_judged_by_it() -> None:
    plan = cleaned(Mode.ORPHANED_DB, row(1, hours=0), snapshots=(seen(OTHER),))
    assert plan.changes == []
    assert "too early to show what was opened at" in left(plan)["1",]


def test_what_no_row_explains_is_told_and_no_row_is_made_up() -> None:
    there = seen(held("APTUSDT", "short", "61.8"), held("KASUSDT", "long", "5"), held("BIDUSDT", "long", "6"))
    rows = row(1), row(2, "KASUSDT", side="short"), row(3, "BIDUSDT", side="long", status="closed")
    plan = cleaned(Mode.ORPHANED_EX, *rows, snapshots=(there,))
    assert plan.changes == []
    assert [each.stream for each in plan.left] == ["KASUSDT.binance", "BIDUSDT.binance"]
    assert "the exchange holds long 5, and no open row" in plan.left[0].why


# -- all --------------------------------------------------------------------------------------------------------


def test_all_changes_a_row_once_and_forgets_what_another_mode_saw_to() -> None:
    rows = row(1, order="7"), row(2, order="8"), row(3, "KASUSDT", status="entry_placed"), row(4, "KASUSDT")
    plan = cleaned(Mode.ALL, *rows, snapshots=(seen(OTHER),), trust_empty=True)
    assert [(change.mode, change.row.name) for change in plan.changes] == [
        (Mode.DUPLICATES, "4"),
        (Mode.INCOMPLETE, "3"),
        (Mode.ORPHANED_DB, "1"),
        (Mode.ORPHANED_DB, "2"),
    ]
    assert [each.stream for each in plan.left] == ["PERPUSDT.binance"]
