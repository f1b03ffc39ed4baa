"""What every flow of a trader uses: rules, owner, the story so far, and typed calls to the ledger and the exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.commands.base import Command
from domain.errors import PositionNotOpen
from domain.identifiers import PositionId
from domain.values import timestamp_text
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.receipt import Receipt
from infrastructure.trading.effects import Call, Flow, Monotonic, Now, Read, Tell, Wait
from infrastructure.trading.exchange_errors import GivenUp, NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderTicket, TradedMarket
from infrastructure.trading.rules import Rules
from infrastructure.trading.trade_outcome import StoryStep
from projections.account_snapshot import AccountSnapshot
from projections.positions import PositionRow

QUESTIONS_MAX = 8
"""How often a call that changes nothing is tried, before the flow gives up for now."""


@dataclass
class FlowContext:
    """The context of one flow."""

    rules: Rules
    exchange: str
    account: str | None = None
    owner: str | None = None
    story: list[StoryStep] = field(default_factory=list)
    _claimed_at: float = 0.0
    """On the clock that is never set: when this flow claimed the last order that it is to send."""

    def note(self, words: str) -> Flow[None]:
        """Add a line to the story."""
        at: datetime = yield Now()
        self.story.append(StoryStep(at, words))

    def tell(self, kind: type[Command], **fields: Any) -> Flow[Receipt]:
        """Send a command to the ledger, in the owner's name. Refuses: CommandRefused."""
        metadata = None if self.owner is None else {"owner": self.owner}
        receipt: Receipt = yield Tell(kind.of(metadata=metadata, **fields))
        return receipt

    def claim(self, kind: type[Command], **fields: Any) -> Flow[Receipt]:
        """Send a command that promises an order; from now on counts the time within which it may be sent."""
        self._claimed_at = yield from self.monotonic()
        return (yield from self.tell(kind, **fields))

    def row(self, position_id: str) -> Flow[PositionRow]:
        """The position as it stands."""
        found: PositionRow = yield Read("position", (position_id,))
        return found

    def history(self, position_id: str) -> Flow[Sequence[HistoryEntry]]:
        """Its events."""
        found: Sequence[HistoryEntry] = yield Read("history", (position_id,))
        return found

    def wait(self, seconds: float) -> Flow[None]:
        """Let time pass."""
        yield Wait(seconds)

    def now(self) -> Flow[datetime]:
        """What time it is."""
        at: datetime = yield Now()
        return at

    def monotonic(self) -> Flow[float]:
        """The seconds on a clock that is never set, for how long something lasts: a machine's time may jump."""
        seconds: float = yield Monotonic()
        return seconds

    def market(self, symbol: str) -> Flow[TradedMarket]:
        """The properties of an instrument. Refuses: Refused; NoAnswer when the exchange stays silent."""
        market: TradedMarket = yield from self._repeat(Call("market", (symbol,)))
        return market

    def order(self, symbol: str, order_id: str) -> Flow[ExchangeOrder | None]:
        """An acknowledged order, by its exchange id; None when the exchange does not show it. Refuses: NoAnswer."""
        found: ExchangeOrder | None = yield from self._repeat(Call("find", (symbol,), {"exchange_order_id": order_id}))
        return found

    def acknowledged(self, symbol: str, order_id: str) -> Flow[ExchangeOrder]:
        """The same for an order that the exchange must show. Refuses: NoAnswer, also when it does not."""
        found = yield from self.order(symbol, order_id)
        if found is None:
            raise NoAnswer(f"{self.exchange} does not show order {order_id}, which it acknowledged")
        return found

    def named(self, symbol: str, client_order_id: str) -> Flow[ExchangeOrder | None]:
        """An order by its client order id; None when the exchange does not show it. Refuses: NoAnswer."""
        found: ExchangeOrder | None = yield from self._repeat(
            Call("find", (symbol,), {"client_order_id": client_order_id})
        )
        return found

    def look_up(self, symbol: str, client_order_id: str) -> Flow[ExchangeOrder | None]:
        """The same with a single call, not repeated. Refuses: NoAnswer, RateLimited."""
        found: ExchangeOrder | None = yield Call("find", (symbol,), {"client_order_id": client_order_id})
        return found

    def fills(self, symbol: str, order: ExchangeOrder) -> Flow[Sequence[ExchangeFill]]:
        """The fills of an order so far, each once, however often the exchange shows it; one of nothing is left out."""
        found: Sequence[ExchangeFill] = yield from self._repeat(Call("fills", (symbol, order)))
        return [*{fill.trade_id: fill for fill in found if fill.quantity > 0}.values()]

    def snapshot(self) -> Flow[AccountSnapshot]:
        """The whole account, which is known to be this one, also where it has no name."""
        found: AccountSnapshot = yield from self._repeat(Call("account"))
        return replace(found, is_account_said=True)

    def place(
        self, ticket: OrderTicket, position_id: str, *, promised_at: datetime | None = None
    ) -> Flow[ExchangeOrder]:
        """Send an order of a cycle once; only after RateLimited it is sent again.

        An order is not sent later than `send_seconds` after it was promised, because another process may have looked
        for it and given it up by then; nor after its cycle has ended, because it would close the next position. Both
        clocks are asked: the time may have been set back, and the other clock stops with a machine that sleeps.
        Refuses: PositionNotOpen, GivenUp, Refused, NoAnswer.
        """
        for attempt in range(QUESTIONS_MAX):
            row = yield from self.row(position_id)
            if not row.status.is_open and not row.stray:
                raise PositionNotOpen(
                    f"nothing was sent: {position_id} is {row.status.value} by now",
                    position_id=position_id,
                    status=row.status.value,
                )
            if promised_at is not None:
                now = yield from self.now()
                passed = (yield from self.monotonic()) - self._claimed_at
                if (now - promised_at).total_seconds() > self.rules.send_seconds:
                    raise GivenUp(
                        f"nothing was sent: it was promised at {timestamp_text(promised_at)}, and the trader's clock "
                        f"says {timestamp_text(now)}, more than {self.rules.send_seconds:g} s later"
                    )
                if passed > self.rules.send_seconds:
                    raise GivenUp(
                        f"nothing was sent: {passed:.3f} s have passed since the ledger was asked for it, and "
                        f"{self.rules.send_seconds:g} s are allowed"
                    )
            try:
                placed: ExchangeOrder = yield Call("place", (ticket,))
            except RateLimited as busy:
                if attempt + 1 == QUESTIONS_MAX:
                    raise
                seconds = busy.retry_seconds or self.rules.pause(attempt)
                if promised_at is not None and seconds > self.rules.send_seconds:
                    raise GivenUp(
                        f"nothing was sent: {self.exchange} takes no order for {seconds:g} s ({busy.text}), and "
                        f"{self.rules.send_seconds:g} s after it was promised it is not sent any more"
                    ) from busy
                yield Wait(seconds)
            else:
                return placed
        raise AssertionError("the last attempt returns or raises")

    def cancel(self, symbol: str, order: ExchangeOrder) -> Flow[ExchangeOrder | None]:
        """Cancel what is left of an order, and look it up again; to cancel twice does no harm."""
        try:
            yield from self._repeat(Call("cancel", (symbol, order)))
        except Refused as refusal:
            yield from self.note(f"{self.exchange} did not cancel {order.order_id}: {refusal}")
        return (yield from self.order(symbol, order.order_id))

    def _repeat(self, call: Call) -> Flow[Any]:
        """Repeat a call that changes nothing until there is an answer. Refuses: Refused; NoAnswer in the end."""
        for attempt in range(QUESTIONS_MAX):
            try:
                return (yield call)
            except RateLimited as busy:
                seconds = busy.retry_seconds or self.rules.pause(attempt)
                if attempt + 1 == QUESTIONS_MAX:
                    raise NoAnswer(f"{self.exchange} had no time for {call.method}: {busy}") from busy
            except NoAnswer:
                seconds = self.rules.pause(attempt)
                if attempt + 1 == QUESTIONS_MAX:
                    raise
            yield Wait(seconds)
        raise AssertionError("the last attempt returns or raises")


def symbol_of(position_id: str) -> str:
    """The symbol of a position id."""
    return PositionId.parse(position_id).key.symbol
