"""TradingView: the list of trades that its strategy tester exports, and the alerts that a strategy sent.

Both say what a strategy would have done, at the prices of a chart. Profit of the list is after commission, and rounded
to cents. The names of the columns end in the currency: `Price USDT`. The list has had three headers: with `Trade #` and
`Profit`, with `Trade #` and `Net P&L`, and since 2026 with `Trade number`, `Net PnL` and `Commission`. Where a region
writes numbers with a comma, its columns are separated by semicolons. The exit of a trade that is open is called `Open`,
or has no time. On charts of days and more, times are days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from domain.identifiers import PositionKey
from domain.instrument import Instrument
from domain.values import EXACT, Side, plain
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, each, numbered
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, per_file

_NUMBERS: Final = ("trade #", "trade number")
_TIMES: Final = ("date and time", "date/time")
_QUANTITIES: Final = ("size (qty)", "position size (qty)", "quantity", "contracts", "qty")
_WITH_COMMA: Final = re.compile(r"[-+\u2212]?\d+,\d+", re.ASCII)
TICKERS: Final = ("ticker", "symbol")
ACTIONS: Final = ("action", "order_action", "strategy.order.action")
_CONTRACTS: Final = ("contracts", "order_contracts", "strategy.order.contracts", "quantity", "qty", "size")
_PRICES: Final = ("price", "order_price", "strategy.order.price", "close")
MOMENTS: Final = ("time", "timenow", "timestamp")
_PRICE: Final = ("price",)
_PROFITS: Final = ("net p&l", "net pnl", "p&l", "profit")
_OLD_PERPETUAL: Final = re.compile(r"(?<=USDT)PERP$|(?<=BUSD)PERP$|(?<=USDC)PERP$")
"""The suffix of Binance's perpetuals until 2023; today it is `.P`."""
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CENT: Final = Decimal("0.01")
_COMMISSION_MAX: Final = Decimal("0.02")
"""A difference above this share of the value of both sides is no commission: the contracts are not units."""


class _ListOfTrades:
    """The reader of one file: each trade has a line of its entry and one of its exit, in either order."""

    def __init__(self, whose: Whose) -> None:
        self._whose = whose
        self._waiting: dict[str, StatementRow] = {}

    def facts(self, row: StatementRow) -> Iterator[StatementFact]:
        number = row.needed(*_NUMBERS)
        _check(row)  # so that the line with a wrong value is named, and not the other one of its trade
        other = self._waiting.pop(number, None)
        if other is None:
            self._waiting[number] = row
            return
        entry, leaving = (row, other) if _enters(row) else (other, row)
        if not _enters(entry) or _enters(leaving):
            raise ValueError(f"trade {number} has two lines of type {row.needed('type')!r}")
        yield from self._trade(entry, leaving)

    def left(self) -> Iterator[StatementFact]:
        """The fills of entries whose exit is not in the file."""
        return each(self._waiting.values(), self._alone)

    def _alone(self, row: StatementRow) -> Iterator[StatementFact]:
        if not _enters(row):
            raise ValueError(f"the entry of trade {row.needed(*_NUMBERS)} is not in the file")
        yield self._fill(row, row, None)

    def _trade(self, entry: StatementRow, leaving: StatementRow) -> Iterator[StatementFact]:
        if leaving.word("signal") == "open" or leaving.word(*_TIMES) in {"", "open"}:
            yield self._fill(entry, entry, None)
            return
        paid = self._commission(entry, leaving)
        yield self._fill(entry, entry, None if paid is None else Decimal(0))
        yield self._fill(leaving, entry, paid)

    @staticmethod
    def _commission(entry: StatementRow, leaving: StatementRow) -> Decimal | None:
        """The commission of a trade for both sides; None where it is not known."""
        quantity, bought, sold = _quantity(entry), _price(entry), _price(leaving)
        side, terms = Side.LONG if _is_long(entry) else Side.SHORT, Instrument()
        worth = terms.worth(quantity, bought), terms.worth(quantity, sold)
        net = leaving.number(_named(leaving, _PROFITS))
        currencies = {_currency(leaving, _PROFITS), _currency(leaving, _PRICE)} - {""}
        if net is None or len(currencies) > 1:
            return None  # a profit in another currency cannot be compared with the prices
        stated, gross = leaving.number(_named(leaving, ("commission",))), terms.gain(side, *worth)
        fee = EXACT.subtract(gross, net)
        most = EXACT.add(stated, _CENT) if stated else EXACT.multiply(sum(worth, _CENT), _COMMISSION_MAX)
        if not (EXACT.subtract(stated, _CENT) if stated else -_CENT) <= fee <= most:
            raise ValueError(
                f"profit {plain(net)} of {plain(quantity)} from {plain(bought)} to {plain(sold)} does not follow from "
                f"its prices, {plain(gross)} less a commission: its contracts are not units; with --map, a map says "
                "in contract_size how large one is"
            )
        return stated or (fee if fee > _CENT else Decimal(0))

    def _fill(self, row: StatementRow, entry: StatementRow, fee: Decimal | None) -> StatementFill:
        number, is_entry = row.needed(*_NUMBERS), _enters(row)
        if not (number.isascii() and number.isdecimal() and len(number) <= 8):
            raise ValueError(f"trade # {number!r:.60} is no number")
        quantity, price = _quantity(row if row.find(*_QUANTITIES)[1] is not None else entry), _price(row)
        parts = row.needed("type"), row.needed(*_TIMES), plain(quantity), plain(price)  # no profit: it may change
        name = numbered(2 * int(number) + (not is_entry), *parts)
        return StatementFill(
            line=row.line,
            time=_with_clock(row).time(*_TIMES, zone=self._whose.zone),
            key=_key(self._whose, self._whose.symbol or ""),
            buys=_is_long(entry) is is_entry,
            quantity=quantity,
            price=price,
            fee=fee,
            trade_id=name,
            order_id=name,
        )


