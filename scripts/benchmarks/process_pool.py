"""Running functions side by side, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

_PRELOADED = ("scripts.benchmarks.contest", "scripts.benchmarks.scan", "infrastructure.event_store.postgres.store")


class BenchmarkFailed(Exception):
    """A process could not do its work; its own words say why."""


@cache
def context() -> ForkServerContext | SpawnContext:
    """How processes are started: with the imports done already, where that can be had."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    chosen = multiprocessing.get_context("forkserver")
    chosen.set_forkserver_preload(list(_PRELOADED))
    return chosen


def side_by_side(task: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call a function once for each arguments, in as many processes; what it returned, in order.

    Refuses: BenchmarkFailed with the traceback of a call that failed. Whatever happens, no process is left.
    """
    pipes = [context().Pipe(duplex=False) for _ in arguments]
    workers = [
        context().Process(target=_work, args=(theirs, task, each), daemon=True)
        for (_, theirs), each in zip(pipes, arguments, strict=True)
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
        raise BenchmarkFailed("a process ended without a word") from None
    if not is_done:
        raise BenchmarkFailed(answer)
    return answer


def _work(pipe: Connection, task: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one ends the others
    try:
        pipe.send((True, task(*arguments)))
    except Exception:  # noqa: BLE001 - whatever went wrong here is raised again in the process that waits
        pipe.send((False, traceback.format_exc()))
