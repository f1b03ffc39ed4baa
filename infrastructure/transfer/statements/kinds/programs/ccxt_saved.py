"""ccxt: what `fetch_my_trades`, `fetch_orders` and `fetch_funding_history` gave, saved as JSON, or by pandas as CSV.

By ccxt's manual a fee that is paid is above zero and one that is received below it; for funding it is the other way
round. An amount counts contracts, and the contract size follows from their value `cost`, where it is a power of ten, as
it is at the exchanges. Funding of Phemex has the exchange's own symbol.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.identifiers import PositionKey
from domain.instrument import ONE
from domain.values import EXACT, Leg, plain
from infrastructure.exchanges.contract_units import COUNTS_UNITS, power_of_ten, unit_size, units_worth
from infrastructure.exchanges.fields import ReportFields
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_fills import name_of_trade
from infrastructure.transfer.statements.kinds.opening_sides import opening_side
from infrastructure.transfer.statements.kinds.other_fees import with_fees
from infrastructure.transfer.statements.kinds.programs.ccxt_money import fees_of, payment_of
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, each, made_up
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import FileReader, StatementKind, Whose

_PROFITS: Final = ("realizedPnl", "fillPnl", "execPnl", "closedPnl")
"""The keys for the profit of a fill before fees at Binance, OKX, Bybit and Hyperliquid; Hyperliquid also has the
position before the fill, in `startPosition`."""

_CLOSED: Final = ("closedSize", "close_size")
"""The keys for how much of a fill closed something at Bybit and Gate; Gate's is below zero for a sale."""
_SEQUENCES: Final = ("seq", "match_id")
"""The keys for the match numbers of Bybit and HTX: ccxt sorts by milliseconds, not within one."""
_EXECUTION_TYPE: Final = "execType"
"""The key for the type of an execution at Bybit; funding is one of them."""
_FUNDING: Final = "funding"
_FLOATS: Final = frozenset({"price", "amount", "cost", "filled", "remaining", "average"})
"""What ccxt has as binary floats; a table has them as text."""
_WITH_DUST: Final = "hyperliquid"
"""The exchange of which several trades have the same id."""
_REASONS: Final = MappingProxyType(
    {"adltrade": "adl", "busttrade": "liquidation", "delivery": "settlement", "settle": "settlement"}
)
_ON_MARGIN: Final[MappingProxyType[str, Callable[[StatementRow], bool]]] = MappingProxyType(
    {
        "binance": lambda info: "isIsolated" in info.named,
        "bybit": lambda info: info.word("isLeverage") == "1",
        "kraken": lambda info: info.some("margin") is not None,
        "kucoin": lambda info: "margin" in info.word("tradeType"),
        "okx": lambda info: info.word("instType") == "margin",
    }
)
"""Whether the answer of an exchange says that a fill on spot was on margin."""
_OF_TRADE: Final = MappingProxyType(
    {"time": ("timestamp", "datetime"), "quantity": ("amount",), "price": ("price",), "profit": _PROFITS}
)
_OF_ORDER: Final = MappingProxyType(
    {
        "time": ("lastTradeTimestamp", "lastUpdateTimestamp", "timestamp", "datetime"),
        "quantity": ("filled",),
        "price": ("average",),
        "profit": (),
    }
)


class _KeyedRow(NamedTuple):
    """A row, what it says together with the exchange's own answer, and its key."""

    row: StatementRow
    fields: ReportFields
    key: PositionKey


