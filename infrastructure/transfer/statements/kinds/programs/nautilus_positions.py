"""nautilus_trader: `generate_positions_report`, saved as CSV or as JSON.

A line has the largest quantity that was held, the average prices of what was opened and closed, and the profit after
the commissions in its currency. Where a position was increased after a part of it was closed, the averages do not give
that profit; then the closing price is computed from the profit. On spot, commissions in the base are already deducted
from the quantities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, plain, rounded
from infrastructure.exchanges.contract_units import power_of_ten
from infrastructure.transfer.statements.kinds.programs.nautilus_rows import counts_contracts, key_of, money_of, reported
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each, of_row
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose

_SNAPSHOT: Final = re.compile(r"-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
"""The suffix of the id of a closed position where an account nets positions; an open one has no suffix."""
_PROFIT_UNIT: Final = Decimal("0.00000001")
"""What profits are rounded to."""
_WHOLE: Final = Decimal("0.000001")
"""A ratio this close to a whole number is taken for whole."""
_Paid = tuple[Decimal, str | None]
_NOTHING: Final[_Paid] = (Decimal(0), None)


class _Line:
    """One position as two fills: all that was opened, and all that was closed."""

    def __init__(self, whose: Whose, row: StatementRow) -> None:
        self.key, self.row, self._is_long = key_of(whose, row), row, row.buys("entry")
        self.opened_at = row.time("ts_opened", zone=UTC)
        held = row.number("quantity")
        if held is None or held < 0:
            raise ValueError(f"quantity {row.text('quantity') or ''!r:.60} is no quantity that is held")
        self._held, self._fees = held, money_of(row, "commissions")
        self._profit = self._earned()
        self._closed = EXACT.subtract(row.above_zero("peak_qty"), self._held)
        if not self._closed and self._profit:
            self._closed = self._held  # it is as large as ever, but with a profit: some was closed, and opened again
        self.over_at = None if self._held else row.time("ts_closed", "ts_last", zone=UTC)

    def _earned(self) -> Decimal | None:
        earned = money_of(self.row, "realized_pnl")
        currency = next(iter(earned), None)
        return None if currency is None else EXACT.add(earned[currency], self._fees.get(currency, Decimal(0)))

    def facts(self, *, is_alone: bool) -> Iterator[StatementFact]:
        """Its fills and commissions; without its profit unless it `is_alone`.

        Positions that were open at the same time become one cycle, to which the profit of each does not apply.
        """
        row, opened, fees = self.row, EXACT.add(self._held, self._closed), dict(self._fees)
        in_base = self._paid_in_base(fees)
        opened, price = EXACT.add(opened, in_base[0]), row.above_zero("avg_px_open")
        if not self._closed:
            paid = in_base if in_base[0] else _take_first(fees)
            yield self._fill("opened", self.opened_at, opened, price, paid)
            yield from self._other_commissions(fees, self.opened_at)
            return
        yield self._fill("opened", self.opened_at, opened, price, in_base)
        closed_at = row.time("ts_closed", "ts_last", zone=UTC)
        profit = self._profit if is_alone and not in_base[0] else None
        fill = self._fill("closed", closed_at, self._closed, self._closing_price(price), _take_first(fees))
        yield replace(fill, profit=profit)
        yield from self._other_commissions(fees, closed_at)

    def _paid_in_base(self, fees: dict[str, Decimal]) -> _Paid:
        """The fee in the base of a spot pair, which reduced the position; it is removed from `fees`."""
        if self.key.leg is Leg.SPOT:
            for currency in fees:
                if currency != self.key.settle and self.key.symbol.startswith(currency):
                    return fees.pop(currency), currency
        return _NOTHING

    def _closing_price(self, opened: Decimal) -> Decimal:
        row, profit = self.row, self._profit
        stated = row.number("avg_px_close")
        if profit is None or self.key.is_inverse or counts_contracts(self.key):
            return row.above_zero("avg_px_close")
        earned = EXACT.divide(profit if self._is_long else -profit, self._closed)
        computed = EXACT.add(opened, earned)
        if stated is not None and abs(stated - computed) * self._closed <= _PROFIT_UNIT:
            return stated
        if stated is not None and stated != opened and self._counts_contracts(EXACT.divide(earned, stated - opened)):
            raise ValueError(
                f"profit {plain(profit)} before commissions of {plain(self._closed)} from {plain(opened)} to "
                f"{plain(stated)} does not follow from its prices: its contracts are not units; define the "
                "instrument, and import the report of fills"
            )
        if computed <= 0:
            raise ValueError(
                f"profit {plain(profit)} before commissions of {plain(self._closed)} that were opened at "
                f"{plain(opened)} would mean a closing price of {plain(rounded(computed))}; import the report of fills"
            )
        return rounded(computed)

    @staticmethod
    def _counts_contracts(ratio: Decimal) -> bool:
        whole = ratio.to_integral_value()
        size = power_of_ten(ratio) if ratio > 0 else None
        return size not in (None, 1) or (whole > 1 and abs(ratio - whole) <= _WHOLE)

    def _fill(self, what: str, time: datetime, quantity: Decimal, price: Decimal, paid: _Paid) -> StatementFill:
        row, opens = self.row, what == "opened"
        name = f"{self._name()}:{what}"
        fee, currency = paid
        return StatementFill(
            line=row.line,
            time=time,
            key=self.key,
            buys=self._is_long is opens,
            quantity=quantity,
            price=price,
            fee=fee if currency is not None or self._fees else None,
            fee_currency=currency,
            trade_id=name,
            order_id=row.text("opening_order_id" if opens else "closing_order_id") or name,
            sums_up=True,
            in_contracts=counts_contracts(self.key),
        )

    def _other_commissions(self, fees: dict[str, Decimal], time: datetime) -> Iterator[StatementCash]:
        for currency, amount in fees.items():
            yield StatementCash(
                line=self.row.line,
                time=time,
                key=self.key,
                amount=-amount,
                currency=currency,
                kind="commission",
                cash_id=f"{self._name()}:{currency}",
                is_apart=True,
            )

    def _name(self) -> str:
        row, name = self.row, self.row.needed("position_id", "opening_order_id")
        is_snapshot = str(row.named.get("is_snapshot")).strip().lower() == "true"
        opened_at = row.needed("ts_opened").replace(" ", "T")
        opened_at = self.opened_at.isoformat() if opened_at.isdecimal() else opened_at  # JSON has it as a number
        return f"{_SNAPSHOT.sub('', name) if is_snapshot else name}:{opened_at}"


def _take_first(fees: dict[str, Decimal]) -> _Paid:
    """The first of the fees, which is removed from them."""
    currency = next(iter(fees), None)
    return _NOTHING if currency is None else (fees.pop(currency), currency)


class _Positions:
    """The reader of one file, in which positions are in the order of opening.

    Positions of a key wait for others that overlap them in time, and are then read together.
    """

    def __init__(self, whose: Whose) -> None:
        self._whose, self._overlapping = whose, dict[PositionKey, list[_Line]]()

    def facts(self, row: StatementRow) -> Iterator[StatementFact]:
        line = _Line(self._whose, row)
        before = self._overlapping.setdefault(line.key, [])
        if all(other.over_at is not None and other.over_at <= line.opened_at for other in before):
            yield from self._facts_of_overlapping(before)
            self._overlapping[line.key] = before = []
        before.append(line)

    def left(self) -> Iterator[StatementFact]:
        """The facts of the positions that still wait at the end of the file."""
        for lines in sorted(self._overlapping.values(), key=lambda lines: lines[0].opened_at):
            yield from self._facts_of_overlapping(lines)

    @staticmethod
    def _facts_of_overlapping(lines: list[_Line]) -> Iterator[StatementFact]:
        for line in lines:
            with of_row(line.row):
                yield from line.facts(is_alone=len(lines) == 1)


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    positions = _Positions(whose)
    yield from each(reported(file.rows(), "position_id"), positions.facts)
    yield from positions.left()


NAUTILUS_POSITIONS: Final = StatementKind(
    name="nautilus-positions",
    form=FileForm.CSV,
    also=FileForm.JSON,
    needs=("instrument_id", "entry", "peak_qty", "ts_opened", "avg_px_open", "avg_px_close", "realized_pnl"),
    read=_read,
)
