"""What a command that ends an unfinished cycle does, in words."""

from __future__ import annotations

from domain.command import Command
from domain.commands import (
    Activate,
    Adjust,
    Close,
    FailEntry,
    LoseStopLoss,
    RecordEntryPlaced,
    RollBack,
    SetStopLoss,
)
from domain.values import plain


def ending_in_words(command: Command) -> str:
    """The command, for a person."""
    match command:
        case FailEntry():
            return f"end {command.position_id} as failed: its entry came to nothing"
        case RollBack():
            return f"end {command.position_id} as rolled back: the exchange holds nothing"
        case Close():
            return f"close {command.position_id}, at a price that is not known"
        case RecordEntryPlaced():
            return f"note that the entry of {command.position_id} is order {command.exchange_order_id}"
        case Adjust():
            return f"adjust {command.position_id} to what the exchange holds"
        case SetStopLoss():
            what = "activate" if command.activate else "note the stop of"
            under = " under the stop" if command.activate else ""
            stop = f"{plain(command.stop_price)}, order {command.exchange_order_id}"
            return f"{what} {command.position_id}{under} at {stop}"
        case LoseStopLoss():
            return f"note that the stop of {command.position_id} is lost"
        case Activate():
            return f"activate {command.position_id} under the stop that is on record"
    raise AssertionError(f"{command.verb} ends no cycle")
