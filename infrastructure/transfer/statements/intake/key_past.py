"""What the ledger has of a key from statements: the facts that were recorded, and when its cycles were open."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from domain.events import CashRecorded, EntryFilled, PositionEvent, PositionReduced
from domain.identifiers import PositionId, PositionKey
from domain.values import EXACT, timestamp_text
from infrastructure.transfer.statements.intake.cash_cycle import CycleSpan, cycle_at
from infrastructure.transfer.statements.intake.command_ids import (
    CLOSES,
    PREFIX,
    command_id_of,
    fill_id_of,
    is_fee_of_fill,
    side_of,
)
from infrastructure.transfer.statements.intake.ledger_checks.other_origin import of_other_origin
from infrastructure.transfer.statements.sources.statement_row import MADE_UP, is_made_up
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFill

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE commands (
    command_id TEXT PRIMARY KEY, cycle INTEGER, amount TEXT, price TEXT, fee TEXT, fee_currency TEXT, order_id TEXT
) WITHOUT ROWID;
CREATE TABLE cycles (cycle INTEGER PRIMARY KEY, opened TEXT, ended TEXT);
CREATE TABLE payments (time TEXT, kind TEXT, amount TEXT, currency TEXT);
"""
_ADD: Final = """
INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (command_id) DO UPDATE SET amount = coalesce(amount, excluded.amount),
    price = coalesce(price, excluded.price), fee = coalesce(fee, excluded.fee),
    fee_currency = coalesce(fee_currency, excluded.fee_currency), order_id = coalesce(order_id, excluded.order_id)
"""
"""`amount` is the quantity that a command filled, or the money that it paid or received."""
_AMOUNT: Final = "SELECT amount FROM commands WHERE command_id = ?"
_FEE: Final = "SELECT fee, fee_currency FROM commands WHERE command_id = ?"
_WITHOUT_FEE: Final = "SELECT cycle FROM commands WHERE command_id = ? AND price IS NOT NULL AND fee IS NULL"
_ADD_PAYMENT: Final = "INSERT INTO payments VALUES (?, ?, ?, ?)"
_PAYMENTS_INDEX: Final = "CREATE INDEX IF NOT EXISTS payments_time ON payments (time)"
_PAYMENTS: Final = "SELECT amount, currency FROM payments WHERE time BETWEEN ? AND ? AND kind = ?"
PAID_APART: Final = timedelta(seconds=1)
"""By how much the times of one payment may differ in different answers of an exchange."""
OF_MANY: Final = frozenset({"commission", "rebate"})
"""Kinds of which several equal payments may have the same time, one for each fill."""
_INDEX: Final = "CREATE INDEX IF NOT EXISTS by_order ON commands (order_id)"
_OF_ORDER: Final = """
SELECT command_id, amount, price, fee, fee_currency FROM commands
WHERE order_id = ? AND substr(command_id, 1, length(?)) = ?
"""
_OPENED: Final = "INSERT OR IGNORE INTO cycles VALUES (?, ?, NULL)"
_ENDED: Final = "UPDATE cycles SET ended = ? WHERE cycle = ?"
_LAST_CYCLES: Final = "SELECT cycle, opened, ended FROM cycles WHERE opened <= ? ORDER BY cycle DESC LIMIT 3"


class FilledOrder(NamedTuple):
    """The sum of the fills of an order: quantity, value, and fee with its currencies."""

    quantity: Decimal
    worth: Decimal
    fee: Decimal
    fee_currencies: frozenset[str | None]


class LastSecond:
    """The fills of the ledger in the second of its last fill, without those that the files have again.

    A fill without an id of its own gets another made-up id in another kind of file, or when its program reports it in
    parts later. An earlier fill is refused, because the ledger already has later ones; but a fill in that very second
    could be counted twice.
    """

    def __init__(self) -> None:
        """Begin with a key that has no fill."""
        self._second: datetime | None = None
        self._fills: dict[str, EntryFilled | PositionReduced] = {}

    def add(self, event: EntryFilled | PositionReduced) -> None:
        """Add a fill of the ledger."""
        second = event.ts_event.replace(microsecond=0)
        if second != self._second:
            self._second, self._fills = second, {}
        self._fills[fill_id_of(event.command_id)] = event

    def tell_again(self, fill: StatementFill) -> None:
        """Remove a fill of the ledger that a file has again."""
        self._fills.pop(command_id_of(fill), None)

    def is_of_it(self, fill: StatementFill) -> bool:
        """Whether a fill is in that second."""
        return fill.time.replace(microsecond=0) == self._second

    def maybe(self, fill: StatementFill) -> EntryFilled | PositionReduced | None:
        """A fill of the ledger that may be the same as this one, because one of the two has a made-up id."""
        is_nameless = is_made_up(fill.trade_id, fill.order_id)
        for event in self._fills.values():
            if is_nameless or is_made_up(event.trade_id, event.exchange_order_id):
                return event
        return None


