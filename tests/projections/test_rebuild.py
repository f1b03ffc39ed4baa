"""Walking the log with a table in memory: a rebuild without a database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

import pytest

from domain.commands.requests import Close
from domain.errors import HistoryDamaged
from domain.events import EntryFilled, PositionEvent
from projections.positions import PositionRow, project
from projections.rebuild import BATCH_EVENTS, Logged, Rebuild, Rebuilt
from tests.spec import ENTERED, given, on, request

CLOSE = on(Close, exit_reason="x")


class Log:
    """A log of events, numbered with gaps, that may grow while it is read."""

    def __init__(self, events: list[PositionEvent]) -> None:
        self.entries = [(2 * number, event) for number, event in enumerate(events, start=1)]
        self.asked: list[tuple[int, int | None]] = []

    def __call__(self, nid: int, limit: int | None) -> Iterator[Logged]:
        self.asked.append((nid, limit))
        yield from [entry for entry in self.entries if entry[0] > nid][:limit]


class Table:
    """A table that is filled, and the one that is read."""

    def __init__(
        self,
        read: Iterable[PositionRow] = (),
        on_swap: Callable[[], None] = lambda: None,
        after_comparing: Callable[[], None] = lambda: None,
    ) -> None:
        self.rows: dict[tuple[str, int], PositionRow] = {}
        self.read = {row.position_id: row for row in read}
        self._on_swap, self._after_comparing = on_swap, after_comparing
        self.looked_up = 0

    name = "positions_next"

    def row(self, stream: str, cycle: int) -> PositionRow | None:
        self.looked_up += 1
        return self.rows.get((stream, cycle))

    def add(self, rows: Iterable[PositionRow]) -> None:
        new = {(row.stream, row.cycle): row for row in rows}
        assert not new.keys() & self.rows.keys()
        self.rows |= new

    def replace(self, rows: Iterable[PositionRow]) -> None:
        known = {(row.stream, row.cycle): row for row in rows}
        assert known.keys() <= self.rows.keys()
        self.rows |= known

    def new(self) -> dict[str, PositionRow]:
        return {row.position_id: row for row in self.rows.values()}

    def differing(self) -> set[str]:
        new = self.new()
        differing = {id_ for id_ in new.keys() | self.read.keys() if new.get(id_) != self.read.get(id_)}
        self._after_comparing()
        return differing

    def swap(self, last_events: Callable[[], Collection[str]]) -> tuple[int, int]:
        self._on_swap()
        suspects, new = last_events(), self.new()
        differences = sum(new.get(id_) != self.read.get(id_) for id_ in suspects)
        self.read = self.new()
        return len(new), differences


def expected(events: list[PositionEvent]) -> dict[str, PositionRow]:
    rows: dict[str, PositionRow] = {}
    for event in events:
        rows[event.position_id] = project(rows.get(event.position_id), event)
    return rows


def rebuilt(
    events: list[PositionEvent], table: Table | None = None, batch: int = BATCH_EVENTS
) -> tuple[Rebuilt, Table]:
    table = table or Table()
    return Rebuild(Log(events), table, lambda _: None, batch_events=batch).run(), table


def two_streams() -> list[PositionEvent]:
    """Two keys, interleaved event by event, the first of them over two cycles."""
    apt = given(*ENTERED, CLOSE, request(intent_id="2")).history
    btc = given(request(symbol="BTCUSDT")).history
    return [*apt[:3], *btc, *apt[3:]]


def test_a_rebuild_gives_the_rows_that_event_by_event_gives() -> None:
    result, table = rebuilt(two_streams())
    assert table.read == expected(two_streams())
    assert [*table.read] == ["APTUSDT.binance#1", "BTCUSDT.binance#1", "APTUSDT.binance#2"]
    assert result == Rebuilt(events=8, rows=3, differences=3)


def test_a_rebuild_of_a_right_table_finds_no_difference() -> None:
    result, _ = rebuilt(two_streams(), Table(expected(two_streams()).values()))
    assert result == Rebuilt(events=8, rows=3, differences=0)


def test_a_rebuild_counts_the_rows_that_were_wrong() -> None:
    wrong = replace(expected(two_streams())["APTUSDT.binance#1"], version=99)
    read = [row for row in expected(two_streams()).values() if row.position_id != "BTCUSDT.binance#1"]
    assert rebuilt(two_streams(), Table([*read, wrong]))[0].differences == 2


def test_a_rebuild_of_an_empty_log_is_an_empty_table() -> None:
    result, table = rebuilt([])
    assert (result, table.read) == (Rebuilt(0, 0, 0), {})


def test_an_event_that_nothing_can_be_made_of_is_damage_and_named() -> None:
    events, before = two_streams(), expected(two_streams())
    table = Table(before.values())
    without_its_opening = events[1:]
    with pytest.raises(
        HistoryDamaged, match=r"APTUSDT\.binance version 2 cannot be folded: .*; the table is as it was"
    ):
        rebuilt(without_its_opening, table)
    assert table.read == before


def test_an_event_that_is_written_meanwhile_is_taken_in_before_the_swap() -> None:
    events = two_streams()
    log = Log(events[:-1])
    table = Table(on_swap=lambda: log.entries.append((100, events[-1])))
    assert Rebuild(log, table, lambda _: None).run().events == len(events)
    assert table.read == expected(events)
    assert log.asked[-1] == (2 * (len(events) - 1), None)


def test_writers_that_never_rest_do_not_keep_a_rebuild_from_its_end() -> None:
    """However often it looks, one more event is there: what is left is taken in while writers are locked out."""
    first, *late = given(*ENTERED, CLOSE).history

    class Growing(Log):
        def __call__(self, nid: int, limit: int | None) -> Iterator[Logged]:
            yield from super().__call__(nid, limit)
            if late:
                self.entries.append((2 * len(self.entries) + 2, late.pop(0)))

    log = Growing([first])
    assert Rebuild(log, Table(), lambda _: None).run().events == len(log.asked) == 3
    assert [limit for _, limit in log.asked] == [BATCH_EVENTS, BATCH_EVENTS, None]


@pytest.mark.parametrize("is_right", [True, False])
def test_what_is_written_while_the_tables_are_compared_is_compared_at_the_swap(*, is_right: bool) -> None:
    """A writer's new event changes the table that is read as well; only where it does not, that table was wrong."""
    events = two_streams()
    log = Log(events[:-1])

    def write() -> None:
        log.entries.append((100, events[-1]))
        table.read = expected(events if is_right else events[:-1])

    table = Table(expected(events[:-1]).values(), after_comparing=write)
    assert Rebuild(log, table, lambda _: None).run().differences == (0 if is_right else 1)
    assert table.read == expected(events)


