"""A bot in a process of its own, to be killed: it enters, exits, rolls back or resumes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ccxt

from position_ledger import PositionLedger
from position_ledger.trading import CcxtExchange, Rules, Trader

RULES = Rules(poll_seconds=0.05)


def main(deed: str, keys: str, url: str) -> None:
    """Do one deed, and say what came of it."""
    client = ccxt.binanceusdm(json.loads(Path(keys).read_text(encoding="utf-8")))
    with PositionLedger.connect(url) as ledger:
        trader = Trader(ledger, CcxtExchange(client), rules=RULES, owner="bot-1")
        if deed == "resume":
            outcomes = trader.resume()
        else:
            outcomes = [
                trader.enter(
                    symbol="APT/USDT:USDT", side="short", quantity="61.8", stop_loss_percent="2", intent_id="5483266"
                )
            ]
        position_id = outcomes[0].position_id
        assert position_id is not None, "something was entered"
        if deed == "exit":
            outcomes = [trader.exit(position_id, reason="target")]
        if deed == "roll_back":
            outcomes = [trader.roll_back(position_id, reason="operator")]
        print(json.dumps([outcome.kind for outcome in outcomes]))


if __name__ == "__main__":
    main(*sys.argv[1:])
