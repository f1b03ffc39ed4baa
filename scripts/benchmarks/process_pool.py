"""Running a function side by side, each call in a process of its own."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

_PRELOADED = ("scripts.benchmarks.contest", "scripts.benchmarks.scan", "infrastructure.event_store.postgres.store")


class BenchmarkFailed(Exception):
    """A process failed; the message has its traceback."""


@cache
def context() -> ForkServerContext | SpawnContext:
    """The start method of processes: with modules imported in advance, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    chosen = multiprocessing.get_context("forkserver")
    chosen.set_forkserver_preload(list(_PRELOADED))
    return chosen


def side_by_side(task: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call a function once for each tuple of arguments, in as many processes; returns the results in order.

    Refuses: BenchmarkFailed with the traceback of a call that failed. No process is left running in any case.
    """
    pipes = [context().Pipe(duplex=False) for _ in arguments]
    workers = [
        context().Process(target=_work, args=(theirs, task, of_call), daemon=True)
        for (_, theirs), of_call in zip(pipes, arguments, strict=True)
    ]
    try:
        for worker, (_, theirs) in zip(workers, pipes, strict=True):
            worker.start()
            theirs.close()
        return [_answer(ours) for ours, _ in pipes]
    finally:
        for worker, (ours, _) in zip(workers, pipes, strict=True):
            if worker.pid is not None:
                worker.terminate()
                worker.join()
            ours.close()


def _answer(pipe: Connection) -> Any:
    try:
        is_done, answer = pipe.recv()
    except EOFError:
        raise BenchmarkFailed("a process ended without a result or a traceback") from None
    if not is_done:
        raise BenchmarkFailed(answer)
    return answer


def _work(pipe: Connection, task: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent ends this one
    with suppress(BrokenPipeError):  # the parent was stopped while it started this one, and waits for no answer
        try:
            pipe.send((True, task(*arguments)))
        except Exception:  # noqa: BLE001 - any failure is reported by the parent
            pipe.send((False, traceback.format_exc()))
