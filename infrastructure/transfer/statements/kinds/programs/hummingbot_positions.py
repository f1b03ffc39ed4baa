"""hummingbot: what the controllers of a bot held when it was stopped, as its table `Position` has it.

A row is the position of one controller: `amount` is short below zero, or by its `side`, and the price is the average of
what is left. The positions of all controllers in a pair are added up, because the account has their sum. A table that
was saved unchanged counts millionths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import partial
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, rounded
from infrastructure.transfer.statements.kinds.programs.hummingbot_fills import key_of
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementPosition
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose

MILLIONTHS: Final = 1_000_000
_MARKET: Final = ("connector_name", "market")
_COUNTED: Final = ("amount", "breakeven_price", "volume_traded_quote")
_ROUNDED: Final = Decimal("0.99")
"""The traded value is at least this share of the value held; less than all of it, as numbers have six decimals."""


def held_of(whose: Whose, rows: Iterable[StatementRow]) -> Iterator[StatementPosition]:
    """The whole position in each pair. Refuses: StatementRefused."""
    by_key: dict[PositionKey, list[StatementPosition]] = {}
    for held in each(_once(rows), partial(_held, whose)):
        by_key.setdefault(held.key, []).append(held)
    return map(_in_all, by_key.values())


def _once(rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
    """Each row once, by its id."""
    ids = set()
    for row in rows:
        name = row.text("id")
        if name is None or name not in ids:
            yield row
        ids.add(name)


def _held(whose: Whose, row: StatementRow) -> Iterator[StatementPosition]:
    market, amount = row.needed(*_MARKET), row.number("amount")
    if amount is None:
        raise ValueError("amount is missing")
    is_short = not row.buys("side") if "side" in row.named else amount < 0
    if amount < 0 and not is_short:
        raise ValueError(f"amount {row.text('amount')!r:.60} of side {row.text('side')!r:.60} is below zero")
    yield StatementPosition(
        line=row.line,
        time=row.time("timestamp", zone=whose.zone),
        key=key_of(whose, market, row.needed("trading_pair"), Leg.BOTH if "perpetual" in market.lower() else Leg.SPOT),
        quantity=-amount.copy_abs() if is_short else amount,
        avg_px=row.above_zero("breakeven_price") if amount else None,
        begins=True,
    )


def _in_all(rows: list[StatementPosition]) -> StatementPosition:
    """The sum of the rows of a pair; its price is not known where some rows are long and others short."""
    last, held = max(rows, key=lambda row: row.time), [row for row in rows if row.quantity]
    total, worth = Decimal(0), Decimal(0)
    for row in held:
        total = EXACT.add(total, row.quantity)
        worth = EXACT.add(worth, EXACT.multiply(row.quantity, row.avg_px or Decimal(0)))
    is_one_side = len({row.quantity > 0 for row in held}) == 1
    return StatementPosition(
        line=last.line,
        time=last.time,
        key=last.key,
        quantity=total,
        avg_px=rounded(EXACT.divide(worth, total)) if is_one_side else None,
        begins=True,
    )


def _unscaled(row: StatementRow) -> Iterator[StatementRow]:
    """The row with plain numbers. It counts millionths if else its traded value were less than the value held."""
    numbers = {name: row.number(name) or Decimal(0) for name in _COUNTED}
    amount, price, traded = (number.copy_abs() for number in numbers.values())
    least = EXACT.multiply(EXACT.multiply(amount, price), _ROUNDED)
    if traded >= least or any(number != number.to_integral_value() for number in numbers.values()):
        yield row
    elif EXACT.multiply(traded, Decimal(MILLIONTHS)) >= least:
        yield StatementRow(row.line, {**row.named, **{name: number / MILLIONTHS for name, number in numbers.items()}})
    else:
        raise ValueError(
            f"amount {row.text('amount')!r:.60} at {row.text('breakeven_price')!r:.60} was not traded by a "
            f"volume_traded_quote of {row.text('volume_traded_quote') or ''!r:.60}, so that it is not known whether it "
            "counts millionths; import the database itself"
        )


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return held_of(whose, each(file.rows(), _unscaled))


HUMMINGBOT_POSITIONS: Final = StatementKind(
    name="hummingbot-positions",
    form=FileForm.CSV,
    also=FileForm.JSON,
    needs=(_MARKET, "trading_pair", "timestamp", "amount", "breakeven_price", "volume_traded_quote"),
    read=_read,
)
