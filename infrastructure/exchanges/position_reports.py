"""Reading a position from a saved snapshot, from ccxt or from an exchange's own answer; contradictions are refused."""

from __future__ import annotations

from collections.abc import Container
from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey
from domain.symbols.spelling import normalized_symbol
from domain.values import EXACT, Leg, Side, exact, plain, rounded
from infrastructure.exchanges.contract_units import check_worth, power_of_ten, unit_size
from infrastructure.exchanges.fields import ReportFields, is_about, one_of
from projections.account_snapshot import PositionReport

SYMBOLS: Final = ("symbol", "instId", "coin")
_SIDES: Final = {"long": Side.LONG, "buy": Side.LONG, "short": Side.SHORT, "sell": Side.SHORT}
_AMOUNTS: Final = ("positionAmt", "contracts", "size", "quantity", "qty", "amount", "pos", "szi")
_SIGNED: Final = ("positionAmt", "szi")
"""Fields in which a short is below zero. In others it may be, but a number above zero says nothing about the side."""
_VALUES: Final = ("notional", "positionValue")
_ENTRIES: Final = ("entry_price", "entryPrice", "avgPrice", "avgEntryPrice", "avg_px_open", "entryPx", "avgPx")
_COSTS: Final = ("open_pos_cost", "entryNotional", "cost")
_MARKS: Final = ("mark_price", "markPrice", "markPx")
_SPELLED_LIKE_OURS: Final = {"binance", "bybit"}
"""Exchanges whose own symbols are comparable with ccxt's."""


def read_position(value: object, exchange: str, account: str | None, spot: Container[str]) -> PositionReport | None:
    """Read one position; None when it is flat: exchanges list flat ones as well.

    Units:   contracts times the contract size, where that is stated. `spot` are the symbols that mean spot here.
    Refuses: ValueError when symbol, quantity or side cannot be read, when several fields contradict each other about
             one of them, or when the stated value does not fit the quantity.
    """
    entry = ReportFields.of(value)
    amounts = entry.numbers(*_AMOUNTS)
    if not amounts:
        raise ValueError("it says no quantity (contracts)")
    size = contract_size(entry, exchange)
    amount = _amount(amounts, size)
    if not amount:
        one_of({"its quantity": amount, **entry.numbers(*_VALUES)})
        return None
    side = _side(entry, amounts)
    symbol = _symbol(entry, exchange)
    leg = Leg.SPOT if symbol in spot else entry.leg(side)
    if leg not in (Leg.BOTH, Leg.SPOT, Leg[side.name]):
        raise ValueError(f"a {side.value} cannot be held on leg {leg.value}")
    quantity = exact(rounded(EXACT.multiply(amount, size)))
    if not quantity:
        raise ValueError(f"{plain(amount)} contracts of its size are too little to be kept, and not nothing")
    key = PositionKey(symbol, exchange, account, leg)
    entry_price, basis = _entry_price(entry, key, quantity)
    mark_price = entry.above_zero(*_MARKS)
    if basis is None:
        worth = next(iter(entry.numbers(*_VALUES).values()), None)
        check_worth(quantity, worth, [price for price in (mark_price, entry_price) if price is not None])
    return PositionReport(
        key=key,
        side=side,
        quantity=quantity,
        avg_px_open=entry_price,
        price_basis=basis,
        contract_size=size,
        mark_price=mark_price,
        stop_price=entry.above_zero("stopLossPrice", "stopLoss", "stop_loss"),
        target_price=entry.above_zero("takeProfitPrice", "takeProfit", "take_profit"),
        margin_mode=_margin_mode(entry),
        reported_id=entry.text("id", "positionId", "posId"),
    )


def contract_size(entry: ReportFields, exchange: str) -> Decimal:
    """The contract size of its symbol; 1 where none is stated.

    Refuses: ValueError for a size that is not above zero, and for an answer of OKX, which counts contracts, if their
             size does not follow from it.
    """
    said = one_of(entry.numbers("contractSize", "contract_size"))
    if said is None and entry.text("instId") and entry.find("symbol") is None:
        said = _size_by_worth(entry)
    return unit_size(said, exchange)


