"""How far a snapshot is believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.commands.requests import FailEntry, LoseStopLoss
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from tests.projections.reconciliation.apt import APT, AS_IN_LEDGER, GONE, ITS_STOP, OTHER, THERE, adopted, planned
from tests.projections.seen import compared, held, rows_of, seen, stop, told
from tests.spec import ENTERED, on, request, second


def test_no_positions_at_all_is_not_believed_while_some_are_open() -> None:
    """I-29: the exchange answered "none" 23 times while 13 to 19 were open."""
    found = compared(rows_of(*ENTERED), seen())
    assert not found.is_reliable
    assert told(found) == [("unjudged", APT)]
    assert compared(GONE, seen(), trust_empty=True).is_reliable
    assert compared([], seen()).is_reliable
    assert compared(rows_of(request(), on(FailEntry, outcome="rejected", reason="no")), seen()).is_reliable


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (seen(OTHER, doubts=("it is partial",)), "partial"),
        (seen(positions=None), "not asked"),
        (seen(OTHER, exchange=None), "of which exchange"),
        (seen(OTHER, at=None), "when it was taken"),
        (seen(OTHER, at=3600), "yet to come"),
        (seen(OTHER, at=2), "stale"),
    ],
)
def test_an_unreliable_snapshot_says_why_and_corrects_nothing(snapshot: AccountSnapshot, words: str) -> None:
    found = compared(rows_of(*ENTERED), snapshot, now=601)
    assert not found.is_reliable
    assert words in " ".join(found.doubts)
    assert corrections(found) == []
    assert not found.of(DiscrepancyKind.PHANTOM, DiscrepancyKind.LOST_STOP, DiscrepancyKind.ZOMBIE)


def test_a_snapshot_older_than_allowed_is_stale() -> None:
    assert compared(GONE, seen(OTHER), now=700, age_max=timedelta(seconds=60)).is_reliable is False
    assert compared(GONE, seen(OTHER), now=650, age_max=timedelta(seconds=60)).is_reliable is True


def test_an_old_snapshot_may_be_compared_but_corrects_nothing_unless_it_is_said() -> None:
    a_day = 86_400
    found = compared(GONE, seen(OTHER), now=a_day, confirmations=1)
    assert found.is_reliable
    assert ("phantoms", APT) in told(found)
    assert corrections(found) == []
    assert "--max-age" in (found.hindrance or "")
    assert planned(compared(GONE, seen(OTHER), now=a_day, confirmations=1, age_max=timedelta(days=2))) != []


def test_a_key_that_the_ledger_has_news_of_since_is_not_judged() -> None:
    rows = rows_of(adopted(), *ENTERED, on(LoseStopLoss, reason="cleaner", at=second(620)))
    found = compared(rows, seen(held("HNTUSDT", "long", "60", "1.75")))
    assert ("unjudged", APT) in told(found)
    assert ("matched", "HNTUSDT.binance#1") in told(found)
    assert found.is_reliable


@pytest.mark.parametrize(("side", "quantity"), [("short", "61"), ("long", "61.8")], ids=["quantity", "side"])
def test_what_differs_from_later_news_is_told_with_them_and_not_corrected(side: str, quantity: str) -> None:
    rows = rows_of(adopted(), *ENTERED, on(LoseStopLoss, reason="cleaner", at=second(620)))
    differs = held("APTUSDT", side, quantity, "3.2333")
    beside = held("HNTUSDT", "long", "60", "1.75")
    found = compared(rows, *(seen(beside, differs, at=at) for at in (500, 600)))
    (unjudged,) = found.of(DiscrepancyKind.UNJUDGED)
    assert quantity in unjudged.message
    assert unjudged.message.endswith("the ledger has news of 2025-10-22 19:01:00 UTC, which the snapshot cannot show")
    assert planned(found) == []


def test_a_snapshot_of_no_named_account_is_not_laid_beside_another_one() -> None:
    rows = rows_of(adopted(account="sub1"))
    found = compared(rows, seen(held("HNTUSDT", "long", "60", "1.75")))
    assert "sub1" in " ".join(found.doubts)
    assert corrections(found) == []
    both = [*rows, *rows_of(*ENTERED)]
    assert "sub1 beside the one without a name" in " ".join(compared(both, AS_IN_LEDGER).doubts)
    assert compared(both, replace(AS_IN_LEDGER, is_account_said=True)).is_reliable


def test_another_account_and_another_exchange_are_left_alone() -> None:
    rows = rows_of(*ENTERED, adopted(account="sub1"), adopted(symbol="B3USDT").model_copy(update={"exchange": "bybit"}))
    assert told(compared(rows, AS_IN_LEDGER)) == [("matched", APT)]


def test_only_one_symbol_is_compared_when_it_is_asked_for() -> None:
    rows = rows_of(*ENTERED, adopted())
    assert told(compared(rows, seen(THERE, OTHER, orders=[ITS_STOP]), symbol="APTUSDT")) == [("matched", APT)]


def test_the_order_in_a_snapshot_does_not_matter() -> None:
    rows, orders = (
        rows_of(*ENTERED, adopted()),
        [ITS_STOP, stop("SXPUSDT", "buy", "7719001"), stop("ABCUSDT", "buy", "1")],
    )
    forward, backward = seen(THERE, OTHER, orders=orders), seen(OTHER, THERE, orders=orders[::-1])
    assert told(compared(rows, forward)) == told(compared(rows[::-1], backward))
