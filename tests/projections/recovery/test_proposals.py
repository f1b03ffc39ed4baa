"""Whatever is proposed is accepted, and nothing is proposed without evidence."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import assume
from hypothesis import given as for_any
from hypothesis import strategies as st

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused
from domain.events import PositionEvent
from domain.values import Side, Source
from projections.account_snapshot import OrderReport, PositionReport
from projections.reconciliation.command_text import in_words
from projections.recovery.required_orders import PlannedOrders
from tests.projections.recovery.proposed import APT, ITS_STOP, OTHER, look, the
from tests.projections.seen import LATER, held, limit, seen, stop
from tests.spec import PLACED, Story, given, request, second
from tests.strategies import KEY, conversations


def test_commands_name_the_version_that_was_looked_at_the_evidence_and_themselves() -> None:
    story = given(request(), PLACED)
    (first, second_one) = the(story, seen(APT, orders=[ITS_STOP], at=LATER)).commands
    assert [first.command.expected_version, second_one.command.expected_version] == [2, 3]
    assert first.command.command_id != second_one.command.command_id
    assert {first.command.source, second_one.command.source} == {Source.RECOVERY}
    assert first.command.metadata is not None
    assert first.command.metadata["snapshots"] == [
        {"digest": "seen at 600", "exchange": "binance", "taken_at": "2025-10-22T19:00:40.000000Z"}
    ]
    again = the(given(request(), PLACED), seen(APT, orders=[ITS_STOP], at=LATER)).commands
    assert [each.command for each in again] == [first.command, second_one.command]


@pytest.mark.parametrize(
    ("plan", "side", "entry", "price"),
    [
        (PlannedOrders(stop_loss_percent=Decimal(2)), Side.SHORT, Decimal("3.2333"), Decimal("3.297966")),
        (PlannedOrders(stop_loss_percent=Decimal(2)), Side.LONG, Decimal("0.2267"), Decimal("0.222166")),
        (PlannedOrders(stop_loss_percent=Decimal(2)), Side.LONG, None, None),
        (PlannedOrders(stop_price=Decimal("3.3")), Side.SHORT, Decimal("3.2333"), Decimal("3.3")),
        (PlannedOrders(stop_price=Decimal("3.3")), Side.SHORT, None, Decimal("3.3")),
        (PlannedOrders(stop_price=Decimal("3.2")), Side.SHORT, Decimal("3.2333"), None),
        (PlannedOrders(), Side.LONG, Decimal(1), None),
    ],
)
def test_the_price_of_a_stop_follows_from_its_plan(
    plan: PlannedOrders, side: Side, entry: Decimal | None, price: Decimal | None
) -> None:
    assert plan.stop_for(side, entry) == price


SHOWN = st.builds(
    held,
    st.just("APTUSDT"),
    st.sampled_from(["long", "short"]),
    st.sampled_from(["4", "10"]),
    st.sampled_from(["100", None]),
)
STOPS = [
    stop("APTUSDT", side, number, price, quantity)
    for side in ("buy", "sell")
    for number, price in (("s1", "80"), ("s2", "120"), ("s3", None))
    for quantity in (None, "4")
]
ORDERS = st.lists(
    st.sampled_from([*STOPS, limit("APTUSDT", "buy", "o1"), limit("APTUSDT", "sell", "o2")]),
    max_size=3,
    unique_by=lambda order: order.order_id,  # two of one id are doubted when a snapshot is read
)


@for_any(conversations(), st.lists(SHOWN, max_size=1), st.none() | ORDERS)
def test_all_that_is_proposed_is_accepted_whatever_happened_and_then_it_is_quiet(
    sent: list[Command], positions: list[PositionReport], orders: list[OrderReport] | None
) -> None:
    happened = Position.track(KEY)
    for number, command in enumerate(sent):
        with suppress(CommandRefused):
            happened.decide(command, CommandContext(f"c{number}", command.at or second(0), second(number)))
    events = cast("list[PositionEvent]", list(happened.collect_events()))
    assume(events)
    story = Story().happened(*events)
    snapshots = [seen(*positions, OTHER, orders=orders, at=at) for at in (LATER, LATER + 60)]
    for found in look(story, *snapshots):
        for step in found.commands:
            assert in_words(step.command)
            story.when(step.command).needs_acceptance()
            assert story.events, f"{step.command.verb} was no news"
    assert [again.commands for again in look(story, *snapshots) if again.commands] == []
