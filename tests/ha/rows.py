"""Every fault that a cluster has to come through: nothing that was acknowledged is lost, doubled or missed.

`make test-ha` runs all of them, and prints the table of docs/reliability.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import pytest

from infrastructure.integrity.anchor import check_anchor, make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from tests.ha import faults
from tests.ha.balancer import balanced
from tests.ha.cluster import Cluster, Mode, started
from tests.ha.network import may_be_cut, network
from tests.ha.node import Node
from tests.infrastructure.event_store.postgres.load import (
    Asked,
    assert_told_the_truth,
    counted,
    eventually,
    logged,
    stored_commands,
    tallied,
    workers,
    writing,
)
from tests.infrastructure.event_store.postgres.worker import Tally

QUIET_SECONDS = 4.0
"""How long all is well before the fault, and once more after it."""
PAUSE_SECONDS = "0.05"
"""Of a writer, after each cycle: two cores carry all of it."""
ANSWER_SECONDS = 5.0
"""The timeout of the ledger, unless said."""
SLACK_SECONDS = 4.0
"""What may be added to a bound, however busy a cluster makes its machine."""
WRITERS = 2


@dataclass(frozen=True)
class Row:
    """A fault, how long it lasts, and how long nothing may be written."""

    name: str
    fault: faults.Fault
    lasts_seconds: float
    outage_seconds_max: float
    mode: Mode = "strict"
    failsafe: bool = True
    network: Literal["loopback", "bridges"] = "loopback"
    through: Literal["hosts", "balancer"] = "hosts"
    loses: Literal["nothing", "perhaps", "surely"] = "nothing"
    """What was acknowledged: asynchronous rows may lose it, and one has to, so that losses are seen to be seen."""
    takes_back: bool = False
    """Whether what a follower was handed out is gone afterwards: it has to stop, and say so."""


ROWS = [
    Row("kill-postgres", faults.postgres_killed, 6, 5),
    Row("kill-postgres-quorum", faults.postgres_killed, 6, 5, mode="quorum"),
    Row("kill-node", faults.node_killed, 26, 30),
    Row("kill-node-quorum", faults.node_killed, 26, 30, mode="quorum"),
    Row("kill-node-asynchronous", faults.node_killed, 26, 30, mode="asynchronous", loses="perhaps"),
    Row("stop-postgres", faults.postgres_stopped, 28, 30),
    Row("stop-node", faults.node_stopped, 28, 30),
    Row("cut-off", faults.cut_off, 28, 30, network="bridges"),
    Row(
        "cut-off-asynchronous",
        faults.cut_off,
        28,
        30,
        mode="asynchronous",
        network="bridges",
        loses="surely",
        takes_back=True,
    ),
    Row("stop-standbys", faults.standbys_stopped, 12, 12 + 5),
    Row("cut-standbys-kill-node", faults.standbys_cut_and_node_killed, 34, 40, network="bridges", takes_back=True),
    Row("switch-over", faults.switched_over, 3, 5),
    Row("stop-etcd", faults.etcd_stopped, 25, 25 + 10, failsafe=False),
    Row("stop-etcd-failsafe", faults.etcd_stopped, 25, 1),
    Row("lose-power", faults.power_lost, 3, 20),
    Row("kill-patroni", faults.patroni_killed, 28, 5),
    Row("kill-patroni-balancer", faults.patroni_killed, 28, 30, through="balancer"),
]

LEFT_OUT = [row for row in ROWS if row.network == "bridges" and not may_be_cut()]

Report = Callable[[str, object], None]


@dataclass
class Course:
    """When a fault began, when somebody else led, and when the load ended; in seconds of the machine's clock."""

    begun: float
    led: float | None = None
    ended: float = 0.0

    @property
    def led_after_seconds(self) -> float | None:
        return None if self.led is None else self.led - self.begun

    def outage_seconds(self, tallies: list[Tally]) -> float:
        """The longest time, from the fault on, in which nothing was acknowledged."""
        told = sorted(at for tally in tallies for at in tally.acknowledged_at)
        times = [self.begun, *(at for at in told if at > self.begun), self.ended]
        return max(later - earlier for earlier, later in pairwise(times))


@contextmanager
def reached(row: Row, cluster: Cluster, leader: Node) -> Iterator[str]:
    if row.through == "balancer":
        with balanced(cluster) as url:
            yield url
    else:
        yield cluster.url(first=leader)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in LEFT_OUT], ids=lambda row: row.name)
def test_row(row: Row, record_property: Report) -> None:
    with network(row.network) as net, started(net, row.mode, failsafe=row.failsafe) as cluster:
        leader = cluster.leader()
        with reached(row, cluster, leader) as url:
            run(row, cluster, leader, url, record_property)


def run(row: Row, cluster: Cluster, leader: Node, url: str, report: Report) -> None:
    PositionLedger.connect(url).disconnect()
    with workers(*writing(url, WRITERS, "--pause", PAUSE_SECONDS), ("follow", url)) as (*writers, follower):
        followed = Asked(follower.said)
        for writer in writers:
            writer.tell("go")
        time.sleep(QUIET_SECONDS)
        with PositionLedger.connect(url) as ledger:
            anchor = make_anchor(ledger.store)
        course = disturbed(row, cluster, leader)
        cluster.wait(cluster.is_healthy)
        time.sleep(QUIET_SECONDS)
        for writer in writers:
            writer.tell("stop")
        course.ended = time.monotonic()
        tallies = tallied(writers)
        primary = cluster.leader()
        figures = counted(stored_commands(primary.url()), tallies)
        outage, longest = course.outage_seconds(tallies), max(tally.longest_seconds for tally in tallies)
        report("row of faults", [row.name, *figures.values(), outage, course.led_after_seconds, longest])
        with PositionLedger.connect(primary.url()) as ledger:
            assert verify(ledger.store).findings == ()
            findings = check_anchor(ledger.store, anchor)
        if row.loses == "surely":
            assert figures["lost"] > 0, "what looks for losses does not see any"
        elif row.loses == "nothing" or figures["lost"] == 0:
            assert_told_the_truth(primary.url(), tallies)
            assert findings == []
        log = logged(primary.url())
        if row.takes_back:
            with pytest.raises(AssertionError, match="PastLost"):
                followed.answer()
        elif figures["lost"] == 0:
            follower.tell(str(log[-1][0]))
            assert read_events(followed.answer()) == log, "the follower has seen everything, once"
        for standby in cluster.standbys(primary):
            eventually(lambda: logged(standby.url()) == log)  # noqa: B023 - called now
    assert longest <= ANSWER_SECONDS + SLACK_SECONDS
    assert outage <= row.outage_seconds_max + SLACK_SECONDS


def read_events(said: str) -> list[tuple[int, str, int]]:
    words = [line.split() for line in said.splitlines()]
    return [(int(nid), stream, int(version)) for nid, stream, version in words]


def disturbed(row: Row, cluster: Cluster, leader: Node) -> Course:
    """Begin the fault, let it last, see who leads meanwhile, and mend it."""
    course = Course(time.monotonic())
    with row.fault(cluster, leader):
        while time.monotonic() < course.begun + row.lasts_seconds:
            if course.led is None and any(node.is_primary() for node in cluster.standbys(leader)):
                course.led = time.monotonic()
            time.sleep(0.1)
    return course
