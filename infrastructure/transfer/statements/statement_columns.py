"""Which columns of a CSV file say what: the kinds that are known, and how a header is recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

REQUIRED: Final = ("time", "symbol", "side", "price", "quantity")


@dataclass(frozen=True)
class StatementKind:
    """A kind of CSV file: the names that a column has, by what it says; `exchange` is None where it has to be said."""

    name: str
    exchange: str | None
    columns: Mapping[str, Sequence[str]]
    required: Sequence[str]

    def found(self, header: Sequence[str]) -> dict[str, int]:
        """Where each thing stands in a header."""
        places = {name.strip().lower(): place for place, name in enumerate(header)}
        return {
            says: places[name] for says, names in self.columns.items() for name in reversed(names) if name in places
        }

    def missing(self, header: Sequence[str]) -> list[str]:
        """Columns that a header lacks, by their first names."""
        found = self.found(header)
        return [self.columns[says][0] for says in self.required if says not in found]


BINANCE_TRADES: Final = StatementKind(
    "binance-futures-trades",
    "binance",
    MappingProxyType(
        {
            "time": ("date(utc)", "time(utc)", "time"),
            "symbol": ("symbol",),
            "side": ("side",),
            "leg": ("position side",),
            "price": ("price",),
            "quantity": ("quantity",),
            "fee": ("fee",),
            "fee_currency": ("fee coin",),
            "profit": ("realized profit",),
            "trade_id": ("trade id",),
            "order_id": ("order id",),
        }
    ),
    (*REQUIRED, "fee", "profit"),
)

PLAIN_CSV: Final = StatementKind(
    "csv",
    None,
    MappingProxyType(
        {
            "time": ("time", "timestamp", "datetime", "date"),
            "symbol": ("symbol", "pair", "market", "instrument"),
            "side": ("side",),
            "leg": ("leg", "position_side"),
            "price": ("price",),
            "quantity": ("quantity", "qty", "size", "amount"),
            "fee": ("fee", "commission"),
            "fee_currency": ("fee_currency", "commission_asset"),
            "profit": ("profit", "realized_pnl"),
            "trade_id": ("trade_id",),
            "order_id": ("order_id",),
        }
    ),
    REQUIRED,
)

KINDS: Final = MappingProxyType({kind.name: kind for kind in (BINANCE_TRADES, PLAIN_CSV)})


def recognised(header: Sequence[str]) -> StatementKind | None:
    """The kind of file that a header belongs to; a plain one is never guessed, for it must be said whose it is.

    A header that lacks one column of a kind is taken for it, so that what it lacks is named.
    """
    return BINANCE_TRADES if len(BINANCE_TRADES.missing(header)) <= 1 else None
