"""The list of an exchange's markets, as ccxt's `load_markets()` returns it, and the terms of an instrument in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

from domain.identifiers import PositionKey
from domain.symbols.spelling import normalized_symbol
from domain.values import Leg
from infrastructure.exchanges.contract_units import unit_size
from infrastructure.exchanges.fields import ReportFields
from infrastructure.exchanges.raw_answers import read_answer

Json = Mapping[str, Any]

COUNTS_DIGITS: Final = frozenset({"bitfinex", "bithumb"})
"""Exchanges for which ccxt's precision is a number of digits, and neither a tick nor a step."""


@dataclass(frozen=True, slots=True)
class MarketList:
    """Markets by symbol, in our spelling, and by whether they are spot; `doubts` are about rows without a symbol."""

    exchange: str
    markets: Mapping[tuple[str, bool], list[Json]]
    doubts: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: bytes, exchange: str) -> Self:
        """Read the JSON of `client.markets`, or of a list of markets.

        Refuses: ValueError for anything else. A row whose symbol cannot be read becomes a doubt.
        """
        document = read_answer(data)
        entries = list(document.values()) if isinstance(document, Mapping) else document
        if not isinstance(entries, list):
            raise ValueError(f"it is no list of markets but {document!r:.60}")
        markets: dict[tuple[str, bool], list[Json]] = {}
        doubts = []
        for number, entry in enumerate(entries, start=1):
            try:
                name = _name(entry, exchange)
            except ValueError as wrong:
                doubts.append(f"number {number} of its markets cannot be read: {wrong}")
            else:
                markets.setdefault(name, []).append(entry)
        return cls(exchange, markets, tuple(doubts))

    def terms(self, key: PositionKey) -> dict[str, Any]:
        """The terms of an instrument, as fields of `define_instrument`; terms that the list does not have are left out.

        Refuses: ValueError when it lists no such market, or several that differ; when the row of the market cannot be
                 read, has a payoff that is neither linear nor inverse, or another one than the symbol.
        """
        is_spot = key.leg is Leg.SPOT
        rows = self.markets.get((key.symbol, is_spot))
        if rows is None:
            kind, other = ("spot market", "contract") if is_spot else ("contract", "spot market")
            beside = f", only a {other}" if (key.symbol, not is_spot) in self.markets else ""
            raise ValueError(f"there is no {kind} {key.symbol} in the list{beside}")
        first, *others = [_terms(row, key, self.exchange) for row in rows]
        if any(other != first for other in others):
            raise ValueError(f"the list has {key.symbol} as two: {rows[0]['symbol']} and {rows[-1]['symbol']} differ")
        return first


def _name(entry: Any, exchange: str) -> tuple[str, bool]:
    fields = ReportFields.of(entry)
    symbol = fields.text("symbol")
    if symbol is None:
        raise ValueError(f"it has no symbol: {json.dumps(entry, default=str)[:60]}")
    return str(normalized_symbol(symbol, exchange)), not _is_contract(entry)


def _is_contract(market: Json) -> bool:
    said = [market[name] for name in ("contract", "swap", "future", "option") if market.get(name) is not None]
    return any(said) if said else ":" in str(market.get("symbol"))


def _terms(market: Json, key: PositionKey, exchange: str) -> dict[str, Any]:
    said = ReportFields({name: market.get(name) for name in ("contractSize", "base", "quote", "settle")})
    terms: dict[str, Any] = {"base": said.text("base")}
    if not _is_contract(market):
        terms["quote"] = said.text("quote")
    else:
        terms["settle"] = said.text("settle")
        size = said.number("contractSize")
        terms["contract_size"] = None if size is None else unit_size(size, exchange)
        if not market.get("option"):  # the price of an option is in its settlement currency
            terms |= {"quote": said.text("quote"), "inverse": _is_inverse(market, key)}
    if exchange not in COUNTS_DIGITS:
        precision = market.get("precision")
        digits = ReportFields(precision if isinstance(precision, Mapping) else {})
        terms |= {"price_tick": _step(digits, "price"), "quantity_step": _step(digits, "amount")}
    return {name: value for name, value in terms.items() if value is not None}


def _is_inverse(market: Json, key: PositionKey) -> bool:
    """Refuses: ValueError for a payoff that is neither linear nor inverse, or differs from that of the symbol."""
    inverse, linear = market.get("inverse"), market.get("linear")
    if not isinstance(inverse, bool) or inverse == linear:
        raise ValueError(f"its payoff is no plain one: linear is {linear!r:.20}, and inverse is {inverse!r:.20}")
    if inverse != key.is_inverse:
        raise ValueError(f"inverse is {inverse}, and by its symbol {key.symbol} it is {key.is_inverse}")
    return inverse


def _step(digits: ReportFields, name: str) -> Decimal | None:
    step = digits.number(name)
    if step is not None and step <= 0:
        raise ValueError(f"precision.{name} is {step}, which is no step")
    return step
