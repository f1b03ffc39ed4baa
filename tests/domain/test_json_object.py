"""A class that is printed as JSON has its fields as keys, or the keys that it lists."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from domain.json_object import JsonObject, jsonable
from domain.values import Side


@dataclass(frozen=True, slots=True)
class Stop(JsonObject):
    side: Side
    price: Decimal | None = None


@dataclass
class Report(JsonObject):
    stop: Stop | None
    note: str | None = None
    names: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    json_keys: ClassVar = (
        "ok",
        ("from", "stop.side"),
        ("count", lambda report: len(report.names)),
        "note?",
        ("first?", lambda report: report.names[0] if report.names else None),
        "**details",
    )

    @property
    def ok(self) -> bool:
        return self.stop is not None


def test_a_class_that_lists_nothing_is_printed_field_by_field() -> None:
    assert json.dumps(Stop(Side.LONG, Decimal("3.10")).as_json()) == '{"side": "long", "price": "3.1"}'


def test_a_class_is_printed_by_what_it_lists_in_that_order() -> None:
    report = Report(Stop(Side.SHORT), "late", ("a", "b"), {"stop": Stop(Side.LONG)})
    assert json.dumps(report.as_json()) == (
        '{"ok": true, "from": "short", "count": 2, "note": "late", "first": "a", '
        '"stop": {"side": "long", "price": null}}'
    )


def test_what_is_none_is_left_out_only_where_a_class_says_so() -> None:
    assert Report(None).as_json() == {"ok": False, "from": None, "count": 0}


def test_values_have_one_spelling() -> None:
    at = datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC)
    assert jsonable((Decimal("1E+2"), at, timedelta(milliseconds=1500), Side.LONG, None, True, 0.5)) == [
        "100",
        "2025-10-22T18:50:40.000000Z",
        "1.5",
        "long",
        None,
        True,
        0.5,
    ]
    assert jsonable({Side.SHORT: [Decimal("61.80")]}) == {"short": ["61.8"]}


def test_a_value_without_a_rule_is_not_guessed() -> None:
    with pytest.raises(AssertionError, match="set has no JSON"):
        jsonable({"a": {1}})
