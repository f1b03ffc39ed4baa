"""OKX: the two lines of a trade on spot, one of each currency, as one: that of what is bought or sold.

What is received buys, and what is paid sells, each by the amount of its own currency. A fee is paid out of what is
received, so that of a sale it stands on the other line. Where a file has that line alone, what was sold follows from it
and the price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from domain.values import EXACT, plain
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each

_APART_MAX: Final = Decimal("0.01")
"""The share by which the two sides of a trade may differ that belong together: files round them."""
_DECIMALS_MAX: Final = 12
"""Of a quantity that somebody traded; one that follows from a rounded amount has more."""


@dataclass(frozen=True)
class SideNames:
    """What the columns of such lines are called."""

    pair: tuple[str, ...]
    unit: tuple[str, ...]
    side: tuple[str, ...]
    amount: tuple[str, ...]
    price: tuple[str, ...]
    fee: tuple[str, ...]
    fee_unit: tuple[str, ...]
    trade: tuple[str, ...]
    """Those that are the same on both lines."""
    receives: str
    pays: str
    """The words for the side of a line."""


class _Side(NamedTuple):
    row: StatementRow
    worth: Decimal
    """In the currency that pays."""


class SpotSides:
    """The lines of one file that wait for their other side."""

    def __init__(self, names: SideNames, is_trade: Callable[[StatementRow], bool]) -> None:
        """Begin a file, of which some lines are sides of trades."""
        self._names, self._is_trade = names, is_trade
        self._waiting: tuple[dict[tuple[str, ...], list[_Side]], ...] = ({}, {})
        """What is bought or sold, and what pays for it, by their trades."""

    def joined(self, rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
        """Trades on spot as one line each, and every other line as it is. Refuses: StatementRefused."""
        yield from each(rows, self._join)
        bases, quotes = ([side.row for sides in waiting.values() for side in sides] for waiting in self._waiting)
        yield from each(bases, self._alone)
        yield from each(each(quotes, self._alone), self._turned)

    def _join(self, row: StatementRow) -> Iterator[StatementRow]:
        if not self._is_trade(row):
            yield row
            return
        names = self._names
        base, _, quote = row.needed(*names.pair).partition("-")
        unit, amount = row.needed(*names.unit), row.above_zero(*names.amount)
        if unit not in (base, quote):
            raise ValueError(f"{row.find(*names.unit)[0]} {unit!r:.60} is neither {base} nor {quote}")
        is_quote = unit == quote
        trade = tuple(row.text(name) or "" for name in names.trade)
        side = _Side(row, amount if is_quote else EXACT.multiply(amount, row.above_zero(*names.price)))
        others = self._waiting[not is_quote].get(trade, [])
        if others:
            other = min(others, key=lambda other: abs(other.worth - side.worth))
            if abs(other.worth - side.worth) <= EXACT.multiply(_APART_MAX, side.worth):
                others.remove(other)
                yield self._paid(other.row, row) if is_quote else self._paid(row, other.row)
                return
        self._waiting[is_quote].setdefault(trade, []).append(side)

    def _paid(self, base: StatementRow, quote: StatementRow) -> StatementRow:
        """The line of what was traded, with the fee of whichever line says one."""
        names = self._names
        if base.some(*names.fee) is not None:
            return base
        is_sale = base.word(*names.side) == names.pays
        if quote.some(*names.fee) is None and not is_sale:
            return base
        return self._with(base, {names.fee[0]: quote.text(*names.fee), names.fee_unit[0]: quote.text(*names.fee_unit)})

    def _alone(self, row: StatementRow) -> Iterator[StatementRow]:
        """A line whose other one is not there: what paid does not say the fee of what was received."""
        names = self._names
        is_known = row.some(*names.fee) is not None or row.word(*names.side) != names.pays
        yield row if is_known else self._with(row, dict.fromkeys(names.fee))

    def _turned(self, quote: StatementRow) -> Iterator[StatementRow]:
        """What was traded, where only the line of what paid for it is there."""
        names = self._names
        amount, price = quote.above_zero(*names.amount), quote.above_zero(*names.price)
        quantity = EXACT.divide(amount, price)
        if -int(quantity.normalize().as_tuple().exponent) > _DECIMALS_MAX:
            raise ValueError(
                f"{names.amount[0]} {plain(amount)} at {plain(price)} is what was paid or received in a trade on spot, "
                "whose other line is not in the file; export all of that time"
            )
        side = quote.word(*names.side)
        if side not in (names.receives, names.pays):
            raise ValueError(f"{names.side[0]} {side!r:.60} is neither {names.receives} nor {names.pays}")
        other = names.pays if side == names.receives else names.receives
        yield self._with(quote, {names.amount[0]: plain(quantity), names.side[0]: other})

    @staticmethod
    def _with(row: StatementRow, named: dict[str, Any]) -> StatementRow:
        return StatementRow(row.line, {**row.named, **named})
