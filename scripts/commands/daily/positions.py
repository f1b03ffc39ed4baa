"""`positions`: a list with one row for each cycle."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Generic, NamedTuple, TypeVar

import click

from domain.values import plain
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.as_of import AsOfQuery
from infrastructure.ledger_clock import now
from projections.exposure import exposure_words, standing
from projections.formatting import date_and_time, for_eyes
from projections.health.ledger_status import LedgerStatus
from projections.listed_row import Listed
from projections.readable_text import on_one_line
from scripts.options.database import by_option, database_option, json_option
from scripts.options.filters import Filter, filter_options
from scripts.options.listing import Listing, listing_options
from scripts.options.time_window import since_option
from scripts.output import Table, lines_of, say, show
from scripts.replica_place import print_read_list, reading, show_place
from scripts.status_table import in_order

Row = TypeVar("Row", bound=Listed)

_COLUMNS: Final = (
    "position",
    "side",
    "status",
    "quantity",
    "avg open",
    "stop",
    "profit",
    "net",
    "opened (UTC)",
    "remarks",
)
_SORTS: Final = {
    "opened": "the oldest first",
    "updated": "what happened last first",
    "worst": "what is open as `status` has it, then the others, the oldest first",
    "age": "what is open and as it is for longest, then the others, the oldest first",
    "symbol": "by key",
}
_SORTS_BY_AGE: Final = frozenset({"worst", "age"})
_REASON_MAX: Final = 60
_NUMBERS: Final = frozenset({"quantity", "avg open", "stop", "profit", "net"})


@click.command("positions")
@database_option
@json_option
@filter_options
@click.option("--open", "only_open", is_flag=True, help="Only cycles that hold their slot, and strays.")
@click.option("--unprotected", is_flag=True, help="Only what is, or may be, held without a confirmed stop.")
@click.option(
    "--as-of",
    metavar="TIME|VERSION|#NID",
    help="What the ledger had recorded by then; a time must name its zone, and a shell needs quotes: '#42'.",
)
@by_option
@since_option
@listing_options(_SORTS, None)
def command(
    *,
    database: str | None,
    wanted: Filter,
    as_of: str | None,
    by: str,
    since: datetime | None,
    listing: Listing,
    as_json: bool,
    only_open: bool,
    unprotected: bool,
) -> None:
    """List positions, oldest first.

    On a terminal, columns that do not fit are left out, and a note names them; elsewhere all columns are printed.

    \b
    Examples:
      position-ledger positions --open
      position-ledger positions --unprotected --json
      position-ledger positions --open --sort worst --limit 10
      position-ledger positions --symbol APT/USDT:USDT --as-of 2025-10-22T18:50:45Z
      position-ledger positions --as-of 2025-10-22T18:50:45Z --by event-time
    """
    listing.require(_COLUMNS)
    if as_of is not None and listing.sort in _SORTS_BY_AGE:
        raise click.UsageError(
            f"--sort {listing.sort} judges what is open by its age now: leave out --as-of, or sort otherwise"
        )
    query = AsOfQuery.read(as_of, by)
    selection = _Selection(query, wanted, since, listing, only_open, unprotected)
    with reading(database, wanted) as (ledger, place):
        if as_json:
            whole = selection.of(ledger, query.positions(ledger.store, open_only=selection.is_of_few))
        else:
            found = selection.of(ledger, query.listed(ledger.store, open_only=selection.is_of_few))
    if as_json:
        print_read_list(place, (row.as_json() for row in listing.shown(whole.rows)), "positions")
        return
    show_place(place)
    shown = listing.shown(found.rows)
    if not shown:
        say("no positions")
    else:
        cells = [_cells(row, is_taken_over=row.position_id in found.taken_over) for row in shown]
        table = Table("Positions", _COLUMNS, cells, _NUMBERS)
        fitted = listing.fitted_unless_piped(table)
        show(*lines_of(fitted))
        listing.say_omitted(table, fitted)
    if left := len(found.rows) - len(shown):
        say(f"and {left:,} more: --limit {len(found.rows)}")


class _Found(NamedTuple, Generic[Row]):
    rows: Sequence[Row]
    taken_over: Collection[str]
    """The ids of the strays that a later cycle took over; some of them may not be in `rows`."""


@dataclass(frozen=True)
class _Selection:
    """The options that choose which rows of a moment are listed, and in which order."""

    query: AsOfQuery
    wanted: Filter
    since: datetime | None
    listing: Listing
    only_open: bool
    unprotected: bool

    @property
    def is_of_few(self) -> bool:
        """Whether only open cycles and strays are listed."""
        return self.only_open or self.unprotected

    def of(self, ledger: PositionLedger, rows: Sequence[Row]) -> _Found[Row]:
        """The rows to list, chosen from all rows of the moment."""
        found = standing(rows, open=self.only_open, unprotected=self.unprotected)
        seen_to = self.query.successors(ledger.store, found)
        taken = [
            row
            for row in found
            if self.wanted.takes(row)
            and (self.since is None or row.opened_at >= self.since)
            and not (self.is_of_few and row.position_id in seen_to)
        ]
        return _Found(_sorted(ledger, taken, self.listing.sort), seen_to)


def _sorted(ledger: PositionLedger, rows: Sequence[Row], order: str) -> Sequence[Row]:
    if order == "opened":
        return rows
    if order == "updated":
        return sorted(rows, key=lambda row: row.updated_at, reverse=True)
    if order == "symbol":
        return sorted(rows, key=lambda row: (row.stream, row.cycle))
    by_id = {row.position_id: row for row in rows}
    judged = [row for row in ledger.positions(open=True) if row.position_id in by_id]
    first = [line.row.position_id for line in in_order(LedgerStatus.of(judged, now()).lines, order)]
    return [*map(by_id.pop, first), *by_id.values()]


def _cells(row: Listed, *, is_taken_over: bool) -> tuple[str | None, ...]:
    numbers = (row.quantity, row.avg_px_open, row.stop_price)
    amounts = (row.realized_pnl, row.net_pnl)
    return (
        row.position_id,
        row.side.value,
        row.status.value,
        *("" if number is None else for_eyes(number) for number in numbers),
        *("" if amount is None else _money(amount, row.settle_currency) for amount in amounts),
        date_and_time(row.opened_at),
        ", ".join(_remarks(row, is_taken_over=is_taken_over)),
    )


def _money(amount: Decimal, currency: str | None) -> str:
    return for_eyes(amount) if currency is None else f"{for_eyes(amount)} {currency}"


def _remarks(row: Listed, *, is_taken_over: bool) -> list[str]:
    exposure = exposure_words(row)
    remarks = {
        exposure: exposure is not None and not is_taken_over,
        "stop not confirmed": row.stop_price is not None and not row.stop_confirmed,
        "entry outcome unknown": row.outcome_unknown,
        "rollback failed": row.rollback_failed,
        "filled after its end": row.late_fill,
        f"{plain(row.residual_qty)} left as dust": bool(row.residual_qty),
    }
    told = [words for words, is_so in remarks.items() if words is not None and is_so]
    if row.exit_reason:
        reason = on_one_line(row.exit_reason)
        told.append(reason if len(reason) <= _REASON_MAX else f"{reason[:_REASON_MAX]}…")
    return told
