"""A fill after the end of its cycle: every command reports that it is held and unprotected, until that is corrected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.past import before_now
from tests.scripts.program import Program, Ran

APT = "APTUSDT.binance#1"


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    """Timed out, asked too early, and called expired; then the order arrived after all."""
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(
            symbol="APTUSDT", exchange="binance", side="long", quantity="10", intent_id="1", at=before_now(600)
        )
        ledger.record_entry_unknown(position_id=APT, reason="-1007", at=before_now(599))
        ledger.fail_entry(position_id=APT, reason="not found", outcome="expired", at=before_now(598))
        ledger.record_entry_fill(position_id=APT, trade_id="t", last_qty="10", last_px="3", at=before_now(597))
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


def test_it_takes_its_slot_back_and_everything_says_that_it_is_bare(say: Commands, ledger: PositionLedger) -> None:
    assert set(say.named.values()) == {(APT,)}
    assert [(row.status.value, row.stray) for row in ledger.positions(open=True)] == [("entry_placed", False)]
    assert say("diagnose", "--skip-verify").code == 1
    assert say("recover").code == 1
    ledger.set_stop_loss(position_id=APT, stop_price="2.9", exchange_order_id="s", activate=True)
    assert set(say.named.values()) == {()}


@pytest.fixture
def stray(ledger_url: str) -> Iterator[PositionLedger]:
    """Called expired while another entry has the slot by the time that the order arrives after all."""
    with PositionLedger.connect(ledger_url) as ledger:
        place: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "10"}
        ledger.request_entry(**place, intent_id="1", at=before_now(600))
        ledger.fail_entry(position_id=APT, reason="not found", outcome="expired", at=before_now(598))
        ledger.adopt(**place, avg_px_open="4", reason="by hand", at=before_now(597))
        ledger.set_stop_loss(
            position_id="APTUSDT.binance#2", stop_price="2.9", exchange_order_id="s", at=before_now(597)
        )
        ledger.record_entry_fill(position_id=APT, trade_id="t", last_qty="10", last_px="3", at=before_now(500))
        yield ledger


def test_beside_another_cycle_everything_says_that_it_is_a_stray(say: Commands, stray: PositionLedger) -> None:
    assert set(say.named.values()) == {(APT,)}
    diagnosed = say("diagnose", "--skip-verify")
    assert diagnosed.code == 1
    assert f"critical: {APT}: STRAY: long 10 was filled after the cycle was over (failed)" in diagnosed.out
    assert "STRAY" in say("recover").out
    stray.reduce(position_id=APT, trade_id="x", last_qty="10", last_px="3.1")
    assert set(say.named.values()) == {()}
    (closed,) = (row for row in stray.positions() if row.position_id == APT)
    assert (str(closed.quantity), str(closed.realized_pnl)) == ("0", "1")


@pytest.mark.parametrize(("held", "corrected"), [("20", ["10"]), ("10", ["10"]), ("17", ["17"])])
def test_no_quantity_is_in_two_cycles_once_the_exchange_was_asked(
    say: Commands, stray: PositionLedger, tmp_path: Path, held: str, corrected: list[str]
) -> None:
    """All of it there, the open one alone, or neither: the first is left, the second needs two looks, the third one."""
    there = {"symbol": "APTUSDT", "side": "long", "contracts": held, "entry_price": "4"}
    its_stop: dict[str, Any] = {
        "order_id": "s",
        "symbol": "APTUSDT",
        "type": "stop_market",
        "side": "sell",
        "status": "open",
    }
    its_stop |= {"amount": held, "stopPrice": "2.9", "reduceOnly": True}
    words: list[object] = []
    for ago in (60, 20):
        path = tmp_path / f"{ago}.json"
        document = {
            "exchange": "binance",
            "timestamp": before_now(ago),
            "positions": [there],
            "conditional_orders": [its_stop],
        }
        path.write_text(json.dumps({**document, "orders": []}))
        words += ["--snapshot", path]
    said = say("reconcile", *words, "--confirm", "--reason", "late")
    is_told = held == "20"
    assert (said.code, "\nstrays" in said.out) == (int(is_told), True)
    open_rows = stray.positions(open=True)
    assert [str(row.quantity) for row in open_rows if not row.stray] == corrected
    assert [row.position_id for row in open_rows if row.stray] == [APT] * is_told
    (first,) = (row for row in stray.positions() if row.position_id == APT)
    assert str(first.quantity) == ("10" if is_told else "0")
