"""Bitget, futures: fills, as `GET /api/v2/mix/order/fill-history` answers them, and bills.

A quantity is in the base, and `profit` before fees; a fee that is paid is below zero, as is funding that is paid. In
hedge mode the side of a fill is that of its leg, and `tradeSide` says whether it opens or closes that.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.values import CashKind
from infrastructure.transfer.statements.kinds.opening_sides import bitget_side
from infrastructure.transfer.statements.kinds.other_fees import with_fees
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_CASH: Final[MappingProxyType[str, CashKind]] = MappingProxyType(
    {"contract_settle_fee": "funding", "risk_captital_user_transfer": "insurance"}
)
"""The second (Bitget spells it so) is what a liquidation lost beyond the balance of the account."""
_OF_FILLS: Final = frozenset(
    {
        *("open_long", "open_short", "close_long", "close_short", "buy", "sell"),
        *("force_close_long", "force_close_short", "force_buy", "force_sell"),
        *("burst_long_loss_query", "burst_short_loss_query", "burst_buy", "burst_sell"),
        *("delivery_long", "delivery_short"),
    }
)
_MOVED: Final = ("trans_", "transfer_")
"""Prefixes of the bills of transfers in and out of the account."""
_GIVEN: Final = ("cash_gift_", "bonus_")
"""Prefixes of the bills of coupons and bonuses, which belong to no position."""
_MARGIN: Final = "append_margin"
_REDUCED: Final = "reduce_margin"


def _fills(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    trade_side, opening = row.needed("tradeSide"), bitget_side(row)
    if opening is None:
        raise ValueError(f"tradeSide {trade_side!r:.60} in {row.text('posMode')!r:.60} is unknown")
    symbol = row.needed("symbol")
    key, quantity = whose.key(symbol, opening.leg), row.above_zero("baseVolume")
    if key.is_inverse:
        raise ValueError(f"symbol {symbol!r:.60} is settled in its base, and cannot be read")
    paid = [(-fee, each.text("feeCoin")) for each in row.listed("feeDetail") if (fee := each.some("totalFee"))]
    fill = StatementFill(
        line=row.line,
        time=row.time("cTime", zone=whose.zone),
        key=key,
        buys=opening.buys,
        quantity=quantity,
        price=row.above_zero("price"),
        profit=row.number("profit"),
        trade_id=row.needed("tradeId"),
        order_id=row.needed("orderId"),
        reason=opening.reason,
        closes=None if opening.closes is None else quantity if opening.closes else Decimal(0),
    )
    yield from with_fees(fill, paid or [(Decimal(0), None)])


def _bills(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    business_type, symbol = row.needed("businessType"), row.text("symbol")
    kind = business_type.lower()
    if kind in _CASH:
        if amount := row.known("amount"):
            yield StatementCash(
                line=row.line,
                time=row.time("cTime", zone=whose.zone),
                key=None if symbol is None else whose.key(symbol),
                amount=amount,
                currency=row.needed("coin"),
                kind=_CASH[kind],
                cash_id=row.needed("billId"),
            )
    elif kind not in _OF_FILLS and not kind.startswith((*_MOVED, *_GIVEN)) and not kind.endswith((_MARGIN, _REDUCED)):
        known = ", ".join((*_CASH, *sorted(_OF_FILLS)))
        raise ValueError(f"businessType {business_type!r:.60} is unknown; known are: {known}")


BITGET_FILLS: Final = StatementKind(
    name="bitget-futures-fills",
    form=FileForm.JSON,
    needs=("tradeId", "orderId", "symbol", "baseVolume", "feeDetail", "profit", "tradeSide", "posMode"),
    exchange="bitget",
    read=row_by_row(_fills),
)
BITGET_BILLS: Final = StatementKind(
    name="bitget-futures-bills",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("billId", "symbol", "amount", "fee", "businessType", "coin", "balance", "cTime"),
    exchange="bitget",
    read=row_by_row(_bills),
)
