"""`import`: read an export into an empty ledger, or statements of exchanges and programs into cycles."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final

import click

from domain.identifiers import PositionKey
from infrastructure.exchanges.document import Given, read_snapshot
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.importing import Imported, import_ledger
from infrastructure.transfer.jsonl_reader import ExportFile
from infrastructure.transfer.statements.excluded_keys import excludable
from infrastructure.transfer.statements.kind_recognition import KINDS
from infrastructure.transfer.statements.kinds.plain_csv import PLAIN_CSV
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.statement_import import import_statements
from infrastructure.transfer.statements.statement_kind import StatementKind
from infrastructure.transfer.statements.statement_report import StatementReport
from infrastructure.transfer.transfer_errors import ImportRefused
from projections.account_snapshot import AccountSnapshot
from projections.formatting import counted
from scripts.cli import REFUSED
from scripts.options.database import database_option, json_option, open_ledger, timezone_option
from scripts.options.params import ACCOUNT, EXCHANGE, ReadAs
from scripts.options.snapshots import live_document, read_snapshot_file, taken_at_option
from scripts.options.statement_files import STDIN, OpenedFile, OpenedFiles, StatementOptions
from scripts.output import print_json, progress, say, show

_LEDGER: Final = "ledger"
"""The name of the kind of file that `export` writes."""
_LEGACY: Final = "legacy"
"""The name of the kind for a dump of the old table, which the command `import-legacy` reads."""
_ANY_FILLS: Final = (
    f"Fills of any program are read with --as {PLAIN_CSV.name} --exchange NAME where their columns are called time, "
    "symbol, side, price and quantity, and with --map where they are called otherwise"
)
"""The advice for a file of fills of an unknown kind."""
_GC_THRESHOLDS: Final = (200_000, 20, 20)
"""Garbage is collected rarely: an import makes millions of objects without reference cycles, and the search for cycles
takes a tenth of the time."""


def _excludable(text: str) -> PositionKey:
    key = PositionKey.parse(text)
    if key != (whole := excludable(key)):
        raise ValueError(f"{text} is a leg, and many files do not say of which leg a fill is; say {whole} for both")
    return key


_EXCLUDABLE: Final = ReadAs(_excludable)


@click.command("import")
@click.argument("paths", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--as",
    "kind_name",
    type=click.Choice([_LEDGER, _LEGACY, *KINDS]),
    help="The kind of each FILE.  [default: recognised by its beginning]",
)
@timezone_option
@click.option("--exchange", type=EXCHANGE, help="The exchange of a statement that does not name it.")
@click.option("--account", type=ACCOUNT, help="The account of a statement.")
@click.option("--symbol", help="The symbol of a statement that does not name it.")
@click.option("--strategy", metavar="NAME", help="The strategy, for a backtest that has several.")
@click.option(
    "--map",
    "map_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The meaning of the columns of a CSV file, in TOML.",
)
@click.option(
    "--exclude",
    "excluded",
    multiple=True,
    metavar="KEY",
    type=_EXCLUDABLE,
    help="Take in nothing of this key, such as BTCUSDT.binance, whatever its leg; may be said several times.",
)
@click.option("--confirm", is_flag=True, help="Write the statements into the ledger; without it nothing is written.")
@click.option(
    "--snapshot",
    "snapshot_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="A snapshot of the exchange, as JSON, to compare with the positions that are open in the end.",
)
@click.option(
    "--trust-empty",
    is_flag=True,
    help="Trust a snapshot although it shows none, or few, of the positions in the ledger.",
)
@taken_at_option
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="How many processes share the work for large statements.  [default: as many as there are processors]",
)
@click.option("--live", is_flag=True, help="Compare with the account at the exchange now; this only reads.")
@database_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    kind_name: str | None,
    zone: tzinfo | None,
    exchange: str | None,
    account: str | None,
    symbol: str | None,
    strategy: str | None,
    map_file: Path | None,
    excluded: tuple[PositionKey, ...],
    confirm: bool,
    snapshot_files: tuple[str, ...],
    trust_empty: bool,
    taken_at: datetime | None,
    live: bool,
    processes: int | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Import an export of a ledger, or statements of exchanges and programs.

    An export in JSON Lines (also in gzip; stdin without a FILE) goes into an empty ledger: the same events with the
    same places and hashes, the same positions, the same anchors, on either database.

    Every line is checked before it is written. If the import is interrupted, run it again with the same file: it
    continues where it stopped. Nobody may record into the ledger before it has ended with exit code 0. The ledger is
    created when it does not exist. Exit code 1: a line of the file is wrong, or the ledger contains something else.

    Statements of exchanges and programs become orders and cycles of an existing ledger, several files together in the
    order of time: fills, funding, fees. Without --confirm it only prints what they would add. Run again, it adds
    nothing. A key that a bot has is refused, and with it all files; with --exclude nothing of that key is taken in.
    Exit code 1: something was found, or a line cannot be read.

    Any file of fills in CSV, or of JSON objects, is read by a map in TOML: [columns] has the names of the columns
    for time, symbol, side, price and quantity, and for fee, fee_currency, profit, leg, trade_id and order_id if there
    are such; [constants] has what is the same in every line, as exchange = "okx".

    A dump of the old table is imported as `import-legacy` does, with --as legacy --confirm.

    \b
    Examples:
      position-ledger export --output ledger.jsonl.gz
      position-ledger import ledger.jsonl.gz --database postgresql://owner@db.example/trading
      position-ledger export | position-ledger import --database sqlite:///copy.db
      position-ledger import trades.csv income.json --timezone UTC
      position-ledger import trades.csv income.json --timezone UTC --snapshot now.json --confirm
      position-ledger import fills.csv --map columns.toml --exchange okx --timezone Europe/Berlin
      position-ledger import --as legacy positions.sql --confirm
    """
    options = StatementOptions(kind_name, exchange, account, zone, symbol, map_file, strategy)
    if not paths and sys.stdin.isatty():
        raise click.UsageError("give the FILE to import, or pipe it into this command")
    files = paths or (STDIN,)
    if kind_name == _LEGACY:
        if excluded:
            raise click.UsageError("--exclude is for statements; --as legacy imports the whole table")
        _import_legacy(ctx, files, options, confirm=confirm, as_json=as_json)
        return
    with ExitStack() as stack:
        opened = _opened(files, options, stack)
        kinds = [file.kind for file in opened.files if file.kind is not None]
        if len(kinds) < len(opened.files):
            is_of_statements = bool(
                options.is_any_given or excluded or confirm or snapshot_files or trust_empty or taken_at or live
            )
            export = _only_export(opened.files, is_kind_said=kind_name is not None, is_of_statements=is_of_statements)
            _import_export(export, database, is_kind_said=kind_name is not None, as_json=as_json)
            return
        snapshots = _snapshots(kinds, options, snapshot_files, taken_at, live=live)
        if trust_empty and not snapshots:
            raise click.UsageError("--trust-empty is for --snapshot and --live")
        statements = opened.statements()
        gc.set_threshold(*_GC_THRESHOLDS)
        with open_ledger(database) as ledger:
            report = import_statements(
                ledger,
                statements,
                progress,
                confirm=confirm,
                excluded=excluded,
                snapshots=snapshots,
                trust_empty=trust_empty,
                processes=processes or os.cpu_count() or 1,
            )
    _show_report(report, as_json=as_json)


