"""The report of an import of statements: what was read in them, and what the import did or would do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from domain.values import EXACT, Leg, difference_of, plain, timestamp_text, total_of
from infrastructure.transfer.statements.intake.ledger_checks.definition_command import definition_command
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFill
from projections.formatting import counted
from projections.positions import PositionRow

_UNITS: Final = MappingProxyType({False: Decimal("0.000001"), True: Decimal("0.00000001")})
"""Files round the profit of each fill to six decimals or more; where it is settled in the base, to eight or more."""
UNKNOWN: Final = "unknown"
_OF_ANY_PROGRAM: Final = frozenset({"csv", "mapped-csv"})
"""Kinds of files in which only the user knows which sign a fee has that was paid."""
_COUNTS: Final = (
    *("fills", "fills_before", "payments", "payments_before", "orders", "cycles", "open"),
    *("fees_paid", "fees_received", "fees_unknown"),
)


@dataclass(kw_only=True)
class StatementFigures:
    """The sums of the facts of files: `profit_ledger` and `profit_file` are before fees, by currency."""

    kind: str = ""
    confirmed: bool = False
    fills: int = 0
    fills_before: int = 0
    """How many of them the ledger has from statements already; all further figures are without these."""
    orders: int = 0
    cycles: int = 0
    open: int = 0
    first: datetime | None = None
    last: datetime | None = None
    profit_ledger: dict[str, Decimal] = field(default_factory=dict)
    profit_file: dict[str, Decimal] = field(default_factory=dict)
    fees: dict[str, Decimal] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    fees_unknown: int = 0
    """How many of the new fills have no known fee, in their file or elsewhere."""
    repeated: int = 0
    """How many facts are in the files again; each is taken once."""
    payments: int = 0
    payments_before: int = 0
    cash: dict[str, Decimal] = field(default_factory=dict)
    """The sums of the payments that are recorded, by kind and currency."""
    excluded: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many fills and payments were excluded because the user said so, by key."""


class StatementReport(StatementFigures, JsonObject):
    """The figures when all facts are decided."""


