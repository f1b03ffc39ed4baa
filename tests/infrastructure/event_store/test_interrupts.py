"""Interrupts at any moment: no lock stays held, no connection is lost, and no later answer is wrong."""

from __future__ import annotations

import gc
import logging
import os
import queue
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from inspect import getfile
from itertools import count
from linecache import getline
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakSet

import psycopg
import pytest

import infrastructure
from domain.commands.requests import RequestEntry
from domain.errors import PositionAlreadyOpen, StoreUnavailable
from infrastructure.event_store import wakeups
from infrastructure.event_store.postgres.session import connections
from infrastructure.event_store.postgres.session.pool import Pool
from infrastructure.event_store.postgres.session.watchdog import Watchdog, WatchedConnection
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.event_store.sqlite.store import SQLiteStore
from infrastructure.event_store.turn import Turn
from infrastructure.event_store.wakeups import Stop
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from tests.urls import with_options

ROOT = Path(str(infrastructure.__file__)).parent
STORES = ROOT / "event_store"
OURS = (f"{ROOT}/ledger/", *(f"{STORES}/{name}" for name in ("turn", "sqlite/", "postgres/")))
WITH_ITS_LOCKS = (*OURS, f"{ROOT}/witness", threading.__file__, queue.__file__, getfile(WeakSet))
PSYCOPG = f"{Path(psycopg.__file__).parent}/"
UNINTERRUPTED = ("with ", "try:", "continue")
"""No handler can run between what such a line takes and what gives it back, or before it has left its `except`: what a
tracer raises there leaves the error in hand for ever, and with it the frame that has the connection."""
LINES_APART = 3
"""All lines take a minute; what the works have in common begins at other numbers in each of them."""


class Interrupt(BaseException):
    """What a signal handler raises, in any line of ours."""


def interrupt() -> None:
    raise Interrupt


@contextmanager
def interrupted_at(
    line: int, handler: Callable[[], object] = interrupt, files: tuple[str, ...] = OURS
) -> Iterator[list[str]]:
    """Call a handler when so many lines were begun; the list tells where, and is empty if it did not come to that."""
    lines, raised = count(1), list[str]()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if raised or not frame.f_code.co_filename.startswith(files):
            return None
        if event != "line" or getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith(UNINTERRUPTED):
            return trace
        if next(lines) == line:
            raised.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
            handler()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield raised
    finally:
        sys.settrace(before)


@contextmanager
def interrupted_in_call(number: int) -> Iterator[list[str]]:
    """Raise where so many functions of psycopg were begun, where a handler may run; the list tells where."""
    calls, raised = count(1), list[str]()

    def trace(frame: FrameType, event: str, _: object) -> None:
        del event
        if not raised and frame.f_code.co_filename.startswith(PSYCOPG) and next(calls) == number:
            raised.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
            raise Interrupt

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield raised
    finally:
        sys.settrace(before)


def entry(number: int) -> RequestEntry:
    return RequestEntry.of(
        symbol=f"K{number}USDT", exchange="x", side="long", quantity="1", intent_id="1", command_id=f"c{number}"
    )


def ask(ledger: PositionLedger, number: int) -> None:
    ledger.handle(entry(number))


def ask_for_what_is_taken(ledger: PositionLedger, number: int) -> None:
    del number
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(symbol="K0USDT", exchange="x", side="long", quantity="1", intent_id="2")


def ask_many(ledger: PositionLedger, number: int) -> None:
    ledger.handle_many([entry(number), entry(number + 100_000)])


def look(ledger: PositionLedger, number: int) -> None:
    del number
    with ledger.store.snapshot():
        assert ledger.position("K0USDT.x#1").cycle == 1
        assert list(ledger.store.log(limit=1))


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PositionLedger]:
    """A ledger with room for one connection at a time, where there are several."""
    if request.param == "memory":
        opened = PositionLedger(SQLiteStore(Settings("sqlite", ":memory:")))
    elif request.param == "sqlite":
        opened = PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db?timeout=2")
    else:
        opened = PositionLedger.connect(with_options(request.getfixturevalue("postgres_url"), "timeout=1&pool_size=1"))
    with opened:
        ask(opened, 0)
        yield opened


