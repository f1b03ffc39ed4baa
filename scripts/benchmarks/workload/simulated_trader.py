"""A simulated trader of one key: it has random numbers and a clock, and the domain decides each of its commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.decisions.decision import CommandContext
from domain.events import PositionEvent
from domain.identifiers import PositionKey
from domain.values import Leg, Side
from projections.positions import PositionRow, project

_CYCLES_KEPT: Final = 4
SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND

Fields = dict[str, Any]
"""Fields of a command, as a bot would send them."""


@dataclass(frozen=True)
class Append:
    """The result of one command: events that are recorded together, and the rows of their cycles after them."""

    recorded_at: datetime
    events: tuple[PositionEvent, ...]
    rows: tuple[PositionRow, ...]


class SimulatedTrader:
    """One key and its trader. The domain decides every command; a refused one is an error of a scenario.

    Units: times in milliseconds; prices and quantities in whole ticks of the symbol, so that no float is used for them.
    """

    def __init__(self, key: PositionKey, seed: str, opens_at: datetime) -> None:
        self.key, self.dice, self.clock = key, Random(seed), opens_at  # noqa: S311 - dice, not secrets
        self.position = Position.track(key)
        self._tick = -self.dice.choice((2, 3, 4, 5))
        self._lot = -self.dice.choice((0, 1, 2))
        self._px = self.dice.randint(20_000, 90_000)
        self._orders = self.dice.randint(10_000_000, 60_000_000)
        self._cycles: dict[int, list[PositionEvent]] = {}
        self._rows: dict[int, PositionRow] = {}

    # -- what is seen ---------------------------------------------------------------------------------------------

    @property
    def held(self) -> Decimal:
        """The quantity that is open now."""
        return self.position.state.holding.quantity

    @property
    def asked(self) -> Decimal:
        """The requested quantity of the entry."""
        assert self.position.row is not None, "open"
        assert self.position.row.requested_qty is not None, "requested"
        return self.position.row.requested_qty

    @property
    def losing(self) -> int:
        """The sign of a losing price move: down for a long, up for a short."""
        return -1 if self.position.state.side is Side.LONG else 1

    def chance(self, percent: int) -> bool:
        """True with a probability of `percent`."""
        return self.dice.randrange(100) < percent

    def number(self) -> str:
        """The next order, trade or signal id."""
        self._orders += self.dice.randint(1, 9)
        return str(self._orders)

    def px(self, permille: int = 0) -> Decimal:
        """The current price, moved by so many thousandths."""
        return Decimal(self._px * (1_000 + permille) // 1_000).scaleb(self._tick)

    def a_tick_off(self) -> Decimal:
        """The average entry with a difference of one tick, as the exchange may compute it."""
        average = self.position.state.holding.avg_px_open
        assert average is not None, "entered at a known price"
        return average + Decimal(1).scaleb(self._tick)

    def moves(self) -> None:
        """Move the price by a small random amount, within bounds."""
        self._px = min(90_000, max(20_000, self._px + self.dice.randint(-300, 300)))

    def lots(self, least: int = 10, most: int = 90_000) -> Decimal:
        """A random quantity."""
        return Decimal(self.dice.randint(least, most)).scaleb(self._lot)

    def split(self, quantity: Decimal, parts_max: int = 3) -> list[Decimal]:
        """Split a quantity into at most `parts_max` random parts, such as fills."""
        lots = int(quantity.scaleb(-self._lot))
        cuts = sorted({self.dice.randint(1, lots) for _ in range(self.dice.randrange(parts_max))} | {lots})
        sizes = (end - start for start, end in zip([0, *cuts], cuts, strict=False))
        return [Decimal(size).scaleb(self._lot) for size in sizes]

    def a_side(self) -> Side:
        """A random side, or the side of the leg."""
        return self.dice.choice(tuple(Side)) if self.key.leg is Leg.BOTH else Side(self.key.leg.value.lower())

    def fill(self, quantity: Decimal, px: Decimal) -> Fields:
        """The fields of a fill; its fee is sometimes in another currency, and sometimes missing."""
        fields = {"trade_id": self.number(), "last_qty": quantity, "last_px": px}
        return fields if self.chance(10) else fields | self.fee()

    def fee(self) -> Fields:
        """The fields of a random fee."""
        amount = f"0.{self.dice.randint(1, 9_999):04}"
        return {"fee": amount, "fee_currency": "BNB"} if self.chance(20) else {"fee": amount}

    def order_id(self, name: str) -> str:
        """The exchange's id of an order of the cycle."""
        known = self.position.state.orders[name].exchange_order_id
        assert known is not None, "acknowledged"
        return known

    def stop(self, permille: int = 20) -> Fields:
        """The fields of a stop at a price so many thousandths on the losing side."""
        return {"stop_price": self.px(permille * self.losing), "exchange_order_id": self.number()}

    # -- what is sent ---------------------------------------------------------------------------------------------

    def wait(self, least_ms: int, most_ms: int) -> None:
        """Advance the clock."""
        self.clock += timedelta(milliseconds=self.dice.randint(least_ms, most_ms))

    def by_key(self, verb: type[Command], /, **fields: Any) -> Append:
        """Send a command about the key."""
        place = {"symbol": self.key.symbol, "exchange": self.key.exchange, "account": self.key.account}
        return self._send(self.position, verb.of(**place, leg=self.key.leg.value, **fields))

    def send(self, verb: type[Command], /, ago_ms: int = 0, cycle: int | None = None, **fields: Any) -> Append:
        """Send a command about a cycle, by default the current one, of something that happened `ago_ms` before."""
        self.wait(20, 2 * SECOND)
        number = cycle or self.position.cycle
        happened_at = self.clock - timedelta(milliseconds=ago_ms or self.dice.randint(0, 300))
        position = self.position if number == self.position.cycle else self._closed(number)
        command = verb.of(position_id=f"{self.key}#{number}", at=happened_at, **fields)
        return self._send(position, command)

    def _send(self, position: Position, command: Command) -> Append:
        stamp = CommandContext(f"{self.key}-{self.number()}", command.at or self.clock, self.clock)
        position.decide(command, stamp)
        events: tuple[Any, ...] = tuple(position.collect_events())
        assert events, f"{command!r} records nothing"
        if position is not self.position:
            for event in events:
                event.mutate(self.position)
        for event in events:
            self._remember(event)
        return Append(
            events[0].ts_recorded,
            events,
            tuple(self._rows[n] for n in {event.cycle: 0 for event in events if event.has_cycle}),
        )

    def _remember(self, event: PositionEvent) -> None:
        if not event.has_cycle:
            return
        self._cycles.setdefault(event.cycle, []).append(event)
        self._rows[event.cycle] = project(self._rows.get(event.cycle), event)
        if len(self._cycles) > _CYCLES_KEPT:
            oldest = min(self._cycles)
            del self._cycles[oldest], self._rows[oldest]

    def _closed(self, cycle: int) -> Position:
        """A closed cycle as the ledger loads it: at the version of the whole stream."""
        first, *_ = events = self._cycles[cycle]
        closed = Position.of_stream(self.key.stream, version=first.originator_version - 1)
        for event in events:
            closed.version = event.originator_version - 1
            event.mutate(closed)
        closed.stand_at(self.position)
        return closed
