"""The same bot on asyncio: a task that is cancelled leaves no position without a stop, and no slot that is not used.

LEDGER_DATABASE_URL=sqlite:///ledger.db python examples/async_bot.py binance.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import ccxt.async_support as ccxt

from position_ledger import AsyncPositionLedger
from position_ledger.trading import AsyncExchange, AsyncTrader, CcxtExchange, Rules

SIGNALS = [
    {"intent_id": "5483266", "symbol": "APT/USDT:USDT", "side": "short", "quantity": "61.8", "stop_loss_percent": "2"}
]


async def trade(ledger: AsyncPositionLedger, exchange: AsyncExchange, rules: Rules) -> None:
    """Run one round of the bot, all signals at the same time."""
    async with AsyncTrader(ledger, exchange, rules=rules, owner="example-bot") as trader:
        for outcome in await trader.resume():
            print("resumed", outcome.position_id, outcome.kind)
        for outcome in await asyncio.gather(*(trader.enter(**signal) for signal in SIGNALS)):
            print(outcome.kind, outcome.position_id, outcome.reason or "")
        await trader.synchronise()


async def main(keys: dict[str, str]) -> None:
    """Connect to the exchange and the ledger, trade, and close both."""
    exchange = CcxtExchange(ccxt.binanceusdm(keys))
    async with await AsyncPositionLedger.connect() as ledger:
        try:
            await trade(ledger, exchange, Rules())
        finally:
            await exchange.close()


def read_keys(path: str) -> dict[str, str]:
    """Read the keys that ccxt needs for the exchange; a file without them ends the program with one line."""
    try:
        return dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as wrong:
        sys.exit(f"the keys in {path} cannot be read: {wrong}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(main(read_keys(sys.argv[1])))
