"""The tree of errors in the docstring of their module agrees with their classes."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from domain import errors
from domain.values import Status

DRAWN = re.compile(r"^(?P<branch>[│├└─ ]*)(?P<name>\w+)(?: .*)?$", re.MULTILINE)


def drawn(kind: type[Exception]) -> list[str]:
    """A class and those below it, with the branches of their tree."""
    below = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    lines = [kind.__name__]
    for each in below:
        branch, goes_on = ("└── ", "    ") if each is below[-1] else ("├── ", "│   ")
        first, *rest = drawn(each)
        lines += [branch + first, *(goes_on + line for line in rest)]
    return lines


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    assert errors.__doc__
    told = [f"{line['branch']}{line['name']}" for line in DRAWN.finditer(errors.__doc__.partition("\n\n")[2])]
    assert told == drawn(errors.LedgerError)


def test_a_class_below_another_is_drawn_below_it() -> None:
    assert drawn(errors.StoreError) == [
        "StoreError",
        "├── StoreUnavailable",
        "├── SchemaMismatch",
        "├── HistoryDamaged",
        "└── PastLost",
    ]


def kinds(kind: type[errors.LedgerError] = errors.LedgerError) -> Iterator[type[errors.LedgerError]]:
    yield kind
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from kinds(each)


def said() -> list[errors.LedgerError]:
    """Every error that there is."""
    at = datetime(2025, 10, 22, tzinfo=UTC)
    taken = errors.PositionAlreadyOpen(
        "APTUSDT.binance#1", Status.ACTIVE, since=at, at=at + timedelta(seconds=3), holder="1", asked="2"
    )
    plain = [each for each in kinds() if each is not errors.PositionAlreadyOpen]
    return [taken, *(each("it stands in the way", position_id="APTUSDT.binance#1") for each in plain)]


@pytest.mark.parametrize("through", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("error", said(), ids=lambda error: type(error).__name__)
def test_an_error_is_told_to_another_process_as_it_is(
    error: errors.LedgerError, through: Callable[[errors.LedgerError], errors.LedgerError]
) -> None:
    told = through(error)
    assert (type(told), str(told), vars(told)) == (type(error), str(error), vars(error))


def test_a_refusal_names_the_position_that_it_is_about_where_there_is_one() -> None:
    refusals = [each for each in said() if isinstance(each, errors.CommandRefused)]
    assert {each.position_id for each in refusals} == {"APTUSDT.binance#1"}
    assert errors.InvalidCommand("no such field").position_id is None
