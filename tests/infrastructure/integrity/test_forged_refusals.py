"""Refusals that no ledger wrote: they are named, and neither damage nor a statistic is made of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.errors import PositionAlreadyOpen
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import run
from tests.infrastructure.integrity.tampering import Tamper


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"position_id": "APTUSDT.binance#7"}, "says that 'APTUSDT.binance#7' was in the way"),
        ({"position_id": "PERPUSDT.binance#1"}, "says that PERPUSDT.binance#1 was of intent 'APTUSDT-1', which is of"),
        ({"holder_intent_id": "other"}, "says that APTUSDT.binance#1 was of intent 'other', which is of 'APTUSDT-1'"),
        ({"position_id": None}, None),
        ({}, None),
    ],
)
def test_a_refusal_that_no_ledger_wrote_is_named(
    ledger: PositionLedger, changed: dict[str, Any], message: str | None
) -> None:
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="late")
    (written,) = ledger.rejections()
    ledger.store.log_rejection(replace(written, **changed))
    found = [(each.kind, each.message) for each in verify(ledger.store).findings]
    assert [kind for kind, _ in found] == ["refusal"] * (message is not None)
    assert message is None or found[0][1].startswith(message)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM positions WHERE symbol = 'APTUSDT'",
        "UPDATE positions SET intent_id = 'other' WHERE symbol = 'APTUSDT'",
        "UPDATE positions SET status = 'no status' WHERE symbol = 'APTUSDT'",
    ],
)
def test_a_damaged_row_makes_no_refusal_look_forged(ledger: PositionLedger, tamper: Tamper, damage: str) -> None:
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="late")
    tamper(damage)
    assert {(found.kind, found.where) for found in verify(ledger.store).findings} == {("row", "APTUSDT.binance#1")}


def test_forged_refusals_are_named_and_end_no_statistics(
    ledger: PositionLedger, tamper: Tamper, ledger_url: str
) -> None:
    forged = ("no key", "aptusdt.binance", "")
    for stream in forged:
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(
                symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id=stream or "x"
            )
        tamper(f"UPDATE rejections SET stream = '{stream}' WHERE intent_id = '{stream or 'x'}'")
    found = [each.message for each in verify(ledger.store).findings if each.kind == "refusal"]
    assert [message.split(",")[0] for message in found] == [f"is refused for {stream!r}" for stream in forged]
    for command in (["stats"], ["diagnose", "--mode", "report", "--skip-verify"], ["report"]):
        assert "Traceback" not in run(ledger_url, *command).stderr