class _CcxtRows:
    """The reader of one file."""

    def __init__(self, whose: Whose) -> None:
        self._whose, self._ids = whose, RowIds()

    def trades(self, row: StatementRow) -> Iterator[StatementFact]:
        time, side = row.needed("timestamp", "datetime"), row.needed("side")
        order_id = row.text("order") or made_up(time, row.needed("symbol"), side)
        trade_id = row.text("id") or self._ids.of(row, time)
        keyed = self._keyed(row)
        if keyed.key.exchange == _WITH_DUST:
            trade_id = name_of_trade(trade_id, order_id)
        if keyed.fields.word(_EXECUTION_TYPE) == _FUNDING:
            yield from self._funding_of(keyed, trade_id)
        elif row.some("amount") is None:
            raise ValueError(
                f"amount of trade {trade_id} is {row.text('amount') or 'empty'}; fetch it again with a newer ccxt, or "
                "save what is under info, the exchange's own answers, as JSON, and import that"
            )
        else:
            yield from self._fill(keyed, _OF_TRADE, trade_id, order_id)

    def _funding_of(self, keyed: _KeyedRow, cash_id: str) -> Iterator[StatementFact]:
        row, key = keyed.row, keyed.key
        for paid, currency in fees_of(key.exchange, row):
            if paid:
                yield StatementCash(
                    line=row.line,
                    time=row.time(*_OF_TRADE["time"], zone=self._whose.zone),
                    key=key,
                    amount=-paid,
                    currency=currency,
                    kind="funding",
                    cash_id=cash_id,
                )

    def orders(self, row: StatementRow) -> Iterator[StatementFact]:
        if row.some("filled") is None:
            return
        order_id, trades = row.needed("id"), row.listed("trades")
        for trade in trades:
            of_order = {"symbol": row.named.get("symbol"), "side": row.named.get("side"), "order": order_id}
            whole = {**of_order, **{name: value for name, value in trade.named.items() if value is not None}}
            yield from self.trades(StatementRow(row.line, whole))
        if not trades:
            if row.some("average") is None:
                raise ValueError(
                    f"average of order {order_id} is {row.text('average') or 'empty'}, and what was asked for it is "
                    "not what it was filled at; import what fetch_my_trades gives instead"
                )
            yield from self._fill(self._keyed(row), _OF_ORDER, f"order-{order_id}", order_id)

    def _fill(
        self, keyed: _KeyedRow, keys: Mapping[str, Sequence[str]], trade_id: str, order_id: str
    ) -> Iterator[StatementFact]:
        row, fields, key = keyed
        time = row.time(*keys["time"], zone=self._whose.zone)
        info = row.inside("info") if isinstance(row.named.get("info"), Mapping) else None
        opening = None if info is None or key.leg is Leg.SPOT else opening_side(key.exchange, info)
        key = key if opening is None or opening.leg is Leg.BOTH else key.on(opening.leg)
        quantity, price = row.above_zero(*keys["quantity"]), row.above_zero(*keys["price"])
        size = self._contract_size(row, key, quantity, price)
        closes = fields.number(*_CLOSED) if keys is _OF_TRADE and key.leg is not Leg.SPOT else None
        if keys is _OF_TRADE and opening is not None and opening.closes is not None:
            closes = quantity if opening.closes else Decimal(0)
        fill = StatementFill(
            line=row.line,
            time=time,
            key=key,
            buys=row.buys("side") if opening is None else opening.buys,
            quantity=quantity,
            price=price,
            profit=None if key.leg is Leg.SPOT else fields.number(*keys["profit"]),
            trade_id=trade_id,
            order_id=order_id,
            in_contracts=size != ONE,
            contract_size=size,
            reason=_REASONS.get(fields.word(_EXECUTION_TYPE)) if opening is None else opening.reason,
            closes=None if closes is None else closes.copy_abs(),
            held=None if key.leg is Leg.SPOT else fields.number("startPosition"),
            names_leg=key.leg is not Leg.BOTH or closes is None,
            sequence=None if info is None else info.sequence(*_SEQUENCES),
            on_margin=info is not None
            and key.leg is Leg.SPOT
            and (says := _ON_MARGIN.get(key.exchange)) is not None
            and says(info),
        )
        yield from with_fees(fill, fees_of(key.exchange, row))

    def funding(self, row: StatementRow) -> Iterator[StatementFact]:
        symbol = row.needed("symbol")
        key = self._keyed(row).key if "/" in symbol else self._whose.key(symbol)
        paid = payment_of(key.exchange, row)
        if paid.amount:
            yield StatementCash(
                line=row.line,
                time=row.time("timestamp", "datetime", zone=self._whose.zone),
                key=key,
                amount=paid.amount,
                currency=paid.currency,
                kind="funding",
                cash_id=paid.name or self._ids.of(row, row.needed("timestamp", "datetime")),
            )

    def _keyed(self, row: StatementRow) -> _KeyedRow:
        symbol = row.needed("symbol")
        if "/" not in symbol:
            raise ValueError(
                f"symbol {symbol!r:.60} is not a symbol of ccxt, so the unit of its amounts is not known; fetch it "
                "again after load_markets()"
            )
        fields = ReportFields(row.named)
        return _KeyedRow(row, fields, self._whose.key(symbol, fields.leg(None) if ":" in symbol else Leg.SPOT))

    def _contract_size(self, row: StatementRow, key: PositionKey, quantity: Decimal, price: Decimal) -> Decimal | None:
        """The contract size; None where there is no `cost` that it follows from."""
        cost = row.some("cost")
        if key.leg is Leg.SPOT or key.exchange in COUNTS_UNITS:
            return ONE
        if cost is None:
            return None
        ratio = EXACT.divide(units_worth(cost, price, is_inverse=key.is_inverse), quantity)
        size = power_of_ten(ratio) if ratio > 0 else None
        if size is None:
            raise ValueError(
                f"cost {plain(cost)} of {plain(quantity)} at {plain(price)} would mean contracts of {ratio:.6g}, which "
                "is not a power of ten"
            )
        return unit_size(size, key.exchange)


def _rows(file: StatementFile) -> Iterator[StatementRow]:
    return each(file.rows(), _unfolded) if file.start.form is FileForm.CSV else file.rows()


def _unfolded(row: StatementRow) -> Iterator[StatementRow]:
    """The line of a table with its numbers, and with the objects and lists that its cells have as Python literals.

    The row number of pandas is left out, because it differs from file to file.
    """
    named = {name: text for name, text in row.named.items() if name}
    for name, text in row.named.items():
        if name in _FLOATS and (number := row.number(name)) is not None:
            named[name] = number
        elif text.startswith(("{", "[")):
            try:
                named[name] = ast.literal_eval(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                raise ValueError(f"{name} {text!r:.60} is no object that can be read; save it as JSON") from None
    yield StatementRow(row.line, named)


def _reading(read: Callable[[_CcxtRows, StatementRow], Iterator[StatementFact]]) -> FileReader:
    return lambda file, whose: each(_rows(file), partial(read, _CcxtRows(whose)))


CCXT_TRADES: Final = StatementKind(
    name="ccxt-trades",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("info", "datetime", "symbol", "order", "takerOrMaker", "side", "price", "amount"),
    asks=("exchange",),
    keeps_answers=True,
    read=_reading(_CcxtRows.trades),
)
CCXT_ORDERS: Final = StatementKind(
    name="ccxt-orders",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("info", "datetime", "symbol", "id", "side", "status", "filled", "remaining", "average", "amount"),
    asks=("exchange",),
    keeps_answers=True,
    read=_reading(_CcxtRows.orders),
)
CCXT_FUNDING: Final = StatementKind(
    name="ccxt-funding",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("info", "symbol", "code", "timestamp", "datetime", "amount"),
    asks=("exchange",),
    keeps_answers=True,
    read=_reading(_CcxtRows.funding),
)
