"""TradingView: the log of alerts that it exports in CSV.

`Description` has the message of an alert of a strategy, as the JSON of its template. A time or a ticker that the
message lacks is taken from the columns of the line; its ticker is `BINANCE:BTCUSDT.P, 15m`. The log has all alerts, and
those that order nothing are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from infrastructure.transfer.statements.kinds.programs.tradingview import (
    ACTIONS,
    MOMENTS,
    TICKERS,
    StrategyAlerts,
    flat,
)
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, per_file

_ORDERS: Final = re.compile(r"\border (?:buy|sell) @", re.IGNORECASE)
"""TradingView's own message of an order, where an alert has no template; it lacks the price."""


class _AlertLog:
    """The reader of one file."""

    def __init__(self, whose: Whose) -> None:
        self._alerts = StrategyAlerts(whose)

    def facts(self, row: StatementRow) -> Iterator[StatementFact]:
        text = row.text("description") or ""
        if _ORDERS.search(text):
            raise ValueError(
                f"description {text!r:.90} is an order without a price; import the list of trades of the strategy, or "
                "give its alerts a template in JSON"
            )
        message = _object(text)
        if any(name in message for name in ACTIONS):
            yield from self._alerts.facts(StatementRow(row.line, {**_of_line(row, message), **message}))


def _object(text: str) -> Mapping[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=str)
    except (ValueError, ArithmeticError, RecursionError) as wrong:
        raise ValueError(f"description {text!r:.60} is no JSON: {wrong}") from None
    return {name.lower(): value for name, value in flat(found).items()}


def _of_line(row: StatementRow, message: Mapping[str, Any]) -> dict[str, Any]:
    """The time and the ticker of a line, if its message lacks them."""
    found: dict[str, Any] = {}
    if not any(name in message for name in MOMENTS):
        found[MOMENTS[0]] = row.needed("time")
    if not any(name in message for name in TICKERS):
        exchange, colon, ticker = row.needed("ticker").partition(",")[0].rpartition(":")
        found[TICKERS[0]] = ticker
        if colon and "exchange" not in message:
            found["exchange"] = exchange
    return found


TRADINGVIEW_LOG: Final = StatementKind(
    name="tradingview-alerts-csv",
    form=FileForm.CSV,
    needs=("alert id", "ticker", "name", "description", "time"),
    read=per_file(lambda whose: _AlertLog(whose).facts),
)