@pytest.fixture(autouse=True)
def nobody_hears() -> Iterator[None]:
    """An interrupt while a handler of logging is locked may leave it so: that is Python's, and pytest has only one."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def finalizers_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt in a finalizer can only be told. pytest keeps it, and with it the frames of all that was under way.

    So a connection that another interrupt lost later was never collected, and the pool had none to lend.
    """
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)


@pytest.fixture(autouse=True)
def nothing_is_left_to_finalize() -> None:
    """What an earlier test began to read and dropped ends in lines of ours, too, whenever it is collected.

    An interrupt there is spent on a finalizer, which can only tell it as a warning.
    """
    gc.collect()


def in_thread(work: Callable[[], object]) -> None:
    """Work in another thread, which must come to its end."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is reported, whatever it is
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(5)
    where = sys._current_frames().get(thread.ident or 0)
    assert not thread.is_alive(), "".join(["a lock is held:\n", *traceback.format_stack(where)])
    assert failed == []


def lines_of(work: Callable[[int], list[str]], apart: int = 1) -> int:
    """Work until no line is interrupted; it returns where it was. Returns how many lines there are."""
    reached = ["before the first"]

    def run(line: int) -> None:
        reached[:] = work(line)

    for line in count(1, apart):
        in_thread(partial(run, line))
        if not reached:
            break
    return line


@pytest.mark.parametrize("work", [ask, ask_for_what_is_taken, ask_many], ids=lambda work: work.__name__)
def test_an_interrupt_in_any_line_leaves_nothing_behind(
    ledger: PositionLedger, work: Callable[[PositionLedger, int], None]
) -> None:
    other = iter(range(10_000, 20_000))
    for line in count(1, LINES_APART):
        where: list[str] = []
        try:
            with interrupted_at(line) as where:
                work(ledger, line)
        except Interrupt:
            pass
        if not where:
            break
        in_thread(lambda: ask(ledger, next(other)))
        ask(ledger, line)  # the same again: made once, whatever became of it before
        known = {row.position_id for row in ledger.positions()}
        assert known >= {f"K{line}USDT.x#1"}, where
        assert {f"{event.originator_id}#1" for event in ledger.store.log()} == known, where
    assert line > 20, "there are lines"
    assert verify(ledger.store).ok


@pytest.mark.usefixtures("finalizers_unheard")
def test_an_interrupt_in_any_call_of_psycopg_is_told_as_one_and_spoils_no_connection(postgres_url: str) -> None:
    with PositionLedger.connect(with_options(postgres_url, "timeout=1&pool_size=1")) as ledger:
        ask(ledger, 0)
        for call in count(1):
            where: list[str] = []
            try:
                with interrupted_in_call(call) as where:
                    look(ledger, 0)
            except Interrupt:
                pass
            if not where:
                break
            look(ledger, 0)
        assert call > 20, "there are calls"


def test_what_a_signal_handler_was_told_is_recorded_stays_so_and_it_never_waits_for_its_own_thread() -> None:
    """It became a part of the write under way and was gone with it, or waited for a lock that it had interrupted."""
    ledger = PositionLedger(SQLiteStore(Settings("sqlite", ":memory:")), on_event=lambda _: None)
    ask(ledger, 0)
    told, refused = set[str](), set[str]()

    def place(name: str) -> str:
        ledger.record_cash(position_id="K0USDT.x#1", kind="funding", amount="1", cash_id=name, command_id=name)
        return name

    def handler(line: int) -> None:
        try:
            told.add(place(f"handler-{line}"))
        except StoreUnavailable as refusal:
            refused.add(refusal.message)

    def work(line: int) -> list[str]:
        with interrupted_at(line, partial(handler, line), WITH_ITS_LOCKS) as where:
            told.add(place(f"command-{line}"))
        return where

    assert lines_of(work, LINES_APART) > 100
    assert len(refused) == 1
    assert "in the middle of a write, in which a signal handler was called; nothing was written" in refused.pop()
    assert told <= {event.columns.command_id for event in ledger.store.log()}
    ledger.disconnect()


def test_a_signal_handler_is_told_nothing_that_may_yet_be_undone(tmp_path: Path) -> None:
    """It was told replayed what the write that it had interrupted had written, and that was undone afterwards."""
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        assert isinstance(ledger.store, SQLiteStore)

        def half(connection: sqlite3.Connection) -> None:
            del connection
            for ask_in_handler in (ledger.positions, partial(ask, ledger, 0), ledger.rebuild):
                with pytest.raises(StoreUnavailable, match="in the middle of a write"):
                    ask_in_handler()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            ledger.store._connections.write(half, alone=True)


def test_a_signal_handler_may_end_a_wait_in_the_middle_of_it() -> None:
    """It waited for the lock of the Event that it had interrupted, and the program could only be killed."""

    def work(line: int) -> list[str]:
        stop = Stop()
        with interrupted_at(line, stop.set, (*WITH_ITS_LOCKS, wakeups.__file__)) as where:
            assert stop.wait(0.001) or not where
        return where

    assert lines_of(work) > 3


def test_a_signal_handler_may_disconnect_in_the_middle_of_that() -> None:
    """It waited for the lock of the Event that it had interrupted."""

    def work(line: int) -> list[str]:
        watchdog = Watchdog(1)
        with interrupted_at(line, watchdog.stop, (*WITH_ITS_LOCKS, wakeups.__file__)) as where:
            watchdog.stop()
        return where

    assert lines_of(work) > 3


def test_a_writer_is_let_in_while_the_interrupt_is_still_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}?timeout=0.2") as ledger:
        for line in count(1):
            where: list[str] = []
            try:
                with interrupted_at(line) as where:
                    ask(ledger, line)
            except Interrupt:  # and so is everything that its traceback holds
                with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as rival:
                    rival.execute("BEGIN IMMEDIATE")
                    rival.execute("ROLLBACK")
                ask(ledger, line)
            if not where:
                break


HOLDER = (
    "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE')"
)


def test_an_interrupt_while_a_lock_is_waited_for_leaves_the_lock_to_others(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}?timeout=20") as ledger:
        ask(ledger, 0)
        command = [sys.executable, "-c", f"{HOLDER}; print(flush=True); sys.stdin.readline()", str(file)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            assert holder.stdin is not None
            holder.stdout.readline()

            def interrupt_and_let_go() -> None:
                assert holder.stdin is not None
                os.kill(os.getpid(), signal.SIGINT)
                holder.stdin.write("\n")
                holder.stdin.flush()

            timer = threading.Timer(0.3, interrupt_and_let_go)
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                ask(ledger, 1)
            holder.wait(10)
        timer.join()
        ask(ledger, 2)
        with PositionLedger.connect(f"sqlite:///{file}?timeout=1") as other:
            ask(other, 3)


@pytest.mark.usefixtures("finalizers_unheard")
@pytest.mark.parametrize("seed", [1, 2])
def test_interrupts_at_random_moments_lose_nothing(ledger: PositionLedger, seed: int) -> None:
    chance, acknowledged = random.Random(seed), set[str]()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    interrupts, until = 0, time.monotonic() + 2
    try:
        for number in count(1):
            if time.monotonic() > until:
                break
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00005, 0.003))
                ask(ledger, number)
                acknowledged.add(f"K{number}USDT.x#1")
                look(ledger, number)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupts += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupts > 10
    assert not isinstance(ledger.store, PostgresStore) or ledger.positions(), "the one connection is not lost"
    in_thread(lambda: ask(ledger, 50_000))
    ask(ledger, 50_001)
    assert {row.position_id for row in ledger.positions()} >= acknowledged
    assert verify(ledger.store).ok


def test_a_signal_handler_may_be_lent_a_connection_while_another_is_made(postgres_url: str) -> None:
    """Whoever it had interrupted while the connections were counted got a RuntimeError."""
    pool = Pool(lambda: WatchedConnection.connect(postgres_url), 4)  # while one is made it counts as two
    kept = pool.borrow(1)

    def work(line: int) -> list[str]:
        lent: list[WatchedConnection] = []
        with interrupted_at(line, lambda: lent.append(pool.borrow(1)), WITH_ITS_LOCKS) as where:
            lent.append(pool.borrow(1))
        for each in lent:
            each.close()
            pool.give_back(each)
        return where

    assert lines_of(work) > 10
    kept.close()


def test_a_connection_makes_room_though_an_interrupt_came_before_its_watch_ended(postgres_url: str) -> None:
    """The watchdog kept it, for an hour in a walk, and nobody could be lent another one."""
    watchdog, pool = Watchdog(3600), Pool(lambda: WatchedConnection.connect(postgres_url), 1)
    lost = [pool.borrow(1)]
    watchdog.watch(lost[0])
    lost.clear()
    pool.borrow(0.1).close()
    watchdog.stop()


def test_a_walk_whose_end_was_interrupted_leaves_its_patience_to_nobody(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was lent the connection next waited for a silent server for an hour, and not for 3 s."""

    @contextmanager
    def not_set_back(connection: WatchedConnection, seconds: float) -> Iterator[None]:
        connection.allowed_seconds = seconds
        yield
        raise KeyboardInterrupt

    with PositionLedger.connect(with_options(postgres_url, "pool_size=1")) as ledger:
        with monkeypatch.context() as patch:
            patch.setattr(connections, "waited_for", not_set_back)
            with pytest.raises(KeyboardInterrupt), ledger.store.snapshot():
                pass
        assert isinstance(ledger.store, PostgresStore)
        with ledger.store._connections.borrowed() as connection:
            assert connection.allowed_seconds is None


