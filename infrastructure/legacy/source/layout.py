"""The meaning of the columns of a legacy table: dumps have different columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

_NAMES: Final = {
    "id": ("id", "legacy_id"),
    "intent": ("signal_id", "trade_id", "intent_id"),
    "symbol": ("symbol",),
    "exchange": ("exchange",),
    "side": ("side",),
    "quantity": ("quantity", "qty", "amount", "contracts"),
    "status": ("status",),
    "entry price": ("entry_price", "avg_entry_price", "avg_price", "avg_px_open"),
    "stop price": ("stop_loss_price", "stop_loss", "stop_price"),
    "has stop": ("has_stop_loss",),
    "trailing": ("trailing_activated",),
    "profit": ("pnl", "realized_pnl"),
    "opened": ("opened_at", "open_time", "entry_time"),
    "created": ("created_at",),
    "closed": ("closed_at", "close_time", "exit_time"),
    "reason": ("exit_reason", "close_reason"),
    "order": ("exchange_order_id", "entry_order_id", "order_id"),
}
"""By meaning, the columns that may have it; the first one that is not null is taken."""

_ONE_COLUMN: Final = {"intent"}
"""Meanings for which only the first column of a table is taken: a further one means something else."""

_WORDS: Final = ("id", "intent", "symbol", "exchange", "side", "status", "has stop", "trailing", "reason", "order")
_NEEDED: Final = ("symbol", "exchange", "side", "quantity", "status")
_OF_LEDGER: Final = "position_id"
"""A column of a ledger's own table `positions`, and of its view under the old name."""


def missing(columns: Sequence[str]) -> list[str]:
    """The needed columns that a table lacks."""
    found = {name.strip().lower() for name in columns}
    lacking = [_NAMES[meaning][0] for meaning in _NEEDED if not found.intersection(_NAMES[meaning])]
    if not found.intersection((*_NAMES["opened"], *_NAMES["created"])):
        lacking.append("opened_at")
    return lacking


def is_legacy(columns: Sequence[str]) -> bool:
    """Whether a table can be imported: it has the needed columns, and is not a table or a view of a ledger."""
    return not missing(columns) and _OF_LEDGER not in columns


@dataclass(frozen=True)
class Layout:
    """The columns of one table by their meaning; and columns without a meaning, which may be times or numbers."""

    columns: tuple[str, ...]
    places: dict[str, tuple[int, ...]]
    other_times: tuple[int, ...]
    other_numbers: tuple[int, ...]

    @classmethod
    def of(cls, columns: Sequence[str]) -> Self:
        """Find the meaning of each column, whatever the case of its name."""
        found = {name.strip().lower(): place for place, name in reversed(list(enumerate(columns)))}
        places = {}
        for meaning, known in _NAMES.items():
            there = tuple(found[name] for name in known if name in found)
            places[meaning] = there[:1] if meaning in _ONE_COLUMN else there
        times = {place for name, place in found.items() if name.endswith(("_at", "_time"))}
        needed = {*places["opened"], *places["closed"]}
        words = {place for meaning in _WORDS for place in places[meaning]}
        numbers = set(range(len(columns))) - times - needed - words
        return cls(tuple(columns), places, tuple(sorted(times - needed)), tuple(sorted(numbers)))

    def value(self, meaning: str, values: Sequence[str | None]) -> str | None:
        """The value of a row with this meaning; a blank one is None."""
        return self.named(meaning, values)[1]

    def named(self, meaning: str, values: Sequence[str | None]) -> tuple[str, str | None]:
        """The same, with the name of its column."""
        places = self.places[meaning]
        for place in places:
            text = values[place]
            if text is not None and (text := text.strip()):
                return self.columns[place], text
        return (self.columns[places[0]] if places else _NAMES[meaning][0]), None
