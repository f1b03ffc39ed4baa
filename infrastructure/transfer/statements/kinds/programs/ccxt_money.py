"""ccxt: fees and payments of funding, by the exchange's own answer under `info` where ccxt makes something else of it.

Bybit: funding is above zero when it is paid, and until 2025 ccxt had the size of the position as its amount; on spot
`feeCurrency` is what a fee was paid in; until October 2023 ccxt had a fee that was received as one that was paid.
Hyperliquid: `fee` includes what a builder took, which ccxt adds once more; all payments of funding have the same hash.
Kraken futures: no fill says a fee, and ccxt computes one from a list of prices.
Phemex: ccxt passes funding on unchanged, above zero when it is paid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.values import EXACT
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_fills import name_of_payment
from infrastructure.transfer.statements.kinds.other_fees import Fee, by_currency
from infrastructure.transfer.statements.sources.statement_row import StatementRow

_PAID_ABOVE_ZERO: Final = frozenset({"phemex"})


class Payment(NamedTuple):
    """A payment of funding, below zero when it was paid.

    Shape: a currency of None is that of settlement, and a name of None that it has no id.
    """

    amount: Decimal
    currency: str | None
    name: str | None


def fees_of(exchange: str, row: StatementRow) -> list[Fee]:
    """The fees of a fill or an order, by currency; none where they are not known."""
    own = _OWN_FEES[exchange](row, _info(row)) if exchange in _OWN_FEES else None
    return by_currency(_fees(row) if own is None else own)


def payment_of(exchange: str, row: StatementRow) -> Payment:
    """A payment of funding. Refuses: ValueError, also where its amount is only in a missing `info`."""
    if exchange in _OWN_PAYMENTS:
        return _OWN_PAYMENTS[exchange](row, _info(row))
    amount = row.known("amount")
    return Payment(EXACT.minus(amount) if exchange in _PAID_ABOVE_ZERO else amount, row.text("code"), row.text("id"))


def _info(row: StatementRow) -> StatementRow:
    """The exchange's own answer; without any value where it was not saved."""
    return row.inside("info") if isinstance(row.named.get("info"), Mapping) else StatementRow(row.line, {})


def _fees(row: StatementRow) -> Iterator[Fee]:
    """The fees by ccxt, which has several in `fees`, or a single one in `fee`."""
    listed = row.listed("fees") or ([row.inside("fee")] if row.named.get("fee") else [])
    for fee in listed:
        cost, currency = fee.number("cost"), fee.text("currency")
        if cost is not None:
            yield cost, currency


def _fee_of_bybit(row: StatementRow, info: StatementRow) -> list[Fee] | None:
    fee, currency = info.number("execFee"), info.text("feeCurrency")
    if currency is None:
        currency = next((known for _, known in _fees(row)), None)
    return None if fee is None or currency is None else [(fee, currency)]


def _fee_of_hyperliquid(_: StatementRow, info: StatementRow) -> list[Fee] | None:
    fee = info.number("fee")
    return None if fee is None else [(fee, info.text("feeToken"))]


def _payment_of_bybit(row: StatementRow, info: StatementRow) -> Payment:
    paid = info.number("execFee")
    if paid is None:
        raise ValueError(
            "execFee under info is empty or missing, and the amount of ccxt itself is not what was paid; save again "
            "what fetch_funding_history gives, with info, or import bybit-transaction-log instead"
        )
    return Payment(EXACT.minus(paid), info.text("feeCurrency"), row.text("id"))


def _payment_of_hyperliquid(row: StatementRow, info: StatementRow) -> Payment:
    delta = info.named.get("delta")
    name = name_of_payment(info.inside("delta").needed("coin"), info.needed("time")) if delta else None
    return Payment(row.known("amount"), row.text("code"), name)


_OWN_FEES: Final[MappingProxyType[str, Callable[[StatementRow, StatementRow], list[Fee] | None]]] = MappingProxyType(
    {"bybit": _fee_of_bybit, "hyperliquid": _fee_of_hyperliquid, "krakenfutures": lambda *_: []}
)
"""None where ccxt is right."""
_OWN_PAYMENTS: Final[MappingProxyType[str, Callable[[StatementRow, StatementRow], Payment]]] = MappingProxyType(
    {"bybit": _payment_of_bybit, "hyperliquid": _payment_of_hyperliquid}
)
