"""Spot legs compared with balances: too small a balance is a finding, a larger one is none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands.requests import Adopt
from domain.values import Leg
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.corrections import corrections
from tests.projections.seen import compared, held, rows_of, seen, told

PLACE = {"symbol": "APT/USDT", "exchange": "binance", "side": "long", "avg_px_open": "3", "reason": "x"}
SPOT = Adopt.of(**PLACE, quantity="5", leg="SPOT")
SWAP = Adopt.of(**{**PLACE, "side": "short"}, quantity="5")


def shown(apt: str | None) -> AccountSnapshot:
    balances = None if apt is None else {"APT": Decimal(apt), "USDT": Decimal(10)}
    return seen(held("APTUSDT", "short", "5", "3", stop_price="4"), balances=balances)


@pytest.mark.parametrize(
    ("apt", "kind"),
    [(None, "unjudged"), ("5", "matched"), ("7", "matched"), ("4.9", "spot_shortfalls"), ("0", "spot_shortfalls")],
)
def test_less_is_a_finding_and_more_is_not(apt: str | None, kind: str) -> None:
    found = compared(rows_of(SPOT, SWAP), shown(apt))
    of_spot = [each.kind.value for each in found.findings if each.key.leg is Leg.SPOT]
    assert of_spot == [kind]
    assert [each.command for each in corrections(found) if each.finding.key.leg is Leg.SPOT] == []


def test_a_balance_that_is_not_known_is_not_zero() -> None:
    unknown = seen(held("APTUSDT", "short", "5", "3", stop_price="4"), balances={"APT": None})
    (found,) = (each for each in compared(rows_of(SPOT, SWAP), unknown).findings if each.key.leg is Leg.SPOT)
    assert (found.kind.value, found.message) == ("unjudged", "the balance of APT is not known")


def test_the_swap_of_the_same_symbol_is_another_slot() -> None:
    assert told(compared(rows_of(SWAP), shown("0")))[0] == ("matched", "APTUSDT.binance#1")
    assert ("phantoms", "APTUSDT.binance:SPOT#1") not in told(compared(rows_of(SPOT), shown("5")))


@pytest.mark.parametrize("symbol", ["APTUSDT", "APT/USDT", "apt-usdt"])
def test_one_symbol_is_asked_for_in_any_spelling(symbol: str) -> None:
    found = compared(rows_of(SPOT), shown("4.9"), symbol=symbol)
    assert [each.kind.value for each in found.findings if each.key.leg is Leg.SPOT] == ["spot_shortfalls"]
    assert told(compared(rows_of(SPOT), shown("4.9"), symbol="BTC/USDT")) == []
