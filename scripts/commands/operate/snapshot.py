"""`snapshot`: write what the exchange shows now to a file that `reconcile`, `recover` and `diagnose` can read."""

from __future__ import annotations

from pathlib import Path

import click

from infrastructure.exchanges.document import Given, read_snapshot
from projections.account_snapshot import AccountSnapshot
from scripts.options.output_file import write_file
from scripts.options.params import ACCOUNT, EXCHANGE
from scripts.options.snapshots import live_document
from scripts.output import say, show


@click.command("snapshot")
@click.option("--exchange", required=True, metavar="NAME", type=EXCHANGE, help="The exchange to ask; this only reads.")
@click.option("--account", metavar="NAME", type=ACCOUNT, help="The account of the keys; '' is the one without a name.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it atomically to this file; an older file is replaced.  [default: stdout]",
)
@click.option(
    "--no-balances", is_flag=True, help="Leave out the balances of the spot wallet, which some keys may not read."
)
def command(*, exchange: str, account: str | None, output: Path | None, no_balances: bool) -> None:
    """Ask an exchange for positions, plain and conditional orders and balances, and write down what it shows.

    The keys are read from the environment, as for `reconcile`; it only reads. If an answer is missing, nothing is
    written.

    Exit code 0 when it was written, 2 for usage, 3 when the exchange could not be reached.

    \b
    Examples:
      position-ledger snapshot --exchange bybit --output bybit.json
      position-ledger snapshot --exchange okx --account sub1 --no-balances | position-ledger reconcile --snapshot -
    """
    given = Given(exchange, account)
    document = live_document(given, with_balances=not no_balances)
    seen = read_snapshot(document, given)
    if output is None:
        show(document.decode())
    else:
        write_file(output, document + b"\n")
    say(_words(seen))
    for doubt in (*seen.doubts, *seen.order_doubts, *seen.row_doubts):
        say(f"note: {doubt}")


def _words(seen: AccountSnapshot) -> str:
    where = " ".join(filter(None, (seen.exchange, seen.account)))
    stops = sum(order.is_stop for order in seen.orders or ())
    balances = "" if seen.balances is None else f", {len(seen.balances)} balances"
    return f"{where}: {len(seen.positions or ())} positions, {len(seen.orders or ())} orders ({stops} stops){balances}"
