"""Bybit: closed profit and loss, as `GET /v5/position/closed-pnl` answers it, and the CSV of the website.

A line has the closed quantity, the average prices of entry and exit, and the profit after fees, and after funding as
far as Bybit includes it. The side is that of the closing order; `Close Long` sells.

Since 2024 the website also has a header without the side, but with the fees of both sides and funding, which are above
zero when they are paid: the side follows from these, the prices and the profit. Its times are `09:24 2026-03-17`. So
are those of a third header, whose `Trade Type` is the side, and whose `Filled Price` is the price of the exit.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Final

from domain.instrument import Instrument
from domain.values import EXACT, Side, plain, rounded
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, in_utc
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, per_file


def _both(name: str) -> tuple[str, str]:
    """A key of the API, and the column of a CSV file with the same name."""
    return name, name.lower()


_NAMES: Final = MappingProxyType(
    {
        "symbol": ("contracts", "market", "symbol"),
        "side": ("closing direction", "side"),
        "quantity": (*_both("closedSize"), "closed size", "qty", "quantity", "order quantity"),
        "entry": ("entry price", *_both("avgEntryPrice")),
        "exit": ("exit price", "filled price", *_both("avgExitPrice")),
        "profit": ("closed p&l", "realized p&l", *_both("closedPnl")),
        "opening": ("opening fee", *_both("openFee")),
        "closing": ("closing fee", *_both("closeFee")),
        "funding": ("funding fee",),
        "time": (*in_utc("trade time", "filled/settlement time"), *_both("updatedTime"), *_both("createdTime")),
        "reason": ("exit type", "trade type", *_both("execType")),
    }
)
"""`closedSize` comes first: where an order reversed a position, it is less than the quantity of the order."""
_REASONS: Final = MappingProxyType(
    {
        "liquidation": "liquidation",
        "busttrade": "liquidation",
        "adltrade": "adl",
        "settle": "settlement",
        "delivery": "settlement",
        "stoploss": "stop_loss",
        "takeprofit": "take_profit",
    }
)
_CSV: Final = ("symbol", "entry", "exit", "profit", "time")
_TYPE: Final = "trade type"
_SIDES: Final = MappingProxyType({"buy": True, "sell": False})
_SIDE: Final = (*_NAMES["side"], *_NAMES["opening"], _TYPE)
"""A file has one of these columns: the side itself, or the opening fee, from which the side follows."""
_CLOSES: Final = MappingProxyType({"close long": False, "close short": True})
_DOUBT_MAX: Final = Decimal("0.1")
"""By which share the gain between the prices may differ from the stated profit, because averages are rounded."""
_PAID_MAX: Final = Decimal("0.01")
"""A difference above this share of the value of entry and exit is no fee or funding: the other side was closed."""
_API: Final = ("symbol", "side", "closedSize", "avgEntryPrice", "avgExitPrice", "closedPnl", "updatedTime")
_MOMENT: Final = timedelta(microseconds=1)


class _ClosedLines:
    """The reader of one file; lines of one time get times that are microseconds apart, in the order of the file."""

    def __init__(self, whose: Whose) -> None:
        self._whose, self._ids = whose, RowIds()
        self._time, self._after = "", 0
        self._seen: set[str] = set()
        """Digests of the lines of this time that have an order id: pages of an answer may overlap."""

    def facts(self, row: StatementRow) -> Iterator[StatementFact]:
        closed_at = self._closed_at(row)
        if closed_at is None:
            return
        key = self._whose.key(row.needed(*_NAMES["symbol"]))
        quantity, entry, exit_ = (row.above_zero(*_NAMES[name]) for name in ("quantity", "entry", "exit"))
        opening, funding = row.number(*_NAMES["opening"]), row.some(*_NAMES["funding"])
        closes_by_buying, paid = _side_and_paid(row, Instrument(inverse=key.is_inverse), quantity, entry, exit_)
        for apart in (opening, funding):
            paid = None if paid is None else rounded(EXACT.subtract(paid, apart or Decimal(0)))
        if opening is None and paid is not None:
            opening = Decimal(0)  # it is part of the total, which the closing fill has
        name = self._ids.of(_without_number(row), row.needed(*_NAMES["time"]))
        fill = partial(StatementFill, line=row.line, key=key, quantity=quantity, fee_currency=key.settle, profit=None)
        yield fill(
            time=closed_at,
            buys=not closes_by_buying,
            price=entry,
            fee=opening,
            trade_id=f"{name}-opened",
            order_id=f"{name}-opened",
        )
        yield fill(
            time=closed_at + _MOMENT,
            buys=closes_by_buying,
            price=exit_,
            fee=paid,
            trade_id=f"{name}-closed",
            order_id=f"{name}-closed",
            reason=_REASONS.get(row.word(*_NAMES["reason"])),
        )
        if funding is not None:
            yield StatementCash(
                line=row.line,
                time=closed_at + _MOMENT,
                key=key,
                amount=-funding,
                currency=key.settle,
                kind="funding",
                cash_id=f"{name}-funding",
            )

    def _closed_at(self, row: StatementRow) -> datetime | None:
        """When a line was closed, after the lines of the same time; None for a line that was read before."""
        said, digest = row.needed(*_NAMES["time"]), _without_number(row).digest()
        if said != self._time:
            self._time, self._after, self._seen = said, -2, set()
        if digest in self._seen:
            return None
        if row.text(*_both("orderId")) is not None:
            self._seen.add(digest)
        self._after += 2
        return row.time(*_NAMES["time"], zone=self._whose.zone) + self._after * _MOMENT


def _side_and_paid(
    row: StatementRow, terms: Instrument, quantity: Decimal, entry: Decimal, exit_: Decimal
) -> tuple[bool, Decimal | None]:
    """Whether it was closed by buying, and the total of fees and funding: profit by the prices less net profit."""
    by_long = terms.gain(Side.LONG, terms.worth(quantity, entry), terms.worth(quantity, exit_))
    net, by_type = row.number(*_NAMES["profit"]), _SIDES.get(row.word(_TYPE))
    closes_by_buying = _closes_by_buying(row, by_long) if by_type is None else by_type
    earned = -by_long if closes_by_buying else by_long
    paid = None if net is None else EXACT.subtract(earned, net)
    most = EXACT.multiply(_PAID_MAX, EXACT.add(*(terms.worth(quantity, price) for price in (entry, exit_))))
    if by_type is not None and paid is not None and paid.copy_abs() > most:
        raise ValueError(
            f"{_NAMES['profit'][1]} {plain(net or paid)} does not follow from the prices: what a {row.word(_TYPE)} "
            f"closed earned {plain(earned)} before fees and funding; import the executions instead"
        )
    if paid is not None and paid.copy_abs() > most >= EXACT.add(earned, net or Decimal(0)).copy_abs():
        name, side = row.find(*_NAMES["side"])
        raise ValueError(
            f"{name} {side!r:.60} does not follow from the prices: by it {plain(earned)} were earned before fees and "
            f"funding, and {plain(net or Decimal(0))} is what closing the other side would have earned; import the "
            "executions instead"
        )
    return closes_by_buying, paid


def _without_number(row: StatementRow) -> StatementRow:
    """The row without the row number of pandas, which differs from file to file."""
    return StatementRow(row.line, {name: value for name, value in row.named.items() if name or not value})


def _closes_by_buying(row: StatementRow, by_long: Decimal) -> bool:
    """Whether a short was closed; `by_long` is the gain of a long between both prices."""
    if row.find(*_NAMES["side"])[1] is not None:
        side = row.word(*_NAMES["side"])
        return _CLOSES[side] if side in _CLOSES else row.buys(*_NAMES["side"])
    gross = Decimal(0)
    for name in ("profit", "opening", "closing", "funding"):
        number = row.number(*_NAMES[name])
        if number is None:
            raise ValueError(f"{_NAMES[name][0]} is missing, so it is not known which side was closed")
        gross = EXACT.add(gross, number)
    for earned, buys in ((by_long, False), (-by_long, True)):
        if EXACT.subtract(earned, gross).copy_abs() < EXACT.multiply(by_long.copy_abs(), _DOUBT_MAX):
            return buys
    raise ValueError(
        f"which side was closed is not known: by its prices {plain(by_long.copy_abs())} were won or lost, and what was "
        f"earned before fees and funding is {plain(gross)}; import the executions instead"
    )


_read: Final = per_file(lambda whose: _ClosedLines(whose).facts)
BYBIT_CLOSED_CSV: Final = StatementKind(
    name="bybit-closed-pnl-csv",
    form=FileForm.CSV,
    needs=(*(_NAMES[name] for name in _CSV), ("qty", *_NAMES["quantity"]), _SIDE),
    exchange="bybit",
    read=_read,
)
BYBIT_CLOSED: Final = StatementKind(
    name="bybit-closed-pnl",
    form=FileForm.JSON,
    needs=_API,
    exchange="bybit",
    read=_read,
)
