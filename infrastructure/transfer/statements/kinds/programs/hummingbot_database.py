"""hummingbot: the database of a bot, with its fills, funding payments and positions.

Funding that is received is above zero. The numbers of fills and positions are integers that count millionths; before
2022 they were floats. The table `Executors` has sums of fills, and is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import partial
from typing import Final

from domain.values import Leg
from infrastructure.transfer.statements.kinds.programs.hummingbot_fills import fills_of, key_of, told_apart
from infrastructure.transfer.statements.kinds.programs.hummingbot_positions import MILLIONTHS, held_of
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose

_FILLS: Final = "SELECT * FROM TradeFill ORDER BY timestamp, exchange_trade_id, rowid"
_PAYMENTS: Final = "SELECT * FROM FundingPayment ORDER BY timestamp"
_POSITIONS: Final = "SELECT * FROM Position ORDER BY timestamp"


def _unscaled(rows: Iterable[StatementRow], *names: str) -> Iterator[StatementRow]:
    """The records with integers divided by a million; the floats of older databases are unchanged."""
    for row in rows:
        whole = {name: value for name in names if isinstance(value := row.named.get(name), int)}
        yield StatementRow(
            row.line, {**row.named, **{name: Decimal(value) / MILLIONTHS for name, value in whole.items()}}
        )


def _funding(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    market, symbol = row.needed("market"), row.needed("symbol")
    if amount := row.known("amount"):
        yield StatementCash(
            line=row.line,
            time=row.time("timestamp", zone=whose.zone),
            key=key_of(whose, market, symbol, Leg.BOTH),
            amount=amount,
            currency=None,
            kind="funding",
            cash_id=f"funding-{market}:{symbol}:{row.needed('timestamp')}",
        )


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    yield from each(told_apart(_unscaled(file.records(_FILLS), "price", "amount")), partial(fills_of, whose))
    if "fundingpayment" in file.start.names:
        yield from each(file.records(_PAYMENTS), partial(_funding, whose))
    if "position" in file.start.names:
        yield from held_of(whose, _unscaled(file.records(_POSITIONS), "amount", "breakeven_price"))


HUMMINGBOT_DATABASE: Final = StatementKind(
    name="hummingbot-database",
    form=FileForm.SQLITE,
    needs=("tradefill", "order", "orderstatus"),
    read=_read,
)