def _opened(paths: Sequence[str], options: StatementOptions, stack: ExitStack) -> OpenedFiles:
    """Open the files until the stack is closed, and note which are left out. Refuses: ImportRefused when all are."""
    opened = OpenedFiles(paths, options, stack)
    for name in opened.left_out:
        say(f"note: {name} is left out, because it begins like no statement that is known")
    for name in opened.empty:
        say(f"note: {name} is left out, because it is an answer in which nothing stands")
    if not opened.files:
        raise ImportRefused("nothing stands in what was given, so there is nothing to import")
    return opened


def _only_export(files: Sequence[OpenedFile], *, is_kind_said: bool, is_of_statements: bool) -> OpenedFile:
    """The only file, which is no statement and so must be an export.

    Refuses: a usage error for several files, and for options of statements; ImportRefused for a file that is not JSON.
    """
    if len(files) > 1:
        other = next(file for file in files if file.kind is None)
        raise click.UsageError(
            f"{other.name} begins like no statement{other.nearest()}; several files are imported together where all "
            f"are statements. {_ANY_FILLS}"
        )
    (file,) = files
    if is_of_statements:
        raise click.UsageError(
            f"{file.name} begins like no statement that is known{file.nearest()}. {_ANY_FILLS}. What `export` wrote is "
            "imported without --timezone, --exchange, --account, --symbol, --strategy, --map, --exclude, --confirm, "
            "--snapshot, --trust-empty, --taken-at and --live, which are for statements"
        )
    if not is_kind_said and file.statement.start.form is not FileForm.JSON:
        raise ImportRefused(
            f"{file.name} begins like no file that is known{file.nearest()}. {_ANY_FILLS}; of what `export` writes "
            "only JSON Lines can be imported, for CSV and Parquet of it are for analysis"
        )
    return file


