"""Bybit: closed profit and loss, as `GET /v5/position/closed-pnl` answers it, and the CSV of the website.

A line says what was closed, at which averages it was opened and closed, and what was earned after fees, and after
funding as far as Bybit counts it there. The side is that of the order that closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.instrument import Instrument
from domain.values import EXACT, Side
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, each
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose

_NAMES: Final = MappingProxyType(
    {
        "symbol": ("contracts", "market", "symbol"),
        "side": ("closing direction", "side"),
        "quantity": ("qty", "quantity", "closed size", "closedSize"),
        "entry": ("entry price", "avgEntryPrice"),
        "exit": ("exit price", "avgExitPrice"),
        "profit": ("closed p&l", "realized p&l", "closedPnl"),
        "time": ("trade time", "trade time(utc)", "trade time(utc+0)", "updatedTime", "createdTime"),
    }
)
_CSV: Final = ("symbol", "side", "quantity", "entry", "exit", "profit", "time")
_API: Final = ("symbol", "side", "closedSize", "avgEntryPrice", "avgExitPrice", "closedPnl", "updatedTime")
_MOMENT: Final = timedelta(microseconds=1)


class _ClosedLines:
    """The reader of one file; what was closed in one moment is put apart by microseconds, one behind the other."""

    def __init__(self, whose: Whose) -> None:
        self._whose, self._ids = whose, RowIds()
        self._time, self._after = "", 0

    def facts(self, row: StatementRow) -> Iterator[StatementFact]:
        said = row.needed(*_NAMES["time"])
        self._after = self._after + 2 if said == self._time else 0
        self._time = said
        closed_at = row.time(*_NAMES["time"], zone=self._whose.zone) + self._after * _MOMENT
        key, closes_by_buying = self._whose.key(row.needed(*_NAMES["symbol"])), row.buys(*_NAMES["side"])
        quantity, entry, exit_ = (row.above_zero(*_NAMES[name]) for name in ("quantity", "entry", "exit"))
        terms, side = Instrument(inverse=key.is_inverse), Side.SHORT if closes_by_buying else Side.LONG
        earned = terms.gain(side, terms.worth(quantity, entry), terms.worth(quantity, exit_))
        net = row.number(*_NAMES["profit"])
        name = self._ids.of(row, said)

        def fill(time: datetime, price: Decimal, fee: Decimal | None, *, opens: bool) -> StatementFill:
            return StatementFill(
                line=row.line,
                time=time,
                key=key,
                buys=closes_by_buying is not opens,
                quantity=quantity,
                price=price,
                fee=fee,
                fee_currency=key.settle,
                profit=None,
                trade_id=f"{name}-{'opened' if opens else 'closed'}",
                order_id=f"{name}-{'opened' if opens else 'closed'}",
            )

        yield fill(closed_at, entry, None, opens=True)
        yield fill(closed_at + _MOMENT, exit_, None if net is None else EXACT.subtract(earned, net), opens=False)


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return each(file.rows(), _ClosedLines(whose).facts)


_LACKS: Final = (
    "fills: two are made up of a line, with ids that follow from it, both at the time when it was closed. When it was "
    "opened, the leg, fees and funding one by one. Take the executions instead where there are any"
)
_BECOMES: Final = (
    "a cycle a line. By how much less was earned than the two prices come to is the fee of the closing fill: fees of "
    "both sides, and funding as far as Bybit counts it there"
)

BYBIT_CLOSED_CSV: Final = StatementKind(
    name="bybit-closed-pnl-csv",
    form=FileForm.CSV,
    needs=tuple(_NAMES[name] for name in _CSV),
    exchange="bybit",
    read=_read,
    source="Bybit, derivatives, closed P&L in CSV, of its website",
    lacks=f"{_LACKS}. The zone of its times, unless the header says UTC",
    becomes=_BECOMES,
)
BYBIT_CLOSED: Final = StatementKind(
    name="bybit-closed-pnl",
    form=FileForm.JSON,
    needs=tuple((name,) for name in _API),
    exchange="bybit",
    read=_read,
    source="Bybit, what `GET /v5/position/closed-pnl` answers",
    lacks=_LACKS,
    becomes=_BECOMES,
)
