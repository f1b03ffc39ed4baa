"""A ledger that is told what users of bots reported, for the tests of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.commands.requests import command_from_json
from domain.errors import CommandRefused
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt


class Told:
    """A ledger that is told things, and may be looked at afterwards, by a process that never saw it before."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ledger = PositionLedger.connect(url)
        self.position_id = ""

    def send(self, verb: str, **fields: Any) -> Receipt:
        if verb not in _ABOUT_A_STREAM:
            fields = {"position_id": self.position_id} | fields
        receipt = self.ledger.handle(command_from_json(json.dumps({"command": verb, **fields})))
        self.position_id = receipt.position_id
        return receipt

    def refused(self, rule: type[CommandRefused], verb: str, **fields: Any) -> CommandRefused:
        with pytest.raises(rule) as refusal:
            self.send(verb, **fields)
        return refusal.value

    def row(self, position_id: str | None = None) -> dict[str, Any]:
        return self.ledger.position(position_id or self.position_id).as_json()

    def says(self, position_id: str | None = None, /, **expected: object) -> None:
        row = self.row(position_id)
        assert {name: row[name] for name in expected} == expected

    def restart(self) -> None:
        self.ledger.disconnect()
        self.ledger = PositionLedger.connect(self.url)

    def order(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(order for order in self.row()["orders"] if order["name"] == name)
        return found


_ABOUT_A_STREAM = {"request_entry", "adopt", "define_instrument"}


ETH: dict[str, Any] = {"symbol": "ETH/USDT:USDT", "exchange": "bybit", "side": "long"}


BTC: dict[str, Any] = {"symbol": "BTC/USDT:USDT", "exchange": "binance", "side": "long"}


INVERSE: dict[str, Any] = {"symbol": "BTC/USD:BTC", "exchange": "bybit"}


def held(told: Told, quantity: str = "10", px: str = "100", **fields: Any) -> None:
    told.send("request_entry", **BTC | fields, quantity=quantity, intent_id="s1")
    told.send("record_entry_placed", exchange_order_id="e1")
    told.send("record_entry_fill", trade_id="t1", last_qty=quantity, last_px=px, exchange_order_id="e1")
