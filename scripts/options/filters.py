"""`--symbol`, `--exchange`, `--account`: the same filter for every command that lists positions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from domain.identifiers import PositionKey
from projections.positions import PositionRow
from scripts.options.params import ACCOUNT, EXCHANGE, SYMBOL


@dataclass(frozen=True)
class Filter:
    """Which positions are wanted; None wants all."""

    symbol: str | None
    exchange: str | None
    account: str | None

    def takes(self, row: PositionRow | PositionKey) -> bool:
        """Whether a row, or what belongs to a key, is wanted."""
        asked = (self.symbol, self.exchange, self.account)
        found = (row.symbol, row.exchange, row.account)
        return all(wanted in (None, here) for wanted, here in zip(asked, found, strict=True))


def filter_options(run: Callable[..., None]) -> Callable[..., None]:
    """Add the three options; the command is handed one Filter as `wanted`."""

    @click.option("--symbol", type=SYMBOL, help="Only this symbol, in any spelling.")
    @click.option("--exchange", type=EXCHANGE, help="Only this exchange.")
    @click.option("--account", type=ACCOUNT, help="Only this account.")
    @functools.wraps(run)
    def filtered(symbol: str | None, exchange: str | None, account: str | None, **others: Any) -> None:
        run(wanted=Filter(symbol, exchange, account), **others)

    return filtered
