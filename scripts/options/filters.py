"""`--symbol`, `--exchange`, `--account`: the same filter for every command that lists positions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import click

from domain.identifiers import PositionKey
from domain.symbols.spelling import means
from domain.symbols.venues import normalized_exchange
from infrastructure.event_store.port import Store
from projections.formatting import listed
from projections.listed_row import Listed
from scripts.options.params import ACCOUNT, EXCHANGE, WRITTEN_SYMBOL
from scripts.output import say

_NAMED_MAX: Final = 12


@dataclass(frozen=True)
class Filter:
    """Which positions are wanted; None wants all. The symbol is as it was written: it depends on the exchange."""

    symbol: str | None
    exchange: str | None
    account: str | None

    def takes(self, row: Listed | PositionKey) -> bool:
        """Whether a row, or what belongs to a key, is wanted."""
        return (
            (self.symbol is None or means(self.symbol, row.symbol, row.exchange))
            and self.exchange in (None, row.exchange, normalized_exchange(row.exchange))
            and self.account in (None, row.account)
        )

    def __str__(self) -> str:
        """The options that would say it."""
        said = {"--symbol": self.symbol, "--exchange": self.exchange, "--account": self.account}
        return " ".join(f"{option} {name}" for option, name in said.items() if name is not None)


EVERYTHING: Final = Filter(None, None, None)


def tell_unheard(wanted: Filter, store: Store) -> None:
    """Say on stderr that a ledger never heard of what is wanted: that nothing is found is no good news then.

    Nothing is said of an empty ledger, which has heard of nothing.
    """
    if wanted == EVERYTHING:
        return
    known = set[Filter]()
    for stream in store.stream_names():
        with suppress(ValueError):  # `verify` names what is no stream of ours
            key = PositionKey.parse(stream)
            if wanted.takes(key):
                return
            known.add(Filter(None, key.exchange, key.account))
    if known:
        there = listed(sorted(map(str, known)), _NAMED_MAX)
        say(f"note: nothing was ever recorded of {wanted}; there is something of {there}")


def filter_options(run: Callable[..., None]) -> Callable[..., None]:
    """Add the three options; the command is handed one Filter as `wanted`."""

    @click.option("--symbol", type=WRITTEN_SYMBOL, help="Only this symbol, in any spelling.")
    @click.option("--exchange", type=EXCHANGE, help="Only this exchange.")
    @click.option("--account", type=ACCOUNT, help="Only this account.")
    @functools.wraps(run)
    def filtered(symbol: str | None, exchange: str | None, account: str | None, **others: Any) -> None:
        run(wanted=Filter(symbol, exchange, account), **others)

    return filtered
