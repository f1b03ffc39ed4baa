"""freqtrade: the result of a backtest, `backtest-result-….json`, with the orders of its trades.

A fee is counted as freqtrade does, by the rate of the side in the currency of the stake; `profit_abs` is after fees and
funding. Funding that was received is above zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from domain.identifiers import PositionKey
from domain.instrument import ONE
from domain.values import EXACT, Leg, rounded
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each, numbered
from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose

_FILLED: Final = "order_filled_timestamp"


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    strategies = row.inside("strategy")
    if len(strategies.named) != 1:
        raise ValueError(
            f"has the trades of {len(strategies.named)} strategies ({', '.join(strategies.named)}), which would be one "
            "position of each pair; backtest them one by one"
        )
    (name,) = strategies.named
    run = strategies.inside(name)
    trades = run.listed("trades")
    number = 1
    leg = Leg.BOTH if run.word("trading_mode") == "futures" else Leg.SPOT
    for place, trade in enumerate(trades, start=1):
        try:
            yield from _trade(run, StatementRow(place, trade.named), whose.key(trade.needed("pair"), leg), number)
        except ValueError as wrong:
            raise ValueError(f"trade {place:,}: {wrong}") from None
        number += len(trade.listed("orders")) or 2


def _trade(run: StatementRow, trade: StatementRow, key: PositionKey, number: int) -> Iterator[StatementFact]:
    stake, orders = (
        run.text("stake_currency"),
        [order for order in _orders(trade) if order.find(_FILLED)[1] is not None],
    )
    if not orders:
        raise ValueError("has no order that was filled")
    last = orders[-1].time(_FILLED)
    for place, order in enumerate(orders):
        is_entry = order.named.get("ft_is_entry") is True
        quantity, price = order.above_zero("filled", "amount"), order.above_zero("safe_price")
        rate = trade.number("fee_open" if is_entry else "fee_close")
        worth = EXACT.multiply(quantity, price)
        name = numbered(number + place, key.stream, order.digest())
        yield StatementFill(
            line=trade.line,
            time=order.time(_FILLED),
            key=key,
            buys=order.buys("ft_order_side"),
            quantity=quantity,
            price=price,
            fee=None if rate is None else rounded(EXACT.multiply(worth, rate)),
            fee_currency=stake,
            profit=None,
            trade_id=name,
            order_id=name,
            contract_size=ONE,
            reason="liquidation" if not is_entry and "liquidation" in trade.word("exit_reason") else None,
            is_last=order is orders[-1],
        )
    if funding := trade.some("funding_fees"):
        yield StatementCash(
            line=trade.line,
            time=last,
            key=key,
            amount=funding,
            currency=stake,
            kind="funding",
            cash_id=f"funding-{trade.digest()}",
        )


def _orders(trade: StatementRow) -> Iterator[StatementRow]:
    """Its orders; of a result from before they were listed, the two that its rates say."""
    listed = trade.listed("orders")
    yield from listed
    if not listed:
        sides = ("sell", "buy") if trade.named.get("is_short") is True else ("buy", "sell")
        for is_entry, side, time, price in (
            (True, sides[0], "open_timestamp", "open_rate"),
            (False, sides[1], "close_timestamp", "close_rate"),
        ):
            said = {"amount": "amount", "safe_price": price, _FILLED: time}
            values = {name: trade.named.get(column) for name, column in said.items()}
            yield StatementRow(trade.line, {**values, "ft_order_side": side, "ft_is_entry": is_entry})


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return each(file.rows(), partial(_facts, whose))


FREQTRADE_BACKTEST: Final = StatementKind(
    name="freqtrade-backtest",
    form=FileForm.JSON,
    needs=(("strategy",), ("trades",), ("pair",), ("open_rate",), ("close_rate",), ("open_timestamp",)),
    asks=("exchange",),
    read=_read,
    source="freqtrade, the result of a backtest in JSON, in its archive or out of it; with `--exchange`",
    lacks="the exchange. The time of funding: it is that of the last order",
    becomes="a cycle from flat to flat, spot on its leg. Orders that were not filled are left out; a trade without "
    "orders has fills at its rates. The file is one object, and is held in memory",
)
