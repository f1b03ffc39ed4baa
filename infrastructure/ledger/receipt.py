"""Receipts, and errors as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Literal

from domain.aggregate.state import CommandResult
from domain.errors import LedgerError
from domain.json_object import JsonObject
from domain.values import Status


@dataclass(frozen=True)
class Receipt(JsonObject):
    """A command was accepted: `recorded` now, or `replayed` because it had been accepted before.

    `client_order_id` is what to send with the entry order, and after `start_rollback` with the closing order. For that
    one, `close_side` and `close_quantity` say what it must be: reduce-only, and never computed anywhere else.
    """

    outcome: Literal["recorded", "replayed"]
    position_id: str
    status: Status
    version: int
    client_order_id: str | None
    events: tuple[str, ...]
    close_side: str | None = None
    close_quantity: Decimal | None = None

    ok: ClassVar = True
    json_keys: ClassVar = (
        "ok",
        "outcome",
        "position_id",
        "status",
        "version",
        "client_order_id",
        "events",
        "close_side?",
        "close_quantity?",
    )

    @classmethod
    def of(cls, outcome: Literal["recorded", "replayed"], answer: CommandResult) -> Receipt:
        """The receipt of what a position answered."""
        return cls(
            outcome,
            answer.position_id,
            answer.status,
            answer.version,
            answer.client_order_id,
            answer.events,
            answer.close_side,
            answer.close_quantity,
        )


def error_as_json(error: LedgerError) -> dict[str, Any]:
    """A refusal as `record` prints it."""
    return {"ok": False, "error": type(error).__name__, "message": error.message, **error.details}
