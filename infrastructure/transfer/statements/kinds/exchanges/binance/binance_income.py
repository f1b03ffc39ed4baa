"""Binance, futures: the income history, as `GET /fapi/v1/income` answers it, and the CSV of the website.

What was received is above zero and what was paid is below zero, also for commissions; a `tranId` is unique within its
type. A line of an unknown type is refused where it names a symbol; without a symbol it can belong to no position.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.values import CashKind
from infrastructure.transfer.statements.kinds.exchanges.binance.first_years import OF_FUTURES
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, in_utc
from infrastructure.transfer.statements.statement_facts import (
    StatementCash,
    StatementFact,
    StatementPosition,
    StatementProfit,
)
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

INCOME: Final[MappingProxyType[str, CashKind]] = MappingProxyType(
    {
        "funding_fee": "funding",
        "special_funding_fee": "funding",
        "commission": "commission",
        "commission_rebate": "rebate",
        "api_rebate": "rebate",
        "market_maker_rebate": "rebate",
        "referral_kickback": "rebate",
        "fee_return": "rebate",
        "insurance_clear": "insurance",
    }
)
_PROFIT: Final = "realized_pnl"
_DELIVERY: Final = "delivered_settelment"
"""At delivery Binance closes what is left of a position; a trade history may not show that."""
_OF_NO_POSITION: Final = (
    "transfer",
    "internal_transfer",
    "cross_collateral_transfer",
    "strategy_umfutures_transfer",
    "coin_swap_deposit",
    "coin_swap_withdraw",
    "auto_exchange",
    "welcome_bonus",
    "contest_reward",
    "bfusd_reward",
    "position_limit_increase_fee",
    "deposit",
    "withdraw",
)
"""Transfers between wallets of the account, and bonuses and fees that belong to no position."""
_NAMES: Final = MappingProxyType(
    {
        "type": ("incomeType", "type"),
        "time": ("time", *in_utc("date", "time")),
        "amount": ("income", "amount"),
        "id": ("tranId", "transaction id"),
    }
)


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    income_type = row.needed(*_NAMES["type"])
    kind, amount = income_type.lower(), row.known(*_NAMES["amount"])
    if kind in _OF_NO_POSITION or not amount:
        return
    time, symbol = row.time(*_NAMES["time"], zone=whose.zone, first_year=OF_FUTURES), row.text("symbol")
    currency, trade_id = row.text("asset"), row.text("tradeId")
    if kind in (_PROFIT, _DELIVERY):
        key = whose.key(row.needed("symbol"))
        yield StatementProfit(
            line=row.line,
            time=time,
            key=key,
            profit=amount,
            currency=currency,
            trade_id=trade_id,
            profit_id=f"{kind}:{row.needed(*_NAMES['id'])}",
        )
        if kind == _DELIVERY:
            yield StatementPosition(line=row.line, time=time, key=key, quantity=Decimal(0), avg_px=None)
    elif kind in INCOME or symbol is None:
        yield StatementCash(
            line=row.line,
            time=time,
            key=None if symbol is None else whose.key(symbol),
            amount=amount,
            currency=currency,
            kind=INCOME.get(kind, "correction"),
            cash_id=f"{kind}:{row.needed(*_NAMES['id'])}",
            trade_id=trade_id if kind == "commission" else None,
        )
    else:
        known = ", ".join(name.upper() for name in (_PROFIT, _DELIVERY, *INCOME, *_OF_NO_POSITION))
        raise ValueError(f"type {income_type!r:.60} is unknown; known are: {known}")


BINANCE_INCOME: Final = StatementKind(
    name="binance-futures-income",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("incomeType", "income", "asset", "tranId", "time"),
    exchange="binance",
    read=row_by_row(_facts, of_one_account),
)
BINANCE_TRANSACTIONS: Final = StatementKind(
    name="binance-futures-transactions",
    form=FileForm.CSV,
    needs=(_NAMES["time"], "type", "amount", "asset", "symbol", "transaction id"),
    exchange="binance",
    read=row_by_row(_facts, of_one_account),
)
