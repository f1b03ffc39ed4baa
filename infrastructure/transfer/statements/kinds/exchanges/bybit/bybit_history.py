"""Bybit: the trade history of derivatives that its website exports in CSV.

`Long` buys and `Short` sells, whatever they open or close. A fee that is paid is above zero, also where the line is a
payment of funding; a newer header may have it in `ExecFeeV2` alone. Times are `09:24 2026-03-17`, without seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, in_utc
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_NAMES: Final = MappingProxyType(
    {
        "symbol": ("market", "contracts", "symbol"),
        "trade": ("trasaction id", "transaction id"),
        "order": ("order no.", "order id"),
        "time": in_utc("transaction time"),
        "fee": ("trading fee", "execfeev2"),
        "currency": ("feecoin", "fee coin"),
    }
)
"""Bybit writes `Trasaction`."""
_BUYS: Final = MappingProxyType({"long": True, "buy": True, "short": False, "sell": False})
_FUNDING: Final = "funding"
_REASONS: Final = MappingProxyType(
    {
        "trade": None,
        "blocktrade": None,
        "adltrade": "adl",
        "adl": "adl",
        "busttrade": "liquidation",
        "liquidation": "liquidation",
        "settle": "settlement",
        "delivery": "settlement",
    }
)


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    kind, key, time = row.word("filled type"), whose.key(row.needed(*_NAMES["symbol"])), _NAMES["time"]
    currency = row.text(*_NAMES["currency"]) or key.settle
    if kind == _FUNDING:
        if paid := row.known(*_NAMES["fee"]):
            yield StatementCash(
                line=row.line,
                time=row.time(*time, zone=whose.zone),
                key=key,
                amount=-paid,
                currency=currency,
                kind="funding",
                cash_id=row.needed(*_NAMES["trade"]),
            )
        return
    if kind not in _REASONS:
        raise ValueError(f"filled type {kind!r:.60} is unknown; known are: {', '.join((*_REASONS, _FUNDING))}")
    direction = row.word("direction")
    if direction not in _BUYS:
        raise ValueError(f"direction {direction!r:.60} is unknown; known are: {', '.join(_BUYS)}")
    yield StatementFill(
        line=row.line,
        time=row.time(*time, zone=whose.zone),
        key=key,
        buys=_BUYS[direction],
        quantity=row.above_zero("filled quantity"),
        price=row.above_zero("filled price"),
        fee=row.number(*_NAMES["fee"]),
        fee_currency=currency,
        trade_id=row.needed(*_NAMES["trade"]),
        order_id=row.text(*_NAMES["order"]) or row.needed(*_NAMES["trade"]),
        reason=_REASONS[kind],
    )


BYBIT_HISTORY: Final = StatementKind(
    name="bybit-executions-csv",
    form=FileForm.CSV,
    needs=(
        *("filled type", "filled quantity", "filled price", "trading fee", "direction"),
        *(_NAMES["symbol"], _NAMES["trade"], _NAMES["time"]),
    ),
    exchange="bybit",
    read=row_by_row(_facts),
)
