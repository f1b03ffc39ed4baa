"""The short position of APTUSDT that most tests of comparisons are about, as the ledger and as exchanges show it."""

from __future__ import annotations

from domain.commands.requests import Adopt
from projections.reconciliation.command_text import in_words
from projections.reconciliation.corrections import corrections
from projections.reconciliation.result import Reconciliation
from tests.projections.seen import held, rows_of, seen, stop
from tests.spec import ENTERED

APT = "APTUSDT.binance#1"
HNT = "HNTUSDT.binance#1"
THERE = held("APTUSDT", "short", "61.8", "3.2333")
ITS_STOP = stop("APTUSDT", "buy", "s1", "3.298")
AS_IN_LEDGER = seen(THERE, orders=[ITS_STOP])
OTHERS = stop("SXPUSDT", "buy", "other", "9")
"""A conditional order of something else: the list is one in which stops are."""
STOPLESS = (seen(THERE, orders=[OTHERS], at=500), seen(THERE, orders=[OTHERS]))


def adopted(
    symbol: str = "HNTUSDT", side: str = "long", quantity: str = "60", price: str = "1.75", **fields: object
) -> Adopt:
    return Adopt.of(
        symbol=symbol, exchange="binance", side=side, quantity=quantity, avg_px_open=price, reason="seen", **fields
    )


def planned(found: Reconciliation, reason: str | None = None) -> list[str]:
    return [in_words(each.command) for each in corrections(found, reason)]


OTHER = held("BTCUSDT", "long", "1", "100000")
BESIDE = adopted("BTCUSDT", "long", "1", "100000")
GONE = rows_of(*ENTERED, BESIDE)
