"""A closed position as two fills: one that opens all of it, and one that closes all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey
from domain.instrument import Instrument
from domain.values import EXACT, Side, plain, rounded
from infrastructure.transfer.statements.sources.statement_row import MADE_UP, made_up
from infrastructure.transfer.statements.statement_facts import StatementFill

_CLOSED, _OPENED, _CLOSED_AT_ONCE = 0, 1, 2
"""The order of fills at one moment: an order may close one position and open the next."""
_CENT_OF_CENT: Final = Decimal("0.0001")
"""What profits may be rounded to."""


@dataclass(frozen=True, kw_only=True)
class ClosedCycle:
    """One closed position; `profit` is before fees, `fee` is the total of both sides, None where it is not stated."""

    line: int
    key: PositionKey
    is_long: bool
    quantity: Decimal
    opened_at: datetime
    closed_at: datetime
    opened_px: Decimal
    closed_px: Decimal
    profit: Decimal
    fee: Decimal | None = None
    fee_currency: str | None = None
    in_contracts: bool = False
    names_leg: bool
    reason: str | None = None

    @property
    def name(self) -> str:
        """An id that follows from the values of the position, whatever the columns of its file."""
        numbers = map(plain, (self.quantity, self.opened_px, self.profit))
        times = (time.isoformat() for time in (self.opened_at, self.closed_at))
        return made_up(self.key.stream, str(self.is_long), *times, *numbers)

    def fills(self) -> Iterator[StatementFill]:
        """The opening fill, and the closing one at the price that gives the stated profit. Refuses: ValueError."""
        if self.closed_at < self.opened_at:
            raise ValueError(f"it was closed at {self.closed_at}, before it was opened at {self.opened_at}")
        yield self._fill(_OPENED, self.opened_at, self.opened_px, opens=True)
        order = _CLOSED if self.closed_at > self.opened_at else _CLOSED_AT_ONCE
        yield self._fill(order, self.closed_at, self._closing_price(), opens=False)

    def _closing_price(self) -> Decimal:
        """The price that gives the stated profit, if rounding explains how it differs from the stated price.

        Else the stated price, so that the import reports the difference.
        """
        if self.in_contracts or self.key.is_inverse:
            return self.closed_px
        terms, side = Instrument(), Side.LONG if self.is_long else Side.SHORT
        gain = terms.gain(side, *(terms.worth(self.quantity, price) for price in (self.opened_px, self.closed_px)))
        difference = EXACT.subtract(self.profit, gain)
        rounding = EXACT.multiply(self.quantity, EXACT.add(_last_digit(self.opened_px), _last_digit(self.closed_px)))
        if abs(difference) > EXACT.add(rounding, _CENT_OF_CENT):
            return self.closed_px
        price = EXACT.add(self.closed_px, EXACT.divide(difference if self.is_long else -difference, self.quantity))
        return rounded(price) if price > 0 else self.closed_px

    def _fill(self, order: int, time: datetime, price: Decimal, *, opens: bool) -> StatementFill:
        trade_id = f"{order}{int(self.name.removeprefix(MADE_UP), 16):029d}"
        return StatementFill(
            line=self.line,
            time=time,
            key=self.key,
            buys=self.is_long is opens,
            quantity=self.quantity,
            price=price,
            fee=self.fee if self.fee is None or not opens else Decimal(0),
            fee_currency=self.fee_currency,
            profit=Decimal(0) if opens else self.profit,
            trade_id=trade_id,
            order_id=trade_id,
            in_contracts=self.in_contracts,
            reason=None if opens else self.reason,
            closes=Decimal(0) if opens else self.quantity,
            names_leg=self.names_leg,
        )


def _last_digit(number: Decimal) -> Decimal:
    """The value of 1 in the last decimal place of a number, at most 1."""
    return Decimal(1).scaleb(min(0, int(number.as_tuple().exponent)))
