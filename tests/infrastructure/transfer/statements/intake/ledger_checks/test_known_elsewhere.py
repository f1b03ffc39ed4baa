"""A fill that the ledger has under another account, or on another leg, is not counted there and here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.excluded_keys import excludable
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound
from tests.infrastructure.transfer.statements.intake.told import BTC, at, fill, take

SUB = PositionKey.of("BTCUSDT", "binance", "sub1")
TOLD = [fill(0, "1"), fill(600, "1"), fill(1200, "-2", "110")]


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger
        assert_sound(ledger)


def of(key: PositionKey, *fills: StatementFill) -> list[StatementFill]:
    return [replace(each, key=key) for each in fills]


def trade(ledger: PositionLedger, key: PositionKey, seconds: float) -> str:
    """A bot enters, and hears of the second fill of the files so many seconds after it."""
    receipt = ledger.request_entry(
        symbol=key.symbol,
        exchange=key.exchange,
        account=key.account,
        leg=key.leg,
        side="long",
        quantity="1",
        intent_id="s1",
        at=at(590),
    )
    ledger.record_entry_fill(
        position_id=receipt.position_id,
        exchange_order_id="o602",
        trade_id="602",
        last_qty="1",
        last_px="100",
        at=at(600) + timedelta(seconds=seconds),
    )
    return receipt.position_id


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (SUB, BTC),
        (BTC, SUB),
        (BTC, BTC.on(Leg.LONG)),
        (BTC.on(Leg.LONG), SUB.on(Leg.LONG)),
        (SUB.on(Leg.SPOT), BTC.on(Leg.SPOT)),
    ],
)
def test_what_a_bot_recorded_under_another_key_is_refused(
    ledger: PositionLedger, known: PositionKey, told: PositionKey
) -> None:
    position_id = trade(ledger, known, 2)
    count = ledger.store.count_events()
    with pytest.raises(
        StatementRefused,
        match=rf"^line 602: trade 602 of order o602 .* of {position_id}, .*{told}: .* --exclude {excludable(told)},",
    ):
        take(ledger, of(told, *TOLD))
    assert ledger.store.count_events() == count


def test_what_was_imported_under_another_account_is_refused(ledger: PositionLedger) -> None:
    take(ledger, TOLD)
    with pytest.raises(
        StatementRefused, match=r"two\.csv: line 2: trade 2 of order o2 is in the ledger as one of BTCUSDT"
    ):
        take(ledger, [fill(0, "1", key=PositionKey.of("ETHUSDT", "binance"))], of(SUB, *TOLD))


@pytest.mark.parametrize(
    ("known", "told", "seconds"),
    [
        (SUB, BTC, 61),
        (BTC.on(Leg.SHORT), SUB.on(Leg.LONG), 0),
        (BTC, SUB.on(Leg.SPOT), 0),
        (PositionKey.of("ETHUSDT", "binance"), BTC, 0),
        (PositionKey.of("BTCUSDT", "bybit"), BTC, 0),
    ],
)
def test_what_is_something_else_for_certain_is_taken(
    ledger: PositionLedger, known: PositionKey, told: PositionKey, seconds: float
) -> None:
    if known.leg is Leg.SHORT:
        take(ledger, of(known, fill(600, "-1", trade_id="602", order_id="o602")))
    else:
        trade(ledger, known, seconds)
    assert take(ledger, of(told, *TOLD)).orders == 3


def test_made_up_names_may_be_the_same(ledger: PositionLedger) -> None:
    """Two accounts that copy each other have equal lines where no line has an id."""
    nameless = [replace(each, trade_id=f"row-{each.line}", order_id=f"row-{each.line}") for each in TOLD]
    take(ledger, nameless)
    assert take(ledger, of(SUB, *nameless)).cycles == 1
