"""`import`: an export becomes a ledger again."""

from __future__ import annotations

import io
from typing import cast

import click

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.importing import Imported, import_ledger
from infrastructure.transfer.jsonl_reader import ExportFile
from scripts.options.database import database_option, json_option
from scripts.output import print_json, progress, show


@click.command("import")
@click.argument("path", metavar="[FILE]", default="-", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@database_option
@json_option
def command(path: str, database: str | None, *, as_json: bool) -> None:
    """Import what `export` wrote in JSON Lines (also in gzip; stdin without a FILE) into an empty ledger: the same
    events with the same places and hashes, the same positions, the same anchors, on either database.

    Every line is checked before it is written. Stopped half-way, run it again with the same file: it goes on where it
    stopped. Let nobody record into the ledger before it has ended with exit code 0. The ledger is created when it is
    not there. Exit code 1: a line of the file is wrong, or the ledger holds something else.

    \b
    Examples:
      position-ledger export --output ledger.jsonl.gz
      position-ledger import ledger.jsonl.gz --database postgresql://owner@db.example/trading
      position-ledger export | position-ledger import --database sqlite:///copy.db
    """  # noqa: D205 - one sentence
    with click.open_file(path, "rb") as stream:
        file = ExportFile(cast("io.BufferedReader", stream))
        with PositionLedger.connect(database) as ledger, progress("importing", file.nid) as advance:
            done = import_ledger(ledger.store, file, advance)
    if as_json:
        print_json(done.as_json())
    else:
        _print(done)


def _print(done: Imported) -> None:
    show(
        f"{done.events:,} events and {done.rejections:,} rejections imported; "
        f"{done.events_before:,} and {done.rejections_before:,} were there before"
    )
