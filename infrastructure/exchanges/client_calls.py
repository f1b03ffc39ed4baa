"""Calls to a ccxt client, written once for both kinds of clients: a generator yields calls, a driver makes them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""The errors of reading an answer that does not have the expected shape, by ccxt or by us."""


@dataclass(frozen=True, slots=True)
class ClientCall:
    """A call of one method of a client."""

    method: str
    args: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """The value that the client returned, and the JSON from which it made the value."""

    value: Any
    said: Any


T = TypeVar("T")
Asking = Generator[ClientCall, ClientAnswer, T]
Translated = Callable[[Exception], Exception]


def _unchanged(wrong: Exception) -> Exception:
    return wrong


def answered(asking: Asking[T], client: Any, translated: Translated = _unchanged) -> T:
    """Make the calls that `asking` yields with a synchronous client; an error is translated and raised in `asking`."""
    step = partial(next, asking)
    while True:
        try:
            call = step()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # StopIteration does not type the generator's result
        try:
            value = getattr(client, call.method)(*call.args, **call.named)
        except Exception as wrong:  # noqa: BLE001  # `asking` has to learn of every kind of failure
            step = partial(asking.throw, translated(wrong))
        else:
            step = partial(asking.send, ClientAnswer(value, client.last_json_response))


async def answered_async(asking: Asking[T], client: Any, translated: Translated) -> T:
    """As `answered`, with a client of asyncio; no other task runs between an answer and the reading of its JSON."""
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
