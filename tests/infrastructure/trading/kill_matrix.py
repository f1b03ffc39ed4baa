"""Runs a bot that is killed after each of its steps and restarted: nothing may be doubled or left unprotected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from domain.identifiers import PositionId, PositionKey
from domain.values import Status
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.trading.effects import Call, Effect, Flow, Monotonic, Now, Read, Tell, Wait
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows.entering import enter
from infrastructure.trading.flows.resuming import resume
from infrastructure.trading.rules import Rules
from infrastructure.trading.trade_outcome import Outcome
from infrastructure.trading.wanted_entry import WantedEntry
from position_ledger.testing import Clock, memory_ledger
from projections.positions import PositionRow
from tests.infrastructure.trading.scripted_exchange import ScriptedExchange

Ended = TypeVar("Ended")
SYMBOL: Final = "APTUSDT"
STARTS_MAX: Final = 6
"""How often a bot is restarted until its cycle must be finished."""
STEP: Final = timedelta(milliseconds=20)

_ENTRY: Final[dict[str, Any]] = {
    "symbol": "APT/USDT:USDT",
    "side": "short",
    "intent_id": "5483266",
    "quantity": "61.8",
    "cost": None,
    "leg": "BOTH",
    "stop_loss_percent": "2",
}


class Killed(Exception):
    """The process was killed, and its memory is lost."""


@dataclass
class BotWorld:
    """One bot, one exchange, one ledger, one clock."""

    ledger: PositionLedger
    exchange: ScriptedExchange
    clock: Clock
    rules: Rules
    owner: str | None = "bot-1"
    stops_at_once: int = 1
    """How many may be live for what is held: more only while one is moved, and all of them reduce-only."""

    @property
    def position_id(self) -> str:
        """Of the first cycle of the symbol."""
        return str(PositionId(PositionKey(SYMBOL, self.exchange.name, self.exchange.account_name), 1))

    def context(self) -> FlowContext:
        """What a flow of a process that has just started knows."""
        return FlowContext(self.rules, self.exchange.name, self.exchange.account_name, self.owner)

    def run(self, flow: Flow[Ended], *, steps: int | None = None) -> Ended:
        """Do what a flow wants; after so many steps that change or ask something, it is Killed.

        A kill before a step leaves the world as one after the step before it, so that these are all there are.
        """
        answer: Any = None
        error: Exception | None = None
        while True:
            try:
                effect = flow.send(answer) if error is None else flow.throw(error)
            except StopIteration as end:
                ended: Ended = end.value
                return ended
            if steps is not None and isinstance(effect, Tell | Call):
                if not steps:
                    flow.close()
                    raise Killed
                steps -= 1
            answer = error = None
            try:
                answer = self._done(effect)
            except Exception as failed:  # noqa: BLE001 - the flow decides what becomes of it
                error = failed
            self.require_nothing_double()

    def _done(self, effect: Effect) -> Any:
        self.clock.time += STEP
        match effect:
            case Tell(command):
                return self.ledger.handle(command)
            case Read(method, arguments, options):
                return getattr(self.ledger, method)(*arguments, **options)
            case Call(method, arguments, options):
                return getattr(self.exchange, method)(*arguments, **options)
            case Wait(seconds):
                self.clock.time += timedelta(seconds=seconds)
                return None
            case Now():
                return self.clock()
            case Monotonic():
                return self.clock().timestamp()

    def enter(self, *, steps: int | None = None, **fields: Any) -> Outcome:
        """The bot's entry: short 61.8 of APTUSDT, with a stop two percent away, unless other fields are given."""
        wanted = WantedEntry.of(self.rules, **_ENTRY | fields)
        return self.run(enter(self.context(), wanted), steps=steps)

    def resume(self, *, steps: int | None = None) -> list[Outcome]:
        """The bot starts again."""
        return self.run(resume(self.context()), steps=steps)

    def resume_until_over(self) -> None:
        """Start again and again, a minute later each time, until nothing is unfinished."""
        for _ in range(STARTS_MAX):
            self.resume()
            if all(is_over(row) for row in self.rows()):
                return
            self.clock.tick(60)
        raise AssertionError(f"after {STARTS_MAX} starts: {[row.as_json() for row in self.rows() if not is_over(row)]}")

    def rows(self) -> list[PositionRow]:
        """Every cycle."""
        return [row for row in self.ledger.positions() if row.account == self.exchange.account_name]

    def require_nothing_double(self) -> None:
        """One entry for an intent, and never more stops than there is to close."""
        names = [order.ticket.client_order_id for order in self.exchange.entries]
        assert len(names) == len(set(names)), f"an entry was sent twice: {names}"
        held = abs(self.exchange.held[SYMBOL])
        named = [stop for stop in self.exchange.stops(SYMBOL) if stop.ticket.client_order_id]
        covered = sum((stop.ticket.quantity or held for stop in named), Decimal(0))
        wanted = sum((order.ticket.quantity or Decimal(0) for order in self.exchange.entries), Decimal(0))
        assert covered <= max(held, wanted) * self.stops_at_once, f"stops for {covered}, and {held} is held"

    def require_books_agree(self) -> None:
        """What is held is on record and covered; what is over has left nothing."""
        rows = [row for row in self.rows() if row.status.is_open]
        held = abs(self.exchange.held[SYMBOL])
        recorded = sum((row.quantity for row in rows), Decimal(0))
        assert recorded == held, f"{recorded} on record, {held} held"
        for row in rows:
            assert row.status is not Status.ACTIVE or self.exchange.covered(SYMBOL) >= held, "active, and bare"
        if not rows:
            left = self.exchange.open_orders(SYMBOL)
            assert not left, f"all is over, and {[order.ticket.client_order_id for order in left]} rest"


def is_over(row: PositionRow) -> bool:
    """Whether a cycle needs nobody any more, or holds what is protected."""
    return not row.status.is_open or (row.status is Status.ACTIVE and row.protected is True)


@contextmanager
def in_memory(clock: Clock) -> Iterator[tuple[PositionLedger, str | None]]:
    """A ledger of a world's own, sound at the end."""
    with memory_ledger(clock) as ledger:
        yield ledger, None


Opening = Callable[[Clock], AbstractContextManager[tuple[PositionLedger, str | None]]]
"""How a world comes by a ledger, and by an account where it shares one."""


@contextmanager
def bot_world(
    prepare: Callable[[BotWorld], None] = lambda _: None, *, opening: Opening = in_memory, **rules: Any
) -> Iterator[BotWorld]:
    """A world of its own."""
    clock = Clock()
    with opening(clock) as (ledger, account):
        exchange = ScriptedExchange(clock, account=account)
        world = BotWorld(ledger, exchange, clock, Rules(**{"poll_seconds": 0.5, **rules}))
        prepare(world)
        yield world


def killed_everywhere(
    prepare: Callable[[BotWorld], None],
    go: Callable[[BotWorld, int], object],
    *,
    again: int | None = None,
    look: Callable[[BotWorld], None] = BotWorld.require_books_agree,
    opening: Opening = in_memory,
) -> int:
    """Kill a flow after each of its steps, start again until all is over, and look at what is left.

    `again` kills the first start after that as well, after so many steps. Shape: how many steps the flow has.
    """
    for steps in range(200):
        with bot_world(prepare, opening=opening) as world:
            try:
                go(world, steps)
            except Killed:
                is_killed = True
            else:
                is_killed = False
            if again is not None:
                try:
                    world.resume(steps=again)
                except Killed:
                    world.clock.tick()
            world.resume_until_over()
            look(world)
        if not is_killed:
            return steps
    raise AssertionError("the flow does not end")
