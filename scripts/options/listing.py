"""`--sort`, `--limit`, `--columns`, `--wide`: how many rows of a list are shown, in which order and columns."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from scripts.output import Table, lines_of, say
from scripts.screen import width

Each = TypeVar("Each")


@dataclass(frozen=True)
class Listing:
    """The options of a list; a `limit` of None means all rows, and no `columns` means those that fit."""

    sort: str
    limit: int | None
    columns: tuple[str, ...]
    is_wide: bool

    def require(self, columns: Sequence[str]) -> None:
        """Check the names of columns before anything is read or printed. Refuses: UsageError for an unknown one."""
        if unknown := [name for name in self.columns if name not in columns]:
            raise click.UsageError(f"--columns {', '.join(unknown)}: there are {', '.join(columns)}")

    def shown(self, found: Sequence[Each]) -> Sequence[Each]:
        """The first rows, up to the limit."""
        return found if self.limit is None else found[: self.limit]

    def fitted(self, table: Table) -> Table:
        """The table with the named columns; else with the first columns that fit on the screen.

        The columns up to `position`, or to `net`, are always kept: a single id or reason that is longer than the
        screen would else remove all of them.
        """
        if self.columns:
            return table.only(self.columns)
        count = len(table.columns)
        least = next((table.columns.index(name) + 1 for name in ("position", "net") if name in table.columns), 1)
        while not self.is_wide and count > least and len(lines_of(table.only(table.columns[:count]))[1]) > width():
            count -= 1
        return table.only(table.columns[:count])

    def fitted_unless_piped(self, table: Table) -> Table:
        """As `fitted`, but a file or a pipe has no width, and gets every column that is not chosen otherwise."""
        return self.fitted(table) if self.columns or sys.stdout.isatty() else table

    def say_omitted(self, table: Table, fitted: Table) -> None:
        """Name the columns for which there was no room."""
        if not self.columns and (omitted := table.columns[len(fitted.columns) :]):
            say(f"no room for {', '.join(omitted)}: --wide shows them, --columns chooses")


def order_options(orders: Mapping[str, str], limit: int | None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add `--sort` and `--limit`; the command gets both. The first of `orders` is the default."""

    def add(run: Callable[..., None]) -> Callable[..., None]:
        sort_option = click.option(
            "--sort",
            type=click.Choice(list(orders)),
            default=next(iter(orders)),
            show_default=True,
            help="; ".join(f"{name}: {what}" for name, what in orders.items()) + ".",
        )
        return sort_option(limit_option(limit)(run))

    return add


def limit_option(limit: int | None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add `--limit` alone, for a list that has one order."""
    return click.option(
        "--limit",
        metavar="COUNT",
        type=click.IntRange(min=1),
        default=limit,
        show_default=limit is not None,
        help="Show at most this many rows, and say how many more there are.",
    )


def listing_options(
    orders: Mapping[str, str], limit: int | None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the four options; the command gets one Listing as `listing`. The first of `orders` is the default."""

    def add(run: Callable[..., None]) -> Callable[..., None]:
        @order_options(orders, limit)
        @click.option("--columns", metavar="NAME,NAME", default="", help="Only these columns, in this order.")
        @click.option("--wide", is_flag=True, help="Show every column, however narrow the screen is.")
        @functools.wraps(run)
        def listed(sort: str, limit: int | None, columns: str, *, wide: bool, **others: Any) -> None:
            named = tuple(name.strip() for name in columns.split(",") if name.strip())
            run(listing=Listing(sort, limit, named, wide), **others)

        return listed

    return add
