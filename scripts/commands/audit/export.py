"""`export`: write the content of the ledger to a file, for another ledger or for analysis."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from enum import StrEnum
from pathlib import PurePath
from typing import IO, Final

import click

from domain.identifiers import PositionKey
from infrastructure.transfer.destination import STDOUT, opened
from infrastructure.transfer.exporting import Exported, ExportScope, Sink, export
from infrastructure.transfer.jsonl_writer import JsonLines
from infrastructure.transfer.transfer_errors import ExportRefused
from projections.formatting import counted
from scripts.options.database import database_option
from scripts.options.filters import EVERYTHING, Filter, filter_options
from scripts.output import progress, say
from scripts.replica_place import reading, with_place
from scripts.signals import terminable

_ENDINGS: Final = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


class Format(StrEnum):
    """The format of an export."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@click.command("export")
@click.option(
    "--what",
    type=click.Choice([what.value for what in ExportScope]),
    help="What to write; ledger is every event and every refused duplicate, in JSON Lines.  [default: ledger in JSON "
    "Lines, else events]",
)
@click.option(
    "--format",
    "written_as",
    type=click.Choice([form.value for form in Format]),
    help="JSON Lines, CSV or Parquet; `import` reads JSON Lines.  [default: by the ending of FILE; to stdout jsonl]",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True),
    default=STDOUT,
    show_default=True,
    help="The file to write; JSON Lines and CSV are compressed when its name ends in .gz. - is stdout.",
)
@click.option("--force", is_flag=True, help="Overwrite the file, or the target of a link.")
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="CSV for people: a text that a spreadsheet would take for a formula gets a ' in front. Else texts are exact.",
)
@filter_options
@database_option
def command(
    *,
    what: str | None,
    written_as: str | None,
    output: str,
    force: bool,
    spreadsheet: bool,
    wanted: Filter,
    database: str | None,
) -> None:
    """Write out what the ledger holds at one moment: every event with its hash, or positions, or refused duplicates.

    `import` reads the JSON Lines of the ledger. The file gets its name when all of it is written.

    \b
    Examples:
      position-ledger export > ledger.jsonl
      position-ledger export --output ledger.jsonl.gz
      position-ledger export --what positions --output positions.csv
      position-ledger export --what events --symbol APT/USDT:USDT --output events.parquet
    """
    form = Format(written_as) if written_as else _guessed(output)
    scope = ExportScope(what) if what else (ExportScope.LEDGER if form is Format.JSONL else ExportScope.EVENTS)
    _check(form, scope, output, wanted)
    if spreadsheet and form is not Format.CSV:
        raise click.UsageError(f"--spreadsheet is for CSV, not for {form.value}: say --format csv")
    with reading(database, wanted) as (ledger, place):
        count = ledger.store.count_events() if scope in (ExportScope.LEDGER, ExportScope.EVENTS) else None
        ended = nullcontext() if output == STDOUT else terminable()  # SIGTERM deletes the unfinished file
        with ended, opened(output, force=force) as out, progress("exporting", count) as advance:
            done = export(
                ledger.store,
                scope,
                _sink(form, scope, out, spreadsheet=spreadsheet),
                takes=_streams(wanted),
                progress=advance,
            )
    written = f"{_counted(done, scope)} exported{'' if output == STDOUT else f' to {output}'}"
    say(with_place(written, place))


def _guessed(output: str) -> Format:
    if output == STDOUT:
        return Format.JSONL
    ending = PurePath(output.removesuffix(".gz")).suffix
    if ending not in _ENDINGS:
        raise click.UsageError(
            f"--output {output}: its ending says no format; end it in {', '.join(_ENDINGS)}, or name the --format"
        )
    return Format(_ENDINGS[ending])


def _check(form: Format, scope: ExportScope, output: str, wanted: Filter) -> None:
    if scope is ExportScope.LEDGER and form is not Format.JSONL:
        raise click.UsageError(
            f"--what ledger is for JSON Lines; {form.value} holds one kind of row: --what events, positions, rejections"
        )
    if scope is ExportScope.LEDGER and wanted != EVERYTHING:
        raise click.UsageError(
            "--what ledger is all of it, or it could not be imported; choose by --symbol, --exchange and --account "
            "among --what events, positions, rejections"
        )
    if form is Format.PARQUET and output.endswith(".gz"):
        raise click.UsageError(f"--output {output}: Parquet is compressed already; leave out .gz")
    if output == STDOUT and sys.stdout.isatty():  # a terminal would obey control characters in texts
        raise click.UsageError("an export is not for a terminal; name a file with --output, or pipe it on")


def _streams(wanted: Filter) -> Callable[[str], bool]:
    if wanted == EVERYTHING:
        return lambda _: True

    return lambda stream: wanted.takes(PositionKey.parse(stream))


def _sink(form: Format, scope: ExportScope, out: IO[bytes], *, spreadsheet: bool) -> Sink:
    if form is Format.JSONL:
        return JsonLines(out)
    from infrastructure.transfer.columnar.column_sink import ColumnSink  # noqa: PLC0415 - JSON Lines need no columns
    from infrastructure.transfer.columnar.columns import COLUMNS  # noqa: PLC0415 - as above

    if form is Format.CSV:
        from infrastructure.transfer.columnar.csv_writer import CsvFile  # noqa: PLC0415 - one format is enough

        return ColumnSink(CsvFile(out, COLUMNS[scope], for_spreadsheet=spreadsheet))
    try:
        from infrastructure.transfer.columnar.parquet_writer import ParquetFile  # noqa: PLC0415 - an optional extra
    except ImportError as missing:
        raise ExportRefused(f"Parquet needs pyarrow ({missing}); install it with: pip install pyarrow") from None
    return ColumnSink(ParquetFile(out, COLUMNS[scope]))


def _counted(done: Exported, scope: ExportScope) -> str:
    counts = {"event": done.events, "position": done.positions, "rejection": done.rejections}
    kinds = ("event", "rejection") if scope is ExportScope.LEDGER else (scope.value.removesuffix("s"),)
    return " and ".join(counted(counts[name], name) for name in kinds)
