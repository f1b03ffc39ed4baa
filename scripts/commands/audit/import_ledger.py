"""`import`: an export becomes a ledger again, and a statement of an exchange becomes cycles."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import tzinfo
from typing import Final, cast

import click

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.importing import Imported, import_ledger
from infrastructure.transfer.jsonl_reader import ExportFile
from infrastructure.transfer.statements.statement_columns import KINDS, PLAIN_CSV, StatementKind, recognised
from infrastructure.transfer.statements.statement_import import import_statement
from infrastructure.transfer.statements.statement_reader import Whose, read_fills
from infrastructure.transfer.statements.statement_report import StatementReport
from scripts.cli import REFUSED
from scripts.options.database import database_option, json_option, open_ledger
from scripts.options.params import ACCOUNT, EXCHANGE, ZONE
from scripts.output import print_json, progress, show

_LEDGER: Final = "ledger"
"""The kind of file that `export` writes."""


@click.command("import")
@click.argument("path", metavar="[FILE]", default="-", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--as", "kind_name", type=click.Choice([_LEDGER, *KINDS]), help="What FILE is.  [default: by its first line]"
)
@click.option("--timezone", "zone", metavar="ZONE", type=ZONE, help="What times of a statement without a zone are in.")
@click.option("--exchange", type=EXCHANGE, help="Whose statement it is, where the kind does not say it.")
@click.option("--account", type=ACCOUNT, help="The account that a statement is of.")
@click.option("--confirm", is_flag=True, help="Write what a statement says; without it nothing is written.")
@database_option
@json_option
def command(
    *,
    path: str,
    kind_name: str | None,
    zone: tzinfo | None,
    exchange: str | None,
    account: str | None,
    confirm: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Import what `export` wrote in JSON Lines (also in gzip; stdin without a FILE) into an empty ledger: the same
    events with the same places and hashes, the same positions, the same anchors, on either database.

    Every line is checked before it is written. Stopped half-way, run it again with the same file: it goes on where it
    stopped. Let nobody record into the ledger before it has ended with exit code 0. The ledger is created when it is
    not there. Exit code 1: a line of the file is wrong, or the ledger holds something else.

    A statement of fills in CSV becomes orders and cycles of a ledger that is there. Without --confirm it is only said
    what they come to. Run again, it adds nothing. Exit code 1: something was found, or a line cannot be read.

    \b
    Examples:
      position-ledger export --output ledger.jsonl.gz
      position-ledger import ledger.jsonl.gz --database postgresql://owner@db.example/trading
      position-ledger export | position-ledger import --database sqlite:///copy.db
      position-ledger import trades.csv --timezone UTC --confirm
    """  # noqa: D205 - one sentence
    with click.open_file(path, "rb") as stream:
        file = cast("io.BufferedReader", stream)
        kind = _kind(file, kind_name)
        if kind is not None:
            whose = Whose(_exchange(kind, exchange), account, zone)
            _import_statement(file, kind, whose, database, confirm=confirm, as_json=as_json)
        elif zone or exchange or account or confirm:
            raise click.UsageError(
                "--timezone, --exchange, --account and --confirm are for statements; the first line of this file is "
                "that of none that is known. Say with --as what it is, or leave them out for what `export` wrote"
            )
        else:
            _import_export(file, database, as_json=as_json)


def _kind(file: io.BufferedReader, name: str | None) -> StatementKind | None:
    if name is not None:
        return KINDS.get(name)
    header = _header(file.peek().split(b"\n", 1)[0])
    kind = recognised(header)
    if kind is None and not PLAIN_CSV.missing(header):
        raise click.UsageError(
            f"the first line of this file has the columns of kind {PLAIN_CSV.name}, which does not say whose it is: "
            f"add --as {PLAIN_CSV.name} --exchange NAME"
        )
    return kind


def _header(line: bytes) -> Sequence[str]:
    try:
        return next(csv.reader([line.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error):  # then it is no CSV
        return []


def _exchange(kind: StatementKind, said: str | None) -> str:
    if kind.exchange is None and said is None:
        raise click.UsageError(f"--as {kind.name} needs --exchange: the file does not say whose it is")
    if kind.exchange is not None and said not in (None, kind.exchange):
        raise click.UsageError(f"--exchange {said}: a file of kind {kind.name} is of {kind.exchange}")
    return kind.exchange or said or ""


def _import_export(file: io.BufferedReader, database: str | None, *, as_json: bool) -> None:
    export = ExportFile(file)
    with PositionLedger.connect(database) as ledger, progress("importing", export.nid) as advance:
        done = import_ledger(ledger.store, export, advance)
    if as_json:
        print_json(done.as_json())
    else:
        _print(done)


def _import_statement(
    file: io.BufferedReader, kind: StatementKind, whose: Whose, database: str | None, *, confirm: bool, as_json: bool
) -> None:
    fills = read_fills(io.TextIOWrapper(file, "utf-8-sig", newline=""), kind, whose)
    with open_ledger(database) as ledger, progress("importing", len(fills)) as advance:
        report = import_statement(ledger, kind.name, fills, advance, confirm=confirm)
    if as_json:
        print_json(report.as_json())
    else:
        _print_statement(report)
    if report.findings:
        raise SystemExit(REFUSED)


def _print_statement(report: StatementReport) -> None:
    show(
        f"{report.kind}: {report.fills:,} fills, {report.fills_before:,} of them imported before",
        f"new: {report.orders:,} orders in {report.cycles:,} cycles, {report.open:,} of them open at the end",
    )
    said = report.as_json()
    if report.first is not None:
        show(f"from {said['first']} to {said['last']}")
    for name, key in (
        ("profit by its fills", "profit_ledger"),
        ("profit by the file", "profit_file"),
        ("fees", "fees"),
    ):
        amounts = ", ".join(f"{amount} {currency}" for currency, amount in said[key].items())
        show(f"{name}: {amounts or 'none known'}")
    for finding in report.findings:
        show(f"finding: {finding}")
    show("written" if report.confirmed else "nothing was written: say --confirm to write it")


def _print(done: Imported) -> None:
    show(
        f"{done.events:,} events and {done.rejections:,} rejections imported; "
        f"{done.events_before:,} and {done.rejections_before:,} were there before"
    )
