"""Commands that correct or end a cycle, in words."""

from __future__ import annotations

from domain.commands.base import Command
from domain.commands.order_requests import EndOrder
from domain.commands.requests import (
    Activate,
    Adjust,
    Adopt,
    Close,
    FailEntry,
    LoseStopLoss,
    RecordEntryPlaced,
    RollBack,
    SetStopLoss,
)
from domain.values import plain


def in_words(command: Command) -> str:
    """The command, for a person."""
    match command:
        case Adopt():
            held = f"{command.side.value} {plain(command.quantity)} at {plain(command.avg_px_open)}"
            return f"adopt {command.key}: {held}"
        case Adjust():
            price = "" if command.avg_px_open is None else f" at {plain(command.avg_px_open)}"
            quantity = "" if command.quantity is None else f" to {plain(command.quantity)}"
            return f"adjust {command.position_id}{quantity}{price}"
        case SetStopLoss():
            order = "of the position itself" if command.attached else f"order {command.exchange_order_id}"
            part = "" if command.quantity is None else f", for {plain(command.quantity)}"
            stop = f"{plain(command.stop_price)}, {order}{part}"
            if command.activate:
                return f"activate {command.position_id} under the stop at {stop}"
            return f"note the stop of {command.position_id}: {stop}"
        case LoseStopLoss():
            which = "the stop" if command.exchange_order_id is None else f"stop {command.exchange_order_id}"
            return f"note that {which} of {command.position_id} is lost"
        case Close():
            return f"close {command.position_id} without a price"
        case FailEntry():
            return f"end {command.position_id} as failed: its entry came to nothing"
        case RollBack():
            return f"end {command.position_id} as rolled back: the exchange holds nothing"
        case RecordEntryPlaced():
            return f"note that the entry of {command.position_id} is order {command.exchange_order_id}"
        case EndOrder():
            ended = command.exchange_order_id or command.client_order_id
            return f"note that order {ended} of {command.position_id} came to nothing more"
        case Activate():
            return f"activate {command.position_id} under the stop that is on record"
    raise AssertionError(f"{command.verb} neither corrects nor ends a cycle")
