"""The contracts that an exchange lists, by the ledger's spelling, with what has to be known before an order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from domain.identifiers import PositionKey
from domain.symbols.spelling import normalized_symbol
from infrastructure.ccxt_trading.trading_conventions import TradingConventions
from infrastructure.exchanges.fields import ReportFields
from infrastructure.exchanges.market_list import MarketList
from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.exchange_orders import TradedMarket


@dataclass(frozen=True, slots=True)
class ListedMarkets:
    """The contracts of an exchange; spot markets are not traded here."""

    conventions: TradingConventions
    account: str | None
    listed: MarketList

    @classmethod
    def of(cls, markets: Any, conventions: TradingConventions, account: str | None) -> Self:
        """Read the answer of `load_markets`, with numbers as text."""
        return cls(
            conventions, account, MarketList.read(json.dumps(markets, default=str).encode(), conventions.exchange)
        )

    def spelled(self, symbol: str) -> str:
        """The ledger's spelling of a symbol. Refuses: Refused when it is no symbol of this exchange."""
        try:
            return str(normalized_symbol(symbol, self.conventions.exchange))
        except ValueError as wrong:
            raise Refused(None, f"nothing was sent: {wrong}") from None

    def name(self, symbol: str) -> str:
        """The name of a contract in ccxt. Refuses: Refused when there is none, or more than one."""
        rows = self.listed.markets.get((self.spelled(symbol), False), [])
        if len(rows) != 1:
            found = " and ".join(str(row["symbol"]) for row in rows) or "no contract"
            raise Refused(None, f"nothing was sent: of {symbol}, {self.conventions.exchange} lists {found}")
        return str(rows[0]["symbol"])

    def market(self, symbol: str) -> TradedMarket:
        """The properties of a contract. Refuses: Refused when it is not listed, or its row cannot be read."""
        named, spelled = self.name(symbol), self.spelled(symbol)
        try:
            terms = self.listed.terms(PositionKey(spelled, self.conventions.exchange, self.account))
            [row] = self.listed.markets[spelled, False]
            limits = {name: ReportFields(row["limits"].get(name) or {}) for name in ("amount", "cost")}
            least = {name: fields.above_zero("min") for name, fields in limits.items()}
        except (LookupError, TypeError, ValueError) as wrong:
            raise Refused(None, f"what {self.conventions.exchange} says of {named} cannot be read: {wrong}") from None
        return TradedMarket(
            symbol=spelled,
            price_tick=terms.get("price_tick"),
            quantity_step=terms.get("quantity_step"),
            min_quantity=least["amount"],
            min_cost=least["cost"],
            contract_size=terms.get("contract_size", Decimal(1)),
            inverse=terms.get("inverse", False),
            base=terms.get("base"),
            quote=terms.get("quote"),
            settle=terms.get("settle"),
            has_unique_ids=self.conventions.has_unique_ids,
            shown_seconds=self.conventions.shown_seconds,
            attaches_stops=self.conventions.attaches_stops,
            closes_position=self.conventions.closes_position,
        )
