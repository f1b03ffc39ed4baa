"""A position that is over, as two fills: all that was opened, and all of it closed."""

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
from infrastructure.transfer.statements.statement_fill import StatementFill

_CLOSED, _OPENED, _CLOSED_AT_ONCE = 0, 1, 2
"""Which of several fills of one moment is first: one order may turn a position over into the next one."""
_CENT_OF_CENT: Final = Decimal("0.0001")
"""What profits may be rounded to."""


@dataclass(frozen=True, kw_only=True)
class ClosedCycle:
    """One line; `profit` is before fees, and `fee` what was paid for both sides, where it says that."""

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
        """A name that follows from what it says, whatever the columns of its file."""
        numbers = map(plain, (self.quantity, self.opened_px, self.profit))
        times = (time.isoformat() for time in (self.opened_at, self.closed_at))
        return made_up(self.key.stream, str(self.is_long), *times, *numbers)

    def fills(self) -> Iterator[StatementFill]:
        """What was opened, and what was closed, at the price that comes to what it earned."""
        if self.closed_at < self.opened_at:
            raise ValueError(f"it was closed at {self.closed_at}, before it was opened at {self.opened_at}")
        yield self._fill(_OPENED, self.opened_at, self.opened_px, opens=True)
        order = _CLOSED if self.closed_at > self.opened_at else _CLOSED_AT_ONCE
        yield self._fill(order, self.closed_at, self._closing_price(), opens=False)

    def _closing_price(self) -> Decimal:
        """The one that is said, but for rounding; one that is another is left, and the difference is found."""
        if self.in_contracts or self.key.is_inverse:
            return self.closed_px
        terms, side = Instrument(), Side.LONG if self.is_long else Side.SHORT
        gain = terms.gain(side, *(terms.worth(self.quantity, price) for price in (self.opened_px, self.closed_px)))
        apart = EXACT.subtract(self.profit, gain)
        room = EXACT.add(
            EXACT.multiply(self.quantity, EXACT.add(_last(self.opened_px), _last(self.closed_px))), _CENT_OF_CENT
        )
        if abs(apart) > room:
            return self.closed_px
        follows = EXACT.add(self.closed_px, EXACT.divide(apart if self.is_long else -apart, self.quantity))
        return rounded(follows) if follows > 0 else self.closed_px

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


def _last(number: Decimal) -> Decimal:
    """One of its last decimal."""
    return Decimal(1).scaleb(min(0, int(number.as_tuple().exponent)))
