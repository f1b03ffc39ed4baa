"""The commands that make cycles of the fills of one key, each with an id that follows from the fill alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from domain.commands.base import Command
from domain.commands.requests import Adopt, Close, RecordEntryFill, RecordEntryPlaced, Reduce
from domain.identifiers import PositionKey
from domain.order import CLOCKS_APART
from domain.values import EXACT, Leg, Source, plain, rounded
from infrastructure.transfer.statements.statement_fill import StatementFill, StatementRefused

PREFIX: Final = "statement:"
_OPENS: Final = ":opens"
_CLOSES: Final = ":closes"


def command_id_of(fill: StatementFill) -> str:
    """The id of the command that records a fill."""
    return f"{PREFIX}{'buy' if fill.buys else 'sell'}:{fill.trade_id}"


def turned_id_of(fill: StatementFill) -> str:
    """The id of the command that records the part of a fill that closes, where the rest opens the other side."""
    return command_id_of(fill) + ":turns"


@dataclass
class KeyCommands:
    """Fills of one key in their order; `cycle`, `held` and `is_long` are where its stream stands before them."""

    key: PositionKey
    cycle: int = 0
    is_open: bool = False
    is_long: bool = False
    held: Decimal = Decimal(0)
    said: dict[str, Decimal | None] = field(default_factory=dict)
    """What the file says was earned, by position; None while it says nothing of one of its closing fills."""
    closing: dict[str, int] = field(default_factory=dict)
    """How many fills closed something, by position."""
    derived: list[str] = field(default_factory=list)
    """Positions that were held before the file begins."""

    def commands(self, fills: Sequence[StatementFill]) -> Iterator[list[Command]]:
        """What records each fill, all of which belongs into one transaction."""
        ordered: defaultdict[tuple[str, bool], Decimal] = defaultdict(Decimal)
        for fill in fills:
            ordered[fill.order_id, fill.buys] += fill.quantity
        for place, fill in enumerate(fills):
            made = list(self._opening(fills, place, ordered[fill.order_id, fill.buys]))
            rest = fill
            if self.key.leg is Leg.BOTH and fill.buys is not self.is_long and fill.quantity > self.held:
                part, rest = fill.split(self.held)
                made += [self._recorded(part, turned_id_of(fill)), *self._closed(part)]
                made += self._opening([rest], 0, rest.quantity)
            yield [*made, self._recorded(rest, command_id_of(fill)), *self._closed(rest)]

    def _says(self, profit: Decimal | None) -> None:
        said = self.said.get(self._position_id, Decimal(0))
        self.said[self._position_id] = None if said is None or profit is None else said + profit
        self.closing[self._position_id] = self.closing.get(self._position_id, 0) + 1

    @property
    def _position_id(self) -> str:
        return f"{self.key.stream}#{self.cycle}"

    def _opening(self, fills: Sequence[StatementFill], place: int, ordered: Decimal) -> Iterator[Command]:
        if self.is_open:
            return
        fill = fills[place]
        self.cycle, self.is_open, self.held = self.cycle + 1, True, Decimal(0)
        self.is_long = fill.buys
        key = {
            "symbol": self.key.symbol,
            "exchange": self.key.exchange,
            "account": self.key.account,
            "leg": self.key.leg,
        }
        envelope = {"at": fill.time, "source": Source.IMPORT, "command_id": command_id_of(fill) + _OPENS}
        if not self._closes_what_was_held(fill):
            side = "long" if self.is_long else "short"
            order = {"quantity": ordered, "exchange_order_id": fill.order_id}
            yield RecordEntryPlaced.of(**key, **envelope, **order, side=side)
            return
        self.is_long = not fill.buys
        self.held, price, profit = self._held_before(fills, place)
        self.derived.append(self._position_id)
        yield Adopt.of(
            **key,
            **envelope | {"at": fill.time - 2 * CLOCKS_APART},
            side="long" if self.is_long else "short",
            quantity=self.held,
            avg_px_open=price,
            reason=f"held before the file begins: its opening price follows from the profit {plain(profit)} that the "
            f"file says of the next {plain(self.held)}; more may have been held",
        )

    def _closes_what_was_held(self, fill: StatementFill) -> bool:
        if self.key.leg is Leg.BOTH:
            return bool(fill.profit)
        return fill.profit is not None and fill.buys is (self.key.leg is Leg.SHORT)

    def _held_before(self, fills: Sequence[StatementFill], place: int) -> tuple[Decimal, Decimal, Decimal]:
        """How much the fills from here on closed in a row, at what price it was opened, and the profit that says so."""
        first, quantity, worth, profit = fills[place], Decimal(0), Decimal(0), Decimal(0)
        if self.key.is_inverse:
            raise StatementRefused.at(
                first.line,
                f"the file begins in the middle of a position of {self.key}, which is settled in its base; export from "
                "a moment when nothing was held",
            )
        for fill in fills[place:]:
            if fill.buys is not first.buys or not self._closes_what_was_held(fill):
                break
            quantity, profit = quantity + fill.quantity, profit + (fill.profit or 0)
            worth += EXACT.multiply(fill.quantity, fill.price)
        price = rounded(EXACT.divide(worth + (profit if first.buys else -profit), quantity))
        if price <= 0:
            raise StatementRefused.at(
                first.line, f"profit {plain(profit)} on {plain(quantity)} would mean an opening price of {plain(price)}"
            )
        return quantity, price, profit

    def _recorded(self, fill: StatementFill, command_id: str) -> Command:
        fields = {
            "position_id": self._position_id,
            "trade_id": fill.trade_id,
            "exchange_order_id": fill.order_id,
            "last_qty": fill.quantity,
            "last_px": fill.price,
            "fee": fill.fee,
            "fee_currency": fill.fee_currency,
            "at": fill.time,
            "source": Source.IMPORT,
            "command_id": command_id,
        }
        if fill.buys is self.is_long:
            self.held += fill.quantity
            if fill.profit:
                self._says(fill.profit)
            return RecordEntryFill.of(**fields)
        self._says(fill.profit)
        self.held -= fill.quantity
        return Reduce.of(**fields)

    def _closed(self, fill: StatementFill) -> list[Command]:
        if self.held:
            return []
        self.is_open = False
        return [
            Close.of(
                position_id=self._position_id,
                exit_reason="its fills closed all of it",
                at=fill.time,
                source=Source.IMPORT,
                command_id=command_id_of(fill) + _CLOSES,
            )
        ]
