"""A ledger that was opened before a fork: the child process is told so at once, and the parent is not affected."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import core_schema

from domain.commands.base import Command
from domain.errors import StoreUnavailable
from infrastructure.event_store.opener import OpenedElsewhere
from infrastructure.integrity.verify import verify
from infrastructure.ledger.async_ledger import AsyncPositionLedger, AsyncSubscription
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import memory_ledger

ROOT = Path(__file__).resolve().parents[3]
CHILD_SECONDS = 20


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger


def enter(ledger: PositionLedger, symbol: str) -> str:
    return ledger.request_entry(symbol=symbol, exchange="x", side="long", quantity="1", intent_id="1").outcome


def in_child(work: Callable[[], object]) -> str:
    """What became of some work in a fork of this process, within a bound."""
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = f"{work()}"
        except BaseException as error:  # noqa: BLE001 - it is reported, whatever it is
            answer = f"{type(error).__name__}: {error}"
        os.write(said, answer.encode()[:4000])
        os._exit(0)
    os.close(said)
    timer = threading.Timer(CHILD_SECONDS, os.kill, (child, 9))
    timer.start()
    with os.fdopen(heard, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    timer.cancel()
    return answer or "hung"


def questions(ledger: PositionLedger) -> list[Callable[[], object]]:
    return [
        lambda: enter(ledger, "CUSDT"),
        lambda: enter(ledger, "AUSDT"),
        lambda: ledger.handle_many([]),
        ledger.positions,
        lambda: list(ledger.store.log()),
        ledger.rebuild,
        lambda: ledger.store.snapshot().__enter__(),
        lambda: verify(ledger.store),
        ledger.store.high_water_mark,
    ]


def test_every_question_and_command_is_refused_in_a_fork(ledger: PositionLedger) -> None:
    enter(ledger, "AUSDT")
    answers = [in_child(work) for work in questions(ledger)]
    assert [answer for answer in answers if "is a fork" not in answer] == ["[]"], "an empty batch asks for nothing"
    assert all(str(os.getpid()) in answer for answer in answers if answer != "[]")
    assert [row.position_id for row in ledger.positions()] == ["AUSDT.x#1"]
    assert enter(ledger, "BUSDT") == "recorded"
    assert verify(ledger.store).ok


def test_a_ledger_in_memory_grants_nothing_in_a_fork() -> None:
    with memory_ledger() as ledger:
        enter(ledger, "AUSDT")
        assert "is a fork" in in_child(lambda: enter(ledger, "BUSDT"))
        assert "is a fork" in in_child(ledger.positions)


def test_the_threads_of_an_asyncio_twin_are_not_waited_for_in_a_fork(ledger_url: str) -> None:
    """They are idle to whoever asks, and not there."""

    async def opened() -> tuple[AsyncPositionLedger, AsyncSubscription]:
        twin = await AsyncPositionLedger.connect(ledger_url)
        await twin.adopt(symbol="AUSDT", exchange="x", side="long", quantity="1", avg_px_open="1", reason="seen")
        log = twin.subscribe()
        await anext(log)
        return twin, log

    loop = asyncio.new_event_loop()
    twin, log = loop.run_until_complete(opened())
    try:
        for ask in (twin.positions, partial(twin.receipt, "1"), partial(anext, log)):
            assert "is a fork" in in_child(partial(awaited, ask))
        assert in_child(lambda: asyncio.run(twin.disconnect())) == "None"
        assert len(loop.run_until_complete(twin.positions())) == 1
    finally:
        log.stop()
        loop.run_until_complete(twin.disconnect())
        loop.close()


def awaited(ask: Callable[[], Any]) -> object:
    async def answer() -> object:
        return await ask()

    return asyncio.run(answer())


def test_a_fork_is_answered_whatever_other_threads_hold(ledger: PositionLedger) -> None:
    done = threading.Event()

    def write(number: int) -> None:
        for each in range(10_000):
            if done.is_set():
                return
            enter(ledger, f"T{number}N{each}USDT")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        answers = {in_child(lambda: enter(ledger, "CUSDT")).partition(":")[0] for _ in range(8)}
        assert answers == {"OpenedElsewhere"}
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert verify(ledger.store).ok


class Slow:
    """A type that pydantic needs a while to build a class with."""

    begun, may_go_on = threading.Event(), threading.Event()

    @classmethod
    def __get_pydantic_core_schema__(cls, _: object, __: object) -> core_schema.CoreSchema:
        cls.begun.set()
        assert cls.may_go_on.wait(CHILD_SECONDS)
        return core_schema.none_schema()


class SlowCommand(Command):
    """A command that is built by another thread while this process is forked."""

    verb = "slow"
    slow: Slow | None = None


class LateCommand(Command):
    """One that is built in the fork."""

    verb = "late"


def test_a_command_is_built_in_a_fork_though_another_thread_built_one_at_that_moment() -> None:
    """Pydantic's lock would be held in the fork for ever, by a thread that is not there."""
    builder = threading.Thread(target=SlowCommand.of)
    builder.start()
    assert Slow.begun.wait(CHILD_SECONDS)
    threading.Timer(0.2, Slow.may_go_on.set).start()
    assert in_child(lambda: LateCommand.of().verb) == "late"
    builder.join()
    assert LateCommand.of().verb == "late"


