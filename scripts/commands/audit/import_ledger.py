"""`import`: an export becomes a ledger again, and a statement of an exchange becomes cycles."""

from __future__ import annotations

import io
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import tzinfo
from pathlib import Path
from typing import Final, cast

import click

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.importing import Imported, import_ledger
from infrastructure.transfer.jsonl_reader import ExportFile
from infrastructure.transfer.statements.column_map import ColumnMap
from infrastructure.transfer.statements.contract_sizes import with_known_contracts
from infrastructure.transfer.statements.kinds.mapped_csv import MAPPED_CSV
from infrastructure.transfer.statements.kinds.plain_csv import PLAIN_CSV
from infrastructure.transfer.statements.sources.statement_file import START_MAX, StatementFile
from infrastructure.transfer.statements.statement_fill import StatementFill, in_order
from infrastructure.transfer.statements.statement_import import import_statement
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.statements.statement_kinds import KINDS, near, recognised
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
@click.option("--symbol", help="Whose statement it is, where the kind does not say its symbol.")
@click.option(
    "--map",
    "map_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Which column of a CSV file says what, in TOML.",
)
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
    symbol: str | None,
    map_file: Path | None,
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
    with _opened(path) as stream:
        file = StatementFile(stream, None if path == "-" else Path(path))
        kind = _kind(file, MAPPED_CSV.name if kind_name is None and map_file is not None else kind_name)
        if kind is not None:
            whose = Whose(_exchange(kind, exchange), account, zone, _symbol(kind, symbol), _columns(kind, map_file))
            _import_statement(file, kind, whose, database, confirm=confirm, as_json=as_json)
        elif zone or exchange or account or symbol or confirm:
            raise click.UsageError(
                "--timezone, --exchange, --account, --symbol and --confirm are for statements, and this file begins "
                f"like none{_nearest(file)}. Say with --as what it is, or leave them out for what `export` wrote"
            )
        else:
            _import_export(stream, database, as_json=as_json)


def _opened(path: str) -> AbstractContextManager[io.BufferedReader]:
    if path == "-":
        return nullcontext(cast("io.BufferedReader", sys.stdin.buffer))
    return cast("io.BufferedReader", Path(path).open("rb", buffering=START_MAX))


def _kind(file: StatementFile, name: str | None) -> StatementKind | None:
    if name is not None:
        return KINDS.get(name)
    kind = recognised(file.start)
    if kind is None and not PLAIN_CSV.missing(file.start):
        raise click.UsageError(
            f"the first line of this file has the columns of kind {PLAIN_CSV.name}, which does not say whose it is: "
            f"add --as {PLAIN_CSV.name} --exchange NAME"
        )
    return kind


def _nearest(file: StatementFile) -> str:
    found = near(file.start)
    return f" ({'; '.join(found)})" if found else ""


def _exchange(kind: StatementKind, said: str | None) -> str | None:
    if "exchange" in kind.asks and said is None:
        raise click.UsageError(f"--as {kind.name} needs --exchange: the file does not say whose it is")
    if kind.exchange is not None and said not in (None, kind.exchange):
        raise click.UsageError(f"--exchange {said}: a file of kind {kind.name} is of {kind.exchange}")
    return kind.exchange or said


def _symbol(kind: StatementKind, said: str | None) -> str | None:
    if "symbol" in kind.asks and said is None:
        raise click.UsageError(f"a file of kind {kind.name} does not say of which symbol it is; say it with --symbol")
    if "symbol" not in kind.asks and said is not None:
        raise click.UsageError(f"--symbol {said}: a file of kind {kind.name} says its symbols itself")
    return said


def _columns(kind: StatementKind, said: Path | None) -> ColumnMap | None:
    if "map" in kind.asks and said is None:
        raise click.UsageError(f"--as {kind.name} needs --map: a file that says which column says what")
    if "map" not in kind.asks and said is not None:
        raise click.UsageError(f"--map {said}: the columns of a file of kind {kind.name} are known")
    return None if said is None else ColumnMap.read(said.read_text(encoding="utf-8", errors="replace"))


def _import_export(file: io.BufferedReader, database: str | None, *, as_json: bool) -> None:
    export = ExportFile(file)
    with PositionLedger.connect(database) as ledger, progress("importing", export.nid) as advance:
        done = import_ledger(ledger.store, export, advance)
    if as_json:
        print_json(done.as_json())
    else:
        _print(done)


def _import_statement(
    file: StatementFile, kind: StatementKind, whose: Whose, database: str | None, *, confirm: bool, as_json: bool
) -> None:
    with open_ledger(database) as ledger:
        facts = list(with_known_contracts(ledger.store, kind.facts(file, whose)))
        fills = in_order(fact for fact in facts if isinstance(fact, StatementFill))
        with progress("importing", len(fills)) as advance:
            report = import_statement(ledger, kind.name, fills, advance, confirm=confirm)
    if left_out := len(facts) - len(fills):
        click.echo(f"{left_out:,} lines of the file are no fills: payments and positions are not taken in", err=True)
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
