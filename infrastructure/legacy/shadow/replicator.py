"""The replication of changes of a legacy table into a ledger, one by one; a difference of the two is a divergence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from domain.commands.base import Command
from domain.errors import CommandRefused
from domain.values import Status, plain
from infrastructure.event_store.codec import decode
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.legacy.shadow import change_translation
from infrastructure.legacy.shadow.capture.change import ChangeReader, TableChange, same
from infrastructure.legacy.shadow.comparison import differences, told
from infrastructure.legacy.shadow.divergence import Divergence, DivergenceKind
from infrastructure.legacy.shadow.replicated import ReplicatedKey, outbox_id
from infrastructure.legacy.source.legacy_row import LegacyRow
from projections.positions import PositionRow, project

LastChange = Callable[[str, int], TableChange | None]
"""The last change of a row up to a number; None when there was none until then, or when it cannot be read."""


class Replicator:
    """Replicates changes in their order; a change that was replicated before is known by its number, and skipped.

    Its whole state is derived from the ledger and the outbox, so that it may be stopped at any time.
    """

    def __init__(self, ledger: PositionLedger, reader: ChangeReader, last_change: LastChange) -> None:
        """Replicate into a ledger of its own, which no bot uses."""
        self._ledger, self._reader, self._last_change = ledger, reader, last_change
        self._keys: dict[str, ReplicatedKey] = {}
        self.commands = 0

    def take(self, change: TableChange) -> Iterator[Divergence]:
        """Send the commands of a change, and compare. Refuses: StoreError, OutcomeUnknown."""
        known = self._known(change)
        if change.id < known.last_change:
            self.recall(change)
            return
        if change.is_passing or self._was_imported(change, known):
            return
        if change.after is None:
            yield from self._deleted(change, known)
        elif change.opens:
            yield from self._opened(change, known)
        elif change.before is None:
            yield _found(DivergenceKind.NOT_MIRRORED, change, None, f"it was inserted as {change.row.status.value}")
        else:
            yield from self._changed(change, known)

    def recall(self, change: TableChange) -> None:
        """Restore to which position a row belongs, by a change that was replicated before."""
        known, name = self._known(change), change.row.name
        if change.is_passing or self._was_imported(change, known):
            return
        if change.after is not None and change.after.is_open and (change.opens or name not in known.positions):
            position_id = known.opened.get(change.id) or known.holder_before(change.id)
            if position_id is not None:
                known.positions[name] = position_id

    def _known(self, change: TableChange) -> ReplicatedKey:
        stream = change.row.stream
        if stream not in self._keys:
            self._keys[stream] = ReplicatedKey.read(self._ledger, stream)
        return self._keys[stream]

    def _was_imported(self, change: TableChange, known: ReplicatedKey) -> bool:
        """Whether the import of a row included this change already, because the imported row is a later state."""
        name = change.row.name
        imported = known.imports.get(name)
        is_joined = name in known.joined and known.joined[name] <= change.id
        if imported is None or is_joined or change.at > imported.ts_recorded:
            return False
        if change.before is not None and same(change.before, self._reader.row(imported.row)):
            known.joined[name] = change.id
            return False
        return True

    # -- rows that come and go ----------------------------------------------------------------------------------

    def _opened(self, change: TableChange, known: ReplicatedKey) -> Iterator[Divergence]:
        """Replicate a row that is open from now on; a closed row that is opened again is a new position."""
        change = replace(change, before=None)
        is_claimed = change.id in known.opened
        holder = None if is_claimed else self._holder(change.row.stream)
        if holder is not None:
            yield from self._second(change, known, holder)
            return
        if not is_claimed:
            yield from self._claim(change, known)
        if change.id in known.opened:
            yield from self._follow(change, known, self._ledger.position(known.positions[change.row.name]))

    def _claim(self, change: TableChange, known: ReplicatedKey) -> Iterator[Divergence]:
        """Claim the slot as the old bot should have; a position that exists in spite of a refusal is recorded."""
        row = change.row
        try:
            receipt = self._send(change_translation.claim(change), known)
            if receipt.outcome == "recorded":
                known.opened[change.id] = receipt.position_id
                return
            message = f"signal {row.intent_id} opened {receipt.position_id} before, so the ledger answers replayed"
            yield _found(DivergenceKind.REFUSED, change, receipt.position_id, message, rule="replayed")
        except CommandRefused as refusal:
            yield _refused(change, None, refusal)
        if row.intent_id is not None:
            with suppress(CommandRefused):
                known.opened[change.id] = self._send(change_translation.taking_in(change), known).position_id

    def _second(self, change: TableChange, known: ReplicatedKey, holder: PositionRow) -> Iterator[Divergence]:
        row = change.row
        others = [f"row {name}" for name in known.rows_of(holder.position_id) if name != row.name]
        try:
            answer: str = self._send(change_translation.claim(change), known).outcome
        except CommandRefused as refusal:
            answer = type(refusal).__name__
        known.positions[row.name] = holder.position_id
        message = (
            f"{_described(row)} was opened beside {', '.join(others) or 'what no row tells'}: {holder.position_id} is "
            f"{holder.status.value}, so the ledger answers {answer}"
        )
        yield _found(
            DivergenceKind.SECOND_ROW, change, holder.position_id, message, answer=answer, row=row.raw.as_dict()
        )
        if change_translation.is_sighting(row) and row.side is holder.side:
            try:
                self._send(change_translation.sighting(change, holder), known)
            except CommandRefused as refusal:
                yield _refused(change, holder.position_id, refusal)

    def _deleted(self, change: TableChange, known: ReplicatedKey) -> Iterator[Divergence]:
        position_id = known.positions.get(change.row.name)
        if position_id is not None and change.row.is_open and self._ledger.position(position_id).status.is_open:
            message = f"{_described(change.row)} was deleted; what became of the position nobody says"
            yield _found(DivergenceKind.DELETED, change, position_id, message)

    # -- rows that go on ----------------------------------------------------------------------------------------

    def _changed(self, change: TableChange, known: ReplicatedKey) -> Iterator[Divergence]:
        row = change.row
        position_id = known.positions.get(row.name)
        if position_id is not None:
            yield from self._follow(change, known, self._ledger.position(position_id))
        elif row.is_open or (change.before is not None and change.before.is_open):
            message = f"{_described(row)} was neither imported nor inserted since the trigger is there"
            yield _found(DivergenceKind.NOT_IMPORTED, change, None, message)
            if row.is_open:
                yield from self._opened(change, known)

    def _follow(self, change: TableChange, known: ReplicatedKey, position: PositionRow) -> Iterator[Divergence]:
        """Replicate what a row says about its position, and compare the two unless the ledger refused a command."""
        row = change.row
        if position.status.is_open and not row.is_open:
            if row.status is Status.ROLLED_BACK:
                yield _unproven(change, position)
                return
            if still_open := self._open_beside(change, known, position):
                yield _contradicted(change, position, still_open)
                return
        refusals = []
        if position.status.is_open:
            refusals = list(self._send_news(change, known, position))
            yield from refusals
        if not refusals:
            yield from self._compare(change, known, self._ledger.position(position.position_id))

    def _send_news(self, change: TableChange, known: ReplicatedKey, position: PositionRow) -> Iterator[Divergence]:
        news = change_translation.news(change, position)
        while True:
            try:
                command = next(news, None)
                if command is None:
                    return
                self._send(command, known)
            except CommandRefused as refusal:
                yield _refused(change, position.position_id, refusal)

    def _open_beside(self, change: TableChange, known: ReplicatedKey, position: PositionRow) -> list[str]:
        """Other rows of a position that are open in the old table."""
        return [
            name
            for name in known.rows_of(position.position_id)
            if name != change.row.name and self._is_open(name, change.id, known)
        ]

    def _is_open(self, name: str, change: int, known: ReplicatedKey) -> bool:
        last = self._last_change(name, change)
        if last is None:
            return known.was_imported_open(name)
        return last.after is not None and last.after.is_open

    def _compare(self, change: TableChange, known: ReplicatedKey, position: PositionRow) -> Iterator[Divergence]:
        found = differences(change.row, position, is_new=change.before is None)
        message = told(found)
        if found and message != self._told_before(change, known, position):
            facts = {name: {"legacy": here, "ledger": there} for name, (here, there) in found.items()}
            yield _found(DivergenceKind.DIFFERS, change, position.position_id, message, differences=facts)

    def _told_before(self, change: TableChange, known: ReplicatedKey, position: PositionRow) -> str | None:
        """The differences at the previous change of the row, in words; None when it was not compared then."""
        if change.before is None:
            return None
        earlier = self._last_change(change.row.name, change.id - 1)
        while earlier is not None and earlier.is_passing:
            earlier = self._last_change(change.row.name, earlier.id - 1)
        if earlier is None or earlier.after is None or (earlier.opens and earlier.id not in known.opened):
            return None
        then = self._as_of(earlier, position)
        if then is None or _was_refused(earlier, then):
            return None
        return told(differences(earlier.after, then, is_new=earlier.opens))

    def _as_of(self, change: TableChange, position: PositionRow) -> PositionRow | None:
        """A position as it was after a change."""
        then: PositionRow | None = None
        for event in map(decode, self._ledger.store.history(position.stream, position.cycle)):
            number = outbox_id(event.metadata)
            if (event.ts_recorded <= change.at) if number is None else (number <= change.id):
                then = project(then, event)
        return then

    # -- the ledger ---------------------------------------------------------------------------------------------

    def _holder(self, stream: str) -> PositionRow | None:
        cycle = max((event.cycle for event in self._ledger.store.load(stream)), default=None)
        if cycle is None:
            return None
        position = self._ledger.position(f"{stream}#{cycle}")
        return position if position.status.is_open else None

    def _send(self, command: Command, known: ReplicatedKey) -> Receipt:
        receipt = self._ledger.handle(command)
        if receipt.outcome == "recorded":
            self.commands += 1
            assert receipt.status is not None, "a row of the table is a cycle"
            known.remember(command.metadata, receipt.position_id, is_open=receipt.status.is_open)
        return receipt


def _was_refused(change: TableChange, left: PositionRow) -> bool:
    """Whether the ledger refused a change: it would still have a command for the position as it was after it."""
    try:
        return left.status.is_open and next(change_translation.news(change, left), None) is not None
    except CommandRefused:
        return True


def _described(row: LegacyRow) -> str:
    price = "a price that is not known" if row.avg_px_open is None else plain(row.avg_px_open)
    order = f"order {row.exchange_order_id}" if row.exchange_order_id else "no order"
    return f"{row.side.value} {plain(row.quantity)} at {price} ({order}, {row.status.value})"


def _found(
    kind: DivergenceKind, change: TableChange, position_id: str | None, message: str, **facts: Any
) -> Divergence:
    return Divergence(kind, change.id, change.at, change.row.name, position_id, message, facts)


def _refused(change: TableChange, position_id: str | None, refusal: CommandRefused) -> Divergence:
    rule = type(refusal).__name__
    return _found(DivergenceKind.REFUSED, change, position_id, f"{rule}: {refusal.message}", rule=rule)


def _unproven(change: TableChange, position: PositionRow) -> Divergence:
    message = (
        f"it is rolled back ({change.row.exit_reason or 'no reason given'}), but nothing proves that "
        f"{position.position_id} is flat; it stays {position.status.value}. Look at the exchange"
    )
    return _found(DivergenceKind.ROLLBACK_WITHOUT_PROOF, change, position.position_id, message)


def _contradicted(change: TableChange, position: PositionRow, still_open: list[str]) -> Divergence:
    message = (
        f"it is {change.row.status.value}, but row {', '.join(still_open)} of {position.position_id} is still open; "
        f"the position stays {position.status.value}. Look at the exchange"
    )
    return _found(DivergenceKind.CONTRADICTED, change, position.position_id, message, open_rows=still_open)
