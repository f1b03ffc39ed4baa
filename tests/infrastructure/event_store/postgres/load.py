"""Several workers that write at the same time, and a check of everything that they were answered."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryFile
from typing import Generic, TypeVar

import psycopg

from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from tests.forked_popen import ForkedPopen
from tests.infrastructure.event_store.postgres.worker import Tally

MINUTES_VARIABLE = "LEDGER_TEST_MINUTES"
PROGRAM = str(Path(__file__).with_name("worker.py"))
END_SECONDS = 120
EVENTUALLY_SECONDS = 60

Answer = TypeVar("Answer")


def seconds(short: float) -> float:
    """How long a load lasts: some seconds, or the minutes that the environment names."""
    minutes = float(os.environ.get(MINUTES_VARIABLE, "0"))
    return minutes * 60 or short


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + EVENTUALLY_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


class Asked(Generic[Answer]):
    """A call in a thread of its own; a call that never returns fails its test."""

    def __init__(self, question: Callable[[], Answer]) -> None:
        self._question = question
        self._answers: list[Answer] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answers.append(self._question())
        except Exception as error:  # noqa: BLE001 - handed to the test, which knows what it should be
            self._error = error

    def answer(self, limit_seconds: float = EVENTUALLY_SECONDS) -> Answer:
        """The result of the call, or its error, within a time limit."""
        self._thread.join(limit_seconds)
        assert not self._thread.is_alive(), f"there is no answer after {limit_seconds:g} s"
        if self._error is not None:
            raise self._error
        return self._answers[0]


def slack_seconds() -> float:
    """How much a busy machine may add to a time limit: it grows with the load of each processor."""
    return 4.0 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def within(limit_seconds: float, question: Callable[[], Answer]) -> Answer:
    """The result of a call, which must come within a time limit (and what a busy machine may add to it)."""
    return Asked(question).answer(limit_seconds + slack_seconds())


class Worker:
    """One worker process, which waits for the start."""

    def __init__(self, *arguments: str) -> None:
        self._complaints = TemporaryFile("w+")  # noqa: SIM115 - closed when the worker ends
        self.process = ForkedPopen[str](
            [PROGRAM, *arguments], stdin=PIPE, stdout=PIPE, stderr=self._complaints, text=True
        )
        self._limit = threading.Timer(END_SECONDS + seconds(0), self.process.kill)
        self._limit.start()

    def is_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self._complained()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def said(self) -> str:
        """All its output until its end."""
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        assert self.process.wait() == 0, self._complained()
        return said

    def _complained(self) -> str:
        self._complaints.seek(0)
        return self._complaints.read()

    def end(self) -> None:
        self._limit.cancel()
        self.process.kill()
        self.process.communicate()
        self._complaints.close()


@contextmanager
def workers(*commands: tuple[str, ...]) -> Iterator[list[Worker]]:
    """Start worker processes; none is left after the block."""
    started = [Worker(*command) for command in commands]
    try:
        for worker in started:
            worker.is_ready()
        yield started
    finally:
        for worker in started:
            worker.end()


def writing(url: str, processes: int, *how_long: str) -> list[tuple[str, ...]]:
    """The command lines of processes with two writers each."""
    return [("write", url, f"W{number}A", f"W{number}B", *how_long) for number in range(processes)]


def tallied(writers: list[Worker]) -> list[Tally]:
    return [Tally(**tally) for writer in writers for tally in json.loads(writer.said())]


def logged(url: str) -> list[tuple[int, str, int]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT nid, stream, version FROM ledger_events ORDER BY nid").fetchall()


def stored_commands(url: str) -> Counter[str]:
    """How often each command is in the log."""
    with psycopg.connect(url) as connection:
        return Counter(id_ for (id_,) in connection.execute("SELECT command_id FROM ledger_events"))


def counted(stored: Counter[str], tallies: list[Tally]) -> dict[str, int]:
    """The outcome of everything that the writers were answered: the figures of docs/reliability.md."""
    acknowledged = [id_ for tally in tallies for id_ in tally.acknowledged]
    return {
        "acknowledged": len(acknowledged),
        "lost": sum(id_ not in stored for id_ in acknowledged),
        "doubled": sum(times > 1 for times in stored.values()),
        "unknown": sum(len(tally.unknown) for tally in tallies),
        "not written": sum(len(tally.not_written) for tally in tallies),
        "written all the same": sum(id_ in stored for tally in tallies for id_ in tally.not_written),
    }


def assert_told_the_truth(url: str, tallies: list[Tally], but: Collection[str] = ()) -> dict[str, int]:
    """Check that what was acknowledged is there once, that what was not written is not there, and that all verifies.

    Shape: the figures; `but` are commands that somebody else sent.
    """
    stored = stored_commands(url)
    figures = counted(stored, tallies)
    print(figures, f"longest {max(tally.longest_seconds for tally in tallies):.2f} s")
    assert (figures["lost"], figures["doubled"], figures["written all the same"]) == (0, 0, 0), figures
    assert [tally.refused for tally in tallies if tally.refused] == []
    acknowledged = {id_ for tally in tallies for id_ in tally.acknowledged}
    assert set(stored) - set(but) == acknowledged, "something is there that nobody was told of"
    with PositionLedger.connect(url) as ledger:
        assert verify(ledger.store).findings == ()
    return figures
