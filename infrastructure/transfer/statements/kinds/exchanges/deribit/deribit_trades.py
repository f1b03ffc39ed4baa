"""Deribit: trades of an account, as `private/get_user_trades_by_currency` and its like answer them.

An amount is in dollars where the contract is settled in its base, and in the base where it is settled in dollars. A fee
that is paid is above zero. `trade_seq` grows with each trade of an instrument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

INSTRUMENT: Final = ("instrument_name", "instrument")
_PAIR: Final = r"[A-Z0-9]+_[A-Z0-9]+"
_SPOT: Final = re.compile(_PAIR, re.ASCII)
_FUTURE: Final = re.compile(rf"(?:[A-Z0-9]+|{_PAIR})-(?:PERPETUAL|\d\d?[A-Z]{{3}}\d\d)", re.ASCII)
_OPTION: Final = re.compile(rf"(?:[A-Z0-9]+|{_PAIR})-\d\d?[A-Z]{{3}}\d\d-[\dd]+-[CP]", re.ASCII)


def deribit_key(whose: Whose, row: StatementRow) -> PositionKey | None:
    """The key of a future, a perpetual or a pair on spot; None for an option. Refuses: ValueError for anything else."""
    name = row.needed(*INSTRUMENT)
    if _OPTION.fullmatch(name):
        return None
    if _SPOT.fullmatch(name):
        return whose.key(name, Leg.SPOT)
    if not _FUTURE.fullmatch(name):
        raise ValueError(f"instrument_name {name!r:.60} is no future, perpetual, option or pair, and cannot be read")
    return whose.key(name)


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    key = deribit_key(whose, row)
    if key is None:
        return
    liquidated = row.text("liquidity") or "", row.text("liquidation") or ""
    yield StatementFill(
        line=row.line,
        time=row.time("timestamp", zone=whose.zone),
        key=key,
        buys=row.buys("direction"),
        quantity=row.above_zero("amount"),
        price=row.above_zero("price"),
        fee=row.number("fee"),
        fee_currency=row.text("fee_currency"),
        trade_id=row.needed("trade_id"),
        order_id=row.needed("order_id"),
        reason="liquidation" if all(liquidated) and liquidated[0] in liquidated[1] else None,
        sequence=row.sequence("trade_seq"),
    )


DERIBIT_TRADES: Final = StatementKind(
    name="deribit-trades",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=(
        *("trade_id", "trade_seq", "instrument_name", "timestamp", "direction", "price", "amount"),
        *("order_id", "fee", "fee_currency"),
    ),
    exchange="deribit",
    read=row_by_row(_facts),
)
