"""freqtrade: the result of a backtest, `backtest-result-….json`, with the orders of its trades.

A fee is computed as freqtrade does, by the rate of its side, in the currency of the stake; `profit_abs` is after fees
and funding. Funding that was received is above zero. Where trades were stacked, several of a pair were open at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, rounded
from infrastructure.transfer.statements.kinds.programs.freqtrade.closed_trade import closed_trade
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, numbered
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_FILLED: Final = "order_filled_timestamp"
_OPENED: Final = ("open_timestamp", "open_date")
"""Results of 2020 have only the dates."""
_WITHOUT_TRADES: Final = "results_per_pair"
"""A key that follows the trades of a strategy; where there are none, it is near the beginning of the file."""


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    run = _run(row.inside("strategy"), whose.strategy)
    trades = [StatementRow(place, trade.named) for place, trade in enumerate(run.listed("trades"), start=1)]
    leg = Leg.BOTH if run.word("trading_mode") == "futures" else Leg.SPOT
    filled, number = list[tuple[StatementRow, list[StatementFill]]](), 1
    for trade in trades:
        try:
            filled.append((trade, _fills(run, trade, whose.key(trade.needed("pair"), leg), number)))
        except ValueError as wrong:
            raise ValueError(f"trade {trade.line:,}: {wrong}") from None
        number += len(trade.listed("orders")) or 2
    stacked = set(_stacked(fills for _, fills in filled))
    for trade, fills in filled:
        yield from _trade(run, trade, fills, is_alone=fills[0].key not in stacked)


def _run(strategies: StatementRow, chosen: str | None) -> StatementRow:
    """The result of one strategy. Refuses: ValueError where it is not clear which."""
    names = [*strategies.named]
    if chosen is None and len(names) > 1:
        raise ValueError(
            f"has the trades of {len(names)} strategies ({', '.join(names)}), which would be one position of each "
            "pair; say with --strategy which"
        )
    if not names or (chosen is not None and chosen not in names):
        raise ValueError(f"has no strategy {chosen or 'at all'}; it has {', '.join(names) or 'none'}")
    return strategies.inside(chosen or names[0])


def _stacked(trades: Iterable[Sequence[StatementFill]]) -> Iterator[PositionKey]:
    """The keys with several trades that were open at the same time."""
    open_until: dict[PositionKey, datetime] = {}
    for fills in sorted(trades, key=lambda fills: fills[0].time):
        key, opened, closed = fills[0].key, fills[0].time, fills[-1].time
        if opened < open_until.get(key, opened):
            yield key
        open_until[key] = max(closed, open_until.get(key, closed))


def _fills(run: StatementRow, trade: StatementRow, key: PositionKey, number: int) -> list[StatementFill]:
    """The fills of the orders of a trade; their ids are in the order of their numbers, from `number` on."""
    is_short, fills = trade.named.get("is_short") is True, list[StatementFill]()
    for place, order in enumerate(order for order in _orders(trade) if order.find(_FILLED)[1] is not None):
        is_entry = order.named.get("ft_is_entry") is True
        quantity, price = order.above_zero("filled", "amount"), order.above_zero("safe_price")
        rate = trade.number("fee_open" if is_entry else "fee_close")
        worth = EXACT.multiply(quantity, price)
        name = numbered(number + place, key.stream, order.digest())
        fills.append(
            StatementFill(
                line=trade.line,
                time=order.time(_FILLED),
                key=key,
                buys=is_entry is not is_short,
                quantity=quantity,
                price=price,
                fee=None if rate is None else rounded(EXACT.multiply(worth, rate)),
                fee_currency=run.text("stake_currency"),
                trade_id=name,
                order_id=name,
            )
        )
    if not fills:
        raise ValueError("has no order that was filled")
    return fills


def _trade(
    run: StatementRow, trade: StatementRow, fills: Sequence[StatementFill], *, is_alone: bool
) -> Iterator[StatementFact]:
    entered, left = Decimal(0), Decimal(0)
    for fill in fills:
        is_entry = fill.buys is fills[0].buys
        entered = EXACT.add(entered, fill.quantity) if is_entry else entered
        left = (EXACT.add if is_entry else EXACT.subtract)(left, fill.quantity)
    yield from closed_trade(trade, fills, entered, left, is_alone=is_alone)
    if funding := trade.some("funding_fees"):
        yield StatementCash(
            line=trade.line,
            time=fills[-1].time,
            key=fills[0].key,
            amount=funding,
            currency=run.text("stake_currency"),
            kind="funding",
            cash_id=f"funding-{trade.digest()}",
        )


def _orders(trade: StatementRow) -> Iterator[StatementRow]:
    """The orders of a trade; an older result does not list them, and gets two by the rates of the trade."""
    listed = trade.listed("orders")
    yield from listed
    if not listed:
        sides = ("sell", "buy") if trade.named.get("is_short") is True else ("buy", "sell")
        for is_entry, side, times, price in (
            (True, sides[0], _OPENED, "open_rate"),
            (False, sides[1], ("close_timestamp", "close_date"), "close_rate"),
        ):
            keys = {"amount": ("amount",), "safe_price": (price,), _FILLED: times}
            values = {name: trade.find(*names)[1] for name, names in keys.items()}
            yield StatementRow(trade.line, {**values, "ft_order_side": side, "ft_is_entry": is_entry})


FREQTRADE_BACKTEST: Final = StatementKind(
    name="freqtrade-backtest",
    form=FileForm.JSON,
    needs=(
        *("strategy", "trades"),
        *((name, _WITHOUT_TRADES) for name in ("pair", "open_rate", "close_rate")),
        (*_OPENED, _WITHOUT_TRADES),
    ),
    asks=("exchange",),
    has_strategies=True,
    read=row_by_row(_facts),
)
