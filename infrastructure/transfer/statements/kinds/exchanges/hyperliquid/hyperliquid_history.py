"""Hyperliquid: trades and funding that its website exports in CSV.

Times are `17/03/2026 - 09:24:12`, in the time zone and the date format of the user who exported them. Between slashes
either the day or the month is first, which is known once one of them is above twelve; between dots or dashes the day
is. `closedPnl` is after the fee of its fill; funding that is received is above zero. A coin of another market is
`COPPER (xyz)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_fills import name_of_payment
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_pairs import OUTCOME, symbol_of
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, made_up
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, per_file, row_by_row
from infrastructure.transfer.transfer_errors import StatementRefused

_TIME: Final = re.compile(r"(\d\d?)([/.-])(\d\d?)\2(\d{4})(?: -|,)? (\d\d:\d\d:\d\d)", re.ASCII)
_YEAR_FIRST: Final = re.compile(r"(\d{4})[/-](\d\d?)[/-](\d\d?)(?: -|,)? (\d\d:\d\d:\d\d)", re.ASCII)
_EITHER_FIRST: Final = "/"
_MONTHS: Final = 12
_OTHER_MARKET: Final = re.compile(r"(\w+) \((\w+)\)", re.ASCII)
_BUYS: Final = MappingProxyType(
    {
        **dict.fromkeys(("open long", "close short", "short > long", "buy"), True),
        **dict.fromkeys(("open short", "close long", "long > short", "sell", "spot dust conversion"), False),
        **dict.fromkeys(("liquidated isolated short", "liquidated cross short"), True),
        **dict.fromkeys(("liquidated isolated long", "liquidated cross long"), False),
    }
)
_SPOT: Final = ("buy", "sell", "spot dust conversion")
_LIQUIDATED: Final = "liquidated"
_LIQUIDATION: Final = re.compile(r"(?:(?:market order|backstop) )?liquidation: (?=close )")
"""What may stand before the direction of a liquidation."""


def _dated(rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
    """The rows with ISO times. Refuses: StatementRefused where day and month cannot be told apart in the whole file."""
    waiting: list[StatementRow] = []
    day_first: bool | None = None
    for row in rows:
        if day_first is None:
            waiting.append(row)
            day_first = _is_day_first(row)
            if day_first is None:
                continue
            yield from (_with_time(earlier, day_first=day_first) for earlier in waiting)
            waiting = []
        else:
            yield _with_time(row, day_first=day_first)
    if waiting:
        raise StatementRefused.at(
            waiting[0].line,
            f"time {waiting[0].named['time']!r:.60} may begin with the day or with the month, and so may every other "
            "of the file; import it with --as mapped-csv and a map that says the time_format, or export more of it",
        )


def _is_day_first(row: StatementRow) -> bool | None:
    match = _TIME.fullmatch(row.named["time"].strip())
    if match is None or match[2] != _EITHER_FIRST:
        return True  # else the year is first, or it is another format, which is parsed or refused later
    first, second = int(match[1]), int(match[3])
    return None if first <= _MONTHS and second <= _MONTHS else first > _MONTHS


def _with_time(row: StatementRow, *, day_first: bool) -> StatementRow:
    text = row.named["time"].strip()
    if (match := _YEAR_FIRST.fullmatch(text)) is not None:
        year, month, day, clock = match.groups()
    elif (match := _TIME.fullmatch(text)) is not None:
        first, _, second, year, clock = match.groups()
        day, month = (first, second) if day_first else (second, first)
    else:
        return row
    return StatementRow(row.line, {**row.named, "time": f"{year}-{month:0>2}-{day:0>2} {clock}"})


def _key(whose: Whose, coin: str, leg: Leg = Leg.BOTH, token: str | None = None) -> PositionKey:
    other = _OTHER_MARKET.fullmatch(coin)
    return whose.key(symbol_of(f"{other[2]}:{other[1]}", token) if other else coin, leg)


def _fills(whose: Whose, ids: RowIds, row: StatementRow) -> Iterator[StatementFact]:
    coin, time = row.needed("coin"), row.needed("time")
    direction = _LIQUIDATION.sub("", row.word("dir"))
    if coin.startswith(OUTCOME):
        return
    if direction not in _BUYS:
        raise ValueError(
            f"dir {direction!r:.60} is unknown; known are: {', '.join(_BUYS)}; where it says no side, import what "
            "userFills answers instead (hyperliquid-fills)"
        )
    is_spot, quantity = direction in _SPOT, row.above_zero("sz")
    net, fee, token = row.number("closedpnl"), row.number("fee"), row.text("feetoken")
    yield StatementFill(
        line=row.line,
        time=row.time("time", zone=whose.zone),
        key=_key(whose, coin, Leg.SPOT if is_spot else Leg.BOTH, token),
        buys=_BUYS[direction],
        quantity=quantity,
        price=row.above_zero("px"),
        fee=fee,
        fee_currency=token or _fee_currency(coin, direction),
        profit=None if net is None or is_spot else EXACT.add(net, fee or Decimal(0)),
        trade_id=ids.of(row, time),
        order_id=made_up(time, coin, direction),
        reason="liquidation" if direction.startswith(_LIQUIDATED) or direction != row.word("dir") else None,
        closes=_closes(direction, quantity),
    )


def _fee_currency(coin: str, direction: str) -> str | None:
    """On spot a fee is paid in the currency that is received; None elsewhere, for the settlement currency."""
    base, _, quote = coin.partition("/")
    return None if direction not in _SPOT or not quote else base if direction == "buy" else quote


def _closes(direction: str, quantity: Decimal) -> Decimal | None:
    if direction.startswith("open"):
        return Decimal(0)
    return quantity if direction.startswith(("close", _LIQUIDATED)) else None


def _payments(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    coin, amount = row.needed("coin"), row.known("payment")
    if amount:
        key = _key(whose, coin)
        yield StatementCash(
            line=row.line,
            time=row.time("time", zone=whose.zone),
            key=key,
            amount=amount,
            currency=key.settle,
            kind="funding",
            cash_id=name_of_payment(coin, row.needed("time")),
        )


HYPERLIQUID_HISTORY: Final = StatementKind(
    name="hyperliquid-fills-csv",
    form=FileForm.CSV,
    needs=("time", "coin", "dir", "px", "sz", "ntl", "fee", "closedpnl"),
    exchange="hyperliquid",
    read=per_file(lambda whose: partial(_fills, whose, RowIds()), _dated),
)
HYPERLIQUID_PAYMENTS: Final = StatementKind(
    name="hyperliquid-funding-csv",
    form=FileForm.CSV,
    needs=("time", "coin", "sz", "side", "payment", "rate"),
    exchange="hyperliquid",
    read=row_by_row(_payments, _dated),
)