class KeyPast:
    """The recorded facts of one key, in a temporary database, because its history may be long."""

    def __init__(self, key: PositionKey, events: Iterable[PositionEvent]) -> None:
        """Read the history of a key. Refuses: StatementRefused if it has facts that are not from statements."""
        self.key = key
        self.until: datetime | None = None
        """The time of its last fill."""
        self.is_of_one_moment = True
        """Whether all of its fills have that time."""
        self.has_fees = False
        """Whether one of its fills has a fee, from its own file or from a later one."""
        self.has_commissions = False
        """Whether a commission was recorded that names no fill."""
        self.has_made_up = False
        """Whether one of its fills has a made-up id, because its file had none."""
        self.last_second = LastSecond()
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")
        for event in events:
            self._take(event)

    def _take(self, event: PositionEvent) -> None:
        if not event.has_cycle:
            return
        if not event.command_id.startswith(PREFIX):
            raise of_other_origin({PositionId(self.key, event.cycle): event.command_id})
        amount = price = fee = fee_currency = order_id = None
        if isinstance(event, CashRecorded):
            amount = str(event.amount)
            paid = timestamp_text(event.ts_event), event.kind, amount, event.currency
            self._database.execute(_ADD_PAYMENT, paid)
            self.has_commissions = self.has_commissions or (event.kind == "commission" and event.trade_id is None)
            self.has_fees = self.has_fees or is_fee_of_fill(event.command_id)
        if isinstance(event, EntryFilled | PositionReduced):
            amount, price = str(event.last_qty), str(event.last_px)
            self.is_of_one_moment = self.is_of_one_moment and self.until in (None, event.ts_event)
            self.until = event.ts_event
            self.last_second.add(event)
            self.has_fees = self.has_fees or event.fee is not None
            self.has_made_up = self.has_made_up or event.trade_id.startswith(MADE_UP)
            fee, fee_currency = None if event.fee is None else str(event.fee), event.fee_currency
            order_id = event.exchange_order_id
        self._database.execute(_ADD, (event.command_id, event.cycle, amount, price, fee, fee_currency, order_id))
        if event.opens_cycle:
            self._database.execute(_OPENED, (event.cycle, timestamp_text(event.ts_event)))
        elif event.command_id.endswith(CLOSES):
            self._database.execute(_ENDED, (timestamp_text(event.ts_event), event.cycle))

    def close(self) -> None:
        """Delete the temporary database."""
        self._database.close()

    def has(self, command_id: str) -> bool:
        """Whether a command is on record."""
        return self._database.execute(_AMOUNT, (command_id,)).fetchone() is not None

    def amount(self, command_id: str) -> Decimal | None:
        """The quantity or the cash of a command on record; None if it is not on record, or has neither."""
        found = self._database.execute(_AMOUNT, (command_id,)).fetchone()
        return None if found is None or found[0] is None else Decimal(found[0])

    def has_alike(self, cash: StatementCash) -> bool:
        """Whether a payment on record is equal but for its id, which may differ between kinds of files."""
        if cash.kind in OF_MANY:
            return False
        self._database.execute(_PAYMENTS_INDEX)
        around = [timestamp_text(cash.time + apart) for apart in (-PAID_APART, PAID_APART)]
        found = self._database.execute(_PAYMENTS, (*around, cash.kind))
        return any(is_of_amount(cash, Decimal(amount), currency) for amount, currency in found)

    def fee(self, command_id: str) -> tuple[Decimal, str | None]:
        """The fee of the fill of a command on record, and its currency; zero where there is none."""
        amount, currency = self._database.execute(_FEE, (command_id,)).fetchone() or (None, None)
        return Decimal(amount or 0), currency

    def cycle_without_fee(self, command_id: str) -> int | None:
        """The cycle of a fill on record that was recorded without a fee; None for any other."""
        found = self._database.execute(_WITHOUT_FEE, (command_id,)).fetchone()
        return None if found is None else int(found[0])

    def order(self, order_id: str, *, buys: bool, but: Collection[str] = ()) -> FilledOrder | None:
        """The sum of the recorded fills of an order, without those of the commands `but`; None if there are none."""
        self._database.execute(_INDEX)
        begins = f"{PREFIX}{side_of(buys=buys)}:"
        found = self._database.execute(_OF_ORDER, (order_id, begins, begins)).fetchall()
        total = FilledOrder(Decimal(0), Decimal(0), Decimal(0), frozenset())
        for _, amount, price, fee, currency in (row for row in found if row[0] not in but):
            quantity = Decimal(amount)
            total = FilledOrder(
                EXACT.add(total.quantity, quantity),
                EXACT.add(total.worth, self.worth(quantity, Decimal(price))),
                EXACT.add(total.fee, Decimal(fee or 0)),
                total.fee_currencies if fee is None else total.fee_currencies | {currency},
            )
        return total if total.quantity else None

    def worth(self, quantity: Decimal, price: Decimal) -> Decimal:
        """The value of a quantity, from which the average price of several fills follows."""
        return EXACT.divide(quantity, price) if self.key.is_inverse else EXACT.multiply(quantity, price)

    def cycle_at(self, time: datetime) -> int | None:
        """The cycle to which a payment of a time belongs."""
        found = self._database.execute(_LAST_CYCLES, (timestamp_text(time),)).fetchall()
        spans = [
            CycleSpan(cycle, datetime.fromisoformat(opened), ended and datetime.fromisoformat(ended))
            for cycle, opened, ended in reversed(found)
        ]
        return cycle_at(time, spans)


def is_of_amount(cash: StatementCash, amount: Decimal, currency: str | None) -> bool:
    """Whether a payment may be that of an amount: not every kind of file says the currency."""
    return amount == cash.amount and (currency == cash.currency or None in (currency, cash.currency))
