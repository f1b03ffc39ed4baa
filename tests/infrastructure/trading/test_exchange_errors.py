"""Errors of an exchange survive pickling, for pools of processes."""

from __future__ import annotations

import pickle

import pytest

from infrastructure.simulation.books.exchange_codes import IdTaken
from infrastructure.trading.exchange_errors import ExchangeError, GivenUp, NoAnswer, RateLimited, Refused


@pytest.mark.parametrize(
    "error",
    [
        Refused("-2019", "Margin is insufficient."),
        RateLimited("-1003", "Too many requests.", retry_seconds=1.5),
        GivenUp(),
        NoAnswer("-1007: binance did not answer"),
        IdTaken("-4116", "e1"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_told_to_another_process_as_it_is(error: ExchangeError) -> None:
    told = pickle.loads(pickle.dumps(error))
    assert (type(told), str(told), vars(told)) == (type(error), str(error), vars(error))
