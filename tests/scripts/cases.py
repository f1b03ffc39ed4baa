"""Ledgers for the tests of commands: cycles that were recorded with a clock that tests move."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from domain.errors import CommandRefused
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from tests.spec import second

APT = "APTUSDT.binance#1"
HOSTILE = "</p><script>alert('x')</script> & \"quotes\" \x1b[31m"


class Desk:
    """A ledger whose clock stands still until it is moved; everything is recorded when it happens."""

    def __init__(self, url: str) -> None:
        self.at = second(0)
        self.ledger = PositionLedger(open_store(Settings.read(url)), clock=lambda: self.at)

    def later(self, seconds: float) -> PositionLedger:
        self.at += timedelta(seconds=seconds)
        return self.ledger

    def refused(self, **fields: Any) -> None:
        with pytest.raises(CommandRefused):
            self.ledger.request_entry(**fields)


def fill(url: str) -> None:
    """A cycle with everything in it, a failed entry, a cycle that is open without a stop, and one only requested."""
    kind, _, place = url.partition("?")[0].partition(":///")
    if kind == "sqlite":
        Path(place).write_bytes(_filled())
    else:
        _fill(url)


@cache
def _filled() -> bytes:
    """The file of such a ledger, written once for all tests of a process."""
    with TemporaryDirectory() as folder:
        _fill(f"sqlite:///{folder}/ledger.db")
        return Path(folder, "ledger.db").read_bytes()


def _fill(url: str) -> None:
    desk = Desk(url)
    apt: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
    ledger = desk.ledger
    ledger.request_entry(**apt, signal_price="3.2333", stop_loss_percent="2", intent_id=HOSTILE[:40])
    desk.later(0.4).record_entry_placed(position_id=APT, exchange_order_id="53190368")
    desk.later(0.1).record_entry_fill(position_id=APT, trade_id="881", last_qty="61", last_px="3.2295", fee="0.0788")
    desk.later(3.8).set_stop_loss(position_id=APT, stop_price="3.2941", exchange_order_id="s1", activate=True)
    for number, price in enumerate(("3.28", "3.27", "3.275")):
        desk.later(600).set_stop_loss(position_id=APT, stop_price=price, exchange_order_id=f"m{number}")
        desk.refused(**apt, intent_id=f"rival-{number}")
    desk.later(300).lose_stop_loss(position_id=APT, reason=HOSTILE)
    desk.later(400).reduce(position_id=APT, trade_id="902", last_qty="10", last_px="3.2", fee="0.0128")
    desk.later(300).adjust(position_id=APT, quantity="50.5", reason="the exchange reports 50.5", source="sync")
    desk.later(500).close(position_id=APT, exit_reason=HOSTILE, avg_px_close="3.15")
    ledger.request_entry(symbol="FLRUSDT", exchange="bybit", side="long", quantity="300", intent_id="5368101")
    desk.later(45).fail_entry(position_id="FLRUSDT.bybit#1", outcome="rejected", code="30208", reason="price limit")
    orbs: dict[str, Any] = {
        "symbol": "1000000MOGUSDT",
        "exchange": "bybit",
        "account": "main",
        "side": "short",
        "quantity": "200",
    }
    desk.later(10).adopt(**orbs, avg_px_open="0.000000154", reason="in no cycle")
    desk.later(10).request_entry(symbol="SOLUSDT", exchange="binance", side="long", quantity="1", intent_id="7")
    ledger.disconnect()
