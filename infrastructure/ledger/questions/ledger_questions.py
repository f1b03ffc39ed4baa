"""The read methods of a ledger: its positions, their history, and the duplicates that were refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from difflib import get_close_matches
from typing import Final, TypeVar

from domain.errors import InvalidCommand, UnknownPosition
from domain.identifiers import PositionId, PositionKey, normalized_account, normalized_leg
from domain.rejection import Rejection
from domain.symbols.spelling import means, normalized_symbol
from domain.symbols.venues import normalized_exchange
from domain.values import Leg, identifier
from infrastructure.event_store.port import Store
from infrastructure.ledger.questions.as_of import AsOfQuery, PastMoment, TimeAxis
from infrastructure.ledger.questions.history import HistoryEntry
from projections.exposure import standing
from projections.formatting import listed
from projections.positions import PositionRow

Read = TypeVar("Read")

_NEAR: Final = 0.8
"""How alike two symbols are, from 0 to 1, of which one may be meant by the other: a letter is amiss."""


class LedgerQuestions:
    """The read methods of PositionLedger: they only read the store, and so work on a replica, too."""

    store: Store

    def position(
        self, position_id: str, *, as_of: PastMoment = None, by: TimeAxis | str = TimeAxis.RECORDED
    ) -> PositionRow:
        """One cycle as it stands now, or stood then; `as_of` and `by` as for positions.

        Refuses: UnknownPosition; InvalidCommand when an argument is no position id or no moment.
        """
        place = _parsed(PositionId.parse, position_id)
        past = AsOfQuery.read(as_of, by)
        rows: Iterable[PositionRow]
        if as_of is None:  # an old stream may have another spelling of a strike, and is found by that one only
            names = (str(place), position_id.strip())
            rows = (row for name in names for row in self.store.rows(position_id=name))
        else:
            rows = past.position(self.store, place)
        for row in rows:
            return row
        raise UnknownPosition(
            f"there is no position {place}{self._reach}" + ("" if as_of is None else f" as of {as_of} by {past.by}")
        )

    def positions(
        self,
        *,
        open: bool = False,
        unprotected: bool = False,
        symbol: str | None = None,
        exchange: str | None = None,
        account: str | None = None,
        leg: str | Leg | None = None,
        intent_id: str | int | None = None,
        as_of: PastMoment = None,
        by: TimeAxis | str = TimeAxis.RECORDED,
    ) -> list[PositionRow]:
        """All cycles, oldest first.

        `open` selects open cycles and strays; `unprotected` those that hold, or may hold, something without a confirmed
        stop. The latter need not be open: a fill that came too late is held in a cycle that is over.
        `symbol`, `exchange`, `account`, `leg` and `intent_id` select cycles by their values, in any spelling.
        `as_of` is a time, a version of each stream, or `#nid`: what the ledger had recorded by then. `by="event-time"`
        reads a time on the exchange's clock: what had happened by then, as far as the ledger knows today.
        Refuses: InvalidCommand when `as_of` is no such moment.
        """
        past = AsOfQuery.read(as_of, by)
        is_wanted = _row_filter(symbol, exchange, account, leg, intent_id)
        rows = past.positions(self.store, open_only=open or unprotected)
        found = [row for row in standing(rows, open=open, unprotected=unprotected) if is_wanted(row)]
        if not open and not unprotected:
            return found
        seen_to = past.successors(self.store, found)
        return [row for row in found if row.position_id not in seen_to]

    def cycles(self, key: str, *, as_of: PastMoment = None) -> list[int]:
        """The numbers of the cycles of a key that had begun by a moment, in order; none where nothing did.

        Refuses: InvalidCommand for what is no key or no moment.
        """
        past = AsOfQuery.read(as_of, TimeAxis.RECORDED)
        streams = (_parsed(PositionKey.parse, key).stream, key.strip())  # or as it was spelled once
        return next(filter(None, (past.cycles(self.store, stream) for stream in streams)), [])

    def history(
        self, key_or_position_id: str, *, as_of: PastMoment = None, by: TimeAxis | str = TimeAxis.RECORDED
    ) -> list[HistoryEntry]:
        """Every event of a key, or of one of its cycles, in the order of recording; `as_of` and `by` as for positions.

        Refuses: UnknownPosition when no event was ever recorded there; InvalidCommand for a text that is neither.
        """
        key, cycle = self._place(key_or_position_id)
        for stream in (key.stream, key_or_position_id.strip().partition("#")[0]):  # or as it was spelled once
            found = AsOfQuery.read(as_of, by).history(self.store, stream, cycle)
            if found or next(self.store.history(stream, cycle), None) is not None:
                return found
        raise UnknownPosition(f"nothing ever happened to {key_or_position_id}{self._reach}{self._nearest(key, cycle)}")

    def _nearest(self, key: PositionKey, cycle: int | None) -> str:
        """For messages: the last cycle of the key, or else keys of similar names; empty where there are none."""
        if cycle is not None and (known := self.cycles(key.stream)):
            return f"; its last cycle is {key.stream}#{known[-1]}"
        there = []
        for stream in self.store.stream_names():
            with suppress(ValueError):  # `verify` reports names of streams that cannot be read
                there.append(PositionKey.parse(stream))
        near = get_close_matches(key.symbol, {each.symbol for each in there}, cutoff=_NEAR)
        found = [
            each for each in there if each.symbol in near or means(key.symbol, each.symbol, each.exchange, each.leg)
        ]
        found.sort(key=lambda each: each.exchange != key.exchange)
        return f"; there is {listed([each.stream for each in found])}" if found else ""

    @property
    def _reach(self) -> str:
        """For messages: up to which nid a replica was read; empty where the whole log was read."""
        reach = self.store.visible(None)
        return "" if reach is None else f" up to nid {reach.nid}, as far as this replica is read"

    def _place(self, text: str) -> tuple[PositionKey, int | None]:
        if "#" in str(text):
            position_id = _parsed(PositionId.parse, text)
            return position_id.key, position_id.cycle
        return _parsed(PositionKey.parse, text), None

    def rejections(self, key: PositionKey | str | None = None) -> list[Rejection]:
        """Every duplicate that was ever refused, or those of one key, oldest first."""
        asked = _parsed(PositionKey.parse, key) if isinstance(key, str) else key
        return list(self.store.rejections(None if asked is None else asked.stream))


def _parsed(read: Callable[[str], Read], text: str) -> Read:
    if not isinstance(text, str):
        raise InvalidCommand(f"{text!r:.120} is not a text like APTUSDT.binance#1")
    try:
        return read(text)
    except ValueError as wrong:
        raise InvalidCommand(str(wrong)) from None


def _row_filter(
    symbol: str | None, exchange: str | None, account: str | None, leg: str | Leg | None, intent_id: str | int | None
) -> Callable[[PositionRow], bool]:
    try:
        venue = None if exchange is None else normalized_exchange(exchange)
        said = {"exchange": venue, "account": normalized_account(account)}
        said["intent_id"] = None if intent_id is None else identifier(intent_id)
        said["leg"] = None if leg is None else normalized_leg(leg)
        wanted = {name: value for name, value in said.items() if value is not None}
        if symbol is not None:
            normalized_symbol(symbol, venue)
    except ValueError as wrong:
        raise InvalidCommand(str(wrong)) from None

    def is_wanted(row: PositionRow) -> bool:
        is_of_symbol = symbol is None or means(symbol, row.symbol, row.exchange, row.leg)
        return is_of_symbol and all(value == getattr(row, name) for name, value in wanted.items())

    return is_wanted
