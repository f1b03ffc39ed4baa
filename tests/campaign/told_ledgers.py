"""Ledgers at random: conversations about several keys of several accounts, told in turn and by clocks that differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.requests import Adjust, Close, FailEntry, RecordEntryFill, Reduce, RequestEntry, SetStopLoss
from domain.errors import CommandRefused
from domain.identifiers import PositionKey
from domain.values import Leg, Side
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from tests.spec import second
from tests.strategies import Dice, conversations, place_of

KEYS: Final = (
    PositionKey("APTUSDT", "binance"),
    PositionKey("APTUSDT", "binance", "sub1"),
    PositionKey("ETHUSDT", "bybit", None, Leg.LONG),
    PositionKey("ETHUSDT", "bybit", None, Leg.SHORT),
    PositionKey("SHIBUSDT", "binance", None, Leg.SPOT),
    PositionKey("BTC/USD:BTC", "bybit", "sub1"),
)
_GAPS: Final = (5.0, 1.0, 0.25, 20.0, 40.0, 100.0, 5_000.0)
"""Seconds from one command to the next."""
_OFFSETS: Final = (0.0, 0.0, 0.0, None, -0.5, -20.0, -300.0, 15.0, 45.0)
"""By how many seconds a command says that it happened later than it is recorded; None says nothing."""
_STEPS: Final = 30


@dataclass(frozen=True)
class Told:
    """A command, when it is recorded, and when it says that it happened."""

    command: Command
    recorded_at: datetime


@dataclass(frozen=True)
class ToldLedger:
    """What a ledger is told, in order, and when all commands are asked about it."""

    told: tuple[Told, ...]
    now: datetime

    def write(self, url: str) -> None:
        """Tell it to an empty ledger, which accepts some of it and refuses the rest."""
        numbers, clock = count(1), Clock()
        ledger = PositionLedger(open_store(Settings.read(url)), clock=clock, new_id=lambda: f"told{next(numbers)}")
        with ledger:
            for each in self.told:
                clock.at = each.recorded_at
                with suppress(CommandRefused):
                    ledger.handle(each.command)


class Clock:
    """A clock that stands still until it is set."""

    at = second(0)

    def __call__(self) -> datetime:
        return self.at


@st.composite
def told_ledgers(draw: st.DrawFn, length_max: int = _STEPS) -> ToldLedger:
    """Ledgers of one to three keys."""
    dice = Dice(draw)
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))
    talks = [draw(conversations(length_max, defines=True, key=key, openings=openings(key))) for key in keys]
    told: list[Told] = []
    at = second(0)
    for command in _in_turn(dice, talks):
        at += timedelta(seconds=dice.pick(_GAPS))
        offset = dice.pick(_OFFSETS)
        said = None if offset is None else at + timedelta(seconds=offset)
        told.append(Told(command.model_copy(update={"at": said}), at))
    return ToldLedger(tuple(told), at + timedelta(seconds=dice.pick(_GAPS)))


def openings(key: PositionKey) -> Sequence[Sequence[Command]]:
    """How conversations about a key may begin, so that they seldom end before something is held."""
    side = Side.SHORT if key.leg is Leg.SHORT else Side.LONG
    place: dict[str, Any] = {**place_of(key), "side": side, "quantity": "10"}
    stop = "80" if side is Side.LONG else "120"

    def entry(number: int, **fields: Any) -> Command:
        return RequestEntry.of(**place, intent_id=f"begun{number}", **fields)

    def filled(cycle: int, trade_id: str, qty: str = "10") -> Command:
        return RecordEntryFill.of(position_id=f"{key}#{cycle}", trade_id=trade_id, last_qty=qty, last_px="100")

    covered = SetStopLoss.of(position_id=f"{key}#1", stop_price=stop, exchange_order_id="s0", activate=True)
    halves = [
        SetStopLoss.of(position_id=f"{key}#1", stop_price=stop, quantity=half, exchange_order_id=f"s{half}")
        for half in ("6", "4")
    ]
    given_up = FailEntry.of(position_id=f"{key}#1", outcome="canceled", reason="no answer")
    seen = Adjust.of(position_id=f"{key}#2", quantity="4", avg_px_open="100", reason="seen at the exchange")
    sold = Reduce.of(position_id=f"{key}#1", trade_id="x0", last_qty="4", last_px="105", fee="0.02")
    closed = Close.of(position_id=f"{key}#1", exit_reason="target", avg_px_close="106")
    return (
        (),
        (entry(1), filled(1, "t0")),
        (entry(1), filled(1, "t0"), covered),
        (entry(1), filled(1, "t0"), halves[0]),
        (entry(1), filled(1, "t0"), *halves),
        (entry(1), filled(1, "t0"), covered, sold),
        (entry(1), filled(1, "t0"), covered, sold, closed, entry(2)),
        (entry(1, protection="bot"), filled(1, "t0", "4")),
        (entry(1), given_up, entry(2), filled(1, "t0", "4")),
        (entry(1), given_up, entry(2), filled(1, "t0", "4"), seen),
        (entry(1), filled(1, "t0"), covered, sold, closed, entry(2), filled(2, "u0"), filled(1, "u1", "3.5")),
    )


def _in_turn(dice: Dice, talks: Sequence[Sequence[Command]]) -> Iterator[Command]:
    left = [list(reversed(talk)) for talk in talks]
    while left := [talk for talk in left if talk]:
        yield dice.pick(left).pop()
