"""Binance, futures: the position history that its website exports in CSV.

A line is a closed position: the average prices of entry and exit, and the profit before fees.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from infrastructure.transfer.statements.kinds.closed_cycle import ClosedCycle
from infrastructure.transfer.statements.kinds.exchanges.binance.first_years import OF_FUTURES
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, in_utc
from infrastructure.transfer.statements.statement_facts import StatementFact
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_NAMES: Final = MappingProxyType(
    {
        "side": ("position side",),
        "entry": ("entry price", "avg. entry price"),
        "exit": ("avg. close price",),
        "quantity": ("closed vol.", "closed vol"),
        "profit": ("closing pnl",),
        "opened": in_utc("opened"),
        "closed": in_utc("closed"),
        "status": ("status",),
    }
)
_OVER: Final = ("closed", "all closed")
_SIDES: Final = MappingProxyType({"long": True, "short": False})


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    status, side = row.word(*_NAMES["status"]), row.word(*_NAMES["side"])
    if status not in _OVER:
        raise ValueError(
            f"status {status!r:.60} of {row.needed('symbol')} is not that of a closed position, and how much of it "
            "is still open is not in the file; import the trade history instead"
        )
    if side not in _SIDES:
        raise ValueError(f"position side {side!r:.60} is neither Long nor Short")
    profit = row.number(*_NAMES["profit"])
    if profit is None:
        raise ValueError("closing pnl is missing")
    key = whose.key(row.needed("symbol"))
    yield from ClosedCycle(
        line=row.line,
        key=key,
        is_long=_SIDES[side],
        quantity=row.above_zero(*_NAMES["quantity"]),
        opened_at=row.time(*_NAMES["opened"], zone=whose.zone, first_year=OF_FUTURES),
        closed_at=row.time(*_NAMES["closed"], zone=whose.zone, first_year=OF_FUTURES),
        opened_px=row.above_zero(*_NAMES["entry"]),
        closed_px=row.above_zero(*_NAMES["exit"]),
        profit=profit,
        in_contracts=key.is_inverse,
        names_leg=False,
    ).fills()


BINANCE_POSITIONS: Final = StatementKind(
    name="binance-futures-positions",
    form=FileForm.CSV,
    needs=("symbol", *_NAMES.values()),
    exchange="binance",
    read=row_by_row(_facts, of_one_account),
)
