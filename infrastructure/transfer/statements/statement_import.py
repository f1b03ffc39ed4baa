"""Fills of a statement become cycles: rehearsed in memory first, then written batch by batch, each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from domain.commands.base import Command
from domain.commands.requests import RecordEntryFill, RecordEntryPlaced, Reduce
from domain.errors import CommandRefused, InvalidCommand
from domain.events import PositionReduced
from domain.identifiers import PositionKey
from domain.values import Side, timestamp_text
from infrastructure.event_store.codec import decode
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.transfer.batch import LINES_MAX, Batch
from infrastructure.transfer.statements.fill_commands import PREFIX, KeyCommands, command_id_of, turned_id_of
from infrastructure.transfer.statements.statement_fill import StatementFill, StatementRefused
from infrastructure.transfer.statements.statement_report import ProfitComparison, StatementReport
from projections.positions import PositionRow
from projections.rebuild import Progress

_COMMANDS_MAX: Final = 1_000
"""How many commands are one transaction, but for the last fill of it."""

Fills = dict[PositionKey, list[StatementFill]]
Plan = tuple[KeyCommands, list[StatementFill]]
Rows = dict[str, PositionRow]


def import_statement(
    ledger: PositionLedger,
    kind: str,
    fills: Sequence[StatementFill],
    progress: Progress = lambda _: None,
    *,
    confirm: bool,
) -> StatementReport:
    """Take in fills, which are in their order: rehearsed beside a copy of their keys, and written when confirmed.

    Shape:   a fill that the ledger has from a statement is left out, so that it can be run again after it was stopped.
    Refuses: StatementRefused, and then nothing is written; StoreError, OutcomeUnknown.
    """
    by_key = _by_key(fills)
    plans = [_what_is_new(ledger, key, of_key) for key, of_key in by_key.items()]
    with PositionLedger.connect("sqlite:///:memory:") as rehearsal:
        _copy(ledger, rehearsal, by_key)
        before = {row.position_id: row for row in rehearsal.store.rows()}
        for key, new in plans:
            _send(rehearsal, key, new, (lambda _: None) if confirm else progress)
        rows = [row for row in rehearsal.store.rows() if row != before.get(row.position_id)]
    report = _report(kind, plans, rows, before, len(fills), confirmed=confirm)
    if confirm:
        for place, of_key in by_key.items():
            _send(ledger, *_what_is_new(ledger, place, of_key), progress)
    return report


def _copy(ledger: PositionLedger, rehearsal: PositionLedger, keys: Iterable[PositionKey]) -> None:
    events = [event for key in keys for event in ledger.store.history(key.stream)]
    batch = Batch(rehearsal.store, LINES_MAX)
    for number, event in enumerate(sorted(events, key=lambda event: event.id), start=1):
        batch.add_event(number, event)
    batch.write()


def _report(
    kind: str, plans: Sequence[Plan], rows: Sequence[PositionRow], before: Rows, fills: int, *, confirmed: bool
) -> StatementReport:
    new = [fill for _, of_key in plans for fill in of_key]
    said = {place: profit for key, _ in plans for place, profit in key.said.items()}
    closing = {place: count for key, _ in plans for place, count in key.closing.items()}
    compared = ProfitComparison()
    fees: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        place = row.position_id
        compared.take(row, before.get(place), said.get(place), closing.get(place, 0))
    for fill in new:
        if fill.fee:
            fees[fill.fee_currency or fill.key.settle or "unknown"] += fill.fee
    times = [fill.time for fill in new]
    return StatementReport(
        kind=kind,
        confirmed=confirmed,
        fills=fills,
        fills_before=fills - len(new),
        orders=len({(fill.key, fill.order_id) for fill in new}),
        cycles=len(rows),
        open=sum(row.status.is_open for row in rows),
        first=min(times, default=None),
        last=max(times, default=None),
        profit_ledger=compared.by_ledger,
        profit_file=compared.by_file,
        fees=dict(fees),
        findings=[
            *compared.findings,
            *(
                f"{place}: held before the file begins; its opening price follows from the profit that the file says"
                for key, _ in plans
                for place in key.derived
            ),
        ],
    )


def _by_key(fills: Sequence[StatementFill]) -> Fills:
    found: Fills = {}
    seen: dict[tuple[PositionKey, str], StatementFill] = {}
    for fill in fills:
        before = seen.setdefault((fill.key, command_id_of(fill)), fill)
        if before is not fill:
            raise StatementRefused.at(
                fill.line, f"trade {fill.trade_id} of {fill.key} stands on line {before.line:,} already"
            )
        found.setdefault(fill.key, []).append(fill)
    return found


def _what_is_new(ledger: PositionLedger, key: PositionKey, fills: list[StatementFill]) -> Plan:
    """The fills that the ledger does not have, and where its stream stands before them."""
    last = None
    known: set[str] = set()
    closed: dict[str, Decimal] = {}
    for recorded in ledger.store.history(key.stream):
        event = decode(recorded)
        if not event.has_cycle:
            continue
        if not event.command_id.startswith(PREFIX):
            raise StatementRefused(
                f"{key} has {event.position_id} of another origin (command {event.command_id}); a statement goes into "
                "a key that only statements were taken into, so import it into another ledger, or under --account"
            )
        known.add(event.command_id)
        if isinstance(event, PositionReduced):
            closed[event.command_id] = event.last_qty
        last = event
    new = [
        fill.split(closed[turned_id_of(fill)])[1] if turned_id_of(fill) in closed else fill
        for fill in fills
        if command_id_of(fill) not in known
    ]
    if last is None or not new:
        return KeyCommands(key), new
    if new[0].time < last.ts_event:
        raise StatementRefused.at(
            new[0].line,
            f"this fill of {key} at {timestamp_text(new[0].time)} is not in the ledger, which goes on until "
            f"{timestamp_text(last.ts_event)} already; what is older has to be imported first, into another ledger",
        )
    row = next(iter(ledger.store.rows(position_id=f"{key.stream}#{last.cycle}")))
    return KeyCommands(key, row.cycle, row.status.is_open, row.side is Side.LONG, row.quantity), new


def _send(ledger: PositionLedger, key: KeyCommands, fills: Sequence[StatementFill], progress: Progress) -> None:
    for lines, commands in _batches(key, fills):
        for line, answer in zip(lines, ledger.handle_many(commands), strict=True):
            if isinstance(answer, Receipt):
                continue
            if isinstance(answer, CommandRefused):
                raise StatementRefused.at(line, f"the ledger refuses what follows from it: {answer.message}")
            raise answer
        progress(sum(isinstance(command, RecordEntryFill | Reduce) for command in commands))


def _batches(key: KeyCommands, fills: Sequence[StatementFill]) -> Iterator[tuple[list[int], list[Command]]]:
    """What is one transaction; an opening is one of its own, for the store is asked whether it is told again."""
    lines: list[int] = []
    commands: list[Command] = []
    made = key.commands(fills)
    for fill in fills:
        try:
            of_fill = next(made)
        except InvalidCommand as wrong:
            raise StatementRefused.at(fill.line, wrong.message) from None
        for command in of_fill:
            if isinstance(command, RecordEntryPlaced):
                if commands:
                    yield lines, commands
                yield [fill.line], [command]
                lines, commands = [], []
            else:
                lines.append(fill.line)
                commands.append(command)
        if len(commands) >= _COMMANDS_MAX:
            yield lines, commands
            lines, commands = [], []
    if commands:
        yield lines, commands
