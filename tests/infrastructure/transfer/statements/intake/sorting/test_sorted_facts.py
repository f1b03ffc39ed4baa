"""Facts by their keys: the facts of each key are found without a walk along all the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from domain.identifiers import PositionKey
from infrastructure.transfer.statements.intake.sorting.sorted_facts import SortedFacts
from infrastructure.transfer.statements.statement_report import StatementTally
from tests.infrastructure.transfer.statements.intake.told import fill, paid

KEYS = [PositionKey.of(f"S{number}USDT", "binance") for number in range(60)]


class Walked(dict[Any, Any]):
    """Places of keys that count how often somebody walks along all of them."""

    walks = 0

    def __iter__(self) -> Iterator[Any]:
        self.walks += 1
        return super().__iter__()


@pytest.fixture
def facts() -> Iterator[SortedFacts]:
    with SortedFacts() as facts:
        facts.add("one.csv", [fill(n, "1", key=key, names_leg=False) for n, key in enumerate(KEYS)])
        facts.settle(StatementTally())
        facts._places = Walked(facts._places)
        yield facts


def walks(facts: SortedFacts) -> int:
    assert isinstance(facts._places, Walked)
    return facts._places.walks


def test_each_key_has_its_facts_and_no_walk_of_its_own(facts: SortedFacts) -> None:
    told = {key: [placed.fact for placed in placed_facts] for key, placed_facts in facts.by_key()}
    assert told == {key: [fill(n, "1", key=key, names_leg=False)] for n, key in enumerate(KEYS)}
    assert walks(facts) <= 1


def test_the_keys_without_legs_are_named_without_a_walk_each(facts: SortedFacts) -> None:
    assert facts.keys_without_legs == KEYS and walks(facts) <= 1


def test_a_key_with_payments_alone_comes_after_those_with_fills() -> None:
    with SortedFacts() as facts:
        facts.add("one.csv", [paid(1, "3", key=KEYS[1]), fill(2, "1", key=KEYS[0])])
        facts.settle(StatementTally())
        assert [key for key, _ in facts.by_key()] == [KEYS[0], KEYS[1]]
