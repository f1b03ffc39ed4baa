"""Hooks of a program that have to be awaited on its loop."""

from __future__ import annotations

from asyncio import AbstractEventLoop, run_coroutine_threadsafe
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

Hook = TypeVar("Hook", bound=Callable[..., object])


def awaited_on(loop: Callable[[], AbstractEventLoop], hook: Hook | None) -> Hook | None:
    """A hook that is called in a thread, of one that has to be awaited on a loop; any other as it is."""
    if hook is None or not iscoroutinefunction(hook):
        return hook

    def call(*arguments: Any) -> None:
        run_coroutine_threadsafe(hook(*arguments), loop()).result()

    return cast("Hook", call)
