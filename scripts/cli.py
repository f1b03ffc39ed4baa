"""position-ledger: one line a command, each a module beside this one."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Final

import click

from domain.errors import LedgerError, OutcomeUnknown, StoreError
from infrastructure.settings import InvalidSettings
from projections.formatting import readable
from scripts.output import say

COMMANDS: Final = {
    "init": "scripts.commands.daily.init",
    "record": "scripts.commands.daily.record",
    "positions": "scripts.commands.daily.positions",
    "history": "scripts.commands.daily.history",
    "stats": "scripts.commands.daily.stats",
    "report": "scripts.commands.daily.report",
    "projections": "scripts.commands.audit.projections",
    "rebuild": "scripts.commands.audit.rebuild",
    "verify": "scripts.commands.audit.verify",
    "anchor": "scripts.commands.audit.anchor",
    "export": "scripts.commands.audit.export",
    "import": "scripts.commands.audit.import_ledger",
    "import-legacy": "scripts.legacy.import_legacy",
    "shadow": "scripts.legacy.shadow",
    "diagnose": "scripts.commands.operate.diagnose",
    "reconcile": "scripts.commands.operate.reconcile",
    "recover": "scripts.commands.operate.recover",
    "analyze-logs": "scripts.legacy.analyze_logs",
    "cleanup": "scripts.legacy.cleanup",
    "reproduce": "scripts.commands.demonstrate.reproduce",
    "bench": "scripts.commands.demonstrate.bench",
    "demo": "scripts.commands.demonstrate.demo",
}

REFUSED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3


class LazyGroup(click.Group):
    """Imports a command when it is asked for, so that none waits for what the others need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of a day's work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="position-ledger", message="position-ledger %(version)s")
@click.option("--database", metavar="URL", help="The ledger, as for the commands.  [default: LEDGER_DATABASE_URL]")
@click.pass_context
def cli(ctx: click.Context, database: str | None) -> None:
    """A ledger that trading bots trust with their positions.

    Exit codes: 0 fine; 1 refused, or findings; 2 usage; 3 the database could not be reached, or the outcome of a
    command is unknown.

    \b
    Examples:
      position-ledger demo
      position-ledger init --database sqlite:///ledger.db
      echo '{"command": "request_entry", "symbol": "APT/USDT:USDT", "exchange": "binance", "side": "short",
             "quantity": "61.8", "intent_id": "5483266"}' | tr -d '\\n' | position-ledger record
      position-ledger positions --open
      position-ledger history APTUSDT.binance#1
    """
    ctx.obj = database


def main() -> None:
    """Run the command line; the exit code says how it went."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a person reads on where a terminal knows no such letter
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        say("stopped")
        sys.exit(130)
    except click.ClickException as wrong:
        _show(wrong)
        sys.exit(wrong.exit_code)
    except LedgerError as error:
        _explain(error)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        _give_up_stdout()
        sys.exit(REFUSED)
    except (OSError, UnicodeError, OverflowError, RecursionError) as wrong:
        is_of_stdout = _is_stdout_lost()
        say(f"{'stdout: ' if is_of_stdout else ''}{type(wrong).__name__}: {wrong}")
        sys.exit(REFUSED if is_of_stdout else USAGE)


def exit_code(error: LedgerError) -> int:
    """Which exit code an error of the ledger means."""
    if isinstance(error, InvalidSettings):
        return USAGE
    return UNREACHABLE if isinstance(error, StoreError | OutcomeUnknown) else REFUSED


def _explain(error: BaseException) -> None:
    say(f"{type(error).__name__}: {error}")
    cause = error.__cause__
    while cause is not None:
        say(f"  because: {' '.join(str(cause).split())}")
        cause = cause.__cause__


def _show(wrong: click.ClickException) -> None:
    """Show a usage error as click does, what it repeats of a file or an argument on one line."""
    shown = io.StringIO()
    wrong.show(shown)
    text = shown.getvalue().replace(wrong.message, readable(wrong.message)) if wrong.message else shown.getvalue()
    for line in text.removesuffix("\n").split("\n"):
        say(line)


def _is_stdout_lost() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        _give_up_stdout()
        return True
    return False


def _give_up_stdout() -> None:
    """Nobody takes what is left, so that it is not tried again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
