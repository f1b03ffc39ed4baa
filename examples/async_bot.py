"""The same bot on asyncio: whoever cancels a task leaves no bare position and no slot that nobody uses.

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
    """What the bot does in one round, all signals at once."""
    async with AsyncTrader(ledger, exchange, rules=rules, owner="example-bot") as trader:
        for outcome in await trader.resume():
            print("resumed", outcome.position_id, outcome.kind)
        for outcome in await asyncio.gather(*(trader.enter(**signal) for signal in SIGNALS)):
            print(outcome.kind, outcome.position_id, outcome.reason or "")
        await trader.synchronise()


async def main(keys: dict[str, str]) -> None:
    """Open what is needed, and close it."""
    exchange = CcxtExchange(ccxt.binanceusdm(keys))
    async with await AsyncPositionLedger.connect() as ledger:
        try:
            await trade(ledger, exchange, Rules())
        finally:
            await exchange.close()


def read_keys(path: str) -> dict[str, str]:
    """What ccxt takes for the exchange; ends the program with one line where that is not in the file."""
    try:
        return dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as wrong:
        sys.exit(f"the keys in {path} cannot be read: {wrong}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(main(read_keys(sys.argv[1])))
