"""freqtrade: the database of a bot, its tables `trades` and `orders`, of any version that has both.

Amounts are units of the base, not contracts. Times are UTC. A fee is computed as freqtrade does: by the rate of its
side (`fee_open`, `fee_close`) in the currency of the stake, or as the part of the base that was deducted
(`ft_fee_base`). Funding that was received is above zero; older versions kept it by trade, and not by order.

A closed trade may lack orders: those from before the table of orders existed, and the exit of a trade that its owner
ended by SQL. A fill at `open_rate` or `close_rate` takes their place; freqtrade computes with these rates as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Final

from msgspec.structs import replace

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, rounded, total_of
from infrastructure.transfer.statements.kinds.programs.freqtrade.closed_trade import closed_trade
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each, of_row
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose

_ORDERS: Final = """
SELECT t.*, o.*, t.id AS trade, t.amount AS trade_amount,
    coalesce(o.order_filled_date, o.order_update_date, o.order_date) AS filled_at
FROM trades AS t LEFT JOIN orders AS o ON o.ft_trade_id = t.id AND o.filled > 0 AND NOT o.ft_is_open
ORDER BY t.id, filled_at, o.id
"""
"""Every trade with each of its orders that filled something; a column of both tables has the value of the order."""
_DUST_MAX: Final = Decimal("0.01")
"""As a share of what was entered: no more is left because an exchange sells in steps."""
_FUNDING_MIN: Final = Decimal("0.00000001")
"""Less is left over from the arithmetic of floats."""


class _Trade:
    """One trade, made from any of its rows."""

    def __init__(self, whose: Whose, row: StatementRow) -> None:
        leg = Leg.BOTH if row.word("trading_mode") == "futures" else Leg.SPOT
        pair = row.needed("pair")
        self._key: PositionKey = whose.key(pair, leg, row.needed("exchange"))
        base, _, rest = pair.partition("/")
        self._base = row.text("base_currency") or base
        self._stake = row.text("stake_currency") or rest.partition(":")[0]
        self._enters = "sell" if row.word("is_short") == "1" else "buy"
        self._is_over = row.word("is_open") == "0"

    def of_order(self, row: StatementRow) -> Iterator[StatementFact]:
        """The fill of an order, and the funding before it."""
        if (name := row.text("order_id")) is None:
            return
        quantity, price = row.above_zero("filled"), row.above_zero("average", "price", "stop_price", "ft_price")
        enters = row.word("ft_order_side") == self._enters
        fill = self._fill(row, name, quantity, price, row.time("filled_at", zone=UTC), enters=enters)
        in_base = row.some("ft_fee_base")
        yield fill if in_base is None else replace(fill, fee=in_base, fee_currency=self._base)
        if funding := row.some("funding_fee"):
            yield self._funding(row, name, funding, fill.time)

    def in_whole(self, orders: Sequence[StatementFact], row: StatementRow) -> Iterator[StatementFact]:
        """All facts of the trade: those of its `orders` and, once it is closed, fills in place of missing orders."""
        if not self._is_over or row.some("close_rate") is None:
            yield from orders
            return
        name = row.needed("trade")
        fills = [fact for fact in orders if isinstance(fact, StatementFill)]
        if not any(self._is_entry(fill) for fill in fills):
            amount, rate = row.above_zero("trade_amount"), row.above_zero("open_rate")
            fills.append(self._fill(row, f"{name}-open", amount, rate, row.time("open_date", zone=UTC), enters=True))
        entered = total_of(self._received(fill) for fill in fills if self._is_entry(fill))
        held = EXACT.subtract(entered, total_of(fill.quantity for fill in fills if not self._is_entry(fill)))
        is_dust = held <= EXACT.multiply(entered, _DUST_MAX)
        if not is_dust and not self._is_sold_at(time := row.time("close_date", zone=UTC), fills):
            rate = row.above_zero("close_rate")
            fills.append(self._fill(row, f"{name}-close", held, rate, time, enters=False))
            held = Decimal(0)
        fills = closed_trade(row, fills, entered, held)
        yield from fills
        payments = [fact for fact in orders if isinstance(fact, StatementCash)]
        yield from payments
        if (whole := row.number("funding_fees")) is not None:
            left = EXACT.subtract(whole, total_of(cash.amount for cash in payments))
            if left.copy_abs() > _FUNDING_MIN:
                yield self._funding(row, name, left, fills[-1].time)

    def _is_sold_at(self, time: datetime, fills: Iterable[StatementFill]) -> bool:
        """Whether an order closed it on spot: then what is left is dust, even if it is much of a small trade."""
        exits = (fill for fill in fills if not self._is_entry(fill))
        return self._key.leg is Leg.SPOT and any(fill.time >= time for fill in exits)

    def _is_entry(self, fill: StatementFill) -> bool:
        return fill.buys is (self._enters == "buy")

    def _received(self, fill: StatementFill) -> Decimal:
        in_base = fill.fee if fill.fee_currency == self._base else None
        return EXACT.subtract(fill.quantity, in_base or Decimal(0))

    def _fill(
        self, row: StatementRow, name: str, quantity: Decimal, price: Decimal, time: datetime, *, enters: bool
    ) -> StatementFill:
        rate = row.number("fee_open" if enters else "fee_close")
        return StatementFill(
            line=row.line,
            time=time,
            key=self._key,
            buys=enters is (self._enters == "buy"),
            quantity=quantity,
            price=price,
            fee=None if rate is None else rounded(EXACT.multiply(EXACT.multiply(quantity, price), rate)),
            fee_currency=self._stake,
            trade_id=f"order-{name}",
            order_id=name,
        )

    def _funding(self, row: StatementRow, name: str, amount: Decimal, time: datetime) -> StatementCash:
        return StatementCash(
            line=row.line,
            time=time,
            key=self._key,
            amount=amount,
            currency=self._stake,
            kind="funding",
            cash_id=f"funding-{name}",
        )


def facts_of_trade(whose: Whose, orders: Sequence[StatementRow]) -> Iterator[StatementFact]:
    """The facts of a trade by its orders, in the order of time; where it has none, by its one row without an order."""
    with of_row(orders[0]):
        trade = _Trade(whose, orders[0])
    facts = list(each(orders, trade.of_order))
    with of_row(orders[-1]):
        yield from trade.in_whole(facts, orders[-1])


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    for _, orders in groupby(file.records(_ORDERS), lambda row: row.named["trade"]):
        yield from facts_of_trade(whose, list(orders))


FREQTRADE_DATABASE: Final = StatementKind(
    name="freqtrade-database",
    form=FileForm.SQLITE,
    needs=("trades", "orders", "pairlocks"),
    read=_read,
)
