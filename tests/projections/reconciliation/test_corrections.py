"""What a comparison corrects, and what holds of it for every history."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.requests import Adjust, Close, RecordEntryFill
from domain.errors import CommandRefused
from domain.values import Side, Source
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.operations.apply_corrections import apply
from projections.account_snapshot import AccountSnapshot, OrderKind, OrderReport, PositionReport
from projections.positions import PositionRow
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from tests.projections.reconciliation.apt import ITS_STOP, OTHER, adopted, planned
from tests.projections.seen import compared, held, rows_of, seen, stop, told
from tests.spec import ENTERED, on, second
from tests.strategies import KEY, conversations

# -- corrections ------------------------------------------------------------------------------------------------


def test_a_correction_says_what_it_is_founded_on() -> None:
    found = compared(rows_of(*ENTERED), seen(held("APTUSDT", "short", "61", "3.2295"), orders=[ITS_STOP]))
    (correction,) = corrections(found, "checked by hand")
    command = correction.command
    assert isinstance(command, Adjust)
    assert (command.source, command.at, command.expected_version) == (Source.SYNC, second(600), 5)
    assert command.reason == "checked by hand (binance: 61.8 in the ledger, 61 at the exchange)"
    assert command.metadata == {
        "snapshot": {
            "exchange": "binance",
            "taken_at": "2025-10-22T19:00:40.000000Z",
            "digest": "seen at 600",
            "found": "quantity_mismatches",
        }
    }


def test_the_same_snapshot_leads_to_the_same_command_and_another_to_another() -> None:
    def ids(snapshot: AccountSnapshot, reason: str = "why") -> list[str | None]:
        return [each.command.command_id for each in corrections(compared([], snapshot), reason)]

    assert ids(seen(OTHER)) == ids(seen(OTHER))
    assert ids(seen(OTHER)) != ids(seen(OTHER, at=601))
    assert ids(seen(OTHER)) != ids(seen(OTHER), "another reason")


def test_a_late_fill_of_an_older_cycle_is_no_conflict() -> None:
    """The version that is compared is that of the stream, and not of the cycle."""
    late = on(RecordEntryFill, trade_id="late", last_qty="1", last_px="3", at=second(50))
    again = adopted("APTUSDT", "short", "61.8", "3.2333")
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(
            ledger,
            [each.model_copy(update={"at": second(1)}) for each in (*ENTERED, on(Close, exit_reason="x"), again)],
        )
        ledger.handle(late)
        found = compared(ledger.positions(), seen(held("APTUSDT", "short", "60", "3.2333")))
        discrepancy = found.of(DiscrepancyKind.QUANTITY)[0]
        assert discrepancy.row is not None and discrepancy.row.version < discrepancy.state.version
        assert all(each.is_done for each in apply(ledger, corrections(found)))
        assert [(row.quantity, row.stray) for row in ledger.positions(open=True)] == [(Decimal(60), False)]


def test_a_stray_that_the_exchange_holds_alone_is_no_orphan_and_is_not_adopted() -> None:
    late = on(RecordEntryFill, trade_id="late", last_qty="1", last_px="3", at=second(50))
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, [each.model_copy(update={"at": second(1)}) for each in (*ENTERED, on(Close, exit_reason="x"))])
        sent_to(ledger, [adopted("APTUSDT", "short", "5", "3").model_copy(update={"at": second(2)}), late])
        sent_to(ledger, [on(Close, position_id="APTUSDT.binance#2", exit_reason="x", at=second(60))])
        assert [row.stray for row in ledger.positions(open=True)] == [True]
        alone = compared(ledger.positions(), *(seen(held("APTUSDT", "short", "1", "3"), at=at) for at in (500, 600)))
        assert [kind for kind, _ in told(alone)] == ["strays", "unprotected"]
        assert planned(alone) == []
        other = compared(ledger.positions(), *(seen(held("APTUSDT", "short", "2", "3"), at=at) for at in (500, 600)))
        assert [kind for kind, _ in told(other)] == ["strays", "orphans", "unprotected"]


def test_the_average_is_corrected_at_once_where_a_stray_is_gone_and_not_while_it_is_netted() -> None:
    again = adopted("APTUSDT", "short", "61.8", "3.2333")
    late = on(RecordEntryFill, trade_id="late", last_qty="1", last_px="3", at=second(50))
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, [each.model_copy(update={"at": second(1)}) for each in (*ENTERED, on(Close, exit_reason="x"))])
        sent_to(ledger, [again.model_copy(update={"at": second(1)}), late])
        netted = [seen(held("APTUSDT", "short", "62.8", "3.3"), at=at) for at in (500, 600)]
        together = compared(ledger.positions(), *netted)
        assert [kind for kind, _ in told(together)] == ["strays", "matched", "unprotected"]
        assert planned(together, "agree") == []
        alone = [seen(held("APTUSDT", "short", "61.8", "3.3"), at=at) for at in (500, 600)]
        applied = apply(ledger, corrections(compared(ledger.positions(), *alone), "agree"))
        assert [each.correction.command.verb for each in applied if each.is_done] == ["close", "adjust"]
        assert planned(compared(ledger.positions(), *alone), "agree") == []


# -- what holds for every history -------------------------------------------------------------------------------


def as_seen(row: PositionRow) -> tuple[PositionReport, list[OrderReport]]:
    """What the exchange shows when the ledger is right about a position."""
    position = PositionReport(key=KEY, side=row.side, quantity=row.quantity, avg_px_open=row.avg_px_open)
    orders = [
        OrderReport(
            key=KEY,
            order_id=row.stop_order_id or "imported",
            side=row.side.closing_order,
            kind=OrderKind.STOP,
            trigger_price=row.stop_price if row.stop_order_id else None,
            quantity=row.stop_quantity,
            reduce_only=True,
        )
        for _ in range(row.stop_confirmed)
    ]
    return position, orders


def sent_to(ledger: PositionLedger, commands: list[Command]) -> None:
    for command in commands:
        try:
            ledger.handle(command)
        except CommandRefused:
            continue


@tried_on(conversations())
def test_a_snapshot_that_shows_what_the_ledger_has_changes_nothing(sent: list[Command]) -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, sent)
        rows = ledger.positions()
    held_rows = [row for row in rows if row.status.is_open and row.quantity]
    shown = [as_seen(row) for row in held_rows]
    snapshot = seen(*(position for position, _ in shown), orders=[order for _, orders in shown for order in orders])
    found = compared(rows, snapshot)
    assert corrections(found) == []
    assert {
        each.kind
        for each in found.of(
            DiscrepancyKind.MATCHED,
            DiscrepancyKind.ORPHAN,
            DiscrepancyKind.QUANTITY,
            DiscrepancyKind.PRICE,
            DiscrepancyKind.SIDE,
        )
    } <= {DiscrepancyKind.MATCHED}
    assert len(found.of(DiscrepancyKind.MATCHED)) == len(held_rows)


@st.composite
def shown(draw: st.DrawFn) -> AccountSnapshot:
    """Anything at all that an exchange may show of one key."""
    quantities, prices = st.sampled_from(["1", "3.5", "10"]), st.sampled_from(["90", "100", "105"])
    positions = [
        PositionReport(
            key=KEY,
            side=draw(st.sampled_from(Side)),
            quantity=Decimal(draw(quantities)),
            avg_px_open=draw(st.none() | prices.map(Decimal)),
        )
        for _ in range(draw(st.integers(0, 1)))
    ]
    orders = [
        stop(
            KEY.symbol,
            draw(st.sampled_from(["buy", "sell"])),
            order_id,
            draw(st.none() | prices),
            draw(st.none() | quantities),
            kind=draw(st.sampled_from(OrderKind)),
        )
        for order_id in draw(st.lists(st.sampled_from(["s1", "s2", "s3"]), max_size=2, unique=True))
    ]
    return seen(*positions, orders=orders)


@tried_on(conversations(), shown(), st.booleans())
def test_what_was_applied_is_not_applied_again(
    sent: list[Command],
    snapshot: AccountSnapshot,
    trust_empty: bool,  # noqa: FBT001 - drawn
) -> None:
    before = seen(*(snapshot.positions or ()), orders=snapshot.orders, at=500)
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, sent)
        first = compared(ledger.positions(), before, snapshot, trust_empty=trust_empty)
        applied = apply(ledger, corrections(first, "agree"))
        assert [each for each in applied if not each.is_done] == []
        second_time = compared(ledger.positions(), before, snapshot, trust_empty=trust_empty)
        assert planned(second_time, "agree") == []
        again = [each.answer for each in apply(ledger, corrections(first, "agree"))]
        assert {each.outcome for each in again if isinstance(each, Receipt)} <= {"replayed"}


@tried_on(conversations(), shown())
def test_an_unreliable_snapshot_never_corrects_anything(sent: list[Command], snapshot: AccountSnapshot) -> None:
    doubted = seen(*(snapshot.positions or ()), orders=snapshot.orders, doubts=("it is partial",))
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        sent_to(ledger, sent)
        found = compared(ledger.positions(), doubted, confirmations=1)
    assert corrections(found, "agree") == []
    assert not found.of(DiscrepancyKind.PHANTOM, DiscrepancyKind.LOST_STOP, DiscrepancyKind.UNPROTECTED)
