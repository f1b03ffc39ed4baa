"""Facts of all files, by key and in the order in which they happened: sorted on the disk, for there may be millions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from heapq import merge
from itertools import groupby, islice
from operator import gt, itemgetter, lt
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, NoReturn, Self

from domain.identifiers import PositionKey
from domain.instrument import Instrument
from domain.values import EXACT, YEARS, Leg, timestamp_text
from infrastructure.transfer.statements.intake.closings import HeldBefore
from infrastructure.transfer.statements.intake.sorting.fact_rows import (
    CASH_COLUMNS,
    FILL_COLUMNS,
    INSERTS,
    POSITION_COLUMNS,
    PROFIT_COLUMNS,
    cash_of,
    fill_of,
    position_of,
)
from infrastructure.transfer.statements.intake.sorting.file_ends import met_fills
from infrastructure.transfer.statements.intake.sorting.mixed_seconds import order_mixed_seconds
from infrastructure.transfer.statements.intake.sorting.moments import order_moments, order_moments_of
from infrastructure.transfer.statements.intake.sorting.repeated_facts import (
    FactConflict,
    same_under_other_name,
    take_once,
)
from infrastructure.transfer.statements.intake.sorting.rounded_ids import rounded_id
from infrastructure.transfer.statements.intake.sorting.stated_fees import state_fees
from infrastructure.transfer.statements.intake.sorting.stated_profits import state_profits
from infrastructure.transfer.statements.intake.sorting.summed_orders import take_by_fills
from infrastructure.transfer.statements.intake.sorting.unnamed_legs import (
    are_of_two_legs,
    move_fills_to_legs,
    move_to_legs,
    part,
    places_without_legs,
)
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_report import StatementTally
from infrastructure.transfer.transfer_errors import StatementRefused
from projections.progress import Progress, no_progress

_TABLES: Final = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8192;
CREATE TABLE files (file INTEGER PRIMARY KEY, direction INTEGER, first TEXT, last TEXT, turn INTEGER);
CREATE TABLE fills (file INTEGER, place INTEGER, number, {FILL_COLUMNS});
CREATE TABLE cash (file INTEGER, place INTEGER, {CASH_COLUMNS});
CREATE TABLE held (file INTEGER, place INTEGER, {POSITION_COLUMNS});
CREATE TABLE profits (file INTEGER, place INTEGER, {PROFIT_COLUMNS});
"""
"""`place` is that of a key in the list of keys; `direction` is -1 for a file in which most lines are older than the one
above: so are pages that each begin with what is newest, also where older ones stand above newer ones. What is of one
moment in several files follows each other by `turn`: as the spans of their times do, for pages may part a moment."""
_INDEXES: Final = """
CREATE INDEX fills_order ON fills (place, order_id, buys);
CREATE INDEX cash_place ON cash (place);
CREATE INDEX held_place ON held (place);
"""
_ADD_FILE: Final = "INSERT INTO files VALUES (?, ?, ?, ?, NULL)"
_ORDER_FILES: Final = """
UPDATE files SET direction = (SELECT CASE WHEN sum(direction) < 0 THEN -1 ELSE 1 END FROM files) WHERE direction = 0;
UPDATE files SET turn = (
    SELECT count(*) FROM files AS other WHERE (other.first, other.last, other.file * other.direction)
        < (files.first, files.last, files.file * files.direction)
);
"""
"""A file of one moment begins with what is newest, or with what is oldest, as most of the others do."""
_FIRST: Final = "SELECT first FROM files WHERE file = ?"
_FILLS: Final = (
    f"SELECT place, file, {FILL_COLUMNS} FROM fills JOIN files USING (file){{wanted}}"
    " ORDER BY place, time, number, turn, line * direction, fills.rowid"
)
_OTHERS: Final = (
    "SELECT file, {columns} FROM {table} JOIN files USING (file) WHERE place = ?"
    " ORDER BY time, turn, line * direction, {table}.rowid"
)
_OF_ORDER: Final = "SELECT quantity FROM fills WHERE place = ? AND order_id = ? AND buys = ? AND time >= ?"
_HAS_ORDER: Final = "SELECT 1 FROM fills WHERE place = ? AND order_id = ? AND buys = ? LIMIT 1"
_ONE: Final = f"SELECT place, file, {FILL_COLUMNS} FROM fills WHERE place = ? AND order_id = ? AND trade_id = ? LIMIT 1"
_HAS_FILLS: Final = "SELECT 1 FROM fills WHERE place = ? LIMIT 1"
_TOLD: Final = (
    "SELECT time, buys, quantity, trade_id FROM fills JOIN files USING (file) WHERE place = ?"
    " ORDER BY time, number, turn, line * direction, fills.rowid"
)
_CASH_TIMES: Final = "SELECT rowid, time FROM cash WHERE place = ?"
_MOVE_ONE: Final = "UPDATE cash SET place = ? WHERE rowid = ?"
_MOVE_CASH: Final = "UPDATE cash SET place = ? WHERE place = ?"
_PROFITS: Final = "SELECT profit FROM profits WHERE place = ?"
_COPY: Final = "VACUUM INTO ?"
_COUNTS: Final = "SELECT place, count(*) FROM fills GROUP BY place"
_ROWS_AT_ONCE: Final = 5_000
_SINCE: Final = datetime(min(YEARS), 1, 1, tzinfo=UTC)
_NO_END: Final = datetime.max.replace(tzinfo=UTC)


