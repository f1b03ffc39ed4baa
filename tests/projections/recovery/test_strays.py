"""Strays, which are held in cycles that are over: what closes them follows from what the exchange shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.commands.order_requests import RecordCash
from domain.commands.requests import Adopt, Close, RecordEntryFill, SetStopLoss
from domain.values import Leg
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.apply_corrections import apply
from infrastructure.operations.recovery_proposals import recoveries
from projections.account_snapshot import AccountSnapshot, PositionReport
from projections.reconciliation.compare import reconcile
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from projections.reconciliation.result import ReconciliationRules
from projections.recovery.proposals import Action, Proposal
from tests.projections.recovery.proposed import verbs
from tests.projections.seen import LATER, held, seen, stop
from tests.spec import CYCLE, ENTERED, on, second

NEXT = "APTUSDT.binance#2"


@pytest.fixture
def ledger() -> Iterator[PositionLedger]:
    """It holds short 4 in a cycle that is over, beside short 10 under a stop in the one that is open."""
    again = Adopt.of(
        symbol="APTUSDT", exchange="binance", side="short", quantity="10", avg_px_open="3.2333", reason="seen"
    )
    sent = (*ENTERED, on(Close, exit_reason="target"), again, on(SetStopLoss, NEXT, stop_price="3.298"))
    late = on(RecordEntryFill, trade_id="t9", last_qty="4", last_px="3.2333", exchange_order_id="9", at=second(50))
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        for command in (*(each.model_copy(update={"at": second(1)}) for each in sent), late):
            ledger.handle(command)
        yield ledger


def shown(*quantities: str, at: float, leg: Leg = Leg.BOTH) -> AccountSnapshot:
    there: list[PositionReport] = [
        held("APTUSDT", "short", each, "3.2333", stop_price="3.298", leg=leg) for each in quantities
    ]
    return seen(held("XMRUSDT", "short", "7"), *there, orders=[stop("XMRUSDT", "buy", "x", "9")], at=at)


def of_stray(ledger: PositionLedger, *snapshots: AccountSnapshot) -> Proposal:
    now = second(LATER + 61)
    proposed = recoveries(ledger, snapshots, now=now, rules=ReconciliationRules(trust_empty=True))
    (found,) = (each for each in proposed if each.cycle.row.position_id == CYCLE)
    return found


def test_a_stray_that_the_exchange_holds_is_closed_by_an_order_that_is_claimed_first(ledger: PositionLedger) -> None:
    found = of_stray(ledger, shown("14", at=LATER))
    assert (found.action, found.commands, str(found.due)) == (
        Action.CLOSE,
        (),
        "market order to buy 4 APTUSDT, reduce-only",
    )
    assert f"request_exit {CYCLE}, send the order that it names" in found.message


def test_a_stray_is_due_since_its_fill_whatever_is_recorded_of_it_later(ledger: PositionLedger) -> None:
    ledger.handle(on(RecordCash, kind="funding", amount="1", cash_id="f", at=second(90)))
    cycle = of_stray(ledger).cycle
    assert (cycle.row.updated_at, cycle.since, cycle.due_at) == (second(90), second(50), second(50))


def test_no_stop_of_before_covers_a_stray(ledger: PositionLedger) -> None:
    assert ledger.position(CYCLE).orders.live("stop")
    (bare,) = ledger.pending_orders()
    assert (bare.position_id, bare.role, str(bare.quantity), bare.is_missing) == (CYCLE, "stop", "4", True)


@pytest.mark.parametrize(
    ("left", "leg"),
    [((), Leg.BOTH), (("10",), Leg.BOTH), (("10",), Leg.SHORT)],
    ids=["nothing is held", "the open cycle is held", "it is held on its leg"],
)
def test_a_stray_that_is_gone_is_closed_once_it_is_confirmed(
    ledger: PositionLedger, left: tuple[str, ...], leg: Leg
) -> None:
    once = of_stray(ledger, shown(*left, at=LATER, leg=leg))
    assert (once.action, once.commands, once.waits_for_another_snapshot) == (Action.WAIT, (), True)
    assert once.missing == ("1 more, apart in time",)
    again = shown(*left, at=LATER + 60, leg=leg)
    there = of_stray(ledger, shown(*left, at=LATER, leg=leg), shown("14", at=LATER + 30, leg=leg), again)
    assert there.waits_for_another_snapshot, "one that shows it makes the count begin anew"
    twice = of_stray(ledger, shown(*left, at=LATER, leg=leg), again)
    assert (twice.action, verbs(twice), twice.due) == (Action.CLOSE, ["close"], None)
    assert all(each.is_done for each in apply(ledger, twice.commands))
    assert [(row.position_id, row.stray) for row in ledger.positions(open=True)] == [(NEXT, False)]


@pytest.mark.parametrize("at", [LATER, 30], ids=["not reliable", "of before the fill"])
def test_a_snapshot_that_proves_nothing_is_no_reason_to_close_a_stray(ledger: PositionLedger, at: float) -> None:
    doubts = () if at < LATER else ("it is partial",)
    for quantity in ("14", "10"):
        looks = [replace(shown(quantity, at=at - ago), doubts=doubts) for ago in (20, 0)]
        rows = ledger.positions()
        found = reconcile(rows, looks, now=second(LATER + 61), strays=[row for row in rows if row.stray])
        (stray,) = found.of(DiscrepancyKind.STRAY)
        assert (
            stray.message
            == "STRAY: short 4 was filled after APTUSDT.binance#1 was over; by this snapshot it cannot be judged"
        )
        assert (stray.position, stray.confirmations, corrections(found)) == (None, 0, [])


def test_a_stray_beside_another_quantity_is_left_as_it_is(ledger: PositionLedger) -> None:
    found = of_stray(ledger, *(shown("12", at=at) for at in (LATER, LATER + 60)))
    assert (found.action, found.commands, found.due, found.waits_for_another_snapshot) == (Action.WAIT, (), None, False)
    assert "with it the ledger holds short 14 there, and the exchange short 12" in found.message
    turned = held("APTUSDT", "long", "4", "3")
    found = of_stray(ledger, *(replace(shown(at=at), positions=(turned,)) for at in (LATER, LATER + 60)))
    assert (found.action, found.commands) == (Action.WAIT, ())
    assert "with it the ledger holds short 14 there, and the exchange long 4" in found.message
