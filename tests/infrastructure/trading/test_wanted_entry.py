"""The arguments of an entry are read as those of the command, or refused by name before any call."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.values import Leg, Side
from infrastructure.trading.exchange_orders import above_zero
from infrastructure.trading.rules import Rules
from infrastructure.trading.wanted_entry import WantedEntry

ENTRY: dict[str, Any] = {
    "symbol": "SOL/USDT:USDT",
    "side": "long",
    "intent_id": "1",
    "quantity": "2",
    "cost": None,
    "leg": "both",
    "stop_loss_percent": "2",
}


def wanted(**said: Any) -> WantedEntry:
    return WantedEntry.of(Rules(), **ENTRY | said)


@pytest.mark.parametrize("side", ["buy", " Buy", "long", "LONG", Side.LONG])
def test_what_buys_is_long_as_in_a_command(side: Any) -> None:
    entry = wanted(side=side)
    assert (entry.side, entry.quantity, entry.leg) == (Side.LONG, Decimal(2), Leg.BOTH)


def test_what_sells_is_short_as_in_a_command() -> None:
    assert wanted(side="sell").side is Side.SHORT


@pytest.mark.parametrize("side", ["up", "", None, 1])
def test_what_is_no_side_is_named_with_those_that_are(side: Any) -> None:
    with pytest.raises(ValueError, match=r"^side is .*'long' or 'short', and 'buy' and 'sell'"):
        wanted(side=side)


@pytest.mark.parametrize(
    "said", [{"stop_loss_percent": 2.0}, {"signal_price": 150.5}, {"quantity": 2.5}, {"quantity": None, "cost": 300.5}]
)
def test_no_number_of_an_entry_is_a_float(said: dict[str, Any]) -> None:
    name, value = [*said.items()][-1]
    with pytest.raises(ValueError, match=f"^{name} is the float {value}; send text, as '{value}', or a Decimal"):
        wanted(**said)


@pytest.mark.parametrize("value", [None, "two", "NaN", "0", "-1", 2.0, b"2", {}, True, "\uff12", "1_0"])
def test_what_is_no_number_above_zero_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^stop_price is "):
        above_zero("stop_price", value)