class PlacedFact(NamedTuple):
    """A fact, and the number of the file that says it."""

    file: int
    fact: StatementFact


_PLACED: Final = tuple.__new__
"""Makes one without asking its class, at half the price."""

FactsByKey = Iterable[tuple[PositionKey, Iterator[PlacedFact]]]


class SharedFacts(NamedTuple):
    """What another process needs to read the facts."""

    path: Path
    keys: list[PositionKey | None]
    names: list[str]


class SortedFacts:
    """A temporary database: in memory while it is small, else in a file that is gone with this."""

    def __init__(self, files: int = 1, until: datetime = _NO_END) -> None:
        """Begin with nothing, of so many files: where there are several, refusals name them.

        Refuses: StatementRefused later, for what happened after `until`.
        """
        self._is_one, self._until = files == 1, until
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)
        self._places: dict[PositionKey | None, int] = {}
        self._keys: list[PositionKey | None] = []
        """By their places."""
        self._names: list[str] = []
        self.count = self.repeated = 0
        """How many facts stand somewhere else as well; each is taken once."""

    @classmethod
    def of(cls, shared: SharedFacts) -> Self:
        """The facts that another process shares."""
        self = cls(len(shared.names))
        self._database.close()
        self._database = sqlite3.connect(f"{shared.path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        self._keys = list(shared.keys)
        self._places = {key: place for place, key in enumerate(shared.keys)}
        self._names = shared.names
        return self

    def shared(self, path: Path) -> SharedFacts:
        """A copy for other processes, once everything is settled."""
        self._database.execute(_COPY, (str(path),))
        return SharedFacts(path, [*self._keys], self._names)

    def shares(self, count: int) -> list[frozenset[int]]:
        """The places of all keys in so many shares, with about as many fills each."""
        fills = dict.fromkeys((place for key, place in self._places.items() if key is not None), 0)
        fills |= dict(self._database.execute(_COUNTS).fetchall())
        shares: list[set[int]] = [set() for _ in range(count)]
        sizes = [0] * count
        for place in sorted(fills, key=lambda place: -fills[place]):
            least = sizes.index(min(sizes))
            shares[least].add(place)
            sizes[least] += fills[place] + 1
        return [frozenset(share) for share in shares]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def refusal(self, file: int, refused: StatementRefused) -> StatementRefused:
        """A refusal that names its file, where there are several."""
        return refused if self._is_one else refused.in_file(self._names[file])

    def add(self, name: str, facts: Iterable[StatementFact], progress: Progress = no_progress) -> None:
        """Take in what a file says. Refuses: StatementRefused."""
        file, falls, last, ends = len(self._names), 0, list[datetime](), list[datetime]()
        self._names.append(name)
        reading = iter(facts)
        self._database.execute("BEGIN")
        while True:
            try:
                batch = list(islice(reading, _ROWS_AT_ONCE))
            except StatementRefused as refused:
                raise self.refusal(file, refused) from None
            if not batch:
                break
            times = [*last, *(fact.time for fact in batch)]
            within = [*ends, *times]
            ends = [min(within), max(within)]
            if ends[0] < _SINCE or ends[1] > self._until:
                wrong = next(fact for fact in batch if not _SINCE <= fact.time <= self._until)
                raise self.refusal(file, _at_no_time(wrong))
            falls, last = falls + sum(map(gt, times, times[1:])) - sum(map(lt, times, times[1:])), times[-1:]
            self._write(file, batch)
            self.count += len(batch)
            progress(len(batch))
        span = map(timestamp_text, ends or [_SINCE, _SINCE])
        self._database.execute(_ADD_FILE, (file, (falls < 0) - (falls > 0), *span))
        self._database.execute("COMMIT")

    def _write(self, file: int, batch: list[StatementFact]) -> None:
        for kind, (statement, columns) in INSERTS.items():
            rows = [(file, self._place(fact.key), *columns(fact)) for fact in batch if type(fact) is kind]
            self._database.executemany(statement, rows)

    def _key_of(self, place: int) -> PositionKey:
        key = self._keys[place]
        assert key is not None, "a fill has one"
        return key

    def _place(self, key: PositionKey | None) -> int:
        place = self._places.setdefault(key, len(self._keys))
        if place == len(self._keys):
            self._keys.append(key)
        return place

    def settle(self, tally: StatementTally) -> None:
        """Take once what stands more than once. Refuses: StatementRefused for what stands there otherwise."""
        if (rounded := rounded_id(self._database)) is not None:
            why = (
                f"id {rounded.name!r} was rounded by a spreadsheet that saved the file, so that several fills or "
                "orders may have it; give the file as it was handed out"
            )
            raise self.refusal(rounded.file, StatementRefused.at(rounded.line, why))
        self._database.executescript(_ORDER_FILES)
        move_fills_to_legs(self._database, self._places)
        if not self._is_one and (conflict := same_under_other_name(self._database)) is not None:
            what = f"this has no id, and may be {conflict.name}"
            self._refuse_conflict(conflict, what, "that stands on", conflict.why or "; import one of the two")
        for met in met_fills(self._database):
            tally.found(
                f"{self._key_of(met.place)}: line {met.line:,}, with which {self._names[met.file]} ends, and line "
                f"{met.next_line:,}, with which {self._names[met.next_file]} begins, are equal and have no id: they "
                "are taken for one fill. If they are two, give a file that has more before the second"
            )
        self._take_once("trade", *take_once(self._database, "fills", FILL_COLUMNS, "buys, trade_id"))
        self._take_once("payment", *take_once(self._database, "cash", CASH_COLUMNS, "cash_id"))
        if not self._is_one:
            order_mixed_seconds(self._database)
        order_moments(self._database)
        self._database.executescript(_INDEXES)
        move_to_legs(self._database, self._places)
        self.repeated += take_by_fills(self._database, self._key_of, self.refusal)
        state_fees(self._database, self._key_of, tally)
        state_profits(self._database, self._key_of, tally)

    def _take_once(self, what: str, count: int, conflict: FactConflict | None) -> None:
        self.repeated += count
        if conflict is not None:
            so = f" already{conflict.why}; files of two accounts go in one by one, each with its --account"
            self._refuse_conflict(conflict, f"{what} {conflict.name}", "stands on", so)

    def _refuse_conflict(self, conflict: FactConflict, what: str, stands: str, so: str = "") -> NoReturn:
        where = "" if conflict.file == conflict.first_file else f"{self._names[conflict.first_file]} "
        key = self._keys[conflict.place]
        of_key = "" if key is None else f" of {key}"
        why = f"{what}{of_key} {stands} {where}line {conflict.first_line:,}{so}"
        raise self.refusal(conflict.file, StatementRefused.at(conflict.line, why))

    def by_key(self, share: frozenset[int] | None = None) -> FactsByKey:
        """What is said of every key, or of those of a share: of one moment, payments, then fills, then what is held."""
        wanted = "" if share is None else f" WHERE place IN ({', '.join(map(str, share))})"
        fills = groupby(self._database.execute(_FILLS.format(wanted=wanted)), itemgetter(0))
        met = set()
        for place, rows in fills:
            key = self._key_of(place)
            met.add(place)
            yield key, self._merged(place, (_PLACED(PlacedFact, (row[1], fill_of(key, row))) for row in rows))
        for other, place in self._places.items():
            if other is not None and place not in met and (share is None or place in share):
                yield other, self._merged(place, iter(()))

    def begins_at(self, file: int, time: datetime) -> bool:
        """Whether nothing in a file is earlier than a time."""
        (first,) = self._database.execute(_FIRST, (file,)).fetchone()
        return bool(first == timestamp_text(time))

    def of_no_key(self) -> Iterator[StatementCash]:
        """Payments of which no symbol is named."""
        if None in self._places:
            for placed in self._cash(None, self._places[None]):
                assert isinstance(placed.fact, StatementCash), "a payment"
                yield placed.fact

    @property
    def exchanges(self) -> list[str]:
        """The exchanges that facts are of."""
        return sorted({key.exchange for key in self.keys})

    @property
    def keys(self) -> list[PositionKey]:
        """The keys that facts are of."""
        return [key for key in self._places if key is not None]

    @property
    def keys_with_fills(self) -> list[PositionKey]:
        """The keys of which fills are told."""
        return [key for key in self.keys if self.has_fills(key)]

    @property
    def keys_without_fills(self) -> list[PositionKey]:
        """The keys of which only payments or holdings are told."""
        return [key for key in self.keys if not self.has_fills(key)]

    def find(self, key: PositionKey, order_id: str, trade_id: str) -> PlacedFact | None:
        """A fill of a key by its names."""
        row = self._database.execute(_ONE, (self._places[key], order_id, trade_id)).fetchone()
        return None if row is None else PlacedFact(row[1], fill_of(key, row))

    def has_fills(self, key: PositionKey) -> bool:
        """Whether a fill of a key is told."""
        place = self._places.get(key)
        return self._database.execute(_HAS_FILLS, (place,)).fetchone() is not None

    @property
    def keys_without_legs(self) -> list[PositionKey]:
        """The keys of whose fills a file does not name the leg."""
        return [self._key_of(place) for place in places_without_legs(self._database)]

    def are_of_two_legs(
        self, key: PositionKey, instrument: Instrument, before: Callable[[], HeldBefore | None]
    ) -> bool:
        """Whether the fills of a key are of two legs for certain, and not of one that was held `before` them."""
        return are_of_two_legs(self._database, self._places[key], instrument, before)

    def part(self, key: PositionKey) -> None:
        """Let the fills of a key be those of its legs."""
        long, short = (self._place(key.on(leg)) for leg in (Leg.LONG, Leg.SHORT))
        part(self._database, self._places[key], long, short)
        for place in (long, short):
            order_moments_of(self._database, place)

    def whole_fills_of(self, key: PositionKey) -> Iterator[StatementFill]:
        """The fills of a key, in their order."""
        wanted = f" WHERE place = {self._places[key]}"
        return (fill_of(key, row) for row in self._database.execute(_FILLS.format(wanted=wanted)))

    def fills_of(self, key: PositionKey) -> Iterator[tuple[datetime, bool, Decimal, str]]:
        """When each fill of a key was, whether it buys, how much, and its id, in their order."""
        for time, buys, quantity, trade_id in self._database.execute(_TOLD, (self._places.get(key),)):
            yield datetime.fromisoformat(time), bool(buys), Decimal(quantity), trade_id

    def share_cash(self, key: PositionKey, leg_at: Callable[[datetime], PositionKey | None]) -> None:
        """Let each payment of a key be of the leg that it belongs to at its time, if any."""
        for rowid, time in self._database.execute(_CASH_TIMES, (self._places[key],)).fetchall():
            if (leg := leg_at(datetime.fromisoformat(time))) is not None:
                self._database.execute(_MOVE_ONE, (self._place(leg), rowid))

    def move_cash(self, key: PositionKey, leg: PositionKey) -> None:
        """Let the payments of a key be those of one of its legs."""
        self._database.execute(_MOVE_CASH, (self._place(leg), self._place(key)))

    def _merged(self, place: int, fills: Iterator[PlacedFact]) -> Iterator[PlacedFact]:
        key = self._keys[place]
        cash, held = list(islice(self._cash(key, place), 1)), list(islice(self._held(key, place), 1))
        if not cash and not held:
            return fills
        return merge(self._cash(key, place), fills, self._held(key, place), key=lambda placed: placed.fact.time)

    def _cash(self, key: PositionKey | None, place: int) -> Iterator[PlacedFact]:
        for file, *values in self._database.execute(_OTHERS.format(table="cash", columns=CASH_COLUMNS), (place,)):
            yield PlacedFact(file, cash_of(key, values))

    def _held(self, key: PositionKey | None, place: int) -> Iterator[PlacedFact]:
        for file, *values in self._database.execute(_OTHERS.format(table="held", columns=POSITION_COLUMNS), (place,)):
            assert key is not None, "what is held has one"
            yield PlacedFact(file, position_of(key, values))

    def profit_in_all(self, key: PositionKey) -> tuple[Decimal, int]:
        """The profits of a key that no fill was given: their sum, and how many there are."""
        total, count = Decimal(0), 0
        for (profit,) in self._database.execute(_PROFITS, (self._places[key],)):
            total, count = EXACT.add(total, Decimal(profit)), count + 1
        return total, count

    def has_other_side(self, fill: StatementFill) -> bool:
        """Whether what a fill has as its order is told of the other side as well, as no order is."""
        asked = (self._places[fill.key], fill.order_id, not fill.buys)
        return self._database.execute(_HAS_ORDER, asked).fetchone() is not None

    def ordered(self, fill: StatementFill) -> Decimal:
        """What the order of a fill is filled from then on, as far as the files say."""
        values = (self._places[fill.key], fill.order_id, fill.buys, timestamp_text(fill.time))
        total = Decimal(0)
        for (quantity,) in self._database.execute(_OF_ORDER, values):
            total = EXACT.add(total, Decimal(quantity))
        return total


def _at_no_time(fact: StatementFact) -> StatementRefused:
    return StatementRefused.at(
        fact.line,
        f"{timestamp_text(fact.time)} is {'long ago' if fact.time < _SINCE else 'yet to come'}; look how its times are "
        "written: their zone, and which of day and month stands first",
    )
