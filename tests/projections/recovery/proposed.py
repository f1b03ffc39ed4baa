"""What is proposed of an unfinished cycle by snapshots, in few words."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands.requests import Adopt, RecordEntryUnknown, StartRollback
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.compare import reconcile
from projections.reconciliation.result import ReconciliationRules
from projections.recovery.in_flight import unfinished
from projections.recovery.judgement import recover
from projections.recovery.proposals import Proposal
from projections.recovery.required_orders import PlannedOrders
from tests.projections.seen import LATER, held, rows_of, seen, stop
from tests.spec import FILLED, PLACED, STOP, Story, on, request, second

APT = held("APTUSDT", "short", "61.8", "3.2333")
ITS_STOP = stop("APTUSDT", "buy", "s1", "3.298")
OTHER = held("XMRUSDT", "long", "0.5", "310.25")
GONE = (seen(OTHER, at=LATER), seen(OTHER, at=LATER + 60))
BESIDE = rows_of(
    Adopt.of(symbol="XMRUSDT", exchange="binance", side="long", quantity="0.5", avg_px_open="310.25", reason="x")
)
"""What the ledger holds beside the one in question: a snapshot that shows it is of this account."""
MOVED = {"stop_price": "3.3", "exchange_order_id": "s2"}
UNKNOWN = on(RecordEntryUnknown, reason="no answer for 20 s")


def look(story: Story, *snapshots: AccountSnapshot, now: float | None = None, **rules: Any) -> list[Proposal]:
    """What is proposed just after the last snapshot, or long after everything."""
    times = [each.taken_at for each in snapshots if each.taken_at is not None]
    at = second(now) if now is not None else max(times, default=second(LATER + 60))
    rows = list(story.rows.values())
    found = reconcile([*rows, *BESIDE], snapshots, now=at, rules=ReconciliationRules(**rules)) if snapshots else None
    return [recover(cycle, found, PlannedOrders.by(story.history)) for cycle in unfinished(rows, at)]


def the(story: Story, *snapshots: AccountSnapshot, **asked: Any) -> Proposal:
    """What is proposed of the only unfinished cycle."""
    (found,) = look(story, *snapshots, **asked)
    return found


def done(story: Story, *snapshots: AccountSnapshot, **asked: Any) -> Story:
    """Do what is proposed, one command after the other; each of them is accepted."""
    for step in the(story, *snapshots, **asked).commands:
        story.when(step.command)
    story.needs_acceptance()
    return story


def verbs(found: Proposal) -> list[str]:
    return [step.command.verb for step in found.commands]


STARTED = pytest.mark.parametrize(
    "sent",
    [
        (request(),),
        (request(), UNKNOWN),
        (request(), PLACED),
        (request(), PLACED, FILLED),
        (request(), PLACED, FILLED, STOP),
        (request(), PLACED, FILLED, on(StartRollback, reason="no stop")),
    ],
    ids=["requested", "unknown", "placed", "filled", "stopped", "rolling back"],
)
