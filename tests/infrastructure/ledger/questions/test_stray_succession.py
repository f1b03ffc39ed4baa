"""The strays that a later cycle took over: the query of the log agrees with all events of a key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import product

import pytest

from domain.events import EVENTS
from infrastructure.event_store.codec import decode, stored_names
from infrastructure.event_store.port import Store
from infrastructure.event_store.sql.sql_store import SqlStore
from infrastructure.event_store.vocabulary.places import AsOf, CyclePlace
from infrastructure.ledger.questions import stray_succession
from infrastructure.ledger.questions.stray_succession import left_over, successors
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from infrastructure.walks.positions_rebuild import rebuilt
from projections.exposure import taken_over_at
from projections.positions import PositionRow
from tests.infrastructure.generated_ledger import fill

HOW_FAR = ((500, 10), (500, 1), (3, 10), (500, 0))
"""How many versions and steps are looked at, before all that follows is."""
INDEXES = {"sqlite": "sqlite_schema WHERE name", "postgresql": "pg_indexes WHERE indexname"}


@pytest.fixture
def store(ledger_url: str, request: pytest.FixtureRequest) -> Iterator[Store]:
    store = open_store(Settings.read(ledger_url))
    fill(store, getattr(request, "param", 120), streams=2)
    yield store
    store.close()


def by_all_events(store: Store, strays: list[PositionRow], as_of: AsOf | None = None) -> dict[str, datetime]:
    found = {}
    for row in strays:
        at = taken_over_at(row, [decode(each) for each in store.history(row.stream, as_of=as_of)])
        if at is not None:
            found[row.position_id] = at
    return found


@pytest.mark.parametrize("store", [400], indirect=True)
def test_who_took_strays_over_is_who_all_events_of_their_keys_name(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    strays = list(store.rows(strays_only=True))
    ends = {row.position_id: list(store.load_cycle(row.stream, row.cycle))[-1] for row in strays}
    asked: dict[AsOf | None, list[PositionRow]] = {None: strays}
    wanted: dict[AsOf | None, dict[str, datetime]] = {None: by_all_events(store, strays)}
    for end in ends.values():
        then = AsOf(nid=end.id)
        asked[then] = [row for row in strays if ends[row.position_id].id <= end.id]
        wanted[then] = by_all_events(store, asked[then], then)
        assert f"{end.originator_id}#{end.columns.cycle}" not in wanted[then], "it has only just become one"
    assert len(wanted[None]) > 1
    for kinds, (reach, steps) in product((stray_succession._SAYING, stored_names(*EVENTS)), HOW_FAR):
        monkeypatch.setattr(stray_succession, "_REACH", reach)
        monkeypatch.setattr(stray_succession, "_STEPS_MAX", steps)
        monkeypatch.setattr(stray_succession, "_SAYING", kinds)
        assert {then: successors(store, asked[then], then) for then in asked} == wanted, (kinds, reach, steps)


def test_of_strays_that_nobody_took_over_all_are_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    strays = list(store.rows(strays_only=True))
    monkeypatch.setattr(stray_succession, "_SAYING", ("Nothing.v1",))
    assert left_over(store) == strays and strays


def test_the_events_of_cycles_come_cycle_by_cycle(store: Store) -> None:
    places = [CyclePlace(row.stream, row.cycle) for row in store.rows(strays_only=True)][::-1]
    wanted = [each for place in places for each in store.history(place.stream) if each.cycle == place.cycle]
    assert list(store.load_cycles(places)) == wanted and wanted


def test_what_lists_strays_has_its_index_after_a_rebuild_as_well(store: Store) -> None:
    assert isinstance(store, SqlStore)
    named = f"SELECT count(*) FROM {INDEXES[store.settings.kind]} = 'positions_strays'"
    assert list(store._connections.rows(named)) == [(1,)]
    assert rebuilt(store).differences == 0
    assert list(store._connections.rows(named)) == [(1,)]