@pytest.mark.parametrize("batch", [1, 100])
def test_a_late_event_finds_the_row_of_a_cycle_that_is_long_over(batch: int) -> None:
    history = given(*ENTERED, CLOSE, request(intent_id="2")).history
    fill = next(event for event in history if isinstance(event, EntryFilled))
    events = [*history, replace(fill, originator_version=8, command_id="late", trade_id="t9", late=True)]
    table = rebuilt(events, batch=batch)[1]
    assert table.read == expected(events)
    assert (table.read["APTUSDT.binance#1"].late_fill, table.read["APTUSDT.binance#1"].version) == (True, 8)


def test_only_open_cycles_are_kept_in_memory() -> None:
    history = given(*ENTERED, CLOSE).history
    fill = next(event for event in history if isinstance(event, EntryFilled))
    late = replace(fill, originator_version=7, command_id="late", trade_id="t9", late=True)
    table = rebuilt([*history, late], batch=1)[1]
    assert table.looked_up == 1


def test_progress_adds_up_to_all_events() -> None:
    told: list[int] = []
    Rebuild(Log(two_streams()), Table(), told.append).run()
    assert sum(told) == len(two_streams())


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 8, 9])
def test_the_size_of_a_batch_changes_nothing(batch: int) -> None:
    assert rebuilt(two_streams(), batch=batch)[1].read == expected(two_streams())


def test_open_cycles_are_not_looked_up_again() -> None:
    table = Table()
    Rebuild(Log(two_streams()), table, lambda _: None).run()
    assert table.looked_up == 0