def test_a_signal_handler_does_not_wait_for_the_query_that_it_interrupts(postgres_url: str) -> None:
    """In a snapshot it waited for the lock of its own thread's connection, for ever."""
    with PositionLedger.connect(postgres_url) as ledger:
        store = ledger.store
        assert isinstance(store, PostgresStore)

        def interrupted_query() -> None:
            with store.snapshot(), store._connections.reading() as connection:
                with connection.lock, pytest.raises(StoreUnavailable, match="in the middle of a query"):
                    ledger.positions()
                assert ledger.positions() == []

        in_thread(interrupted_query)


def test_a_snapshot_whose_end_was_interrupted_shares_its_connection_with_nobody(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a thread did next was done on that connection, in the transaction of whoever had it by then."""
    with PositionLedger.connect(with_options(postgres_url, "timeout=1&pool_size=1")) as ledger:
        with monkeypatch.context() as patch:
            patch.setattr(Turn, "end", interrupted)
            with pytest.raises(KeyboardInterrupt), ledger.store.snapshot():
                pass
        with ThreadPoolExecutor(1) as other:
            theirs = ledger.store.snapshot()
            other.submit(theirs.__enter__).result()
            with pytest.raises(StoreUnavailable, match="all 1 of the pool are in use"):
                ledger.positions()
            other.submit(theirs.__exit__, None, None, None).result()
        assert ledger.positions() == []


def interrupted(_: Turn[Any]) -> None:
    raise KeyboardInterrupt


def test_a_transaction_whose_end_was_interrupted_takes_in_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (number INTEGER)")
        raise ZeroDivisionError

    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        assert isinstance(ledger.store, SQLiteStore)
        with monkeypatch.context() as patch:
            patch.setattr(Turn, "end", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ask(ledger, 1)
        with pytest.raises(ZeroDivisionError):
            ledger.store._connections.write(half)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        assert not file.execute("SELECT 1 FROM sqlite_schema WHERE name = 'half'").fetchall(), "all of it, or nothing"
