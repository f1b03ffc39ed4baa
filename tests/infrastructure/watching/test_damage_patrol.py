"""The patrol: when it walks, what a walk that failed says, and that nobody waits for it in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import StoreUnavailable
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.watching import damage_patrol
from infrastructure.watching.damage_patrol import DamagePatrol
from projections.health.checks import Section, command_line, name_ledger
from tests.infrastructure.integrity.tampering import on_sqlite

AT_ONCE, HOURLY = timedelta(), timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[PositionLedger]:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        yield ledger


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[Exception | None]:
    """What becomes of the next walks: the reason why the ledger cannot be read, or None; afterwards all succeed."""
    planned: list[Exception | None] = []

    def walk(*arguments: Any) -> Any:
        if planned and (cause := planned.pop(0)) is not None:
            raise cause
        return verify(*arguments)

    monkeypatch.setattr(damage_patrol, "verify", walk)
    return planned


def found(section: Section | None) -> list[str]:
    assert section is not None, "looked at"
    return [symptom.message for symptom in section.symptoms]


def test_it_walks_beside_who_looks_and_again_only_when_it_is_time_to(
    ledger: PositionLedger, walks: list[Exception | None]
) -> None:
    patrol = DamagePatrol(HOURLY, print)
    assert found(patrol.look(ledger.store, waits=True)) == []
    walks.append(StoreUnavailable("the server is away"))
    assert found(patrol.look(ledger.store, waits=True)) == [] and walks, "it is not time for another walk"
    patrol.close()


def test_two_ledgers_in_one_process_are_each_advised_by_their_own_name(ledger: PositionLedger, tmp_path: Path) -> None:
    def looked_at(url: str) -> tuple[str, str]:
        name_ledger(url)
        named.wait(10)
        patrol = DamagePatrol(AT_ONCE, print)
        section = patrol.look(ledger.store, waits=True)
        patrol.close()
        assert section is not None, "looked at"
        return command_line("status"), section.symptoms[0].advice

    named = threading.Barrier(2)
    ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="1")
    on_sqlite(f"{tmp_path}/ledger.db", "DELETE FROM positions")
    with ThreadPoolExecutor(2) as both:
        told = [*both.map(looked_at, ["sqlite:///a.db", "sqlite:///b.db"])]
    for said, name in zip(told, "ab", strict=True):
        assert all(each.endswith(f"--database sqlite:///{name}.db") for each in said), said
    assert command_line("status") == "position-ledger status", "by who named none"


def test_one_walk_that_failed_is_no_damage_yet_and_two_are(
    ledger: PositionLedger, walks: list[Exception | None]
) -> None:
    told: list[str] = []
    patrol = DamagePatrol(AT_ONCE, told.append)
    for fails, is_damage in ((False, False), (True, False), (True, True), (False, False), (True, False)):
        walks.append(StoreUnavailable("the server is away") if fails else None)
        section = patrol.look(ledger.store)
        while walks or patrol._walking is not None:
            section = patrol.look(ledger.store)
        assert bool(found(section)) is is_damage
    assert told == ["not verified: StoreUnavailable: the server is away"] * 3
    patrol.close()


def test_who_waits_for_a_walk_that_failed_is_told_at_once(
    ledger: PositionLedger, walks: list[Exception | None]
) -> None:
    patrol = DamagePatrol(HOURLY, print)
    walks.append(StoreUnavailable("the server is away"))
    (symptom,) = found(patrol.look(ledger.store, waits=True))
    assert "the server is away" in symptom
    patrol.close()


def test_the_end_of_the_watch_ends_a_walk_that_is_under_way(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_walking, ended = threading.Event(), []

    def for_ever(_: object, go_on: Callable[[int], None]) -> None:
        try:
            while True:
                go_on(1)
                is_walking.set()
        finally:
            ended.append(True)

    monkeypatch.setattr(damage_patrol, "verify", for_ever)
    patrol = DamagePatrol(HOURLY, print)
    patrol.look(ledger.store)
    assert is_walking.wait(30)
    patrol.close()
    assert ended == [True]
