"""`positions`: one row a cycle."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import click

from domain.values import plain
from infrastructure.ledger.ledger import now
from projections.exposure import UNPROTECTED, exposure_words, is_by_choice, needs_stop
from projections.formatting import date_and_time, for_eyes
from projections.health.ledger_status import LedgerStatus
from projections.positions import PositionRow
from scripts.options.database import by_option, database_option, json_option
from scripts.options.filters import Filter, filter_options
from scripts.options.listing import Listing, listing_options
from scripts.options.time_window import since_option
from scripts.output import Table, lines_of, say, show
from scripts.replica_place import print_read, reading, show_place
from scripts.status_table import in_order

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
_NUMBERS: Final = frozenset({"quantity", "avg open", "stop", "profit", "net"})


@click.command("positions")
@database_option
@json_option
@filter_options
@click.option("--open", "only_open", is_flag=True, help="Only cycles that hold their slot, and strays.")
@click.option("--unprotected", is_flag=True, help="Only what is at the exchange without a confirmed stop.")
@click.option(
    "--as-of", metavar="TIME|VERSION|#NID", help="What the ledger had recorded by then; a time names its zone."
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

    On a terminal columns that have no room are left out, and nothing is folded; elsewhere all are there.

    \b
    Examples:
      position-ledger positions --open
      position-ledger positions --unprotected --json
      position-ledger positions --open --sort worst --limit 10
      position-ledger positions --symbol APT/USDT:USDT --as-of 2025-10-22T18:50:45Z
      position-ledger positions --as-of 2025-10-22T18:50:45Z --by event-time
    """
    if as_of is not None and listing.sort in {"worst", "age"}:
        raise click.UsageError(
            f"--sort {listing.sort} judges what is open by its age now: leave out --as-of, or sort otherwise"
        )
    with reading(database) as (ledger, place):
        found = ledger.positions(open=only_open, unprotected=unprotected, as_of=as_of, by=by)
        bare = [row for row in found if needs_stop(row)]
        if not (only_open or unprotected) and any(row.stray for row in found):  # of those, some were seen to
            bare = ledger.positions(unprotected=True, as_of=as_of, by=by)
    names = {row.position_id for row in bare}
    taken = [row for row in found if wanted.takes(row) and (since is None or row.opened_at >= since)]
    ordered = _sorted(taken, listing.sort, names)
    rows = listing.shown(ordered)
    if as_json:
        print_read(place, [row.as_json() for row in rows], "positions")
        return
    show_place(place)
    if not rows:
        say("no positions")
    else:
        cells = [_cells(row, is_bare=row.position_id in names) for row in rows]
        table = Table("Positions", _COLUMNS, cells, _NUMBERS)
        show(*lines_of(listing.fitted(table) if listing.columns or sys.stdout.isatty() else table))
    if left := len(ordered) - len(rows):
        say(f"and {left:,} more: --limit {len(ordered)}")


def _sorted(rows: Sequence[PositionRow], order: str, bare: Collection[str]) -> Sequence[PositionRow]:
    if order == "opened":
        return rows
    if order == "updated":
        return sorted(rows, key=lambda row: row.updated_at, reverse=True)
    if order == "symbol":
        return sorted(rows, key=lambda row: (row.stream, row.cycle))
    standing = [row for row in rows if row.status.is_open or row.position_id in bare]
    first = [line.row for line in in_order(LedgerStatus.of(standing, now()).lines, order)]
    named = {row.position_id for row in first}
    return [*first, *(row for row in rows if row.position_id not in named)]


def _cells(row: PositionRow, *, is_bare: bool) -> tuple[str | None, ...]:
    numbers = (row.quantity, row.avg_px_open, row.stop_price)
    amounts = (row.realized_pnl, row.net_pnl)
    return (
        row.position_id,
        row.side.value,
        row.status.value,
        *("" if number is None else for_eyes(number) for number in numbers),
        *("" if amount is None else _money(amount, row.settle_currency) for amount in amounts),
        date_and_time(row.opened_at),
        ", ".join(_remarks(row, is_bare=is_bare)),
    )


def _money(amount: Decimal, currency: str | None) -> str:
    return for_eyes(amount) if currency is None else f"{for_eyes(amount)} {currency}"


def _remarks(row: PositionRow, *, is_bare: bool) -> list[str]:
    said = {
        exposure_words(row) or UNPROTECTED: is_bare or is_by_choice(row),
        "stop not confirmed": row.stop_price is not None and not row.stop_confirmed,
        "entry outcome unknown": row.outcome_unknown,
        "rollback failed": row.rollback_failed,
        "filled after its end": row.late_fill,
        f"{plain(row.residual_qty)} left as dust": bool(row.residual_qty),
    }
    reason = [row.exit_reason.splitlines()[0][:60]] if row.exit_reason else []
    return [words for words, is_so in said.items() if is_so] + reason
