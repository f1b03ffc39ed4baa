"""The program position-ledger: it imports the module of a command when it is run, and turns errors into exit codes."""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final

import click

from projections.readable_text import readable
from scripts.catalogue import COMMANDS, GROUPS
from scripts.config_file import take_in
from scripts.output import StdoutLost, say

if TYPE_CHECKING:
    from domain.errors import LedgerError

REFUSED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
LOG_VARIABLE: Final = "LEDGER_LOG"
COMPLETE_VARIABLE: Final = "_POSITION_LEDGER_COMPLETE"
"""The environment variable by which a shell asks for completions, or for its completion script."""
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_GC_THRESHOLD: Final = 100_000
"""Allocations between garbage collections: with Python's default of 700, reading many rows took half as long again."""


class LazyGroup(click.Group):
    """Imports a command only when it is run, so that neither help nor a command waits for the imports of others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the groups."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of a name; None for an unknown name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name].module).command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command. Refuses: a usage error for an option that is there twice."""
        if not ctx.resilient_parsing:
            _once_each(ctx, self, args)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was named.

        Refuses: a usage error, which suggests commands of similar names, or names an option that is there twice.
        """
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches  # noqa: PLC0415 - only a wrong name needs it

            if near := get_close_matches(args[0], COMMANDS):
                ctx.fail(f"there is no command {args[0]!r:.80}; there is {' and '.join(near)}")
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _once_each(ctx, command, rest)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the commands with their summaries, group by group."""
        del ctx
        width = max(map(len, COMMANDS))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in commands.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; for an error of the ledger print it, and exit with its code."""
        from domain.errors import LedgerError  # noqa: PLC0415 - help needs nothing of the ledger

        try:
            return super().invoke(ctx)
        except LedgerError as error:
            _explain(error)
            raise click.exceptions.Exit(exit_code(error)) from None


def _once_each(ctx: click.Context, command: click.Command, words: list[str]) -> None:
    """Refuses: a usage error for an option that has one value, and is there twice: click would take the last one."""
    try:
        _, _, order = command.make_parser(ctx).parse_args(list(words))
    except click.UsageError:
        return  # it is refused when the command is run, with the usage of that command
    twice = (each for each in order if isinstance(each, click.Option) and order.count(each) > 1)
    if found := next((each for each in twice if not (each.multiple or each.is_flag or each.count)), None):
        ctx.fail(f"{found.opts[0]} is there twice, and has one value; say it once")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="position-ledger", message="position-ledger %(version)s")
@click.option("--database", metavar="URL", help="The ledger, as for the commands.  [default: LEDGER_DATABASE_URL]")
@click.pass_context
def cli(ctx: click.Context, database: str | None) -> None:
    """Decide which bot holds a position, and record everything that happens to it.

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
    """Run the command line, and exit with a code that says how it went."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for a terminal that cannot show a character
    gc.set_threshold(_GC_THRESHOLD)
    try:
        _open_streams()
        take_in()
        _log_as_asked()
        if COMPLETE_VARIABLE in os.environ:
            from scripts import bash_completion  # noqa: PLC0415 - only a shell that completes needs it

            bash_completion.register()
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        say("stopped")
        sys.exit(130)
    except click.ClickException as wrong:
        _show(wrong)
        sys.exit(wrong.exit_code)
    except BrokenPipeError:
        sys.exit(REFUSED)
    except StdoutLost as lost:
        say(str(lost.strerror))
        sys.exit(REFUSED)
    except (OSError, UnicodeError, OverflowError, RecursionError, MemoryError) as wrong:
        is_of_stdout = _is_of_stdout(wrong)
        say(f"{'stdout: ' if is_of_stdout else ''}{type(wrong).__name__}: {wrong}")
        sys.exit(REFUSED if is_of_stdout else USAGE)
    finally:
        _give_up_what_is_buffered()


def _open_streams() -> None:
    """Make stdin, stdout and stderr what every command counts on.

    A closed stdin or stderr is replaced, so that no file or connection gets its descriptor. One that somebody who
    shares it made non-blocking waits again: else what was read would end where nothing had come yet, and what was
    printed would be cut off where there was no room yet. Refuses: UsageError for a closed stdout.
    """
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - it stays open as long as the process
    if sys.stdout is None:
        raise click.UsageError(
            "stdout is closed, so there is nowhere to answer to; send it somewhere, to /dev/null if nobody reads it"
        )
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as above
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with suppress(io.UnsupportedOperation):  # a program that runs us may have put a text in its place
            os.set_blocking(stream.fileno(), True)
    if isinstance(sys.stdout, io.TextIOWrapper) and isinstance(sys.stdout.buffer, io.FileIO):
        sys.stdout = _buffered(sys.stdout)


def _buffered(unbuffered: io.TextIOWrapper) -> io.TextIOWrapper:
    """Stdout with the buffer that PYTHONUNBUFFERED took from it: without one nobody notices a write of a part."""
    number, encoding, errors = unbuffered.fileno(), unbuffered.encoding, unbuffered.errors
    return os.fdopen(number, "w", encoding=encoding, errors=errors, closefd=False)


def _log_as_asked() -> None:
    """Log to stderr messages of the level that LEDGER_LOG names and above; without it nothing is logged."""
    level = os.environ.get(LOG_VARIABLE)
    if not level:
        return
    import logging  # noqa: PLC0415 - help needs nothing of it
    import time  # noqa: PLC0415 - as above

    if level.upper() not in LEVELS:
        raise click.UsageError(f"{LOG_VARIABLE} is {level!r:.40}; it is {', '.join(LEVELS).lower()}")
    written = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    written.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(written)
    logger = logging.getLogger("position_ledger")  # only this logger: exchange clients may log an API key
    logger.addHandler(handler)
    logger.setLevel(level.upper())


def exit_code(error: LedgerError) -> int:
    """The exit code for an error of the ledger."""
    from domain.errors import OutcomeUnknown, StoreError  # noqa: PLC0415 - help needs nothing of the ledger
    from infrastructure.settings import InvalidSettings  # noqa: PLC0415 - help needs nothing of the ledger

    if isinstance(error, InvalidSettings):
        return USAGE
    return UNREACHABLE if isinstance(error, StoreError | OutcomeUnknown) else REFUSED


def _explain(error: BaseException) -> None:
    from projections.health.checks import naming_ledger  # noqa: PLC0415 - help needs nothing of the ledger

    message = naming_ledger(f"{type(error).__name__}: {error}")
    say(message)
    cause = error.__cause__
    while cause is not None:
        why = " ".join(str(cause).split())
        if why not in message:
            say(f"  because: {why}")
        cause = cause.__cause__


def _show(wrong: click.ClickException) -> None:
    """Show a usage error as click does, but with its message on one line: it may repeat a file or an argument."""
    shown = io.StringIO()
    wrong.show(shown)
    text = shown.getvalue()
    if wrong.message and not isinstance(wrong, click.exceptions.NoArgsIsHelpError):
        text = text.replace(wrong.message, readable(wrong.message))
    for line in text.removesuffix("\n").split("\n"):
        say(line)


def _is_of_stdout(wrong: BaseException) -> bool:
    """Whether click could not print help or the version; a command that cannot print refuses with StdoutLost."""
    *_, (innermost, _) = walk_tb(wrong.__traceback__)
    return innermost.f_code is click.echo.__code__


def _give_up_what_is_buffered() -> None:
    """Discard what could not be printed, so that Python does not try again when it exits, and exit with 120."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
