"""`--symbol`, `--exchange`, `--account`: the same filter for every command that lists positions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from domain.identifiers import PositionKey
from domain.symbols.spelling import means
from domain.symbols.venues import normalized_exchange
from projections.listed_row import Listed
from scripts.options.params import ACCOUNT, EXCHANGE, WRITTEN_SYMBOL


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


def filter_options(run: Callable[..., None]) -> Callable[..., None]:
    """Add the three options; the command is handed one Filter as `wanted`."""

    @click.option("--symbol", type=WRITTEN_SYMBOL, help="Only this symbol, in any spelling.")
    @click.option("--exchange", type=EXCHANGE, help="Only this exchange.")
    @click.option("--account", type=ACCOUNT, help="Only this account.")
    @functools.wraps(run)
    def filtered(symbol: str | None, exchange: str | None, account: str | None, **others: Any) -> None:
        run(wanted=Filter(symbol, exchange, account), **others)

    return filtered
