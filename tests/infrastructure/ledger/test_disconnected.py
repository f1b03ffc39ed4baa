"""A ledger that was disconnected refuses every call at once, and says that it is disconnected."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest

from domain.commands.requests import RequestEntry
from domain.errors import StoreUnavailable
from infrastructure.event_store.opener import LedgerClosed
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.typed_commands import TypedCommands
from position_ledger.testing import memory_ledger

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
FIRST = "APTUSDT.binance#1"
ASKED: dict[str, Callable[[Any], Any]] = {
    "handle": lambda ledger: ledger.handle(RequestEntry.of(**ENTRY, intent_id="1", command_id="known")),
    "handle_many": lambda ledger: ledger.handle_many([RequestEntry.of(**ENTRY, intent_id="2")]),
    "request_entry": lambda ledger: ledger.request_entry(**ENTRY, intent_id="1", command_id="known"),
    "fail_entry": lambda ledger: ledger.fail_entry(position_id=FIRST, outcome="rejected", reason="x"),
    "receipt": lambda ledger: ledger.receipt("known"),
    "position": lambda ledger: ledger.position(FIRST),
    "positions": lambda ledger: ledger.positions(),
    "cycles": lambda ledger: ledger.cycles("APTUSDT.binance"),
    "history": lambda ledger: ledger.history(FIRST),
    "rejections": lambda ledger: ledger.rejections(),
    "reconcile": lambda ledger: ledger.reconcile([b'{"exchange": "binance", "positions": [], "orders": []}']),
    "recover": lambda ledger: ledger.recover(),
    "diagnose": lambda ledger: ledger.diagnose(),
    "statistics": lambda ledger: ledger.statistics(),
    "pending_orders": lambda ledger: ledger.pending_orders(),
    "rebuild": lambda ledger: ledger.rebuild(),
}
"""Every method; of those that are one a command, two."""
QUIET = {"connect", "disconnect", "subscribe", "application"}
WORDS = "was disconnected; nothing was written. Connect again to go on"


def begun(url: str) -> PositionLedger:
    ledger = PositionLedger.connect(url)
    ledger.request_entry(**ENTRY, intent_id="1", command_id="known")
    return ledger


def test_every_method_is_asked() -> None:
    commands = {name for name, _ in inspect.getmembers(TypedCommands, inspect.isfunction)} - {"handle"}
    for kind in (PositionLedger, AsyncPositionLedger):
        methods = {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}
        assert methods - commands - QUIET == set(ASKED) - commands


@pytest.mark.parametrize("options", ["timeout=2", "timeout=2&notify=1"])
def test_a_ledger_that_was_disconnected_says_so(ledger_url: str, options: str) -> None:
    if ledger_url.startswith("sqlite"):
        options = "timeout=2"
    ledger = begun(ledger_url.replace("timeout=60", options))
    ledger.disconnect()
    ledger.disconnect()
    for ask in ASKED.values():
        with pytest.raises(StoreUnavailable, match=WORDS):
            ask(ledger)
    with pytest.raises(StoreUnavailable, match=WORDS):
        next(ledger.subscribe())


def test_so_does_one_in_memory() -> None:
    with memory_ledger() as ledger:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="known")
    for ask in ASKED.values():
        with pytest.raises(StoreUnavailable, match=WORDS):
            ask(ledger)


def test_so_does_the_twin_for_asyncio(ledger_url: str) -> None:
    async def ask_all() -> None:
        ledger = AsyncPositionLedger(begun(ledger_url))
        await ledger.disconnect()
        await ledger.disconnect()
        for ask in ASKED.values():
            with pytest.raises(StoreUnavailable, match=WORDS):
                await ask(ledger)
        with pytest.raises(StoreUnavailable, match=WORDS):
            await anext(ledger.subscribe())

    asyncio.run(ask_all())


def test_a_ledger_is_closed_though_whoever_disconnects_it_is_cancelled_before_a_thread_is_free() -> None:
    """It stayed open, with its connections and threads, for as long as the process lived."""
    free = threading.Event()

    async def day(kept: PositionLedger) -> None:
        ledger = AsyncPositionLedger(kept)
        for _ in range(kept.store.settings.pool_size):
            ledger._threads.submit(free.wait, 30)
        disconnecting = asyncio.create_task(ledger.disconnect())
        await asyncio.sleep(0)
        disconnecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await disconnecting
        with pytest.raises(LedgerClosed):
            await ledger.positions()
        free.set()
        ledger._threads.shutdown()

    kept = PositionLedger.connect("sqlite:///:memory:")
    asyncio.run(day(kept))
    with pytest.raises(LedgerClosed):
        kept.positions()
