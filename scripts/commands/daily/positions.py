"""`positions`: one row a cycle."""

from __future__ import annotations

from typing import Final

import click

from domain.values import plain
from projections.exposure import UNPROTECTED, exposure_words, is_by_choice, needs_stop
from projections.formatting import date_and_time, money
from projections.positions import PositionRow
from scripts.options.database import by_option, database_option, json_option
from scripts.options.filters import Filter, filter_options
from scripts.output import print_table, say
from scripts.replica_place import print_read, reading, show_place

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
def command(
    database: str | None,
    wanted: Filter,
    as_of: str | None,
    by: str,
    *,
    as_json: bool,
    only_open: bool,
    unprotected: bool,
) -> None:
    """List positions, oldest first.

    \b
    Examples:
      position-ledger positions --open
      position-ledger positions --unprotected --json
      position-ledger positions --symbol APT/USDT:USDT --as-of 2025-10-22T18:50:45Z
      position-ledger positions --as-of 2025-10-22T18:50:45Z --by event-time
    """
    with reading(database) as (ledger, place):
        found = ledger.positions(open=only_open, unprotected=unprotected, as_of=as_of, by=by)
        bare = [row for row in found if needs_stop(row)]
        if any(row.stray for row in found):
            bare = found if unprotected else ledger.positions(unprotected=True, as_of=as_of, by=by)
    rows = [row for row in found if wanted.takes(row)]
    if as_json:
        print_read(place, [row.as_json() for row in rows], "positions")
        return
    show_place(place)
    if not rows:
        say("no positions")
    else:
        names = {row.position_id for row in bare}
        print_table(_COLUMNS, [_cells(row, is_bare=row.position_id in names) for row in rows], right=_NUMBERS)


def _cells(row: PositionRow, *, is_bare: bool) -> tuple[str | None, ...]:
    numbers = (row.quantity, row.avg_px_open, row.stop_price)
    amounts = (row.realized_pnl, row.net_pnl)
    return (
        row.position_id,
        row.side.value,
        row.status.value,
        *("" if number is None else plain(number) for number in numbers),
        *("" if amount is None else money(amount, row.settle_currency) for amount in amounts),
        date_and_time(row.opened_at),
        ", ".join(_remarks(row, is_bare=is_bare)),
    )


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
