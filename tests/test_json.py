"""The JSON of every class that is printed: programs that nobody here sees read its keys and spellings.

An example of each is made from the types of its fields. `tests/printed.jsonl` has what each looks like, with everything
there and with nothing that need not be. A new class adds its line, which is in the message of the test; so does a class
with a new field, and whoever added it looks whether it is printed.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import types
import typing
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from zlib import crc32

import pytest

from domain.commands.base import Command
from domain.commands.requests import LoseStopLoss
from domain.errors import CommandRefused, UnknownPosition
from domain.events import Activated, PositionEvent
from domain.identifiers import PositionKey
from domain.orders.cycle_orders import Orders
from domain.orders.order import Order
from domain.values import Source
from tests.pages import TOP

LAYERS = ("domain", "projections", "infrastructure", "scripts")
NOT_MADE = {"BenchReport", "JsonObject"}
"""A report about this machine, and what the others are."""
AT = datetime(2025, 10, 22, 18, 50, 40, 981819, tzinfo=UTC)
ONE_OF: Mapping[Any, Any] = {
    bytes: b"{}",
    PositionKey: PositionKey("APTUSDT", "binance", "sub1"),
    CommandRefused: UnknownPosition("there is no position APTUSDT.binance#1"),
    Command: LoseStopLoss.of(position_id="APTUSDT.binance#1", reason="gone", expected_version=4, at=AT),
    PositionEvent: Activated(
        originator_id="APTUSDT.binance",
        originator_version=5,
        command_id="c-1",
        request="r",
        cycle=1,
        ts_event=AT,
        ts_recorded=AT,
        source=Source.SIGNAL,
    ),
}
"""Of a class that checks its fields."""
CALLED: Mapping[Any, Mapping[str, str]] = {Order: {"name": "entry.2"}}
"""Texts that mean something to their class."""
FROM_A_NUMBER: Mapping[Any, Callable[[int], Any]] = {
    int: lambda number: number,
    float: lambda number: number + 0.23456,
    Decimal: lambda number: Decimal(f"{number}.50"),
    object: lambda number: Decimal(f"{number}.50"),  # what a number of the domain is to who does not know its schema
    datetime: lambda number: AT + timedelta(seconds=number),
    timedelta: lambda number: timedelta(seconds=number, milliseconds=500),
}


def printed_classes() -> Iterator[type]:
    """Every dataclass that can be printed, in the order of the modules."""
    for path in sorted(path for layer in LAYERS for path in (TOP / layer).rglob("*.py")):
        module = importlib.import_module(".".join(path.relative_to(TOP).with_suffix("").parts))
        for each in vars(module).values():
            if isinstance(each, type) and each.__module__ == module.__name__ and hasattr(each, "as_json"):
                assert dataclasses.is_dataclass(each) or each.__name__ in NOT_MADE, each
                yield each


def example(hint: Any, *, bare: bool) -> Any:
    """A dataclass with everything there, or (bare) with nothing that need not be."""
    kind = typing.get_origin(hint) or hint
    filled = dict(zip(getattr(kind, "__parameters__", ()), typing.get_args(hint), strict=True))
    hints = typing.get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind) if field.init]
    values = {name: value(hints[name], name, bare=bare, filled=filled) for name in fields}
    return kind(**{**values, **CALLED.get(kind, {})})


def value(hint: Any, name: str, *, bare: bool, filled: Mapping[Any, Any]) -> Any:
    """Something of a type that tells of which field it is: a text is its name, a number follows from it."""
    hint = filled.get(hint, hint) if isinstance(hint, Hashable) else hint
    origin, args = typing.get_origin(hint), typing.get_args(hint)

    def of(part: Any, named: str = name) -> Any:
        return value(part, named, bare=bare, filled=filled)

    if hint in ONE_OF:
        return ONE_OF[hint]
    if hint in FROM_A_NUMBER:
        return FROM_A_NUMBER[hint](crc32(name.encode()) % 1_000)
    if hint is bool:
        return not bare
    if hint is str or hint is Any:
        return name
    if origin in {typing.Union, types.UnionType}:
        return None if bare and type(None) in args else of(args[0])
    if origin is typing.Literal:
        return args[0]
    if origin is tuple and ... not in args:
        return tuple(map(of, args))
    if origin in {tuple, list, Sequence}:
        return (list if origin is list else tuple)(() if bare else [of(args[0])])
    if origin in {dict, defaultdict, Counter, Mapping}:
        keys: list[Any] = list(args[0]) if is_enum(args[0]) else [] if bare else [of(args[0], "ledger")]
        found = {key: 2 if origin is Counter else of(args[1]) for key in keys}
        return Counter(found) if origin is Counter else found
    if is_enum(hint):
        return next(iter(hint))
    if hint is Orders:
        return Orders.of(of(dict[str, Order]).values())
    return None if getattr(hint, "_is_protocol", False) else example(hint, bare=bare)


def is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def printed(kind: Any) -> str:
    shapes = {"full": example(kind, bare=False).as_json(), "bare": example(kind, bare=True).as_json()}
    fields = [field.name for field in dataclasses.fields(kind)]
    return json.dumps({"class": kind.__name__, "fields": fields, **shapes}, ensure_ascii=False)


def known() -> dict[str, str]:
    lines = (TOP / "tests" / "printed.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["class"]: line for line in lines}


@pytest.mark.parametrize(
    "kind", [each for each in printed_classes() if each.__name__ not in NOT_MADE], ids=lambda kind: kind.__name__
)
def test_the_json_of_a_class_stays_as_it_is(kind: type) -> None:
    assert printed(kind) == known().get(kind.__name__)