def test_what_was_begun_before_a_fork_is_neither_gone_on_with_nor_ended_in_it(ledger: PositionLedger) -> None:
    for symbol in ("AUSDT", "BUSDT", "CUSDT"):
        enter(ledger, symbol)

    def leave() -> str:
        del logs[:]
        snapshot.__exit__(None, None, None)
        ledger.disconnect()
        return "left"

    snapshot = ledger.store.snapshot()
    with snapshot:
        logs = [iter(ledger.store.log())]
        next(logs[0])
        assert "is a fork" in in_child(lambda: list(logs[0]))
        assert "is a fork" in in_child(ledger.positions)
        assert in_child(leave) == "left"
        assert len(list(logs[0])) == 2
        assert len(ledger.positions()) == 3
    assert enter(ledger, "DUSDT") == "recorded"


def test_a_subscriber_is_told_so_at_once(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        enter(ledger, "AUSDT")
        events = iter(ledger.subscribe())
        assert next(events).nid == 1
        assert "is a fork" in in_child(lambda: next(events))
        enter(ledger, "BUSDT")
        assert next(events).nid == 2


def test_asyncio_in_a_fork_is_refused_as_well(ledger: PositionLedger) -> None:
    async def ask() -> object:
        return await AsyncPositionLedger(ledger).positions()

    assert "is a fork" in in_child(lambda: asyncio.run(ask()))


def test_a_fork_that_connects_anew_works(postgres_url: str) -> None:
    def anew() -> str:
        with PositionLedger.connect(postgres_url) as own:
            return enter(own, "BUSDT")

    with PositionLedger.connect(postgres_url) as ledger:
        enter(ledger, "AUSDT")
        assert in_child(anew) == "recorded"
        with pytest.raises(Exception, match="already holds"):
            ledger.request_entry(symbol="BUSDT", exchange="x", side="long", quantity="1", intent_id="2")


def test_a_fork_opens_no_file_that_its_parent_had_open(tmp_path: Path) -> None:
    """When the parent disconnected, it deleted the -wal under the child, with an entry that the child was told of."""
    url = f"sqlite:///{tmp_path}/ledger.db"

    def anew() -> str:
        with PositionLedger.connect(url) as own:
            return enter(own, "BUSDT")

    with PositionLedger.connect(url) as ledger:
        assert enter(ledger, "AUSDT") == "recorded"
        assert "OpenedElsewhere" in (refused := in_child(anew))
        assert "Let the parent disconnect before it forks" in refused
        with ledger.store.still():
            assert in_child(anew) == refused
    assert in_child(anew) == "recorded"


def _pool_worker(task: tuple[PositionLedger | None, int]) -> str:
    try:
        return enter(_inherited[0], f"W{task[1]}USDT")
    except StoreUnavailable as error:
        return type(error).__name__


_inherited: list[PositionLedger] = []


def test_workers_of_multiprocessing_are_told(ledger: PositionLedger) -> None:
    _inherited[:] = [ledger]
    enter(ledger, "AUSDT")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        answers = pool.map_async(_pool_worker, [(None, number) for number in range(4)]).get(CHILD_SECONDS)
    _inherited.clear()
    assert answers == [OpenedElsewhere.__name__] * 4
    assert len(ledger.positions()) == 1


PRELOADED = """
import os, sys
from position_ledger import PositionLedger

enter = lambda ledger, symbol: ledger.request_entry(
    symbol=symbol, exchange="x", side="long", quantity="1", intent_id="1").outcome
with PositionLedger.connect(sys.argv[1]) as ledger:
    print(enter(ledger, "AUSDT"), flush=True)
    for number in range(3):
        if os.fork() == 0:
            try:
                ledger.positions()
            except Exception as error:
                print(type(error).__name__, flush=True)
            try:
                with PositionLedger.connect(sys.argv[1]) as own:
                    print(enter(own, f"W{number}USDT"), flush=True)
            except Exception as error:
                print(type(error).__name__, flush=True)
            sys.exit(0)  # through the end of the block, and every finalizer
        _, status = os.wait()
        print(status, enter(ledger, f"P{number}USDT"), len(ledger.positions()), flush=True)
"""


def test_workers_that_are_forked_after_preloading_end_in_order_and_harm_nobody(ledger_url: str) -> None:
    command: list[Any] = [sys.executable, "-W", "error", "-c", PRELOADED, ledger_url]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr.splitlines()[1:] == [], "the first says that a ledger was made"
    expected, is_file = ["recorded"], ledger_url.startswith("sqlite")
    for number in range(3):
        anew, rows = ("OpenedElsewhere", number + 2) if is_file else ("recorded", 2 * number + 3)
        expected += ["OpenedElsewhere", anew, f"0 recorded {rows}"]
    assert ran.stdout.splitlines() == expected
