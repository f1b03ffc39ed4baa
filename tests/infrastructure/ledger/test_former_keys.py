"""A cycle that was opened under a spelling that means another key today, and the bot that still uses the spelling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from domain.commands.requests import RequestEntry
from domain.errors import PositionAlreadyOpen
from domain.identifiers import PositionKey
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt

WORDS: dict[str, Any] = {"symbol": "BTCUSD", "exchange": "bybit", "side": "long", "quantity": "100"}


@pytest.fixture
def ledger(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PositionLedger]:
    """A ledger with an entry as an earlier version read it."""
    with PositionLedger.connect(ledger_url) as ledger:
        with monkeypatch.context() as patch:
            patch.setattr(RequestEntry, "key", property(lambda _: PositionKey.parse("BTCUSD.bybit")))
            assert ledger.request_entry(**WORDS, intent_id="s1").position_id == "BTCUSD.bybit#1"
        yield ledger


@pytest.mark.parametrize("intent", ["s1", "s2"])
def test_the_same_words_do_not_open_it_again_beside_it(ledger: PositionLedger, intent: str) -> None:
    with pytest.raises(PositionAlreadyOpen, match=r"BTCUSD\.bybit#1 already holds this slot") as refused:
        ledger.request_entry(**WORDS, intent_id=intent)
    assert refused.value.position_id == "BTCUSD.bybit#1"
    (kept,) = ledger.store.rejections()
    assert (kept.position_id, kept.intent_id) == ("BTCUSD.bybit#1", intent)


def test_in_a_batch_they_are_refused_as_well(ledger: PositionLedger) -> None:
    other = RequestEntry.of(**WORDS | {"symbol": "ETHUSDT"}, intent_id="s2")
    answers = ledger.handle_many([other, RequestEntry.of(**WORDS, intent_id="s3")])
    assert isinstance(answers[0], Receipt)
    assert isinstance(answers[1], PositionAlreadyOpen)


def test_it_goes_on_by_its_position_id_and_then_the_words_are_free(ledger: PositionLedger) -> None:
    ledger.fail_entry(position_id="BTCUSD.bybit#1", outcome="rejected", reason="30208")
    assert ledger.request_entry(**WORDS, intent_id="s2").position_id == "BTC/USD:BTC.bybit#1"


def test_words_that_mean_what_they_meant_have_no_key_of_before() -> None:
    asked = WORDS | {"intent_id": "s1"}
    assert not RequestEntry.of(**asked | {"symbol": "BTC/USDT:USDT"}).former_keys
    assert not RequestEntry.of(**asked | {"symbol": "BTC-USDT-SWAP"}).former_keys
    assert [*map(str, RequestEntry.of(**asked | {"exchange": "BinanceUSDM"}).former_keys)] == ["BTCUSD.binanceusdm"]


@pytest.mark.parametrize(
    ("symbol", "leg", "former"),
    [("XRPRLUSD", "BOTH", "XRPRL/USD:XRPRL.bybit"), ("BTCUSD", "SPOT", "BTC/USD:BTC.bybit:SPOT")],
)
def test_a_pair_that_was_taken_for_an_inverse_contract_is_not_opened_beside_it(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch, symbol: str, leg: str, former: str
) -> None:
    asked = WORDS | {"symbol": symbol, "leg": leg}
    with monkeypatch.context() as patch:
        patch.setattr(RequestEntry, "key", property(lambda _: PositionKey.parse(former)))
        first = ledger.request_entry(**asked, intent_id="s5")
    with pytest.raises(PositionAlreadyOpen) as refused:
        ledger.request_entry(**asked, intent_id="s6")
    assert refused.value.position_id == f"{former}#1" == first.position_id
    assert ledger.position(first.position_id).inverse, "what was opened keeps the terms that it has"
    assert verify(ledger.store).ok, "a refusal may name a position of another key"
    ledger.fail_entry(position_id=first.position_id, outcome="rejected", reason="30208")
    today = ledger.request_entry(**asked, intent_id="s6").position_id
    assert (today, ledger.position(today).inverse) == (
        f"{PositionKey(symbol, 'bybit', None, PositionKey.parse(former).leg)}#1",
        False,
    )
