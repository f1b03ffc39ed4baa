"""Positions that the exchange does not show: when their absence is a reason to close them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.commands.requests import Close, LoseStopLoss, StartRollback
from domain.values import Leg
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.confirmations import CONFIRMING_AGE_MAX
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from tests.projections.reconciliation.apt import APT, BESIDE, GONE, OTHER, THERE, adopted, planned
from tests.projections.seen import compared, held, rows_of, seen, told
from tests.spec import ENTERED, FILLED, PLACED, on, request, second


def closes(*snapshots: AccountSnapshot, **rules: Any) -> list[str]:
    found = compared(GONE, *snapshots, **rules)
    return [words for words in planned(found) if words.startswith("close")]


def test_a_phantom_is_closed_when_two_snapshots_agree() -> None:
    found = compared(GONE, seen(OTHER))
    assert ("phantoms", APT) in told(found)
    assert found.of(DiscrepancyKind.PHANTOM)[0].confirmations == 1
    assert closes(seen(OTHER)) == []
    assert closes(seen(OTHER, at=500), seen(OTHER)) == ["close APTUSDT.binance#1 without a price"]
    assert closes(seen(OTHER), seen(OTHER, at=500)) == ["close APTUSDT.binance#1 without a price"]
    assert closes(seen(OTHER), confirmations=1) != []
    assert closes(seen(OTHER, at=500), seen(OTHER), confirmations=3) == []


@pytest.mark.parametrize(
    "other",
    [
        seen(OTHER),
        seen(OTHER, at=595),
        seen(OTHER, at=500, doubts=("it is partial",)),
        seen(at=500),
        seen(OTHER, THERE, at=500),
        seen(OTHER, at=30),
        seen(OTHER, at=3.5),
        seen(OTHER, at=500, positions=None),
    ],
    ids=["the same", "too close", "partial", "empty", "holds it", "too young", "before its last news", "unavailable"],
)
def test_what_does_not_confirm(other: AccountSnapshot) -> None:
    assert closes(other, seen(OTHER)) == []


def test_what_was_filled_is_gone_whatever_orders_rest() -> None:
    filled = rows_of(request(), PLACED, FILLED, BESIDE)
    found = compared(filled, *(seen(OTHER, orders=None, at=at) for at in (500, 600)))
    assert planned(found) == ["close APTUSDT.binance#1 without a price"]


def test_a_snapshot_of_no_known_time_confirms_nothing_and_is_no_obstacle() -> None:
    assert closes(seen(OTHER, at=None), seen(OTHER, at=500), seen(OTHER)) != []
    assert closes(seen(OTHER, at=None), seen(OTHER)) == []
    assert compared(rows_of(*ENTERED), seen(THERE, at=None)).stops_missing == 0


@pytest.mark.parametrize(
    "in_between",
    [
        seen(OTHER, THERE, at=550),
        seen(THERE, at=550),
        seen(OTHER, held("APTUSDT", "short", "1"), at=550),
        seen(OTHER, THERE, at=550, doubts=("it is partial",)),
        seen(OTHER, held("APTUSDT", "short", "61.8", leg=Leg.SHORT), at=550),
    ],
    ids=["shown", "alone", "a part of it", "by an unreliable one", "on its leg"],
)
def test_one_sighting_in_between_makes_the_count_of_absences_begin_anew(in_between: AccountSnapshot) -> None:
    assert closes(seen(OTHER, at=500), in_between, seen(OTHER)) == []
    assert closes(in_between, seen(OTHER, at=500), seen(OTHER)) == []
    assert closes(in_between, seen(OTHER, at=570), seen(OTHER)) != []


def test_an_absence_of_long_ago_confirms_nothing_unless_it_is_allowed_to() -> None:
    week = 7 * 86_400
    assert closes(seen(OTHER, at=500), seen(OTHER, at=week)) == []
    assert closes(seen(OTHER, at=500), seen(OTHER, at=500 + CONFIRMING_AGE_MAX.total_seconds())) != []
    assert closes(seen(OTHER, at=500), seen(OTHER, at=501 + CONFIRMING_AGE_MAX.total_seconds())) == []
    assert closes(seen(OTHER, at=500), seen(OTHER, at=week), age_max=timedelta(days=8)) != []


def test_a_snapshot_of_somebody_else_is_not_believed() -> None:
    """Another account, another product: hardly anything of what is held is in it, and that was no list of ours."""
    names = ["AUSDT", "BUSDT", "CUSDT", "DUSDT"]
    rows = rows_of(*(adopted(name) for name in names))
    there = [held(name, "long", "60", "1.75") for name in names]
    for shown, is_believed in ((0, False), (1, False), (2, True), (4, True)):
        found = compared(rows, seen(*there[:shown], OTHER, at=700), seen(*there[:shown], OTHER, at=800))
        assert found.is_reliable == is_believed
        assert bool(corrections(found)) == is_believed
        assert is_believed or (f"it shows {shown or 'none'} of the 4" in found.doubts[0])
        assert is_believed or len(found.of(DiscrepancyKind.UNJUDGED)) == 4 - shown
        assert compared(rows, seen(*there[:shown], OTHER, at=800), trust_empty=True).is_reliable


def test_a_snapshot_of_somebody_else_does_not_close_the_only_position() -> None:
    rows = rows_of(*ENTERED)
    foreign = (seen(OTHER, at=500), seen(OTHER))
    found = compared(rows, *foreign)
    assert (found.is_reliable, planned(found)) == (False, [])
    assert "it shows none of the 1 positions that the ledger holds" in found.doubts[0]
    trusted = planned(compared(rows, *foreign, trust_empty=True))
    assert "close APTUSDT.binance#1 without a price" in trusted
    turned = held("APTUSDT", "long", "61.8", "3.2333")
    assert compared(rows, seen(turned)).is_reliable, "of a symbol that the ledger holds"
    entering = request(symbol="BTCUSDT")
    assert compared(rows_of(*ENTERED, entering), *foreign).is_reliable, "of one that is being entered"
    assert compared(rows_of(entering), seen(THERE)).is_reliable, "nothing is held that could be missed"


def test_an_account_that_the_ledger_never_heard_of_is_doubted_while_it_knows_others() -> None:
    rows = rows_of(adopted(account="sub1"))
    unknown = seen(OTHER, account="sub2")
    found = compared(rows, unknown)
    assert (found.is_reliable, planned(found)) == (False, [])
    assert "it is of account sub2, of which the ledger knows nothing there, only of sub1" in found.doubts[0]
    assert "of the account without a name" in compared(rows, seen(OTHER, is_account_said=True)).doubts[0]
    assert compared(rows, unknown, trust_empty=True).is_reliable
    assert compared(rows, seen(account="sub1"), trust_empty=True).is_reliable
    assert compared([], unknown).is_reliable, "a ledger that knows nobody there"


def test_a_snapshot_of_a_test_network_is_not_believed() -> None:
    """The same symbols and sides, and everything else is different."""
    rows = rows_of(adopted("AUSDT"), adopted("BUSDT"))
    foreign = seen(held("AUSDT", "long", "5", "1.8"), held("BUSDT", "long", "7", "1.6"), at=700)
    assert (compared(rows, foreign).is_reliable, planned(compared(rows, foreign))) == (False, [])
    grown = seen(held("AUSDT", "long", "70", "1.75"), held("BUSDT", "long", "60", "1.7"), at=700)
    assert compared(rows, grown).is_reliable, "a fill or a correction that nobody told changes one of the two"
    unpriced = seen(held("AUSDT", "long", "5"), held("BUSDT", "long", "7"), at=700)
    assert compared(rows, unpriced).is_reliable


def test_what_may_have_changed_since_is_not_missed_in_a_snapshot() -> None:
    rows = rows_of(
        adopted("AUSDT"), adopted("BUSDT"), adopted("CUSDT", at=second(650)), adopted("DUSDT", at=second(650))
    )
    assert compared(rows, seen(held("AUSDT", "long", "60", "1.75"), at=600)).is_reliable


def test_a_clock_ahead_of_ours_records_nothing_as_yet_to_come() -> None:
    ahead = seen(OTHER, at=630)
    (adopt,) = corrections(compared([], ahead, now=600))
    assert (adopt.command.at, adopt.command.metadata["snapshot"]["found"]) == (second(600), "orphans")  # type: ignore[index,call-overload] # JSON
    (close,) = [
        each for each in corrections(compared(GONE, ahead, now=600, confirmations=1)) if each.command.verb == "close"
    ]
    assert close.command.at == second(600)
    fresh = rows_of(*ENTERED, on(LoseStopLoss, reason="cleaner", at=second(605)), BESIDE)
    assert ("unjudged", APT) in told(compared(fresh, ahead, now=600)), "it cannot have seen what came after now"
    assert closes(seen(OTHER, at=620), ahead, now=600) == [], "both were taken by now, and no time apart"


def test_a_phantom_was_closed_at_a_price_that_nobody_knows() -> None:
    (close,) = [
        each.command
        for each in corrections(compared(GONE, seen(OTHER), confirmations=1))
        if each.command.verb == "close"
    ]
    assert isinstance(close, Close)
    assert (close.avg_px_close, close.at) == (None, second(600))


def test_what_holds_nothing_is_not_closed() -> None:
    found = compared(rows_of(request(), BESIDE), seen(OTHER, at=500), seen(OTHER))
    assert ("phantoms", APT) in told(found)
    assert not [words for words in planned(found) if "APT" in words]


def test_a_rollback_that_is_under_way_is_not_closed() -> None:
    rows = rows_of(*ENTERED, on(StartRollback, reason="no stop"), BESIDE)
    found = compared(rows, seen(OTHER, at=500), seen(OTHER))
    assert ("phantoms", APT) in told(found)
    assert not [words for words in planned(found) if "APT" in words]
