"""What the ledger answers, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from domain.errors import LedgerError
from domain.row import PositionRow
from domain.state import CommandResult
from domain.values import Status, plain


@dataclass(frozen=True)
class Receipt:
    """A command was accepted: `recorded` now, or `replayed` because it had been accepted before.

    `status`, `version` and `quantity` are those of the first answer; `current_status` and `current_version` say how the
    position stands now. An order may be sent only on `may_order`: when a request for it is recorded now. Then
    `client_order_id` is what to send with it, and for one that closes `close_side` and `close_quantity` say what it
    must be: reduce-only, and never computed anywhere else.
    """

    outcome: Literal["recorded", "replayed"]
    position_id: str
    status: Status | None
    version: int
    client_order_id: str | None
    events: tuple[str, ...]
    close_side: str | None = None
    close_quantity: Decimal | None = None
    quantity: Decimal | None = None
    current_status: Status | None = None
    current_version: int | None = None
    may_order: bool = False

    @classmethod
    def of(cls, outcome: Literal["recorded", "replayed"], answer: CommandResult, row: PositionRow | None) -> Receipt:
        """Hand on the answer of a position, whose row is this now."""
        return cls(
            outcome,
            answer.position_id,
            answer.status,
            answer.version,
            answer.client_order_id,
            answer.events,
            answer.close_side,
            answer.close_quantity,
            answer.quantity,
            answer.status if row is None else row.status,
            answer.version if row is None else max(row.version, answer.version),
            outcome == "recorded" and answer.lets_order,
        )

    def as_json(self) -> dict[str, Any]:
        """The receipt as `record` prints it."""
        receipt: dict[str, Any] = {
            "ok": True,
            "outcome": self.outcome,
            "position_id": self.position_id,
            "status": self.status and self.status.value,
            "version": self.version,
            "client_order_id": self.client_order_id,
            "events": list(self.events),
            "may_order": self.may_order,
            "quantity": None if self.quantity is None else plain(self.quantity),
            "current_status": self.current_status and self.current_status.value,
            "current_version": self.current_version,
        }
        if self.close_side is not None and self.close_quantity is not None:
            receipt |= {
                "close_side": self.close_side,
                "close_quantity": plain(self.close_quantity),
                "reduce_only": True,
            }
        return receipt


def error_as_json(error: LedgerError) -> dict[str, Any]:
    """A refusal as `record` prints it."""
    return {"ok": False, "error": type(error).__name__, "message": error.message, **error.details}
