"""given(earlier commands).when(a command).then(events): the language of the tests of positions.

Every command is sent at a fixed second. After each one the history is read back from its stored bytes, as a restart
would read it: it must give the same position. `leaves` looks at the rows that the same events were projected to.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, Rounded, localcontext
from typing import Any, Self, TypeVar, cast

from domain.aggregate.command_result import CommandResult
from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.commands.requests import Activate, RecordEntryFill, RecordEntryPlaced, RequestEntry, SetStopLoss
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused
from domain.events import PositionEvent
from domain.values import plain, timestamp_text
from infrastructure.event_store.codec import decode, encode
from projections.positions import PositionRow, project
from tests.pages import says_no

Verb = TypeVar("Verb", bound=Command)
CYCLE = "APTUSDT.binance#1"
UNSAID = ("import_position",)
"""Commands that no bot sends, which have no section on the page."""


def given(*sent: Command) -> Story:
    """A stream to which all of this was sent before, and accepted."""
    story = Story()
    for command in sent:
        story.when(command).needs_acceptance()
    return story


def on(verb: type[Verb], /, position_id: str = CYCLE, **fields: Any) -> Verb:
    """A command about a cycle, the first one of APTUSDT at binance unless another is named."""
    return verb.of(position_id=position_id, **fields)


def request(**fields: Any) -> RequestEntry:
    """The entry that all tests know (it is that of incident I-01), with what a test wants to be different."""
    known = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8", "signal_price": "3.2333"}
    return RequestEntry.of(**{**known, "intent_id": "5483266", **fields})


PLACED = on(RecordEntryPlaced, exchange_order_id="53190368")
FILLED = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333")
STOP = on(SetStopLoss, stop_price="3.298", exchange_order_id="s1")
ENTERED = (request(), PLACED, FILLED, STOP, on(Activate))
"""How the entry that all tests know becomes active."""


ROUNDING = Context(prec=1, traps=[Inexact, Rounded])
"""Nothing may go by the context of the process, whatever that rounds to: in this one, rounding is an error."""


def second(number: float) -> datetime:
    """A moment of the tests: so many seconds after their start."""
    return datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC) + timedelta(seconds=number)


def replayed(events: Sequence[PositionEvent]) -> Position:
    """The position that a restart would load: every event through its stored bytes."""
    position = Position.of_stream(events[0].originator_id, version=events[0].originator_version - 1)
    stored = [encode(event) for event in events]
    with localcontext(ROUNDING):
        for record in stored:
            decode(record).mutate(position)
    return position


class Story:
    """What happens to one key, command by command; all but `when` and `happened` assert something of the last one."""

    def __init__(self) -> None:
        self.position: Position | None = None
        self.history: list[PositionEvent] = []
        self.rows: dict[str, PositionRow] = {}
        self.events: list[PositionEvent] = []
        self.answer: CommandResult | None = None
        self.refusal: CommandRefused | None = None
        self.verb = ""
        self._second, self._was_expected = 0, True

    def when(self, command: Command) -> Self:
        self.needs_acceptance()
        at = second(self._second)
        stamp = CommandContext(command.command_id or f"c{self._second}", command.at or at, ts_recorded=at)
        self._second += 1
        position = self.position = self.position or Position.track(command.key)
        self.verb = command.verb
        before, self.answer, self.refusal = deepcopy(position), None, None
        try:
            with localcontext(ROUNDING):
                self.answer = position.decide(command, stamp)
        except CommandRefused as refusal:
            self.refusal, self._was_expected = refusal, False
            assert position == before, "a refusal changed something"
        self._tell(cast("list[PositionEvent]", list(position.collect_events())))
        assert not self.history or replayed(self.history) == position, "its history does not give the position back"
        return self

    def happened(self, *events: PositionEvent) -> Self:
        """Let facts of the past stand in the stream, whatever the rules of today say about them."""
        self.position = self.position or Position.of_stream(events[0].originator_id)
        for event in events:
            event.mutate(self.position)
        self._tell(events)
        return self

    def _tell(self, events: Sequence[PositionEvent]) -> None:
        self.events = [*events]
        self.history += events
        for event in events:
            if event.has_cycle:
                self.rows[event.position_id] = project(self.rows.get(event.position_id), event)

    def needs_acceptance(self) -> None:
        assert self.refusal is None or self._was_expected, f"refused: {self.refusal!r}"

    def then(self, *expected: type[PositionEvent], **fields: object) -> Self:
        """Exactly these events were recorded; `fields` are some of the first one's, numbers and times as text."""
        assert self.refusal is None, f"refused: {self.refusal!r}"
        _same([type(event).__name__ for event in self.events], [event.__name__ for event in expected])
        _same({name: _shown(getattr(self.events[0], name)) for name in fields}, fields)
        return self

    def no_news(self) -> Self:
        """It was answered, and nothing was recorded."""
        return self.then()

    def refused(self, rule: type[CommandRefused], *words: str) -> Self:
        """This rule said no, in these words among others, and nothing was recorded; the page says that it may."""
        assert type(self.refusal) is rule, f"answered {self.answer}, refused {self.refusal!r}"
        assert self.verb in UNSAID or rule.__name__ in says_no(self.verb), f"the page of {self.verb} lacks it"
        _same([word for word in words if word not in str(self.refusal)], [])
        self._was_expected = True
        return self

    def answered(self, **fields: object) -> Self:
        """The caller was told this."""
        _same({name: _shown(getattr(self.answer, name)) for name in fields}, fields)
        return self

    def leaves(self, position_id: str | None = None, /, **fields: object) -> Self:
        """The row of a cycle, the current one unless another is named, says this now."""
        self.needs_acceptance()
        assert self.position is not None, "something was sent"
        row = self.rows[position_id or self.position.position_id].as_json()
        _same({name: row[name] for name in fields}, fields)
        return self


def _same(found: object, expected: object) -> None:
    assert found == expected, f"{found}, not {expected}"


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return timestamp_text(value)
    return plain(value) if isinstance(value, Decimal) else value
