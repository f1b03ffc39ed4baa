"""nautilus_trader: `generate_fills_report` and `generate_positions_report`, saved as CSV.

A commission that is paid is above zero. Realised profit of a position is after commissions. Times are UTC. Binance's
contracts are told from spot by `-PERP` or a date, and Bybit's by what stands behind the symbol.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each
from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose

_MONEY: Final = re.compile(r"(?P<amount>[+-]?[\d_]+(?:\.\d+)?) (?P<currency>[A-Z0-9]+)", re.ASCII)
_SNAPSHOT: Final = re.compile(r"-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
"""What is put behind the id of a position that is over, where an account nets them; it had none while it was open."""
_BYBIT: Final = re.compile(r"(?P<symbol>.+)-(?P<product>LINEAR|INVERSE|SPOT|OPTION)")
_BINANCE_CONTRACT: Final = re.compile(r".+(?:-PERP|_PERP|_\d{6})")


def _key(whose: Whose, row: StatementRow) -> PositionKey:
    instrument = row.needed("instrument_id")
    symbol, dot, venue = instrument.rpartition(".")
    if not dot:
        raise ValueError(f"instrument_id {instrument!r:.60} is none like BTCUSDT-PERP.BINANCE")
    is_spot = venue == "BINANCE" and _BINANCE_CONTRACT.fullmatch(symbol) is None
    if venue == "BYBIT" and (match := _BYBIT.fullmatch(symbol)):
        symbol, is_spot = match["symbol"], match["product"] == "SPOT"
    return whose.key(symbol, Leg.SPOT if is_spot else Leg.BOTH, venue)


def _money(row: StatementRow, *names: str) -> dict[str, Decimal]:
    """Amounts by currency: one, or a list of them as Python shows it."""
    text = row.text(*names) or ""
    found: dict[str, Decimal] = {}
    for match in _MONEY.finditer(text):
        amount = StatementRow(row.line, {names[0]: match["amount"].replace("_", "")}).number(names[0])
        found[match["currency"]] = EXACT.add(found.get(match["currency"], Decimal(0)), amount or Decimal(0))
    if text and not found and text != "[]":
        raise ValueError(f"{names[0]} {text!r:.60} is no money like 0.05 USDT")
    return found


def _fill(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    fee = _money(row, "commission")
    currency = next(iter(fee), None)
    yield StatementFill(
        line=row.line,
        time=row.time("ts_event", zone=UTC),
        key=_key(whose, row),
        buys=row.buys("order_side"),
        quantity=row.above_zero("last_qty"),
        price=row.above_zero("last_px"),
        fee=None if currency is None else fee[currency],
        fee_currency=currency,
        profit=None,
        trade_id=row.needed("trade_id"),
        order_id=row.needed("venue_order_id", "client_order_id"),
    )


def _position(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    key, opens_by_buying, name = _key(whose, row), row.buys("entry"), row.needed("position_id", "opening_order_id")
    name = _SNAPSHOT.sub("", name) if row.word("is_snapshot") == "true" else name
    opened_at = row.time("ts_opened", zone=UTC)
    opened = row.above_zero("peak_qty")
    closed = EXACT.subtract(opened, row.number("quantity") or Decimal(0))
    fees, earned = _money(row, "commissions"), _money(row, "realized_pnl")
    currency = next(iter(earned), None)
    profit = None
    if currency is not None and fees.keys() <= {currency}:
        profit = EXACT.add(earned[currency], fees.get(currency, Decimal(0)))

    def fill(what: str, time: datetime, quantity: Decimal, price: Decimal, *, buys: bool) -> StatementFill:
        of_close = what == "closed"
        fee_currency = next(iter(fees), None) if of_close else None
        name_of_fill = f"{name}:{row.needed('ts_opened')}:{what}"
        return StatementFill(
            line=row.line,
            time=time,
            key=key,
            buys=buys,
            quantity=quantity,
            price=price,
            fee=None if fee_currency is None else fees[fee_currency],
            fee_currency=fee_currency,
            profit=profit if of_close else None,
            trade_id=name_of_fill.replace(" ", "T"),
            order_id=row.text("closing_order_id" if of_close else "opening_order_id") or name_of_fill.replace(" ", "T"),
        )

    yield fill("opened", opened_at, opened, row.above_zero("avg_px_open"), buys=opens_by_buying)
    if closed > 0:
        closed_at = row.time("ts_closed", "ts_last", zone=UTC)
        yield fill("closed", closed_at, closed, row.above_zero("avg_px_close"), buys=not opens_by_buying)
        for currency, amount in list(fees.items())[1:]:
            yield StatementCash(
                line=row.line,
                time=closed_at,
                key=key,
                amount=-amount,
                currency=currency,
                kind="commission",
                cash_id=f"{name}:{row.needed('ts_opened')}:{currency}".replace(" ", "T"),
                is_apart=True,
            )


def _read_fills(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return each(file.rows(), partial(_fill, whose))


def _read_positions(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return each(file.rows(), partial(_position, whose))


NAUTILUS_FILLS: Final = StatementKind(
    name="nautilus-fills",
    form=FileForm.CSV,
    needs=tuple(
        (name,)
        for name in ("instrument_id", "venue_order_id", "trade_id", "order_side", "last_qty", "last_px", "commission")
    ),
    read=_read_fills,
    source="nautilus_trader, `generate_fills_report` saved with `to_csv`",
    lacks="what was earned; funding; the leg where several positions of an instrument were held at a time",
    becomes="a cycle from flat to flat, at the venue of each instrument",
)
NAUTILUS_POSITIONS: Final = StatementKind(
    name="nautilus-positions",
    form=FileForm.CSV,
    needs=tuple(
        (name,)
        for name in ("instrument_id", "entry", "peak_qty", "ts_opened", "avg_px_open", "avg_px_close", "realized_pnl")
    ),
    read=_read_positions,
    source="nautilus_trader, `generate_positions_report` saved with `to_csv`",
    lacks="fills: two are made up of a line, the most that was held at both averages. Take the fills instead where "
    "there are any. Where an account nets its positions, a line of one that was turned over into the other side, and "
    "what an open one paid until something of it is closed",
    becomes="a cycle a line; its commissions are the fee of the closing fill. Profit and commissions are compared with "
    "what the averages come to",
)
