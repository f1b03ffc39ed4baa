"""`record`: JSON commands on stdin, one JSON receipt per line on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import click

from domain.commands.requests import COMMANDS, command_from_json
from domain.errors import CommandRefused, InvalidCommand, LedgerError
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import error_as_json
from infrastructure.operations.json_queries import protocol_schema, query_from_json
from projections.health.checks import naming_ledger
from scripts.cli import REFUSED, UNREACHABLE, exit_code
from scripts.options.database import database_option
from scripts.output import print_json, print_json_line

LINE_BYTES_MAX: Final = 1_000_000


@click.command(
    "record",
    epilog=f"Commands: {', '.join(COMMANDS)}. The fields of one are named when it is refused for want of them.",
)
@database_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a line and of its answer, and do nothing else.")
def command(database: str | None, *, schema: bool) -> None:
    """Record commands, one JSON object on each line of stdin; each is answered by one line of JSON on stdout.

    A line may be a question as well: {"query": "positions", "open": true}, {"query": "position", "position_id": …},
    {"query": "pending_orders"}, {"query": "receipt", "command_id": …}.

    Every answer is flushed before the next line is read, so a bot can wait for it; a bad line is answered like any
    other. The ledger is created when it does not exist, and stderr says where.

    \b
    What a bot does with its order at each answer to a request for one:
      recorded  send it, with client_order_id: may_order is true
      replayed  look it up at the exchange by client_order_id, never send
      refused   send nothing

    Exit code 0 when every line was accepted, 1 when one was refused, 3 when the database could not be reached or
    the outcome of a command is unknown.

    \b
    Examples:
      echo '{"command": "activate", "position_id": "APTUSDT.binance#1"}' | position-ledger record
      position-ledger record --database sqlite:///bot.db < commands.jsonl > receipts.jsonl
    """
    if schema:
        print_json(protocol_schema())
        return
    worst = 0
    with PositionLedger.connect(database) as ledger:
        for line in _lines(sys.stdin.buffer):
            answer, code = _answered(ledger, line)
            print_json_line(answer)
            worst = max(worst, code)
    raise SystemExit(worst)


def _answered(ledger: PositionLedger, line: bytes) -> tuple[dict[str, Any], int]:
    try:
        if len(line) > LINE_BYTES_MAX:
            raise InvalidCommand(f"this line is longer than {LINE_BYTES_MAX:,} bytes")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as wrong:
            raise InvalidCommand(f"this line is not UTF-8: {wrong}") from None
        if (query := query_from_json(text)) is not None:
            return {"ok": True, "query": query.name, **query.answer(ledger)}, 0
        return ledger.handle(command_from_json(text)).as_json(), 0
    except CommandRefused as refusal:
        return _explained(refusal), REFUSED
    except LedgerError as error:
        return _explained(error), exit_code(error)


def _explained(error: LedgerError) -> dict[str, Any]:
    return {**error_as_json(error), "message": naming_ledger(error.message)}


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines that are not blank; too long a line is cut, but stays so long that it is refused."""
    while line := stream.readline(LINE_BYTES_MAX + 2):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(LINE_BYTES_MAX)
        if line.strip():
            yield line.rstrip(b"\r\n")


assert REFUSED < UNREACHABLE, "the worst exit code is the highest"
