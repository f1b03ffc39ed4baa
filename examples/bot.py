"""A complete bot on threads: it enters on signals, protects what it holds, exits, and goes on after a crash.

    LEDGER_DATABASE_URL=sqlite:///ledger.db python examples/bot.py binance.json

where `binance.json` holds what ccxt takes for the exchange, apiKey and secret among it. Run it twice, kill it whenever
you like: no position is opened twice, and none stays without a stop.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ccxt

from position_ledger import PositionLedger
from position_ledger.trading import CcxtExchange, Exchange, Rules, Trader

SIGNALS = [
    {"intent_id": "5483266", "symbol": "APT/USDT:USDT", "side": "short", "quantity": "61.8", "stop_loss_percent": "2"}
]
"""The signals of your strategy; an intent is entered once, however often it is sent."""


def trade(ledger: PositionLedger, exchange: Exchange, rules: Rules) -> None:
    """Run one round of the bot."""
    trader = Trader(ledger, exchange, rules=rules, owner="example-bot")
    for outcome in trader.resume():  # finish what an earlier run left unfinished
        print("resumed", outcome.position_id, outcome.kind)
    for signal in SIGNALS:
        outcome = trader.enter(**signal)
        match outcome.kind:
            case "protected" if outcome.position is not None:
                print("protected", outcome.position_id, "stop at", outcome.position.stop_price)
            case "refused":
                print("refused:", outcome.refusal)
            case _:
                print(outcome.kind, outcome.reason, *outcome.story, sep="\n  ")
    trader.synchronise()


def read_keys(path: str) -> dict[str, str]:
    """Read the keys that ccxt needs for the exchange; a file without them ends the program with one line."""
    try:
        return dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as wrong:
        sys.exit(f"the keys in {path} cannot be read: {wrong}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    client = ccxt.binanceusdm(read_keys(sys.argv[1]))
    with PositionLedger.connect() as ledger:
        trade(ledger, CcxtExchange(client), Rules())
