"""The ledger accepts everything that reconcile and recover propose, for every history and every snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.order_requests import DefineInstrument
from domain.errors import CommandRefused
from domain.values import Side
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.account_comparison import comparisons
from infrastructure.operations.apply_corrections import apply
from infrastructure.operations.health import Question, examine
from infrastructure.operations.recovery_proposals import recoveries
from projections.account_snapshot import AccountSnapshot, OrderKind, OrderReport, PositionReport
from projections.health.checks import Check
from projections.reconciliation.command_text import in_words
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from projections.reconciliation.result import Reconciliation, ReconciliationRules
from tests.projections.seen import LATER, seen
from tests.spec import second
from tests.strategies import KEY, conversations

NOW = second(LATER + 61)
_QUANTITIES = st.sampled_from([Decimal(text) for text in ("1", "3.5", "4", "6", "10", "14")])
_PRICES = st.sampled_from([Decimal(text) for text in ("70", "80", "99.5", "100", "120", "130")])


@st.composite
def orders(draw: st.DrawFn, order_id: str) -> OrderReport:
    return OrderReport(
        key=KEY,
        side=draw(st.sampled_from(["buy", "sell"])),
        order_id=order_id,
        kind=draw(st.sampled_from([OrderKind.STOP, OrderKind.STOP, OrderKind.TRAILING_STOP, OrderKind.OTHER])),
        quantity=draw(st.none() | _QUANTITIES),
        trigger_price=draw(st.none() | _PRICES),
        reduce_only=draw(st.booleans()),
    )


@st.composite
def accounts(draw: st.DrawFn) -> list[AccountSnapshot]:
    """What one account may show of one key, twice, so that it confirms itself."""
    positions = [
        PositionReport(
            key=KEY,
            side=draw(st.sampled_from(Side)),
            quantity=draw(_QUANTITIES),
            avg_px_open=draw(st.none() | _PRICES),
            contract_size=draw(st.sampled_from([Decimal(1), Decimal(1), Decimal(10)])),
            stop_price=draw(st.none() | _PRICES),
        )
        for _ in range(draw(st.integers(0, 1)))
    ]
    ids = draw(st.lists(st.sampled_from(["o1", "s1", "s2", "s3"]), max_size=3, unique=True))
    listed = None if draw(st.booleans()) and not ids else [draw(orders(order_id)) for order_id in ids]
    return [seen(*positions, orders=listed, at=at) for at in (LATER, LATER + 60)]


@contextmanager
def ledger_after(sent: Sequence[Command]) -> Iterator[PositionLedger]:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        for command in sent:
            try:
                ledger.handle(command)
            except CommandRefused:
                continue
        yield ledger


def compared(ledger: PositionLedger, shown: Sequence[AccountSnapshot], rules: ReconciliationRules) -> Reconciliation:
    (found,) = comparisons(ledger.store, ledger.positions(), shown, now=NOW, rules=rules).values()
    return found


HISTORIES = conversations()
DEFINED = st.none() | st.just(
    DefineInstrument.of(symbol=KEY.symbol, exchange=KEY.exchange, contract_size="10", force=True, reason="contracts")
)
TRUSTED = st.booleans().map(lambda trusts: ReconciliationRules(trust_empty=trusts))


@tried_on(HISTORIES, DEFINED, accounts(), TRUSTED)
def test_all_that_reconcile_plans_is_accepted_and_then_there_is_no_more(
    sent: list[Command], defined: Command | None, shown: list[AccountSnapshot], rules: ReconciliationRules
) -> None:
    with ledger_after([*sent, *([defined] if defined else [])]) as ledger:
        planned = corrections(compared(ledger, shown, rules), "agree")
        assert [each.answer for each in apply(ledger, planned) if not each.is_done] == []
        assert [in_words(each.command) for each in corrections(compared(ledger, shown, rules), "agree")] == []


@tried_on(HISTORIES, DEFINED, accounts(), TRUSTED)
def test_all_that_recover_proposes_is_accepted_and_then_there_is_no_more(
    sent: list[Command], defined: Command | None, shown: list[AccountSnapshot], rules: ReconciliationRules
) -> None:
    with ledger_after([*sent, *([defined] if defined else [])]) as ledger:
        every_command_names_the_same_as_unprotected_and_as_unfinished(ledger, shown)
        proposed = [step for each in recoveries(ledger, shown, now=NOW, rules=rules) for step in each.commands]
        assert [each.answer for each in apply(ledger, proposed) if not each.is_done] == []
        again = [step for each in recoveries(ledger, shown, now=NOW, rules=rules) for step in each.commands]
        assert [in_words(each.command) for each in again] == []


@tried_on(HISTORIES, accounts())
def test_what_was_made_to_agree_is_held_once(sent: list[Command], shown: list[AccountSnapshot]) -> None:
    """No quantity stands in two cycles: all that is open, strays and all, is what the exchange holds."""
    with ledger_after(sent) as ledger:
        found = compared(ledger, shown, ReconciliationRules())
        differs = found.of(DiscrepancyKind.QUANTITY, DiscrepancyKind.ORPHAN)
        if not differs or not corrections(found):
            return
        apply(ledger, corrections(found))
        (position,) = shown[-1].positions or ()
        if any(each.finding in differs for each in corrections(found)):
            held = [row.side.sign * row.quantity for row in ledger.positions(open=True)]
            assert sum(held, Decimal(0)) == position.side.sign * position.quantity


def every_command_names_the_same_as_unprotected_and_as_unfinished(
    ledger: PositionLedger, shown: list[AccountSnapshot]
) -> None:
    """Beside snapshots; without them, all commands are compared in tests/scripts/commands/test_one_truth.py."""
    bare = {row.position_id for row in ledger.positions(unprotected=True) if row.quantity}
    proposed = recoveries(ledger, shown, now=NOW, rules=ReconciliationRules())
    asked = Question(now=NOW, age=timedelta(hours=1), rules=ReconciliationRules(), snapshots=shown, verifies=False)
    sections = {section.check: section for section in examine(ledger, asked).sections}
    assert {each.subject for each in sections[Check.UNPROTECTED].symptoms} == bare
    unfinished = {each.cycle.row.position_id for each in proposed}
    assert bare <= unfinished
    late = {each.subject for check in _OF_CYCLES for each in sections[check].symptoms}
    assert late <= unfinished
    assert {each.cycle.row.position_id for each in proposed if each.cycle.is_overdue} <= late
    strays = {row.position_id for row in ledger.positions(open=True) if row.stray}
    assert strays <= bare
    told = {each.name for each in compared(ledger, shown, ReconciliationRules()).of(DiscrepancyKind.STRAY)}
    assert told == strays


_OF_CYCLES = (Check.INCOMPLETE, Check.UNPROTECTED, Check.OUTCOME_UNKNOWN, Check.ROLLING_BACK, Check.ORDERS)
