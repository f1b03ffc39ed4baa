"""Receipts, and errors as JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Literal

from domain.aggregate.command_result import CommandResult
from domain.aggregate.row import PositionRow
from domain.alteration import TypedStruct
from domain.errors import LedgerError
from domain.json_object import JsonObject
from domain.values import Status


class Receipt(JsonObject, TypedStruct, frozen=True, gc=False):
    """A command was accepted: `recorded` now, or `replayed` because it had been accepted before.

    `status`, `version` and `quantity` are those of the first answer; `current_status` and `current_version` say how the
    position stands now. Send an order only when `may_order` is true: its request was recorded now, not replayed. Send
    it with `client_order_id`; a closing order must be reduce-only and have exactly `close_side` and `close_quantity`,
    which nobody else should compute.
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

    ok: ClassVar = True
    json_keys: ClassVar = (
        "ok",
        "outcome",
        "position_id",
        "status",
        "version",
        "client_order_id",
        "events",
        "may_order",
        "quantity",
        "current_status",
        "current_version",
        "close_side?",
        "close_quantity?",
        "reduce_only?",
    )

    @property
    def reduce_only(self) -> bool | None:
        """True where a closing order is promised, which always must be reduce-only; None where none is."""
        return None if self.close_side is None else True

    @classmethod
    def of(cls, outcome: Literal["recorded", "replayed"], answer: CommandResult, row: PositionRow | None) -> Receipt:
        """The receipt for a command's result; `row` is how the position stands now."""
        return cls(
            outcome=outcome,
            position_id=answer.position_id,
            status=answer.status,
            version=answer.version,
            client_order_id=answer.client_order_id,
            events=answer.events,
            close_side=answer.close_side,
            close_quantity=answer.close_quantity,
            quantity=answer.quantity,
            current_status=answer.status if row is None else row.status,
            current_version=answer.version if row is None else max(row.version, answer.version),
            may_order=outcome == "recorded" and answer.lets_order,
        )


def error_as_json(error: LedgerError) -> dict[str, Any]:
    """A refusal as `record` prints it."""
    return {"ok": False, "error": type(error).__name__, "message": error.message, **error.details}
