"""The facts of one key, decided one after the other in memory, by the rules for all commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from msgspec.structs import replace

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.commands.requests import Adopt, Close, RecordEntryFill, RecordEntryPlaced, Reduce
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused, InvalidCommand
from domain.events import PositionEvent
from domain.identifiers import PositionKey
from domain.orders.order import CLOCKS_APART
from domain.values import DECIMALS_MAX, MAGNITUDE_MAX, TEXT_LENGTH_MAX, YEARS, Leg, Side, Source, plain
from infrastructure.transfer.statements.intake.cash_cycle import CycleSpan, cycle_at
from infrastructure.transfer.statements.intake.cash_recording import record_cash
from infrastructure.transfer.statements.intake.closings import FROM_FLAT, opened_before, stated_closing, tells_of_before
from infrastructure.transfer.statements.intake.command_ids import (
    BEFORE,
    CLOSES,
    HELD,
    OPENS,
    command_id_of,
    turned_id_of,
)
from infrastructure.transfer.statements.intake.decided_events import DecidedEvents
from infrastructure.transfer.statements.intake.held_before import added_to, held_before, quantity_before
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFill, StatementPosition
from infrastructure.transfer.statements.statement_report import StatementTally
from infrastructure.transfer.transfer_errors import StatementRefused
from projections.positions import PositionRow

_NAME: Final = f"[!-~]{{1,{TEXT_LENGTH_MAX - 50}}}"
"""A name that is short enough to be part of the id of a command."""
_NUMBER: Final = rf"-?\d{{1,{DECIMALS_MAX}}}(?:\.\d{{1,{DECIMALS_MAX}}})?"
_PLAIN: Final = re.compile(" ".join([_NAME] * 3 + [_NUMBER] * 3), re.ASCII)

_MARGIN_APART: Final = frozenset({"binance", "kraken", "kucoin"})
"""Exchanges that keep what is on margin apart from what is on spot; at Bybit and OKX both are one balance."""

Ahead = Callable[[], Iterable[StatementFill]]
"""Returns the fills after the current one."""


class KeyFold:
    """One key: its position, and decided events that were not collected yet."""

    def __init__(self, key: PositionKey, position: Position, recorded_at: datetime, tally: StatementTally) -> None:
        """Continue from the state of the position; all events are recorded at `recorded_at`."""
        self._key, self._position, self._recorded_at, self._tally = key, position, recorded_at, tally
        self._start, self._before, self._changed = position.row, position.row, dict[str, PositionRow]()
        self._compared = None if position.is_open else position.position_id
        """The cycle that was compared last, or that was closed before the import."""
        self._said: Decimal | None = Decimal(0)
        """The profit that the file states for this cycle; None if it states none for one of the closing fills."""
        self._closings = 0
        self._is_held_told = True
        """Whether all positions that fills stated so far agreed with the fills before them."""
        self._is_plain = False
        """Whether the values of the current fill can go into commands without further checks."""
        self._sold_before: list[Decimal] = []
        """The quantities that were sold on spot and not bought in the files, or closed and not opened."""
        self._closed_too_much: list[Decimal] = []
        """The quantities by which fills that were meant to close opened something."""
        self._margins = set[bool]()
        """Whether fills were on margin: both if some were and others were not."""
        self._may_be_of_before = not position.cycle
        """Whether no fill of the key has opened a position yet."""
        self._alike: dict[type[Command], Command] = {}
        """A validated command of each class; further plain ones of this key are copies of it with other values."""

    def collect(self, decided: DecidedEvents, head: str) -> None:
        """Pass on the events since the last call; `head` is the hash of the stream when it was loaded."""
        pending = self._position.pending_events
        events = cast("Sequence[PositionEvent]", [*pending])
        pending.clear()
        decided.add(events, [*self._changed.values()], self._before, head)
        self._before, self._changed = self._position.row, {}

    def end(self) -> None:
        """Compare the profit of the last cycle."""
        if self._position.row is not self._start:
            self._compare()
        if self._sold_before:
            self._tally.sold_before(self._key, self._sold_before)
        if self._closed_too_much:
            self._tally.closed_too_much(self._key, self._closed_too_much)
        if len(self._margins) > 1 and self._key.exchange in _MARGIN_APART:
            self._tally.found(
                f"{self._key}: some fills are on margin and others are not; they are one position here, and two at "
                f"{self._key.exchange}. To have two, import a file of each, with an --account of its own"
            )

    # -- fills ----------------------------------------------------------------------------------------------------

    def take_fill(self, fill: StatementFill, ordered: Callable[[StatementFill], Decimal], ahead: Ahead) -> None:
        """Record a fill; one that is larger than the position closes it, and opens the other side with the rest.

        `ordered` returns the quantity of its order, and `ahead` the fills after it.
        """
        self._tally.take_fill(fill)
        self._margins.add(fill.on_margin)
        self._is_plain = is_plain(fill)
        if not self._position.is_open:
            if self._goes_on(fill):
                if self._position.state.order_ids.name_of(fill.order_id, closes=True) is not None:
                    raise StatementRefused.at(fill.line, f"order {fill.order_id} entered the position, and closed it")
                self._start, self._compared = self._position.row, None
                self._tally.reopened()
            elif self._is_spot_sale(fill) and not fill.profit:
                self._hold_before(fill, fill.quantity, OPENS, is_long=True)
            elif before := self._quantity_before(fill, ahead):
                self._hold_before(fill, before, BEFORE, is_long=fill.buys is not bool(stated_closing(fill)))
            else:
                self._open(fill, ordered(fill), ahead)
        held, is_long = self._held, self._is_long
        self._check(fill, held, is_long=is_long)
        fill = fill.covering() if fill.buys and not is_long else fill
        if fill.buys is not is_long and held and held < fill.quantity:
            is_of_before = self._is_spot_sale(fill)
            part, rest = (replace(fill, profit=None) if is_of_before else fill).split(held)
            self._record(part, turned_id_of(fill))
            self._close(part)
            if is_of_before:
                fill = replace(rest, profit=None)
                self._hold_before(fill, fill.quantity, OPENS, is_long=True)
            else:
                fill = rest
                self._open(fill, fill.quantity, lambda: ())
        self._record(fill, command_id_of(fill))
        if not self._held:
            self._close(fill)
        elif fill.is_last and self._key.leg is Leg.SPOT:
            self._close(fill, dust=True)
        self._may_be_of_before = self._may_be_of_before and not self._position.is_open

    def _check(self, fill: StatementFill, held: Decimal, *, is_long: bool) -> None:
        """Compare the position that a fill states with that of the fills before it. Refuses: StatementRefused."""
        if fill.held is not None and self._is_held_told:
            self._is_held_told = fill.held == self.signed_quantity
            self._tally.held(self._key, fill.time, fill.held, self.signed_quantity)
        is_one_leg = self._key.leg in (Leg.LONG, Leg.SHORT)
        if fill.closes is None and not is_one_leg:
            return
        closes = min(fill.quantity, held) if held and fill.buys is not is_long else Decimal(0)
        stated = fill.closes
        if stated is None and closes:
            stated = fill.quantity  # a leg is never reversed
        if stated is not None and stated != closes:
            raise StatementRefused.at(
                fill.line,
                f"by the file this closes {plain(stated)} of {self._key}, by the fills before it closes "
                f"{plain(closes)}; {FROM_FLAT}, and give all files of it in one run",
            )

    def _goes_on(self, fill: StatementFill) -> bool:
        """Whether the order of a fill entered the closed cycle: then the fill opens that cycle again."""
        is_entry = self._position.state.order_ids.name_of(fill.order_id, closes=False) is not None
        return is_entry and fill.buys is self._is_long

    def _is_spot_sale(self, fill: StatementFill) -> bool:
        """Whether a fill is a sale on spot without margin, which can only sell what was bought."""
        return self._key.leg is Leg.SPOT and not fill.buys and not fill.on_margin

    def _quantity_before(self, fill: StatementFill, ahead: Ahead) -> Decimal | None:
        """What fills close that was held before the file begins, if nothing says at what price that was opened."""
        if not self._may_be_of_before or fill.profit is not None or fill.held is not None:
            return None
        return quantity_before(fill, ahead())

    @property
    def _slot(self) -> dict[str, Any]:
        key = self._key
        return {"symbol": key.symbol, "exchange": key.exchange, "account": key.account, "leg": key.leg}

    @property
    def _held(self) -> Decimal:
        return self._position.state.holding.quantity

    @property
    def _is_long(self) -> bool:
        return self._position.state.side is Side.LONG

    def _open(self, fill: StatementFill, ordered: Decimal, ahead: Ahead) -> None:
        key = self._key
        if fill.meant_to_close:
            self._closed_too_much.append(fill.quantity)
        terms, before = self._position.state.instrument, None
        size = Decimal(1) if terms is None else terms.contract_size
        if tells_of_before(fill):
            before = held_before(fill, ahead(), size)
        elif not self._position.cycle:
            before = added_to(fill, ahead(), size)
        if before is None:
            side = Side.LONG if fill.buys else Side.SHORT
            if key.leg in (Leg.LONG, Leg.SHORT) and key.leg.value.lower() != side.value:
                raise opened_before(fill)
            opening = self._slot | {
                "side": side,
                "quantity": ordered,
                "exchange_order_id": fill.order_id,
                "at": fill.time,
                "command_id": command_id_of(fill) + OPENS,
            }
            is_plain = self._is_plain and ordered < MAGNITUDE_MAX
            self._decide(fill.line, RecordEntryPlaced, opening, is_plain=is_plain)
            return
        adopted = self._slot | {
            "side": "long" if before.is_long else "short",
            "quantity": before.quantity,
            "avg_px_open": before.price,
            "reason": f"held before the file begins: {before.why}",
            "at": fill.time - 2 * CLOCKS_APART,
            "command_id": command_id_of(fill) + BEFORE,
        }
        self._decide(fill.line, Adopt, adopted)
        self._tally.derived(self._position.position_id, may_be_more=before.may_be_more)

    def _hold_before(self, fill: StatementFill, quantity: Decimal, suffix: str, *, is_long: bool) -> None:
        """Open a cycle with what no fill opened: its cost and its profit are not known."""
        opening = self._slot | {
            "side": Side.LONG if is_long else Side.SHORT,
            "quantity": quantity,
            "filled_qty": quantity,
            "exchange_order_id": f"held-before-{fill.trade_id}",
            "at": fill.time,
            "command_id": command_id_of(fill) + suffix,
        }
        self._decide(fill.line, RecordEntryPlaced, opening)
        self._sold_before.append(quantity)

    def _record(self, fill: StatementFill, command_id: str) -> None:
        row = self._position.state.row
        assert row is not None, "a cycle is open"
        is_entry = fill.buys is (row.side is Side.LONG)
        if not is_entry or fill.profit:
            self._said = None if self._said is None or fill.profit is None else self._said + fill.profit
            self._closings += 1
        fields = {
            "position_id": row.position_id,
            "trade_id": fill.trade_id,
            "exchange_order_id": fill.order_id,
            "last_qty": fill.quantity,
            "last_px": fill.price,
            "fee": fill.fee,
            "fee_currency": fill.fee_currency,
            "at": fill.time,
            "command_id": command_id,
        }
        if not is_entry and fill.reason is not None:
            fields["reason"] = fill.reason
        self._decide(fill.line, RecordEntryFill if is_entry else Reduce, fields, is_plain=self._is_plain)

    def _close(self, fill: StatementFill, *, dust: bool = False) -> None:
        why = "its fills closed all but dust" if dust else "its fills closed all of it"
        fields: dict[str, Any] = {
            "position_id": self._position.position_id,
            "exit_reason": fill.reason or why,
            "at": fill.time,
            "command_id": command_id_of(fill) + CLOSES,
        }
        if dust:
            fields["dust"] = True
        self._decide(fill.line, Close, fields, is_plain=self._is_plain and not dust)
        self._compare()

    def close_flat(self, line: int, at: datetime, command_id: str) -> None:
        """Close what a fee in kind that was not known before left nothing of; `at` is the time of the last fill.

        Shape: not a cycle of which that fee took all that was bought, because it never held anything.
        """
        if self._position.is_open and not self._held and self._position.state.holding.filled_qty:
            position_id, why = self._position.position_id, "its fills and a fee of them closed all of it"
            closing = {"position_id": position_id, "exit_reason": why, "at": at, "command_id": command_id}
            self._decide(line, Close, closing)
            self._compare()

    def _compare(self) -> None:
        row = self._position.row
        assert row is not None, "something was decided"
        if row.position_id == self._compared:
            return
        before = self._start if self._start is not None and self._start.position_id == row.position_id else None
        self._tally.take_cycle(row, before, self._said if self._closings else None, self._closings)
        self._compared, self._said, self._closings = row.position_id, Decimal(0), 0

    # -- payments, and stated positions ----------------------------------------------------------------------------

    def cycle_at(self, time: datetime) -> int | None:
        """The cycle to which a payment of a time belongs, by the facts so far."""
        row = self._position.row
        if row is None:
            return None
        return cycle_at(time, [CycleSpan(row.cycle, row.opened_at, row.closed_at)])

    def take_cash(self, cash: StatementCash) -> None:
        """Record a payment in the last cycle."""
        record_cash(self._position, cash, self._recorded_at, self._tally)
        row = self._position.row
        assert row is not None, "it has a cycle"
        self._changed[row.position_id] = row

    def begin_with(self, held: StatementPosition) -> bool:
        """Begin the first cycle with a stated position, if there is nothing else of the key; returns whether it did."""
        if self._position.cycle or not held.quantity or held.avg_px is None:
            return False
        adopted = self._slot | {
            "side": "long" if held.quantity > 0 else "short",
            "quantity": held.quantity.copy_abs(),
            "avg_px_open": held.avg_px,
            "reason": "held, as the file says, and no fill of it is known",
            "at": held.time,
            "command_id": HELD,
        }
        self._decide(held.line, Adopt, adopted)
        self._tally.found(f"{self._position.position_id}: {adopted['reason']}; what was earned and paid before is not")
        return True

    @property
    def signed_quantity(self) -> Decimal:
        """The position, short below zero."""
        side = self._position.state.side
        return Decimal(0) if side is None else self._held * side.sign

    def _decide(self, line: int, kind: type[Command], fields: dict[str, Any], *, is_plain: bool = False) -> None:
        position, before = self._position, self._position.state.row
        alike = self._alike.get(kind) if is_plain else None
        try:
            if alike is None:
                command = kind.of(**fields, source=Source.IMPORT)
                if is_plain:
                    self._alike[kind] = command
            else:
                command = alike.with_known(fields)
            position.decide(command, CommandContext(fields["command_id"], fields["at"], self._recorded_at))
        except InvalidCommand as wrong:
            raise StatementRefused.at(line, wrong.message) from None
        except CommandRefused as refused:
            raise StatementRefused.at(line, f"the ledger refuses what follows from it: {refused.message}") from None
        row = position.state.row
        if row is before:
            raise StatementRefused.at(line, f"trade {fields.get('trade_id')} of {self._key} was there at another time")
        assert row is not None, "something was decided"
        self._changed[row.position_id] = row


def is_plain(fill: StatementFill) -> bool:
    """Whether all values of a fill can go into commands unchanged: none has to be normalised or refused."""
    if fill.reason is not None or fill.time.year not in YEARS or not fill.quantity > 0 < fill.price:
        return False
    numbers = f"{fill.quantity!s} {fill.price!s} {fill.fee or 0!s}"
    return _PLAIN.fullmatch(f"{fill.trade_id} {fill.order_id} {fill.fee_currency or '-'} {numbers}") is not None
