"""The answer to a command, which is remembered so that the same command again gets it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain import events as e
from domain.alteration import TypedStruct
from domain.values import Status


class CommandResult(TypedStruct, frozen=True, gc=False):
    """The answer to a command: its events, and how the position stood after the last of them."""

    request: str
    position_id: str
    version: int
    status: Status | None
    events: tuple[str, ...] = ()
    client_order_id: str | None = None
    close_side: str | None = None
    close_quantity: Decimal | None = None
    quantity: Decimal | None = None
    """Held after the last event."""

    @property
    def lets_order(self) -> bool:
        """Whether it claimed an order, so that the bot may send it."""
        return not _REQUESTS.isdisjoint(self.events)


_REQUESTS: Final = frozenset(
    event.__name__ for event in (e.EntryRequested, e.IncreaseRequested, e.ExitRequested, e.RollbackStarted)
)


def answered(
    before: CommandResult | None, event: e.PositionEvent, status: Status | None, quantity: Decimal, order_id: str | None
) -> CommandResult:
    """The answer to a command after one more of its events; `before` is that of its earlier events.

    `order_id` is the client order id of the entry, which the answer names unless the event claims another order.
    """
    close_side, close_quantity = None, None
    if type(event) is e.RollbackStarted or type(event) is e.ExitRequested:
        order_id, close_side, close_quantity = event.client_order_id, event.close_side, event.close_quantity
    elif type(event) is e.IncreaseRequested:
        order_id = event.client_order_id
    return CommandResult(
        event.request,
        event.position_id,
        event.originator_version,
        status,
        (*(before.events if before else ()), type(event).__name__),
        order_id,
        close_side,
        close_quantity,
        quantity,
    )
