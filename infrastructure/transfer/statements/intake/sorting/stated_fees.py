"""Fees from a file of payments: they are given to fills without fees, and no fee is counted twice."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from itertools import groupby
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, plain, total_of
from infrastructure.transfer.statements.intake.sorting.walked import walked
from infrastructure.transfer.statements.sources.statement_row import MADE_UP
from infrastructure.transfer.statements.statement_report import UNKNOWN, StatementTally

_IS_FEE: Final = "cash.kind = 'commission' AND NOT cash.is_apart"
"""Payments that fills may have as their fees, too; a rebate is not one of these, nor is a fee that was paid apart."""
_OF_FILLS: Final = f"""
SELECT cash.place, cash.trade_id, fills.rowid, fills.fee, fills.fee_currency, cash.currency, cash.amount, cash.line
FROM cash JOIN fills ON fills.place = cash.place AND fills.trade_id = cash.trade_id
WHERE {_IS_FEE} ORDER BY cash.place, cash.trade_id, fills.rowid, cash.rowid
"""
_FORGET_TRADES: Final = f"""
UPDATE cash SET trade_id = NULL WHERE {_IS_FEE} AND trade_id IS NOT NULL
AND EXISTS (SELECT 1 FROM fills WHERE fills.place = cash.place AND fills.trade_id BETWEEN '{MADE_UP}' AND '{MADE_UP}z')
AND NOT EXISTS (SELECT 1 FROM fills WHERE fills.place = cash.place AND fills.trade_id = cash.trade_id)
"""
"""Where a file of fills has no ids, the trades that payments name cannot be found among them."""
_HAS_ANY: Final = f"SELECT 1 FROM cash WHERE {_IS_FEE} LIMIT 1"
_INDEX: Final = "CREATE INDEX IF NOT EXISTS fills_trade ON fills (place, trade_id)"
_GIVE: Final = "UPDATE fills SET fee = ?, fee_currency = ? WHERE rowid = ?"
_TAKE_AWAY: Final = f"DELETE FROM cash WHERE place = ? AND trade_id = ? AND {_IS_FEE}"
_IN_ALL: Final = f"SELECT place, currency, amount FROM cash WHERE {_IS_FEE} AND trade_id IS NULL"
_FEES: Final = "SELECT fee_currency, fee FROM fills WHERE place = ? AND fee IS NOT NULL"
_TAKE_ALL_AWAY: Final = (
    f"DELETE FROM cash WHERE place = ? AND {_IS_FEE} AND trade_id IS NULL AND coalesce(currency, ?) = ?"
)


def state_fees(database: sqlite3.Connection, key_of: Callable[[int], PositionKey], tally: StatementTally) -> None:
    """Give fills the fees that payments state for them, and leave out payments that are fees of fills already.

    Shape:   a commission that names its trade is the fee of that fill; if both state one, they are compared. One that
             names no trade, or whose fills have no ids, is left out if fills of its key state fees in its currency;
             then the sums are compared.
    """
    if database.execute(_HAS_ANY).fetchone() is None:
        return
    database.execute(_INDEX)
    database.execute(_FORGET_TRADES)
    found = walked(database, _OF_FILLS)
    for (place, trade_id), rows in groupby(found, lambda row: (row[0], row[1])):
        payments = list(rows)
        fills = {row[2] for row in payments}
        currencies = {row[5] for row in payments}
        if len(fills) > 1 or len(currencies) > 1:
            continue  # it is not known which fill they belong to; the ledger will report what stands in the way
        _, _, rowid, fee, fee_currency, currency, _, line = payments[0]
        paid = EXACT.minus(total_of(Decimal(row[6]) for row in payments))
        if fee is None:
            database.execute(_GIVE, (str(paid), currency, rowid))
        elif (Decimal(fee), fee_currency or currency) != (paid, currency or fee_currency):
            tally.found(
                f"{key_of(place)}: trade {trade_id} has a fee of {_money(Decimal(fee), fee_currency)}; the payment on "
                f"line {line:,} says {_money(paid, currency)}, which is not recorded"
            )
        database.execute(_TAKE_AWAY, (place, trade_id))
    _compare_in_all(database, key_of, tally)


def _compare_in_all(database: sqlite3.Connection, key_of: Callable[[int], PositionKey], tally: StatementTally) -> None:
    paid: defaultdict[int, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for place, currency, amount in database.execute(_IN_ALL):
        name = currency or UNKNOWN
        paid[place][name] = EXACT.subtract(paid[place][name], Decimal(amount))
    for place, by_payments in paid.items():
        by_fills: defaultdict[str, Decimal] = defaultdict(Decimal)
        for currency, fee in database.execute(_FEES, (place,)):
            name = currency or key_of(place).settle or UNKNOWN
            by_fills[name] = EXACT.add(by_fills[name], Decimal(fee))
        for currency, amount in by_payments.items():
            if currency not in by_fills:
                continue
            if amount != by_fills[currency]:
                tally.found(
                    f"{key_of(place)}: its fills say fees of {_money(by_fills[currency], currency)}, payments that "
                    f"name no trade say {_money(amount, currency)}; what the fills say is recorded"
                )
            database.execute(_TAKE_ALL_AWAY, (place, UNKNOWN, currency))


def _money(amount: Decimal, currency: str | None) -> str:
    return f"{plain(amount)} {currency or ''}".rstrip()