def _import_legacy(
    ctx: click.Context, files: Sequence[str], options: StatementOptions, *, confirm: bool, as_json: bool
) -> None:
    """Run `import-legacy`, found by its name: it is removed after the cut-over, so this module must not import it."""
    assert ctx.parent is not None, "a command of a group"
    group = ctx.parent.command
    assert isinstance(group, click.Group), "a group has the commands"
    old = group.get_command(ctx, "import-legacy")
    if (
        old is None
        or len(files) > 1
        or any((options.exchange, options.account, options.symbol, options.map_file, options.strategy))
    ):
        raise click.UsageError("--as legacy takes one dump, and of the options --timezone, --confirm and --json")
    if not confirm:
        raise click.UsageError("--as legacy writes at once, and says what it found; say --confirm to do that")
    ctx.invoke(old, dump=files[0], zone=options.zone, database=ctx.params["database"], as_json=as_json)


def _snapshots(
    kinds: Sequence[StatementKind],
    options: StatementOptions,
    files: Sequence[str],
    taken_at: datetime | None,
    *,
    live: bool,
) -> list[AccountSnapshot]:
    exchanges = {kind.exchange or options.exchange for kind in kinds}
    if len(exchanges) > 1 and (files or live):
        raise click.UsageError("--snapshot and --live are for statements of one exchange; these are of several")
    if taken_at is not None and len(files) != 1:
        raise click.UsageError("--taken-at is for one --snapshot")
    given = Given(exchanges.pop(), options.account, zone=options.zone)
    asked = [read_snapshot(live_document(given), given)] if live else []
    return [*(read_snapshot_file(name, replace(given, taken_at=taken_at)) for name in files), *asked]


def _import_export(file: OpenedFile, database: str | None, *, is_kind_said: bool, as_json: bool) -> None:
    try:
        export = ExportFile(file.stream)
    except ImportRefused as refused:
        near = f"; as a statement it is of no kind that is known{file.nearest()}. {_ANY_FILLS}"
        raise ImportRefused(refused.message + ("" if is_kind_said else near), **refused.details) from None
    with PositionLedger.connect(database) as ledger, progress("importing", export.nid) as advance:
        done = import_ledger(ledger.store, export, advance)
    if as_json:
        print_json(done.as_json())
    else:
        _print(done)


def _show_report(report: StatementReport, *, as_json: bool) -> None:
    if not (report.fills or report.payments or report.cycles or report.excluded):
        say("note: no fill and no payment stands in what was given")
    if as_json:
        print_json(report.as_json())
    else:
        _print_statement(report)
    if report.findings:
        raise SystemExit(REFUSED)


def _print_statement(report: StatementReport) -> None:
    show(
        f"{report.kind}: {counted(report.fills, 'fill')}, {report.fills_before:,} of them imported before",
        f"new: {counted(report.orders, 'order')} in {counted(report.cycles, 'cycle')}, "
        f"{report.open:,} of them open at the end",
    )
    if report.payments:
        show(f"{counted(report.payments, 'payment')}, {report.payments_before:,} of them imported before")
    if report.repeated:
        stand = "stands somewhere else, too, and is" if report.repeated == 1 else "stand somewhere else, too, and are"
        show(f"{counted(report.repeated, 'line')} {stand} taken once")
    figures = report.as_json()
    if report.first is not None:
        show(f"from {figures['first']} to {figures['last']}")
    unknown = f"; of {counted(report.fees_unknown, 'fill')} not known" if report.fees and report.fees_unknown else ""
    for name, key, more in (
        ("profit by its fills", "profit_ledger", ""),
        ("profit by the file", "profit_file", ""),
        ("fees", "fees", unknown),
    ):
        amounts = ", ".join(f"{amount} {currency}" for currency, amount in figures[key].items())
        show(f"{name}: {amounts or 'none known'}{more}")
    for name, amount in figures["cash"].items():
        show(f"{name.partition(' ')[0]}: {amount} {name.partition(' ')[2]}")
    for key, counts in report.excluded.items():
        fills, payments = counted(counts["fills"], "fill"), counted(counts["payments"], "payment")
        show(f"excluded: {key}, {fills} and {payments}")
    for finding in report.findings:
        show(f"finding: {finding}")
    show("written" if report.confirmed else "nothing was written: say --confirm to write it")


def _print(done: Imported) -> None:
    show(
        f"{counted(done.events, 'event')} and {counted(done.rejections, 'rejection')} imported; "
        f"{done.events_before:,} and {done.rejections_before:,} were there before"
    )
