"""Fill an empty ledger from a seed, and ask it about its past at random points.

`python -m tests.generated` does it with 100,000 cycles and 1,000 points in a file that is gone afterwards, or in the
empty ledger that `--database` names; the suite does it with fewer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import click

from domain.events import EVENTS, PositionEvent
from domain.values import EPOCH
from infrastructure.event_store.vocabulary.places import AsOf
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from projections.event_time.past_rows import row_at
from projections.positions import PositionRow, project
from scripts.benchmarks.workload.generated import generate, write
from scripts.benchmarks.workload.simulated_trader import Append

Told = Callable[[str], None]


@dataclass
class Folded:
    """The fold of a prefix of the log, computed independently of the ledger."""

    nid: int = 0
    recorded_at: datetime = EPOCH
    rows: dict[str, PositionRow] = field(default_factory=dict)
    events: dict[str, list[PositionEvent]] = field(default_factory=dict)

    def take(self, append: Append) -> None:
        self.recorded_at = append.recorded_at
        for event in append.events:
            self.nid += 1
            if not event.has_cycle:
                continue
            self.rows[event.position_id] = project(self.rows.get(event.position_id), event)
            self.events.setdefault(event.position_id, []).append(event)


def in_order(rows: Iterable[PositionRow]) -> list[PositionRow]:
    return sorted(rows, key=lambda row: (row.opened_at, row.position_id))


class Check:
    """One check of one ledger; an AssertionError says what is wrong."""

    def __init__(self, ledger: PositionLedger, appends: Callable[[], Iterator[Append]], told: Told) -> None:
        self._ledger, self._appends, self._told = ledger, appends, told
        self._began = time.perf_counter()

    def run(self, points: int, *, all_rows_every: int) -> None:
        written = write(self._ledger.store, self._appends())
        self._say(f"wrote {written.events:,} events of {written.cycles:,} cycles in {written.streams:,} streams")
        self._look_at_the_past(points, written.events, all_rows_every)
        report = verify(self._ledger.store)
        assert (report.ok, report.events, report.rows) == (True, written.events, written.cycles), report.findings[:3]
        self._say(f"verified {report.events:,} events and {report.rows:,} rows: all of it holds")
        live = self._ledger.positions()
        rebuilt = self._ledger.rebuild()
        assert (rebuilt.events, rebuilt.rows, rebuilt.differences) == (written.events, written.cycles, 0)
        assert self._ledger.positions() == live
        self._say(f"rebuilt {rebuilt.rows:,} rows: the live ones, row for row")

    def _look_at_the_past(self, points: int, events: int, all_rows_every: int) -> None:
        """Walk the log again, independently of the ledger, and compare at random places."""
        dice, folded, kinds, known = Random(1), Folded(), set[type[PositionEvent]](), list[str]()
        places = sorted(dice.sample(range(1, events + 1), points))
        looked = compared = 0
        for append in self._appends():
            folded.take(append)
            kinds |= {type(event) for event in append.events}
            known += [event.position_id for event in append.events if event.opens_cycle]
            while looked < points and places[looked] <= folded.nid:
                self._look_at_one(folded, dice.choice(known), dice)
                if looked % all_rows_every == 0:
                    moment = dice.choice((f"#{folded.nid}", folded.recorded_at))
                    assert self._ledger.positions(as_of=moment) == in_order(folded.rows.values()), moment
                    compared += len(folded.rows)
                looked += 1
        assert looked == points
        assert kinds == set(EVENTS), f"not there: {set(EVENTS) - kinds}"
        assert self._ledger.positions() == in_order(folded.rows.values())
        self._look_at_what_happened(folded, dice)
        self._say(
            f"as of {points:,} random points a position is what the prefix folds to, by place, version, time and event "
            f"time; at every {all_rows_every}th of them all positions are ({compared:,} rows)"
        )

    def _look_at_one(self, folded: Folded, position_id: str, dice: Random) -> None:
        ledger, row, events = self._ledger, folded.rows[position_id], folded.events[position_id]
        for moment in (f"#{folded.nid}", row.version, folded.recorded_at):
            assert ledger.position(position_id, as_of=moment) == row, (position_id, moment)
        before = [entry.event for entry in ledger.history(position_id, as_of=f"#{folded.nid}")]
        assert before == events, position_id
        moment = dice.choice(events).ts_event + timedelta(seconds=dice.randrange(3))
        then = AsOf(time=moment, nid=folded.nid)
        assert ledger.position(position_id, as_of=then, by="event-time") == row_at(events, moment), (position_id, then)

    def _look_at_what_happened(self, folded: Folded, dice: Random) -> None:
        moment = dice.choice(list(folded.rows.values())).updated_at
        rows = filter(None, (row_at(events, moment) for events in folded.events.values()))
        assert self._ledger.positions(as_of=moment, by="event-time") == in_order(rows), moment

    def _say(self, words: str) -> None:
        self._told(f"{time.perf_counter() - self._began:6.1f} s  {words}")


@click.command()
@click.option("--database", metavar="URL", help="An empty ledger.  [default: a SQLite file to throw away]")
@click.option("--cycles", default=100_000, show_default=True)
@click.option("--points", default=1_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(database: str | None, cycles: int, points: int, seed: int) -> None:
    """Fill an empty ledger from a seed, and check that every past state agrees with its events."""
    with (
        TemporaryDirectory() as folder,
        PositionLedger.connect(database or f"sqlite:///{Path(folder)}/generated.db") as ledger,
    ):
        Check(ledger, lambda: generate(cycles, seed), click.echo).run(points, all_rows_every=max(1, points // 10))


if __name__ == "__main__":
    main()
