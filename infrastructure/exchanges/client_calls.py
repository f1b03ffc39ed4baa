"""Calls to a ccxt client, written once for both of its kinds: a generator yields them, a driver makes them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True)
class ClientCall:
    """One method of a client, and with what it is called."""

    method: str
    args: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """What the client made of an answer, and the JSON that it was."""

    value: Any
    said: Any


T = TypeVar("T")
Asking = Generator[ClientCall, ClientAnswer, T]
Translated = Callable[[Exception], Exception]


def _as_it_is(wrong: Exception) -> Exception:
    return wrong


def answered(asking: Asking[T], client: Any, translated: Translated = _as_it_is) -> T:
    """Make the calls of `asking` with a client that answers at once; what fails is thrown into it, translated."""
    step = partial(next, asking)
    while True:
        try:
            call = step()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # a generator's return value is untyped in its exception
        try:
            value = getattr(client, call.method)(*call.args, **call.named)
        except Exception as wrong:  # noqa: BLE001  # whatever it is, `asking` has to know that the call failed
            step = partial(asking.throw, translated(wrong))
        else:
            step = partial(asking.send, ClientAnswer(value, client.last_json_response))


async def answered_async(asking: Asking[T], client: Any, translated: Translated = _as_it_is) -> T:
    """As `answered`, with a client of asyncio: nothing else runs between an answer and the reading of its JSON."""
    step = partial(next, asking)
    while True:
        try:
            call = step()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # as in `answered`
        try:
            value = await getattr(client, call.method)(*call.args, **call.named)
        except Exception as wrong:  # noqa: BLE001  # as in `answered`
            step = partial(asking.throw, translated(wrong))
        else:
            step = partial(asking.send, ClientAnswer(value, client.last_json_response))
