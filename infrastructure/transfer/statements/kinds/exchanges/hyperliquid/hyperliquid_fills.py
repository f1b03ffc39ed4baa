"""Hyperliquid: fills and funding of a user, as the `info` endpoint answers `userFills` and `userFunding`.

A fee that is paid is above zero. `closedPnl` is before fees, and `startPosition` is the position before the fill; on
spot neither is read, because the former is after fees and by another cost basis, and the latter is the whole balance of
the wallet. Trade ids are not in sequence, and all sales of dust have the same one. `usdc` of a funding payment that is
paid is below zero. Most pairs on spot are called by their number, `@107`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from domain.values import Leg
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_pairs import (
    FUNDING,
    NumberedPairs,
    symbol_of,
)
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each, made_up
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_OF_DUST: Final = "0"
"""The id of every trade by which the exchange sells what is left of a token on spot, once a day."""


def name_of_trade(trade_id: str, order_id: str) -> str:
    """The id of a trade, made up of that of its order where other trades have the same id."""
    return made_up(trade_id, order_id) if trade_id == _OF_DUST else trade_id


def name_of_payment(coin: str, time: str) -> str:
    """The id of a payment of funding, which is made up: most have no hash."""
    return made_up("funding", coin, time)


def _events(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    return _funding(whose, row.inside(FUNDING)) if FUNDING in row.named else _fills(whose, row)


def _fills(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    coin, direction = row.needed("coin"), row.word("dir")
    is_spot = direction in {"buy", "sell"} or "/" in coin
    yield StatementFill(
        line=row.line,
        time=row.time("time", zone=whose.zone),
        key=whose.key(coin, Leg.SPOT) if is_spot else whose.key(symbol_of(coin, row.text("feeToken"))),
        buys=row.buys("side"),
        quantity=row.above_zero("sz"),
        price=row.above_zero("px"),
        fee=row.number("fee"),
        fee_currency=row.text("feeToken"),
        profit=None if is_spot else row.number("closedPnl"),
        trade_id=name_of_trade(row.needed("tid"), row.needed("oid")),
        order_id=row.needed("oid"),
        held=None if is_spot else row.number("startPosition"),
        reason=_reason(row, direction),
    )


def _reason(row: StatementRow, direction: str) -> str | None:
    """Why a fill happened; both sides of a liquidation tell of it, and the one who is liquidated takes."""
    if "auto-deleveraging" in direction:
        return "adl"
    if direction == "settlement":
        return "settlement"
    is_taker = str(row.named.get("crossed")).lower() != "false"
    is_forced = direction.startswith("liquidated") or (row.named.get("liquidation") and is_taker)
    return "liquidation" if is_forced else None


def _funding(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    delta = row.inside("delta") if "delta" in row.named else row
    if (delta is row or delta.needed("type") == FUNDING) and (amount := delta.known("usdc")):
        coin, time = delta.needed("coin"), row.needed("time")
        key = whose.key(symbol_of(coin))
        yield StatementCash(
            line=row.line,
            time=row.time("time", zone=whose.zone),
            key=key,
            amount=amount,
            currency=key.settle,
            kind="funding",
            cash_id=name_of_payment(coin, time),
        )


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return each(NumberedPairs(whose.names).named(file.rows()), partial(_events, whose))


HYPERLIQUID_FILLS: Final = StatementKind(
    name="hyperliquid-fills",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("coin", "px", "sz", "side", "time", "startPosition", "dir", "closedPnl", "tid"),
    exchange="hyperliquid",
    read=_read,
)
HYPERLIQUID_FUNDING: Final = StatementKind(
    name="hyperliquid-funding",
    form=FileForm.JSON,
    needs=("time", ("delta", "fundings"), "coin", "usdc", "szi", "fundingRate"),
    exchange="hyperliquid",
    read=row_by_row(_funding),
)
