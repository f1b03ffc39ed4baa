"""Profit by groups: which cycles are in a group, their results, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from domain.commands.requests import Close, Reduce
from domain.values import Side, Status
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.cycle_results import CycleResults, JudgedBy
from projections.metrics.pnl import Pnl, PnlBy, intent_prefix
from projections.metrics.statistics import MeasuredWindow
from projections.positions import PositionRow
from tests.spec import ENTERED, given, on, second

EVER = MeasuredWindow(second(-1_000_000), second(1_000_000))
CLOSED = (*ENTERED, on(Reduce, trade_id="x", last_qty="61.8", last_px="3"), on(Close, exit_reason="target"))
(ROW,) = given(*CLOSED).rows.values()


def row(number: int = 0, net: str | None = "1", **fields: Any) -> PositionRow:
    amount = None if net is None else Decimal(net)
    known = {"position_id": f"{number}", "net_pnl": amount, "realized_pnl": amount, "closed_at": second(number)}
    return replace(ROW, **{**known, **fields})


def facts(*rows: PositionRow, opened_by: str = "EntryRequested") -> list[CycleFacts]:
    return [CycleFacts(position=each, opened_by=opened_by) for each in rows]


def results(*nets: str | None) -> CycleResults:
    return CycleResults.of([row(number, net) for number, net in enumerate(nets)], JudgedBy.NET)


def test_what_was_won_and_lost_and_how_deep_the_curve_fell() -> None:
    found = results("10", "-4", "-3", "5", "-9", "0", None)
    assert (found.won, found.lost, found.even, found.unknown) == (2, 3, 1, 1)
    assert (found.win_rate, found.average_win, found.average_loss) == (
        Decimal("0.333333333333333333"),
        Decimal("7.5"),
        Decimal("-5.333333333333333333"),
    )
    assert (found.profit_factor, found.drawdown) == (Decimal("0.9375"), Decimal(11))


def test_what_there_is_nothing_to_divide_by_is_not_known() -> None:
    found = results("3", "2")
    assert (found.average_loss, found.profit_factor, found.drawdown) == (None, None, Decimal(0))
    nothing = results(None)
    assert (nothing.win_rate, nothing.average_win, nothing.unknown) == (None, None, 1)


def test_a_fall_below_the_beginning_is_a_drawdown() -> None:
    assert results("-2", "-3", "1").drawdown == 5


def test_the_curve_goes_by_the_end_of_a_cycle() -> None:
    late, early = row(9, "-5"), row(1, "7")
    assert CycleResults.of([late, early], JudgedBy.NET).drawdown == 5
    assert CycleResults.of([early, row(0, "-5")], JudgedBy.NET).drawdown == 5
    assert CycleResults.of([row(0, "7"), row(1, "-5"), row(2, "4"), row(3, "-5")], JudgedBy.NET).drawdown == 6


@over(st.lists(st.integers(-50, 50), max_size=30))
def test_a_drawdown_is_the_worst_of_all_falls(nets: list[int]) -> None:
    curve = [0, *accumulate(nets)]
    worst = max(curve[i] - curve[j] for i in range(len(curve)) for j in range(i, len(curve)))
    assert results(*map(str, nets)).drawdown == worst


def test_a_net_that_is_not_known_may_be_judged_by_what_was_earned_before_fees() -> None:
    in_bnb = row(0, "5", net_pnl=None)
    assert CycleResults.of([in_bnb], JudgedBy.NET).unknown == 1
    assert CycleResults.of([in_bnb], JudgedBy.GROSS).won == 1


@pytest.mark.parametrize(
    ("by", "fields", "group"),
    [
        (PnlBy.DAY, {"closed_at": datetime.fromisoformat("2025-10-22T23:59:59+00:00")}, "2025-10-22"),
        (PnlBy.WEEK, {"closed_at": datetime.fromisoformat("2026-01-01T00:00:00+00:00")}, "2026-W01"),
        (PnlBy.WEEK, {"closed_at": datetime.fromisoformat("2024-12-30T00:00:00+00:00")}, "2025-W01"),
        (PnlBy.MONTH, {"closed_at": datetime.fromisoformat("2025-10-31T23:59:59+00:00")}, "2025-10"),
        (PnlBy.MONTH, {"closed_at": datetime.fromisoformat("2025-11-01T00:00:00+00:00")}, "2025-11"),
        (PnlBy.YEAR, {"closed_at": datetime.fromisoformat("2025-12-31T23:59:59+00:00")}, "2025"),
        (PnlBy.YEAR, {"closed_at": datetime.fromisoformat("2026-01-01T00:00:00+00:00")}, "2026"),
        (PnlBy.SYMBOL, {}, "APTUSDT"),
        (PnlBy.EXCHANGE, {}, "binance"),
        (PnlBy.ACCOUNT, {}, None),
        (PnlBy.ACCOUNT, {"account": "sub1"}, "sub1"),
        (PnlBy.SIDE, {"side": Side.LONG}, "long"),
        (PnlBy.REASON, {"exit_reason": "gone\nlong since"}, "gone long since"),
        (PnlBy.REASON, {"exit_reason": None}, None),
        (PnlBy.REASON, {"exit_reason": "not stated"}, "not stated"),
        (PnlBy.INTENT, {"intent_id": "grid-17"}, "grid"),
    ],
)
def test_cycles_are_in_one_group(by: PnlBy, fields: dict[str, Any], group: str | None) -> None:
    window = MeasuredWindow(second(-100_000_000), second(100_000_000))
    (found,) = Pnl.of(facts(row(**fields)), window, (by,)).groups
    assert found.names == (group,)


def test_what_lacks_a_name_is_no_group_of_one_that_is_called_so() -> None:
    rows = row(0, "1"), row(1, "2", account="no account"), row(2, "4", account="sub1")
    found = Pnl.of(facts(*rows), EVER, (PnlBy.ACCOUNT,)).groups
    assert [(each.names, each.words, each.profit.net_pnl) for each in found] == [
        (("no account",), ("no account",), Decimal(2)),
        (("sub1",), ("sub1",), Decimal(4)),
        ((None,), ("no account",), Decimal(1)),
    ]


def test_cycles_of_one_group_are_alike_in_all_that_groups() -> None:
    rows = row(0, "1"), row(1, "2", side=Side.LONG), row(2, "4", symbol="SUIUSDT"), row(3, "8")
    found = Pnl.of(facts(*rows), EVER, (PnlBy.SYMBOL, PnlBy.SIDE)).groups
    assert [(each.names, each.profit.net_pnl) for each in found] == [
        (("APTUSDT", "long"), Decimal(2)),
        (("APTUSDT", "short"), Decimal(9)),
        (("SUIUSDT", "short"), Decimal(4)),
    ]


@pytest.mark.parametrize(
    ("intent", "prefix"),
    [
        ("grid-17", "grid"),
        ("s2:mean:7", "s2"),
        ("s2/9", "s2"),
        ("mean_reversion_9", "mean_reversion"),
        ("5483266", "no prefix"),
        ("breakout", "breakout"),
        (None, None),
    ],
)
def test_intents_of_one_strategy_begin_alike(intent: str | None, prefix: str | None) -> None:
    assert intent_prefix(intent) == prefix


def test_amounts_of_two_currencies_are_never_added() -> None:
    found = Pnl.of(facts(row(0, "1"), row(1, "2", settle_currency="BTC")), EVER, (PnlBy.SYMBOL,))
    assert [(each.names, each.profit.currency, each.profit.net_pnl) for each in found.groups] == [
        (("APTUSDT",), "BTC", Decimal(2)),
        (("APTUSDT",), "USDT", Decimal(1)),
    ]
    assert [each.currency for each in found.total] == ["BTC", "USDT"]


def test_what_is_not_known_is_counted_and_in_no_sum() -> None:
    found = Pnl.of(facts(row(0, "1"), row(1, None)), EVER, (PnlBy.SIDE,))
    ((total,), (group,)) = found.total, found.groups
    assert total == group.profit
    assert total.net_pnl is None
    assert (total.net_known, total.net_unknown, total.unknown) == (Decimal(1), 1, 1)


def test_a_clock_that_ran_back_makes_no_cycle_shorter_than_nothing() -> None:
    (total,) = Pnl.of(facts(row(-9)), EVER, (PnlBy.SIDE,)).total
    assert total.held.p50 == timedelta()


def test_what_is_open_or_was_over_outside_or_moved_nothing_is_left_out() -> None:
    nothing = row(filled_qty=Decimal(0), cash={})
    rows = row(status=Status.ACTIVE), row(closed_at=EVER.until), nothing
    assert Pnl.of(facts(*rows), EVER, (PnlBy.DAY,)).total == ()


def test_cycles_of_the_old_table_are_counted_and_taken_in_when_asked_for() -> None:
    known = [*facts(row(0, "1")), *facts(row(1, "2"), opened_by="PositionImported")]
    left_out, taken_in = (Pnl.of(known, EVER, (PnlBy.SIDE,), with_imported=asked) for asked in (False, True))
    assert [(each.imported, each.total[0].net_pnl) for each in (left_out, taken_in)] == [
        (1, Decimal(1)),
        (1, Decimal(3)),
    ]
