"""A bot as a user writes it, for the type checker in test_types.py."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from position_ledger import AsyncPositionLedger, PositionAlreadyOpen, PositionLedger, Receipt, Side, Status
from position_ledger.testing import SimulatedExchange
from position_ledger.trading import Exchange, Trader


def enter(ledger: PositionLedger, quantity: Decimal) -> Receipt | None:
    try:
        return ledger.request_entry(
            symbol="APT/USDT:USDT",
            exchange="binance",
            side="short",
            quantity=quantity,
            signal_price="3.2333",
            intent_id=5483266,
            at=datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC),
            metadata={"strategy": {"name": "trend", "levels": ["3.1", "3.0"]}},
        )
    except PositionAlreadyOpen as refusal:
        print(refusal.position_id)
        return None


def give_up(ledger: PositionLedger, position_id: str) -> None:
    ledger.record_entry_fill(position_id=position_id, trade_id="881", last_qty="61", last_px=Decimal("3.2295"))
    closing = ledger.start_rollback(position_id=position_id, reason="no stop", source="recovery")
    ledger.roll_back(
        position_id=position_id,
        evidence={
            "closing_order_id": closing.client_order_id,
            "fills": [{"trade_id": "902", "last_qty": "61", "last_px": Decimal("3.23")}],
        },
    )


def trade(ledger: PositionLedger, exchange: Exchange, intent_id: str) -> str | None:
    outcome = Trader(ledger, exchange, owner="bot-1").enter(
        symbol="SUI/USDT:USDT", side="long", quantity="20", stop_loss_percent="2", intent_id=intent_id
    )
    if outcome.refusal is not None:
        return outcome.refusal.position_id
    if outcome.kind == "protected" and outcome.position is not None:
        print(outcome.position.stop_price)
    return None


async def later(url: str) -> Status:
    async with await AsyncPositionLedger.connect(url) as ledger:
        receipt = await ledger.request_entry(
            symbol="SOLUSDT", exchange="binance", side=Side.LONG, quantity=2, intent_id="7"
        )
        return (await ledger.position(receipt.position_id)).status


if __name__ == "__main__":
    with PositionLedger.connect("sqlite:///:memory:") as books:
        if entered := enter(books, Decimal("61.8")):
            give_up(books, entered.position_id)
            print(books.position(entered.position_id).status)
        venue = SimulatedExchange("binance")
        venue.set_price("SUI/USDT:USDT", "3.52")
        print(trade(books, venue, "1"), trade(books, venue, "2"))
    print(asyncio.run(later("sqlite:///:memory:")))
