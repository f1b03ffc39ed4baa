"""A row of the legacy table with typed values: what its cycle will be, before its place in the ledger is known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.commands.requests import ImportPosition
from domain.identifiers import PositionKey
from domain.values import Side, Status
from infrastructure.legacy.importing.import_findings import ImportFinding
from infrastructure.legacy.source.raw import RawRow

_ID_DIGITS_MAX: Final = 30
_SEPARATOR: Final = "\n"  # no part of an identity contains it


@dataclass(slots=True, eq=False)
class LegacyRow:
    """One row with typed values.

    Units: as in `ImportPosition`. `opening` is the opening time as the row has it: in UTC if it has a zone, else
    without one, so that the identity of a row does not depend on the zone in which a user reads it. `spelling` is the
    symbol and exchange as they are written.
    """

    raw: RawRow
    key: PositionKey
    spelling: str
    stream: str
    legacy_id: str | None
    status: Status
    side: Side
    quantity: Decimal
    avg_px_open: Decimal | None
    stop_price: Decimal | None
    stop_confirmed: bool
    realized_pnl: Decimal | None
    exit_reason: str | None
    exchange_order_id: str | None
    intent_id: str | None
    opening: datetime
    opened_at: datetime
    closed_at: datetime | None
    findings: list[ImportFinding] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the row in findings."""
        return self.legacy_id or f"line {self.raw.line}"

    @property
    def is_open(self) -> bool:
        """Whether it holds the slot of its key."""
        return self.status.is_open

    @property
    def order(self) -> tuple[datetime, int, int]:
        """Its place among the rows of its key: by opening, then by id as a number, then as in the file."""
        text = self.legacy_id or ""
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS_MAX else 10**_ID_DIGITS_MAX
        return self.opened_at, number, self.raw.line

    @property
    def identity(self) -> tuple[str, str, str]:
        """What stays the same when a row is dumped again; the id alone is not unique, because it was restarted."""
        return self.stream, self.legacy_id or "", self.opening.isoformat()

    def command_id(self, nth: int) -> str:
        """The id of the command that imports it, as the nth row of its identity; the same at every import."""
        text = _SEPARATOR.join(self.identity if nth == 1 else (*self.identity, str(nth)))
        return f"import:{hashlib.sha256(text.encode()).hexdigest()[:32]}"

    def command(self, command_id: str, *, claims_intent: bool, superseded_by: str | None = None) -> ImportPosition:
        """The command that imports the row, unchanged or as closed in favour of another row.

        Refuses: InvalidCommand for a value that no cycle can have.
        """
        closing = {
            "status": self.status,
            "exit_reason": self.exit_reason,
            "realized_pnl": self.realized_pnl,
            "closed_at": self.closed_at,
        }
        if superseded_by is not None:
            reason = f"import: superseded by {superseded_by} (two open rows of one key)"
            closing = {"status": Status.CLOSED, "exit_reason": reason}
        return ImportPosition.of(
            command_id=command_id,
            at=self.opened_at,
            opened_at=self.opened_at,
            symbol=self.key.symbol,
            exchange=self.key.exchange,
            side=self.side,
            quantity=self.quantity,
            avg_px_open=self.avg_px_open,
            stop_price=self.stop_price,
            stop_confirmed=self.stop_confirmed,
            exchange_order_id=self.exchange_order_id,
            intent_id=self.intent_id,
            claims_intent=claims_intent,
            legacy_id=self.legacy_id,
            findings=tuple(finding.note for finding in self.findings),
            row=self.raw.as_dict(),
            **closing,
        )
