"""A position as a saved snapshot, ccxt, Binance or Bybit writes it; one that contradicts itself cannot be read."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey
from domain.symbols.spelling import normalized_symbol
from domain.values import EXACT, Leg, Side, exact, plain, rounded
from infrastructure.exchanges.fields import ReportFields, about, one_of
from projections.account_snapshot import PositionReport
from projections.reconciliation.matching import PRICE_TOLERANCE

_SIDES: Final = {"long": Side.LONG, "buy": Side.LONG, "short": Side.SHORT, "sell": Side.SHORT}
_AMOUNTS: Final = ("positionAmt", "contracts", "size", "quantity", "qty", "amount")
_SIGNED: Final = ("positionAmt", "info.positionAmt")
"""Where a short is less than zero; elsewhere it may be, and above zero says nothing of the side."""
_VALUES: Final = ("notional", "positionValue")
_ENTRIES: Final = ("entry_price", "entryPrice", "avgPrice", "avgEntryPrice", "avg_px_open")
_SPELLED_LIKE_OURS: Final = {"binance", "bybit"}
"""Exchanges whose own symbols can be compared with ccxt's."""
_about_one: Final = about(PRICE_TOLERANCE)


def read_position(value: object, exchange: str, account: str | None) -> PositionReport | None:
    """Read one position; None when it is flat, for exchanges list those as well.

    Units:   contracts times their size, where that is said.
    Refuses: ValueError when symbol, quantity or side cannot be read, or when what it says of one of them under several
             names does not go together.
    """
    entry = ReportFields.of(value)
    amounts = entry.numbers(*_AMOUNTS)
    if not amounts:
        raise ValueError("it says no quantity (contracts)")
    contract_size = one_of(entry.numbers("contractSize", "contract_size"))
    if contract_size is not None and contract_size <= 0:
        raise ValueError(f"its contract size is {plain(contract_size)}")
    amount = _amount(amounts, contract_size or Decimal(1))
    if not amount:
        one_of({"its quantity": amount, **entry.numbers(*_VALUES)})
        return None
    side = _side(entry, amounts)
    leg = entry.leg(side)
    if leg not in (Leg.BOTH, Leg[side.name]):
        raise ValueError(f"a {side.value} cannot be held on leg {leg.value}")
    quantity = exact(rounded(EXACT.multiply(amount, contract_size or Decimal(1))))
    if not quantity:
        raise ValueError(f"{plain(amount)} contracts of its size are too little to be kept, and not nothing")
    return PositionReport(
        key=PositionKey(_symbol(entry, exchange), exchange, account, leg),
        side=side,
        quantity=quantity,
        avg_px_open=one_of({name: price for name, price in entry.numbers(*_ENTRIES).items() if price > 0}, _about_one),
        mark_price=entry.above_zero("mark_price", "markPrice"),
        stop_price=entry.above_zero("stopLossPrice", "stopLoss", "stop_loss"),
    )


def _amount(amounts: dict[str, Decimal], contract_size: Decimal) -> Decimal:
    """How many contracts, whatever their sign; some names may say it in base asset."""

    def is_same(one: Decimal, other: Decimal) -> bool:
        sizes = (Decimal(1), contract_size)
        return bool(one) == bool(other) and any(
            _about_one(EXACT.multiply(one, mine), EXACT.multiply(other, theirs)) for mine in sizes for theirs in sizes
        )

    contracts = {name: each.copy_abs() for name, each in amounts.items()}
    first = next((name for name in ("contracts", "info.contracts") if name in contracts), next(iter(contracts)))
    one_of({first: contracts[first], **contracts}, is_same)
    return contracts[first]


def _side(entry: ReportFields, amounts: dict[str, Decimal]) -> Side:
    words = entry.said("side", "posSide", "holdSide", "direction")
    sides = {name: _SIDES[word.lower()] for name, word in words.items() if word.lower() in _SIDES}
    sides |= {name: Side.SHORT for name, amount in amounts.items() if amount < 0}
    sides |= {name: Side.LONG for name in _SIGNED if amounts.get(name, 0) > 0}
    side = one_of(sides)
    if side is None:
        raise ValueError(f"its side is {entry.word('side') or 'not said'}: neither long nor short")
    return side


def _symbol(entry: ReportFields, exchange: str) -> str:
    said = entry.said("symbol")
    if exchange in _SPELLED_LIKE_OURS:
        one_of({name: normalized_symbol(symbol, exchange) for name, symbol in said.items()})
    return next(iter(said.values()), "")
