"""KuCoin, futures: fills, as `GET /api/v1/fills` answers them, and funding.

`size` counts contracts, and the contract size follows from their `value`, where it is a power of ten, as KuCoin's are.
A fee that is paid is above zero, and so is funding that is received.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from infrastructure.exchanges.contract_units import size_by_worth, units_worth
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_REASONS: Final = MappingProxyType(
    {"liquid": "liquidation", "liquidation": "liquidation", "adl": "adl", "settlement": "settlement"}
)


def _fills(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    key, value = _key(whose, row), row.some("value")
    quantity, price = row.above_zero("size"), row.above_zero("price")
    size = None if value is None else size_by_worth(quantity, units_worth(value, price, is_inverse=key.is_inverse))
    yield StatementFill(
        line=row.line,
        time=row.time("createdAt", zone=whose.zone),
        key=key,
        buys=row.buys("side"),
        quantity=quantity,
        price=price,
        fee=row.number("fee"),
        fee_currency=_currency(row, "feeCurrency"),
        trade_id=row.needed("tradeId"),
        order_id=row.needed("orderId"),
        in_contracts=size != 1,
        contract_size=size,
        reason=_REASONS.get(row.word("tradeType")),
        names_leg=row.text("positionSide") is not None,
    )


def _key(whose: Whose, row: StatementRow) -> PositionKey:
    return whose.key(row.needed("symbol"), row.leg("positionSide"))


def _currency(row: StatementRow, name: str) -> str | None:
    """The currency as position keys spell it, so that fees and profits are added up in one currency."""
    currency = row.text(name)
    return "BTC" if currency == "XBT" else currency


def _funding(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    if amount := row.known("funding"):
        yield StatementCash(
            line=row.line,
            time=row.time("timePoint", zone=whose.zone),
            key=_key(whose, row),
            amount=amount,
            currency=_currency(row, "settleCurrency"),
            kind="funding",
            cash_id=row.needed("id"),
        )


KUCOIN_FILLS: Final = StatementKind(
    name="kucoin-futures-fills",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("symbol", "tradeId", "orderId", "side", "size", "value", "settleCurrency", "createdAt"),
    exchange="kucoin",
    read=row_by_row(_fills),
)
KUCOIN_FUNDING: Final = StatementKind(
    name="kucoin-futures-funding",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("id", "symbol", "timePoint", "fundingRate", "positionQty", "funding", "settleCurrency"),
    exchange="kucoin",
    read=row_by_row(_funding),
)
