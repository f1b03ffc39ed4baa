"""`serve`: a web server that shows the present state of the ledger to browsers; it records no event."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from infrastructure.loopback import is_this_machine
from scripts.options.database import database_option, open_ledger
from scripts.options.filters import Filter, filter_options, tell_unheard
from scripts.options.params import ReadAs, refused_as
from scripts.options.time_window import age_option
from scripts.output import say

if TYPE_CHECKING:
    from scripts.serving.board import Board
    from scripts.serving.gate import AccessToken
    from scripts.serving.ledger_follower import LedgerFollower
    from scripts.serving.live_view import LiveView
    from scripts.serving.recent_results import RecentResults, ResultsReader
    from scripts.serving.web_server import WebServer

TOKEN_VARIABLE: Final = "LEDGER_SERVE_TOKEN"  # noqa: S105 - the name of a variable, not its value
PORT: Final = 8377
THREADS_MAX: Final = 4
"""How many pages are made at the same time; few, so that browsers do not slow down the bots at the database."""
_HOST_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:]+\]", re.ASCII)


def _host_name(text: str) -> str:
    """Read a host name as browsers send it, for comparison. Refuses: ValueError."""
    name = text.lower()
    if not _HOST_NAME.fullmatch(name):
        raise ValueError(
            f"{text!r:.80} is no name of a host: write it as browsers send it, without https:// and without a port, "
            "as ledger.example"
        )
    return name


@click.command("serve")
@database_option
@filter_options
@age_option
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    metavar="NUMBER",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="The port; 0 takes one that is free.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    type=ReadAs(_host_name),
    help="Also answer to this host name, for example that of a proxy; it needs a token.",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"The file with the token that browsers are asked for.  [default: {TOKEN_VARIABLE}]",
)
def command(
    *,
    database: str | None,
    wanted: Filter,
    age: timedelta,
    host: str,
    port: int,
    names: tuple[str, ...],
    token_file: Path | None,
) -> None:
    """Show the present state of the ledger in browsers, judged as `status` judges it, and updated as events come.

    It listens on this machine only, unless --host names another address. Then, and with --name, browsers need the
    token, which is read from a file or the environment and is never in a URL. Nothing is encrypted: put a proxy with
    TLS before it, or reach it through ssh.

    Exit code 0 when it was stopped, 2 for usage, 3 when the database could not be reached at the start.

    \b
    Examples:
      position-ledger serve
      position-ledger serve --port 8080 --exchange bybit
      ssh -L 8377:127.0.0.1:8377 trading.example
      position-ledger serve --host 0.0.0.0 --token-file /etc/position-ledger/token
    """
    try:
        from scripts.serving.board import Board  # noqa: PLC0415 - of an extra that others need not have
        from scripts.serving.gate import LOOPBACK, Gate  # noqa: PLC0415 - the same
        from scripts.serving.ledger_follower import LedgerFollower  # noqa: PLC0415 - the same
        from scripts.serving.recent_results import ResultsReader  # noqa: PLC0415 - the same
        from scripts.serving.web_app import web_app  # noqa: PLC0415 - the same
        from scripts.serving.web_server import WebServer  # noqa: PLC0415 - the same
    except ModuleNotFoundError as missing:
        raise click.UsageError(
            f"serve needs {missing.name}, which is not installed: pip install 'position-ledger[serve]'"
        ) from None
    token = _token(token_file)
    is_near = is_this_machine(host)
    if token is None and (names or not is_near):
        asked = f"--name {names[0]}" if names else f"--host {host}"
        raise click.UsageError(
            f"{asked} lets others look, and there is no token: put one of 16 or more letters into {TOKEN_VARIABLE}, or "
            "into a file for --token-file; without one it listens at 127.0.0.1"
        )
    with _listening(host, port) as listening, open_ledger(database) as ledger:
        tell_unheard(wanted, ledger.store)
        board, follower, results = Board(), LedgerFollower(ledger, wanted, age), ResultsReader(ledger, wanted)
        shown = " ".join([ledger.store.settings.shown, *wanted.words])
        pages = web_app(board, follower=follower, results=results, name=shown, token=token)
        app = Gate(pages, LOOPBACK | {*names} if is_near else None, token)
        where = f"[{host}]" if ":" in host else host
        address = f"http://{where}:{listening.getsockname()[1]}/"
        served = _served(follower, results, board, WebServer(app, board), listening, words=f"{address} shows {shown}")
        asyncio.run(served)
    say("stopped")


async def _served(
    follower: LedgerFollower,
    results: ResultsReader,
    board: Board,
    server: WebServer,
    listening: socket.socket,
    *,
    words: str,
) -> None:
    from anyio.to_thread import current_default_thread_limiter  # noqa: PLC0415 - of the extra

    from scripts.serving.page_parts import parts_of, parts_of_results  # noqa: PLC0415 - pages are drawn here alone

    server.heed_signals()
    say(f"{words}; Ctrl-C ends it")
    current_default_thread_limiter().total_tokens = THREADS_MAX
    loop = asyncio.get_running_loop()
    board.post({**parts_of(follower.view), **parts_of_results(None)})

    def publish(view: LiveView) -> None:
        loop.call_soon_threadsafe(board.post, parts_of(view))

    def publish_results(lately: RecentResults) -> None:
        loop.call_soon_threadsafe(board.post, parts_of_results(lately))

    threads = [
        asyncio.ensure_future(asyncio.to_thread(follower.run, publish)),
        asyncio.ensure_future(asyncio.to_thread(results.run, publish_results)),
    ]
    for each in threads:
        each.add_done_callback(lambda _: server.stop())  # without this thread the page would show an old state
    try:
        await server.serve(sockets=[listening])
    finally:
        follower.stop()
        results.stop()
        await asyncio.gather(*threads)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as wrong:
        raise click.UsageError(f"cannot listen at {host} port {port}: {wrong.strerror or wrong}") from None


def _token(file: Path | None) -> AccessToken | None:
    from scripts.serving.gate import AccessToken  # noqa: PLC0415 - of the extra

    secret = os.environ.get(TOKEN_VARIABLE, "") if file is None else file.read_text(encoding="utf-8").strip()
    if not secret and file is None:
        return None
    with refused_as(str(file or TOKEN_VARIABLE)):
        return AccessToken(secret)
