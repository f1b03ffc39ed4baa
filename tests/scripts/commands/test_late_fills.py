"""A fill that comes after its cycle was over: every command says that it is held and bare, until it is taken over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import PositionNotOpen
from domain.values import timestamp_text
from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.program import Program, Ran

APT = "APTUSDT.binance#1"


def at(ago: float) -> str:
    return timestamp_text(datetime.now(UTC) - timedelta(seconds=ago))


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    """Timed out, asked too early, and called expired; then the order arrived after all."""
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(
            symbol="APTUSDT", exchange="binance", side="long", quantity="10", intent_id="1", at=at(600)
        )
        ledger.record_entry_unknown(position_id=APT, reason="-1007", at=at(599))
        ledger.fail_entry(position_id=APT, reason="not found", outcome="expired", at=at(598))
        ledger.record_entry_fill(position_id=APT, trade_id="t", last_qty="10", last_px="3", at=at(597))
        yield ledger


class Commands:
    def __init__(self, program: Program, url: str) -> None:
        self._program, self._url = program, url

    def __call__(self, *words: object) -> Ran:
        return self._program(*words, "--database", self._url)

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """The cycles that each command calls unprotected."""
        sections = {each["check"]: each for each in self("diagnose", "--skip-verify", "--json").json["sections"]}
        stories = self("history", "APTUSDT.binance", "--story", "--json").json
        named = {
            "positions": [each["position_id"] for each in self("positions", "--unprotected", "--json").json],
            "diagnose": [each["subject"] for each in sections["unprotected"]["findings"]],
            "recover": [each["position_id"] for each in self("recover", "--json").json["unfinished"]],
            "stats": self("stats", "--json").json["unprotected_now"],
            "report": [
                each["position_id"] for each in self("report", "--json").json["open"] if each["unprotected_seconds"]
            ],
            "history": [each["position_id"] for each in stories if any(gap["to"] is None for gap in each["gaps"])],
        }
        return {command: tuple(found) for command, found in named.items()}


@pytest.fixture
def say(program: Program, ledger_url: str) -> Commands:
    return Commands(program, ledger_url)


def test_everything_says_that_it_is_held_and_bare(say: Commands, ledger: PositionLedger) -> None:
    assert set(say.named.values()) == {(APT,)}
    diagnosed = say("diagnose", "--skip-verify")
    assert diagnosed.code == 1
    assert f"critical: {APT}: long 10 was filled after the cycle was over (failed)" in diagnosed.out
    assert "UNPROTECTED, filled after its end" in say("positions").out
    assert "HOLDS 10 UNPROTECTED" in say("history", APT).out
    assert say("recover").code == 1
    assert "UNPROTECTED for" in say("report").out
    ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="10", intent_id="2")
    assert all(APT in names for names in say.named.values()), "another entry does not have it"


def test_a_late_acknowledgement_is_told_what_can_be_done(ledger: PositionLedger) -> None:
    late: dict[str, Any] = {"position_id": APT, "exchange_order_id": "7", "filled_qty": "10", "avg_px": "3"}
    with pytest.raises(PositionNotOpen, match=r"holds 10 that was filled too late; adopt what the exchange shows"):
        ledger.record_entry_placed(**late)


def test_recover_adopts_what_the_exchange_shows_of_it(say: Commands, ledger: PositionLedger, tmp_path: Path) -> None:
    there = {"symbol": "APTUSDT", "side": "long", "contracts": "10", "entry_price": "3"}
    path = tmp_path / "shown.json"
    path.write_text(json.dumps({"exchange": "binance", "timestamp": at(5), "positions": [there], "orders": []}))
    ran = say("recover", "--snapshot", path, "--confirm", "--reason", "late")
    assert "adopt APTUSDT.binance: long 10 at 3" in ran.out.partition("done:")[2]
    assert (ran.code, [row.position_id for row in ledger.positions(open=True)]) == (0, ["APTUSDT.binance#2"])
    assert [entry.event.source.value for entry in ledger.history("APTUSDT.binance#2")] == ["recovery"]
    assert set(say.named.values()) == {("APTUSDT.binance#2",)}, "the cycle that has it now is without a stop"
    ledger.set_stop_loss(position_id="APTUSDT.binance#2", stop_price="2.9", exchange_order_id="s")
    assert set(say.named.values()) == {()}
    judged = {each["name"]: each["ok"] for each in say("stats", "--json").json["criteria"]}
    assert (judged["invalid_states"], judged["unprotected_longest_seconds"]) == (True, False)


def test_recover_says_what_to_do_when_the_exchange_does_not_show_it_alone(
    say: Commands, ledger: PositionLedger, tmp_path: Path
) -> None:
    path, other = tmp_path / "shown.json", {"symbol": "XMRUSDT", "side": "long", "contracts": "1", "entry_price": "3"}
    document = {"exchange": "binance", "timestamp": at(5), "positions": [other], "orders": []}
    path.write_text(json.dumps(document))
    assert (
        "if it was sold, adopt it as it was filled, and close it at the price" in say("recover", "--snapshot", path).out
    )
    ledger.adopt(
        symbol="APTUSDT", exchange="binance", side="long", quantity="5", avg_px_open="4", reason="by hand", at=at(598)
    )
    assert APT in say.named["positions"], "what was seen before the fill does not have it"
    both = {"symbol": "APTUSDT", "side": "long", "contracts": "15", "entry_price": "3.3"}
    path.write_text(json.dumps({**document, "positions": [both, other]}))
    assert "adjust APTUSDT.binance#2 to that" in say("recover", "--snapshot", path).out
    assert say("reconcile", "--snapshot", path, "--confirm", "--reason", "x").code == 1
    assert APT not in say.named["positions"]


def test_as_it_was_known_before_it_was_taken_over(say: Commands, ledger: PositionLedger) -> None:
    version = str(len(ledger.history("APTUSDT.binance")))
    ledger.adopt(symbol="APTUSDT", exchange="binance", side="long", quantity="10", avg_px_open="3", reason="x")
    assert [row.position_id for row in ledger.positions(unprotected=True, as_of=int(version))] == [APT]
    assert [row.position_id for row in ledger.positions(unprotected=True)] == ["APTUSDT.binance#2"]
    assert "HOLDS 10 UNPROTECTED" in say("history", APT, "--story", "--as-of", version).out
