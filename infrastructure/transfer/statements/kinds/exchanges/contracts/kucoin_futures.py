"""KuCoin, futures: fills, as `GET /api/v1/fills` answers them, and funding.

`size` counts contracts, and the contract size follows from their `value`, where it is a power of ten, as KuCoin's are.
A fee that is paid is above zero, and so is funding that is received.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey, normalized_leg
from domain.values import EXACT, Leg
from infrastructure.exchanges.contract_units import size_by_worth
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose, row_by_row

_REASONS: Final = MappingProxyType(
    {"liquid": "liquidation", "liquidation": "liquidation", "adl": "adl", "settlement": "settlement"}
)


def _fills(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    key = _key(whose, row)
    quantity, price = row.above_zero("size"), row.above_zero("price")
    size = size_by_worth(quantity, _units(row, key, price))
    yield StatementFill(
        line=row.line,
        time=row.time("createdAt"),
        key=key,
        buys=row.buys("side"),
        quantity=quantity,
        price=price,
        fee=row.number("fee"),
        fee_currency=_currency(row, "feeCurrency"),
        profit=None,
        trade_id=row.needed("tradeId"),
        order_id=row.needed("orderId"),
        in_contracts=size != 1,
        contract_size=size,
        reason=_REASONS.get(row.word("tradeType")),
        names_leg=row.text("positionSide") is not None,
    )


def _key(whose: Whose, row: StatementRow) -> PositionKey:
    leg = row.text("positionSide")
    return whose.key(row.needed("symbol"), normalized_leg(leg) if leg else Leg.BOTH)


def _currency(row: StatementRow, name: str) -> str | None:
    """The currency as position keys spell it, so that fees and profits are added up in one currency."""
    currency = row.text(name)
    return "BTC" if currency == "XBT" else currency


def _units(row: StatementRow, key: PositionKey, price: Decimal) -> Decimal | None:
    """How many units a fill is of, by what it is worth."""
    value = row.some("value")
    if value is None:
        return None
    return EXACT.multiply(value, price) if key.is_inverse else EXACT.divide(value, price)


def _funding(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    if amount := row.known("funding"):
        yield StatementCash(
            line=row.line,
            time=row.time("timePoint"),
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
    source="KuCoin, futures, what `GET /api/v1/fills` and `/recentFills` answer",
    lacks="what was earned, and the leg, unless there is a `positionSide`. Funding: import it with "
    "`kucoin-futures-funding`",
    becomes="a cycle from flat to flat, on its leg where that is said; forced closes with their reason. A contract "
    "size follows from `value`, and has to be [defined](money.md#contract-size-and-inverse)",
)
KUCOIN_FUNDING: Final = StatementKind(
    name="kucoin-futures-funding",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("id", "symbol", "timePoint", "fundingRate", "positionQty", "funding", "settleCurrency"),
    exchange="kucoin",
    read=row_by_row(_funding),
    source="KuCoin, futures, what `GET /api/v1/funding-history` answers",
    lacks="fills",
    becomes="funding as cash",
)
