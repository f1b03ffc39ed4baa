"""OKX: the two lines of a trade on spot, one of each currency, merged into one: the line of the base.

The side and the amount of a line are those of its currency: what is received is bought, what is paid is sold. A fee is
taken from what is received, so the fee of a sale is on the line of the quote currency. Where a file has only that line,
the quantity follows from its amount and the price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from domain.values import EXACT, plain
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each

_APART_MAX: Final = Decimal("0.01")
"""By which share the values of the two lines of a trade may differ, because files round them."""
_DECIMALS_MAX: Final = 12
"""The most decimals of a traded quantity; one that is computed from a rounded amount has more."""


@dataclass(frozen=True)
class SideNames:
    """The names of the columns of such lines, and two of their values."""

    pair: tuple[str, ...]
    unit: tuple[str, ...]
    side: tuple[str, ...]
    amount: tuple[str, ...]
    price: tuple[str, ...]
    fee: tuple[str, ...]
    fee_unit: tuple[str, ...]
    trade: tuple[str, ...]
    """The columns that have the same values on both lines of a trade."""
    receives: str
    pays: str
    """The values of `side` of a line whose currency is received, and of one whose currency is paid."""


class _Side(NamedTuple):
    row: StatementRow
    worth: Decimal
    """In the quote currency."""


class SpotSides:
    """The lines of one file; one of a trade waits for the other one."""

    def __init__(self, names: SideNames, is_trade: Callable[[StatementRow], bool]) -> None:
        """Begin a file; `is_trade` says whether a line is one of the two of a trade on spot."""
        self._names, self._is_trade = names, is_trade
        self._waiting: tuple[dict[tuple[str, ...], list[_Side]], ...] = ({}, {})
        """Lines of the base, and lines of the quote currency, by their trades."""

    def joined(self, rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
        """Trades on spot as one line each, and every other line as it is. Refuses: StatementRefused."""
        yield from each(rows, self._join)
        bases, quotes = ([side.row for sides in waiting.values() for side in sides] for waiting in self._waiting)
        yield from each(bases, self._alone)
        yield from each(each(quotes, self._alone), self._base_of)

    def _join(self, row: StatementRow) -> Iterator[StatementRow]:
        if not self._is_trade(row):
            yield row
            return
        names = self._names
        base, _, quote = row.needed(*names.pair).partition("-")
        unit, amount = row.needed(*names.unit), row.above_zero(*names.amount)
        row.number(*names.fee)  # so that the line with a wrong one is named, and not the other one of its trade
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
                yield self._merged(other.row, row) if is_quote else self._merged(row, other.row)
                return
        self._waiting[is_quote].setdefault(trade, []).append(side)

    def _merged(self, base: StatementRow, quote: StatementRow) -> StatementRow:
        """The line of the base, with the fee of the line that has one."""
        names = self._names
        if base.some(*names.fee) is not None:
            return base
        is_sale = base.word(*names.side) == names.pays
        if quote.some(*names.fee) is None and not is_sale:
            return base
        return self._with(base, {names.fee[0]: quote.text(*names.fee), names.fee_unit[0]: quote.text(*names.fee_unit)})

    def _alone(self, row: StatementRow) -> Iterator[StatementRow]:
        """A line without its other one: where its currency was paid, the fee is on the other line, and not known."""
        names = self._names
        is_known = row.some(*names.fee) is not None or row.word(*names.side) != names.pays
        yield row if is_known else self._with(row, dict.fromkeys(names.fee))

    def _base_of(self, quote: StatementRow) -> Iterator[StatementRow]:
        """The line of the base, computed from the line of the quote currency. Refuses: ValueError."""
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
