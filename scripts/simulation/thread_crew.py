"""Running functions at the same moment, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as waited_for
from typing import Final, TypeVar

Done = TypeVar("Done")

LOOK_SECONDS: Final = 0.2


def together(
    actions: Sequence[Callable[[], Done]],
    *,
    stop: Callable[[], None] = lambda: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> list[Done]:
    """Call all functions at the same moment, each in a thread of its own; returns their results in order.

    Shape:   `meanwhile` is called several times a second until all are done. When a function raises, or Ctrl-C
             interrupts the wait, `stop` is called, which must let the threads end, because they are waited for.
    Refuses: whatever one of the functions raises.
    """
    if not actions:
        return []
    start = threading.Barrier(len(actions))

    def begin(action: Callable[[], Done]) -> Done:
        start.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        try:
            running = [pool.submit(begin, action) for action in actions]
            while _are_under_way(running):
                meanwhile()
            return [each.result() for each in running]
        except BaseException:
            start.abort()
            stop()
            raise


def _are_under_way(running: Sequence[Future[Done]]) -> bool:
    done, under_way = waited_for(running, timeout=LOOK_SECONDS)
    for each in done:
        each.result()
    return bool(under_way)