class StatementTally(StatementFigures):
    """The figures while the facts are decided and counted."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.fees_paid = self.fees_received = 0
        """How many fills have a fee above zero, and how many below."""
        self.ends: dict[str, PositionRow | None] = {}
        """The open cycle that each stream ends with."""
        self._differences: list[str] = []
        self._others: list[str] = []
        self._left_out: defaultdict[tuple[str, str], LeftOut] = defaultdict(LeftOut)
        self.begin_key()

    def take_fill(self, fill: StatementFill) -> None:
        """Count a fill that is new."""
        self._at(fill.time)
        if fill.fee is None:
            self.fees_unknown += 1
            self._without_fee += 1
        else:
            self.fees_paid += fill.fee > 0
            self.fees_received += fill.fee < 0
            self._with_fee += 1
            _add(self.fees, fill.fee_currency or fill.key.settle or UNKNOWN, fill.fee)
        if fill.order_id not in self._orders and fill.order_id not in self._orders_before:
            self.orders += 1
        self._orders.add(fill.order_id)

    def _at(self, time: datetime) -> None:
        self.first = time if self.first is None or time < self.first else self.first
        self.last = time if self.last is None or time > self.last else self.last

    def add(self, other: StatementTally) -> None:
        """Add the counts of another process, which are of other keys."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("profit_ledger", "profit_file", "fees", "cash"):
            for currency, amount in getattr(other, name).items():
                _add(getattr(self, name), currency, amount)
        for time in (other.first, other.last):
            if time is not None:
                self._at(time)
        self.ends |= other.ends
        self._differences += other._differences
        self._others += other._others
        self._left_out |= other._left_out  # no key is in both

    def begin_key(self) -> None:
        """Begin to count another key, which has other orders."""
        self._orders, self._orders_before = set[str](), set[str]()
        self._earned, self._cycles, self._is_said = Decimal(0), 0, False
        self._with_fee = self._without_fee = 0
        self._is_settled = True
        """Whether the currency of settlement of every cycle of the key is known."""

    def end_key(self, key: PositionKey, last: PositionRow | None, said: Decimal, profits: int) -> None:
        """Compare what a key earned with profits that name no fill, unless the profits of its fills were compared."""
        self.ends[key.stream] = last if last is not None and last.status.is_open else None
        if self._with_fee and self._without_fee:
            self._others.append(
                f"{key}: what was paid for {counted(self._without_fee, 'fill')} is not said, as it is for others; it "
                "is not known, and missing in what was earned net"
            )
        if not self._is_settled:
            self._others.append(
                f"{key}: which currency its prices are in is not known, so neither is what it earned net; define it "
                f"before the import: {definition_command(key, '--quote', 'NAME')}"
            )
        is_compared = profits and self._cycles and not self._is_said
        if is_compared and EXACT.subtract(self._earned, said).copy_abs() > _UNITS[key.is_inverse] * (profits + 1):
            self._others.append(
                f"{key}: the files say a profit of {plain(said)} in all, and not of which fills; its fills come to "
                f"{plain(self._earned)}"
            )

    def take_cycle(self, row: PositionRow, before: PositionRow | None, said: Decimal | None, fills: int) -> None:
        """Compare the profit of a cycle; `before` is its row before the import, `said` the profit that the file states.

        An order may end one cycle and begin the next, so the orders of the last two cycles are remembered.
        """
        self._orders, self._orders_before = set(), self._orders
        self.cycles, self._cycles = self.cycles + 1, self._cycles + 1
        self.open += row.status.is_open
        self._is_settled = self._is_settled and row.settle_currency is not None
        currency = row.settle_currency or UNKNOWN
        earned = row.realized_pnl
        if earned is not None and before is not None:
            earned = difference_of(earned, before.realized_pnl)
        if earned is not None:
            _add(self.profit_ledger, currency, earned)
            self._earned = EXACT.add(self._earned, earned)
        if said is None:
            return
        _add(self.profit_file, currency, said)
        self._is_said = True
        if earned is None or EXACT.subtract(earned, said).copy_abs() > _UNITS[row.inverse] * (fills + 1):
            known = "what is not known" if earned is None else plain(earned)
            self._differences.append(
                f"{row.position_id}: the file says a profit of {plain(said)}, its fills come to {known}"
            )

    def reopened(self) -> None:
        """Take back the count of a cycle that was compared, and goes on."""
        self.cycles, self._cycles = self.cycles - 1, self._cycles - 1

    def derived(self, position_id: str, *, may_be_more: bool) -> None:
        """Note a position that was held before the file begins, and whether more than that may have been held."""
        more = "; more may have been held, and may be held still" if may_be_more else ""
        self._others.append(
            f"{position_id}: held before the file begins; its opening price follows from the profit that the file "
            f"says{more}"
        )

    def sold_before(self, key: PositionKey, quantities: Sequence[Decimal]) -> None:
        """Note what was sold on spot but not bought in the files, or what was closed but not opened in them."""
        more = plain(total_of(quantities))
        if key.leg is Leg.SPOT:
            what = f"{counted(len(quantities), 'fill')} sold {more} more than was bought"
        else:
            what = f"{more} more was closed than was opened"
        self._others.append(
            f"{key}: {what}: it was held before the files begin, or moved in, and they do not say what it cost; so "
            "what it earned is not known"
        )

    def closed_too_much(self, key: PositionKey, quantities: Sequence[Decimal]) -> None:
        """Note what fills opened that were meant to close."""
        self._others.append(
            f"{key}: {counted(len(quantities), 'fill')} that should close something opened "
            f"{plain(total_of(quantities))}, because the fills before them left less to close: some may be missing, or "
            "the account held both sides, which are one position here"
        )

    def take_cash(self, cash: StatementCash) -> None:
        """Count a payment that is recorded."""
        self._at(cash.time)
        _add(self.cash, _kind_of(cash), cash.amount)

    def leave_out(self, cash: StatementCash, why: str) -> None:
        """Count a payment that is not recorded; those of one key and reason are one finding."""
        self._left_out[f"{cash.key or 'no symbol'}: {why}", _kind_of(cash)].add(cash)

    def exclude(self, key: PositionKey, counts: dict[str, int]) -> None:
        """Note what the user excluded; it is a finding if the files have nothing of it."""
        self.excluded[key.stream] = counts
        if not any(counts.values()):
            self._others.append(f"{key} is to be excluded, and the files have nothing of it")

    def found(self, finding: str) -> None:
        """Add a finding."""
        self._others.append(finding)

    def held(self, key: PositionKey, time: datetime, said: Decimal, comes_to: Decimal) -> None:
        """Compare a stated position with that of the fills."""
        if said != comes_to:
            self._others.append(
                f"{key}: the file says that {plain(said)} was held at {timestamp_text(time)}, its fills come to "
                f"{plain(comes_to)}"
            )

    def report(self, kinds: Sequence[str], *, confirmed: bool, repeated: int) -> StatementReport:
        """The whole report."""
        left_out = [f"{why}: {left.said(kind)}" for (why, kind), left in self._left_out.items()]
        if self.fees_received and not self.fees_paid and not _OF_ANY_PROGRAM.isdisjoint(kinds):
            self._others.append(
                f"no fee is paid, and {counted(self.fees_received, 'fill')} received one; where that is the wrong way "
                "round, read the file with --map: a map says in fee_paid what sign a fee has that is paid"
            )
        self.kind, self.confirmed, self.repeated = " + ".join(dict.fromkeys(kinds)), confirmed, repeated
        self.findings = [*self._differences, *self._others, *left_out]
        return StatementReport(**{figure.name: getattr(self, figure.name) for figure in fields(StatementReport)})


@dataclass
class LeftOut:
    """Payments that are not recorded for one reason."""

    count: int = 0
    total: Decimal = Decimal(0)
    first: datetime | None = None

    def add(self, cash: StatementCash) -> None:
        """Count one more."""
        self.first = cash.time if self.first is None or cash.time < self.first else self.first
        self.count, self.total = self.count + 1, EXACT.add(self.total, cash.amount)

    def said(self, kind: str) -> str:
        """These payments in words."""
        assert self.first is not None, "there is one"
        first = timestamp_text(self.first)
        return f"{self.count:,} x {kind}, {plain(self.total)} in all, not recorded (the first at {first})"


def _add(sums: dict[str, Decimal], name: str, amount: Decimal) -> None:
    sums[name] = EXACT.add(sums.get(name, Decimal(0)), amount)


def _kind_of(cash: StatementCash) -> str:
    settle = None if cash.key is None else cash.key.settle
    return f"{cash.kind} {cash.currency or settle or UNKNOWN}"