def _size_by_worth(entry: ReportFields) -> Decimal | None:
    """The contract size in OKX's own answer, from the stated value of its contracts: sizes are powers of ten."""
    contracts, worth, mark = entry.number("pos"), entry.above_zero("notionalUsd"), entry.above_zero(*_MARKS)
    if not contracts or entry.words("instType") & {"margin"}:
        return None
    if worth is not None and mark is not None:
        is_inverse = "-USD-" in (entry.text("instId") or "")
        each = EXACT.divide(worth, contracts.copy_abs())
        size = power_of_ten(each if is_inverse else EXACT.divide(each, mark))
        if size is not None:
            return size
    raise ValueError("it counts contracts, and does not say of what size: pass the answer of ccxt instead")


def _amount(amounts: dict[str, Decimal], size: Decimal) -> Decimal:
    """The number of contracts without sign; some of the fields may be in base asset."""

    def is_same(one: Decimal, other: Decimal) -> bool:
        sizes = (Decimal(1), size)
        return bool(one) == bool(other) and any(
            is_about(EXACT.multiply(one, mine), EXACT.multiply(other, theirs)) for mine in sizes for theirs in sizes
        )

    contracts = {name: each.copy_abs() for name, each in amounts.items()}
    first = next((name for name in ("contracts", "info.contracts") if name in contracts), next(iter(contracts)))
    one_of({first: contracts[first], **contracts}, is_same)
    return contracts[first]


def _side(entry: ReportFields, amounts: dict[str, Decimal]) -> Side:
    words = entry.said("side", "posSide", "holdSide", "direction")
    sides = {name: _SIDES[word.lower()] for name, word in words.items() if word.lower() in _SIDES}
    signed = (*_SIGNED, "pos") if "net" in entry.words("posSide") else _SIGNED
    sides |= {name: Side.SHORT for name, amount in amounts.items() if amount < 0}
    sides |= {name: Side.LONG for name in amounts if amounts[name] > 0 and name.rpartition(".")[2] in signed}
    side = one_of(sides)
    if side is None:
        raise ValueError(f"its side is {entry.word('side') or 'not said'}: neither long nor short")
    return side


def _symbol(entry: ReportFields, exchange: str) -> str:
    said = entry.said("symbol") or entry.said(*SYMBOLS)
    if exchange in _SPELLED_LIKE_OURS:
        one_of({name: normalized_symbol(symbol, exchange) for name, symbol in said.items()})
    return next(iter(said.values()), "")


def _entry_price(entry: ReportFields, key: PositionKey, quantity: Decimal) -> tuple[Decimal | None, str | None]:
    """The average entry, and the field from which it was computed if it is not stated: the cost, or the value.

    A value at the mark price says nothing about the entry. For an inverse contract neither is price times quantity.
    """
    price = one_of({name: price for name, price in entry.numbers(*_ENTRIES).items() if price > 0}, is_about)
    if price is None and key.exchange.startswith("kraken") and entry.find("fillTime"):
        price = entry.above_zero("price")
    if price is not None or ":" in key.symbol:
        return price, None
    names = _COSTS if entry.above_zero(*_MARKS) is not None else (*_COSTS, *_VALUES)
    for name in names:
        cost = entry.number(name)
        if cost and (price := exact(rounded(EXACT.divide(cost.copy_abs(), quantity)))):
            return price, f"{name} {plain(cost.copy_abs())}"
    return None, None


def _margin_mode(entry: ReportFields) -> str | None:
    """The margin mode as the exchange states it, because ccxt says cross for every mode of HTX; else ccxt's."""
    said = entry.said("marginMode", "margin_mode", "mgnMode")
    mode = ([*said.values()] or [""])[-1].lower()
    return {"crossed": "cross"}.get(mode, mode) or None