def _check(row: StatementRow) -> None:
    """Refuses: ValueError for a word or a number that cannot be read; what is missing is found later."""
    _enters(row)
    for names in (_QUANTITIES, *((_named(row, begins),) for begins in (_PRICE, _PROFITS, ("commission",)))):
        row.number(*names)


def _key(whose: Whose, ticker: str, exchange: str | None = None) -> PositionKey:
    return whose.key(_OLD_PERPETUAL.sub("", ticker), exchange=exchange)


def _enters(row: StatementRow) -> bool:
    kind = row.needed("type")
    if "entry" not in kind.lower() and "exit" not in kind.lower():
        raise ValueError(f"type {kind!r:.60} is neither an entry nor an exit")
    return "entry" in kind.lower()


def _is_long(row: StatementRow) -> bool:
    kind = row.needed("type")
    if ("long" in kind.lower()) is ("short" in kind.lower()):
        raise ValueError(f"type {kind!r:.60} is neither long nor short")
    return "long" in kind.lower()


def _named(row: StatementRow, begins: tuple[str, ...]) -> str:
    """The column with one of these names, which a currency may follow; never a column of percents."""
    found = (name for begin in begins for name in row.named if name == begin or name.startswith(f"{begin} "))
    return next((name for name in found if not name.endswith("%")), begins[0])


def _quantity(row: StatementRow) -> Decimal:
    return row.above_zero(*_QUANTITIES)


def _price(row: StatementRow) -> Decimal:
    return row.above_zero(_named(row, _PRICE))


def _with_clock(row: StatementRow) -> StatementRow:
    """The row with a time of day: a date alone becomes its midnight."""
    name, day = row.find(*_TIMES)
    return StatementRow(row.line, {name: f"{day.strip()} 00:00" if _DAY.fullmatch(str(day).strip()) else day})


def _currency(row: StatementRow, begins: tuple[str, ...]) -> str:
    """The currency at the end of the name of a column; empty where there is none."""
    name = _named(row, begins)
    return next((name.removeprefix(begin).strip() for begin in begins if name.startswith(begin)), "")


def _with_points(row: StatementRow) -> StatementRow:
    return StatementRow(
        row.line,
        {
            name: value.replace(",", ".") if isinstance(value, str) and _WITH_COMMA.fullmatch(value.strip()) else value
            for name, value in row.named.items()
        },
    )


class StrategyAlerts:
    """The reader of alerts, one JSON object each."""

    def __init__(self, whose: Whose) -> None:
        """Begin a file."""
        self._whose, self._ids = whose, RowIds()

    def facts(self, row: StatementRow) -> Iterator[StatementFact]:
        """The order of an alert as a fill at the price of the alert. Refuses: ValueError."""
        alert = StatementRow(row.line, flat(row.named))
        time = alert.needed(*MOMENTS)
        name = self._ids.of(alert, time)
        yield StatementFill(
            line=row.line,
            time=alert.time(*MOMENTS, zone=self._whose.zone),
            key=_key(self._whose, alert.needed(*TICKERS), alert.text("exchange")),
            buys=alert.buys(*ACTIONS),
            quantity=alert.above_zero(*_CONTRACTS),
            price=alert.above_zero(*_PRICES),
            trade_id=name,
            order_id=name,
        )


def flat(named: Any) -> dict[str, Any]:
    """The values of an object and of the objects in it, which templates may nest; a value of the outer one wins."""
    found: dict[str, Any] = {}
    for value in named.values():
        if isinstance(value, dict):
            found |= value
    return found | {name: value for name, value in named.items() if not isinstance(value, dict)}


def _read_list(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    trades = _ListOfTrades(whose)
    rows = file.rows() if file.start.delimiter == "," else map(_with_points, file.rows())
    yield from each(rows, trades.facts)
    yield from trades.left()


TRADINGVIEW_LIST: Final = StatementKind(
    name="tradingview-trades",
    form=FileForm.CSV,
    needs=(_NUMBERS, "type", "signal", _TIMES, _QUANTITIES),
    asks=("exchange", "symbol"),
    read=_read_list,
)
TRADINGVIEW_ALERTS: Final = StatementKind(
    name="tradingview-alerts",
    form=FileForm.JSON,
    needs=(TICKERS, ACTIONS, _CONTRACTS, _PRICES, MOMENTS),
    read=per_file(lambda whose: StrategyAlerts(whose).facts),
)
