"""What went wrong with the old bot, as its writes to its table: the shadow finds exactly that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from domain.values import Status
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.shadow.divergence import Divergence
from tests.infrastructure.legacy.shadow.old_bot import APT, OldBot

Mirror = Callable[[], list[Divergence]]
PERP: dict[str, Any] = {
    "symbol": "PERPUSDT",
    "exchange": "binance",
    "side": "long",
    "quantity": "882.2",
    "entry_price": "0.2267",
}


def kinds(found: list[Divergence]) -> list[tuple[str, str | None]]:
    return [(each.kind.value, each.legacy_id) for each in found]


def events(ledger: PositionLedger, key: str) -> list[str]:
    return [type(entry.event).__name__ for entry in ledger.history(key)]


def test_a_bot_that_does_everything_right_leaves_the_shadow_quiet(
    bot: OldBot, ledger: PositionLedger, mirror: Mirror
) -> None:
    bot.opens(1, 5483266, "53190368", **APT)
    bot.update(1, current_price="3.2", unrealized_pnl="0.1")
    bot.protects(1, "3.2941")
    bot.update(1, quantity="50")
    bot.update(1, stop_loss_price="3.28")
    bot.update(1, status="closed", exit_reason="target", closed_at="2025-10-22 19:00:00+00")
    assert mirror() == []
    assert events(ledger, "APTUSDT.binance") == [
        "EntryRequested",
        "EntryPlaced",
        "EntryPlaced",
        "StopLossSet",
        "Activated",
        "PositionAdjusted",
        "StopLossSet",
        "PositionClosed",
    ]
    position = ledger.position("APTUSDT.binance#1")
    assert (position.status, position.intent_id, position.exit_reason) == (Status.CLOSED, "5483266", "target")
    assert {entry.event.source.value for entry in ledger.history("APTUSDT.binance")} == {"import"}


def signal_against_synchroniser(bot: OldBot) -> None:
    """I-01, to the end of both rows."""
    bot.opens(2548, 5483266, "53190368", **APT)
    bot.sights(2549, **APT | {"quantity": "61.0", "entry_price": "3.2295"})
    with pytest.raises(psycopg.errors.UniqueViolation):
        bot.protects(2548, "3.2941")
    bot.update(2548, status="rolled_back", exit_reason="duplicate key value violates unique constraint")
    bot.update(2549, has_stop_loss=True, stop_loss_price="3.2941")
    bot.update(2549, status="closed", exit_reason="stop")


def test_i01_the_synchronisers_row_is_an_adjustment(bot: OldBot, ledger: PositionLedger, mirror: Mirror) -> None:
    signal_against_synchroniser(bot)
    found = mirror()
    assert kinds(found) == [("second_row", "2549"), ("rollback_without_proof", "2548")]
    assert found[0].facts["answer"] == "PositionAlreadyOpen"
    assert found[0].facts["row"]["quantity"] == "61.00000000"
    assert events(ledger, "APTUSDT.binance") == [
        "EntryRequested",
        "EntryPlaced",
        "PositionAdjusted",
        "StopLossSet",
        "Activated",
        "PositionClosed",
    ]
    adjusted = ledger.history("APTUSDT.binance")[2].event
    assert (str(getattr(adjusted, "new_quantity", "")), str(getattr(adjusted, "new_avg_px_open", ""))) == (
        "61",
        "3.2295",
    )
    assert adjusted.metadata is not None and adjusted.metadata["legacy_id"] == "2549"
    assert mirror() == []


def test_i02_a_long_that_was_filled_at_once(bot: OldBot, ledger: PositionLedger, mirror: Mirror) -> None:
    bot.opens(2438, 5368032, "24233906", **PERP)
    bot.sights(2439, **PERP)
    bot.update(2439, has_stop_loss=True, stop_loss_price="0.2222")
    with pytest.raises(psycopg.errors.UniqueViolation):
        bot.update(2438, status="active")
    bot.update(2438, status="rolled_back", exit_reason="duplicate")
    assert kinds(mirror()) == [("second_row", "2439"), ("rollback_without_proof", "2438")]
    position = ledger.position("PERPUSDT.binance#1")
    assert (position.status, str(position.quantity), position.protected) == (Status.ACTIVE, "882.2", True)


def test_i04_one_signal_two_rows_is_a_replay(bot: OldBot, ledger: PositionLedger, mirror: Mirror) -> None:
    row = {"symbol": "KASUSDT", "exchange": "bybit", "side": "long", "quantity": "100", "entry_price": "0.05"}
    bot.insert(1, signal_id=12330417, status="entry_placed", **row)
    bot.insert(2, signal_id=12330417, status="entry_placed", **row)
    bot.update(1, exchange_order_id="a")
    bot.update(2, exchange_order_id="b")
    found = mirror()
    assert kinds(found) == [("second_row", "2"), ("refused", "2")]
    assert (found[0].facts["answer"], found[1].facts["rule"]) == ("replayed", "EntryAlreadyPlaced")
    assert ledger.position("KASUSDT.bybit#1").exchange_order_id == "a"


def test_i07_two_signals_two_orders_one_row(bot: OldBot, ledger: PositionLedger, mirror: Mirror) -> None:
    bot.opens(2548, 5483266, "53190368", **APT)
    bot.update(2548, status="entry_placed", exchange_order_id="53190369")
    bot.protects(2548, "3.2941")
    found = mirror()
    assert [(each.kind.value, each.facts["rule"]) for each in found] == [("refused", "EntryAlreadyPlaced")]
    assert "53190369" in found[0].message
    position = ledger.position("APTUSDT.binance#1")
    assert (position.status, str(position.quantity)) == (Status.ACTIVE, "61.8")
