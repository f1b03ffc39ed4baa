"""`metrics`: the figures of a ledger for Prometheus, on stdout or in a file for node_exporter."""

from __future__ import annotations

from pathlib import Path

import click

from scripts.options.database import database_option
from scripts.options.output_file import write_file
from scripts.output import print_text
from scripts.replica_place import reading


@click.command("metrics")
@database_option
@click.option(
    "--textfile",
    metavar="PATH",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write them atomically to this file, for node_exporter's textfile collector; an older file is replaced.",
)
def command(*, database: str | None, textfile: Path | None) -> None:
    """Print the metrics of a ledger in the text format of Prometheus: open, unprotected, refused, profit and so on.

    They are counted from the ledger, so counters continue after a restart; an unknown figure is left out. It needs
    prometheus-client: pip install 'position-ledger[serve]'.

    Exit code 0 when they were read, 2 for usage, 3 when the database could not be reached: a file stays as it was.

    \b
    Examples:
      position-ledger metrics
      position-ledger metrics --textfile /var/lib/node_exporter/textfile/position_ledger.prom
    """
    try:
        from infrastructure.metering.exposition import exposition  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError as missing:
        raise click.UsageError(
            f"metrics needs {missing.name}, which is not installed: pip install 'position-ledger[serve]'"
        ) from None
    with reading(database) as (ledger, _):
        text = exposition(ledger)
    if textfile is None:
        print_text(text.decode())
    else:
        write_file(textfile, text)
