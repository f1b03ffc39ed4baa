"""freqtrade: the database of a bot, its tables `trades` and `orders`, from version 2023 on.

Amounts are units of the base, not contracts. Times are UTC. A fee is counted as freqtrade does: by the rate of the side
(`fee_open`, `fee_close`) in the currency of the stake, or as what was taken off in the base (`ft_fee_base`). Funding
that was received is above zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from functools import partial
from typing import Final

from domain.values import EXACT, Leg, rounded
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each
from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose

_FILLED: Final = """
SELECT o.order_id, o.side, o.filled, o.average, o.price, o.ft_fee_base, o.funding_fee,
    coalesce(o.order_filled_date, o.order_update_date, o.order_date) AS filled_at,
    o.ft_order_side = CASE t.is_short WHEN 1 THEN 'sell' ELSE 'buy' END AS is_entry,
    t.exchange, t.pair, t.base_currency, t.stake_currency, t.trading_mode, t.fee_open, t.fee_close, t.exit_reason
FROM orders AS o JOIN trades AS t ON t.id = o.ft_trade_id
WHERE o.filled > 0 AND NOT o.ft_is_open
ORDER BY filled_at, o.id
"""


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    is_entry = row.needed("is_entry") == "1"
    leg = Leg.BOTH if row.word("trading_mode") == "futures" else Leg.SPOT
    key = whose.key(row.needed("pair"), leg, row.needed("exchange"))
    quantity, price = row.above_zero("filled"), row.above_zero("average", "price")
    order_id, time = row.needed("order_id"), row.time("filled_at", zone=UTC)
    in_base, rate = row.some("ft_fee_base"), row.number("fee_open" if is_entry else "fee_close")
    worth = EXACT.multiply(quantity, price)
    by_rate = None if rate is None else rounded(EXACT.multiply(worth, rate))
    yield StatementFill(
        line=row.line,
        time=time,
        key=key,
        buys=row.buys("side"),
        quantity=quantity,
        price=price,
        fee=in_base or by_rate,
        fee_currency=row.text("base_currency" if in_base else "stake_currency"),
        profit=None,
        trade_id=f"order-{order_id}",
        order_id=order_id,
        reason="liquidation" if not is_entry and "liquidation" in row.word("exit_reason") else None,
    )
    if funding := row.some("funding_fee"):
        yield StatementCash(
            line=row.line,
            time=time,
            key=key,
            amount=funding,
            currency=row.text("stake_currency"),
            kind="funding",
            cash_id=f"funding-{order_id}",
        )


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return each(file.records(_FILLED), partial(_facts, whose))


FREQTRADE_DATABASE: Final = StatementKind(
    name="freqtrade-database",
    form=FileForm.SQLITE,
    needs=(("trades",), ("orders",), ("pairlocks",)),
    read=_read,
    source="freqtrade, the database of a bot in SQLite (`tradesv3.sqlite`), live or dry",
    lacks="fills: what was filled of an order is one, at its average. The time of funding: it is that of the next "
    "order. What a fee really was: freqtrade keeps its rate",
    becomes="a cycle from flat to flat, spot on its leg, at the exchange of each trade. Orders that are open are left "
    "out until they are over",
)
