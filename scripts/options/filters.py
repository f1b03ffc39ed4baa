"""`--symbol`, `--exchange`, `--account`: the same filter for every command that lists positions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import click

from domain.identifiers import PositionKey
from domain.symbols.spelling import means
from domain.symbols.venues import normalized_exchange
from domain.values import Leg
from infrastructure.event_store.port import Store
from projections.formatting import listed
from projections.listed_row import Listed
from scripts.options.params import ACCOUNT, EXCHANGE, WRITTEN_SYMBOL
from scripts.output import say

_NAMED_MAX: Final = 12


@dataclass(frozen=True)
class Filter:
    """Which positions are wanted; None means all, and a blank account the one without a name.

    The symbol is as the user wrote it, because its meaning depends on the exchange of a position.
    """

    symbol: str | None
    exchange: str | None
    account: str | None

    def takes(self, row: Listed | PositionKey) -> bool:
        """Whether a row or a key passes the filter."""
        return (
            (self.symbol is None or means(self.symbol, row.symbol, row.exchange, _leg(row)))
            and self.exchange in (None, row.exchange, normalized_exchange(row.exchange))
            and self.account in (None, row.account or "")
        )

    @property
    def words(self) -> list[str]:
        """What is wanted, for a page that shows nothing else."""
        account = "account without a name" if self.account == "" else self.account
        return [word for word in (self.symbol, self.exchange, account) if word]

    def __str__(self) -> str:
        """The filter as options of the command line."""
        options = {"--symbol": self.symbol, "--exchange": self.exchange, "--account": self.account}
        return " ".join(f"{option} {name or repr(name)}" for option, name in options.items() if name is not None)


def _leg(row: Listed | PositionKey) -> Leg:
    """Spot or not, by the end of the stream's name: a listed row has no leg, and a damaged name is read as well."""
    return Leg.SPOT if row.stream.endswith(":SPOT") else Leg.BOTH


EVERYTHING: Final = Filter(None, None, None)


def tell_unheard(wanted: Filter, store: Store) -> None:
    """Print a note to stderr if the ledger has no event of what is wanted: an empty result is no good news then."""
    if words := unheard(wanted, store):
        say(f"note: {words}")


def unheard(wanted: Filter, store: Store) -> str | None:
    """That the ledger has no event of what is wanted, and of what it has some; None otherwise, and if it is empty."""
    if wanted == EVERYTHING:
        return None
    known, symbols = set[Filter](), set[str]()
    for stream in store.stream_names():
        with suppress(ValueError):  # `verify` reports names of streams that cannot be read
            key = PositionKey.parse(stream)
            if wanted.takes(key):
                return None
            known.add(Filter(None, key.exchange, key.account))
            symbols.add(key.symbol)
    if not known:
        return None
    near = get_close_matches(wanted.symbol.upper(), symbols) if wanted.symbol else []
    named = [Filter(symbol, None, None) for symbol in near] or known
    there = listed(sorted(map(str, named)), _NAMED_MAX)
    return f"nothing was ever recorded of {wanted}; there is something of {there}"


def filter_options(run: Callable[..., None]) -> Callable[..., None]:
    """Add the three options; the command gets one Filter as `wanted`."""

    @click.option("--symbol", type=WRITTEN_SYMBOL, help="Only this symbol, in any spelling.")
    @click.option("--exchange", type=EXCHANGE, help="Only this exchange.")
    @click.option("--account", type=ACCOUNT, help="Only this account; '' is the one without a name.")
    @functools.wraps(run)
    def filtered(symbol: str | None, exchange: str | None, account: str | None, **others: Any) -> None:
        run(wanted=Filter(symbol, exchange, account), **others)

    return filtered
