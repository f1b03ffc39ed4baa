"""Hooks of a program that have to be awaited on its event loop."""

from __future__ import annotations

from asyncio import AbstractEventLoop, run_coroutine_threadsafe
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

Hook = TypeVar("Hook", bound=Callable[..., object])


def awaited_on(loop: Callable[[], AbstractEventLoop], hook: Hook | None) -> Hook | None:
    """Wrap a coroutine function so that a thread can call it: it is awaited on `loop`; any other hook is unchanged."""
    if hook is None or not iscoroutinefunction(hook):
        return hook

    def call(*arguments: Any) -> None:
        run_coroutine_threadsafe(hook(*arguments), loop()).result()

    return cast("Hook", call)
