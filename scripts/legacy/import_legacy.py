"""`import-legacy`: the rows of the old table become cycles of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Final

import click

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.importing.conflict_resolution import Resolve
from infrastructure.legacy.importing.import_findings import ImportFindingKind
from infrastructure.legacy.importing.import_report import ImportReport
from infrastructure.legacy.importing.run import import_table
from infrastructure.legacy.source.dump import read_dump
from infrastructure.legacy.source.raw import RawRow, UnreadableDump
from infrastructure.legacy.source.table import understood
from scripts.cli import REFUSED
from scripts.legacy.source_options import from_option, table_option
from scripts.options.database import database_option, json_option, timezone_option
from scripts.output import print_json, print_table, progress, show

SHOWN_MAX: Final = 20
"""How many findings of one kind are printed as text."""


@click.command("import-legacy")
@click.option(
    "--dump",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="A plain pg_dump, or CSV with a header; also in gzip. - is stdin.",
)
@from_option
@table_option
@timezone_option
@click.option(
    "--resolve",
    type=click.Choice([choice.value for choice in Resolve]),
    default=Resolve.REFUSE.value,
    show_default=True,
    help="Which of two open rows of one key stays open; refuse imports no row of such a key.",
)
@click.option("--verbose", is_flag=True, help=f"Show all findings, not {SHOWN_MAX} of a kind.")
@database_option
@json_option
def command(
    *,
    dump: str | None,
    url: str | None,
    table: str | None,
    zone: tzinfo | None,
    resolve: str,
    verbose: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Import the table of positions that an old bot kept: one cycle a row, in order of opening, each once.

    Whatever columns the table has, nothing is lost: the event contains the original row, and names every doubtful
    value, as does the report. Run again, it adds nothing. The ledger is created when it does not exist.

    Exit code 0 without findings, 1 with findings, 2 when the dump cannot be read (then nothing was imported), 3 when a
    database could not be reached.

    \b
    Examples:
      position-ledger import-legacy --dump positions.sql
      position-ledger import-legacy --dump positions.csv.gz --timezone Europe/Moscow --json
      position-ledger import-legacy --from postgresql://bot@localhost/trading --resolve keep-newest
    """
    if (dump is None) == (url is None):
        raise click.UsageError("say where the rows are: --dump FILE or --from URL, one of them")
    try:
        with progress("reading") as advance:
            rows = understood(_raw_rows(dump, url, table), zone, advance)
    except UnreadableDump as wrong:
        raise click.UsageError(f"{dump or '--from'}: {wrong}") from None
    with PositionLedger.connect(database) as ledger, progress("importing", len(rows.rows)) as advance:
        report = import_table(ledger, rows, Resolve(resolve), advance)
    if as_json:
        print_json(report.as_json())
    else:
        _print(report, verbose=verbose)
    if report.findings:
        raise SystemExit(REFUSED)


def _raw_rows(dump: str | None, url: str | None, table: str | None) -> Iterator[RawRow]:
    """The rows of a dump, else of the database."""
    if dump is not None:
        with click.open_file(dump, "rb") as stream:
            yield from read_dump(stream, table)
    if url is not None:
        from infrastructure.legacy.source.legacy_database import read_table  # noqa: PLC0415 - a dump needs no psycopg

        yield from read_table(url, table)


def _print(report: ImportReport, *, verbose: bool) -> None:
    show(
        f"{report.rows:,} rows: {report.imported:,} imported, {report.already_imported:,} imported before, "
        f"{report.refused:,} refused; {report.streams:,} keys, {report.open:,} of them open"
    )
    if not report.findings:
        return
    show("")
    counts = [(kind.value, count, kind.meaning) for kind, count in report.counts.items()]
    print_table(("finding", "count", "meaning"), counts, right=frozenset({"count"}))
    show("")
    for kind in report.counts:
        _print_kind(report, kind, None if verbose else SHOWN_MAX)


def _print_kind(report: ImportReport, kind: ImportFindingKind, shown_max: int | None) -> None:
    found = [finding for finding in report.findings if finding.kind is kind]
    for finding in found[:shown_max]:
        where = " ".join(part for part in (finding.stream, _named(finding.ids)) if part)
        show(f"{kind.value}: {f'{where}: ' if where else ''}{finding.message}")
    if shown_max is not None and len(found) > shown_max:
        show(f"{kind.value}: and {len(found) - shown_max:,} more; see them with --verbose or --json")


def _named(ids: tuple[str, ...], named_max: int = 10) -> str:
    more = f" and {len(ids) - named_max:,} more" if len(ids) > named_max else ""
    return f"({', '.join(ids[:named_max])}{more})" if ids else ""
