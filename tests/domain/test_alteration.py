"""A struct is created as `dataclasses` would create it, and altered as `replace` would alter it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from domain.alteration import UNWRITTEN, TypedStruct, altered, once
from domain.events import Activated
from domain.holding import Holding
from domain.orders.order import Order
from domain.values import Instant, Number

ORDER: Final = Order(name="entry", requested_qty=Decimal("61.8"))
HOLDING: Final = Holding(quantity=Decimal("61.8"), fees_other={"BNB": Decimal("0.1")})


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (ORDER, {}),
        (ORDER, {"exchange_order_id": "53190368", "ended": "filled"}),
        (HOLDING, {"fees": Decimal("0.2")}),
        (HOLDING, {"fees_other": {}}),
    ],
)
def test_it_is_what_replace_makes(value: Any, changes: dict[str, Any]) -> None:
    before = repr(value)
    assert altered(value, **changes) == replace(value, **changes)
    assert repr(value) == before
    with pytest.raises(AttributeError, match="immutable"):
        altered(value, **changes).quantity = Decimal(0)


def test_what_an_order_worked_out_is_worked_out_anew() -> None:
    assert ORDER.role == "entry"
    filled = altered(ORDER, exchange_order_id="é 1", attached=True, ended="filled")
    assert '"ended"' not in ORDER.text
    assert filled.text == (
        '{"name":"entry","role":"entry","exchange_order_id":"\\u00e9 1","requested_qty":"61.8","filled_qty":"0",'
        '"ended":"filled","attached":true}'
    )


@dataclass(frozen=True)
class Spread:
    """A value that counts how often something is worked out of it."""

    counted: list[int]

    @once
    def width(self) -> int:
        """What is worked out."""
        self.counted.append(1)
        return len(self.counted)


def test_what_is_worked_out_of_a_frozen_value_is_kept() -> None:
    spread = Spread([])
    assert [spread.width, spread.width] == [1, 1]
    assert spread.counted == [1]
    assert spread == Spread([1])
    assert replace(spread).width == 2
    assert Spread.width.__doc__ == "What is worked out."


def test_a_field_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="`Order` has no field 'nmae'"):
        altered(ORDER, nmae="exit")


def test_what_is_given_by_name_alone_is_not_given_by_its_place() -> None:
    with pytest.raises(TypeError, match="Extra positional arguments"):
        Activated("APTUSDT.binance")  # type: ignore[call-arg]  # that is the question


class Told(TypedStruct, frozen=True, forbid_unknown_fields=True):
    """What is told, as a struct."""

    name: str
    qty: Number = Decimal(0)
    at: Instant | None = None
    sums: dict[str, Number] = msgspec.field(default_factory=dict)


class Plain(TypedStruct, frozen=True):
    """One that takes whatever is given beside its fields."""

    name: str


def as_dataclasses() -> tuple[type[Any], type[Any]]:
    """The same two, under the same names, as dataclasses."""

    @dataclass(frozen=True)
    class Told:
        __pydantic_config__ = ConfigDict(extra="forbid")

        name: str
        qty: Number = Decimal(0)
        at: Instant | None = None
        sums: dict[str, Number] = field(default_factory=dict)

    @dataclass(frozen=True)
    class Plain:
        name: str

    return Told, Plain


TWINS = [*zip((Told, Plain), as_dataclasses(), strict=True)]


@pytest.mark.parametrize(("struct", "twin"), TWINS)
@pytest.mark.parametrize(
    "given",
    [
        {"name": "a"},
        {"name": "a", "qty": "100", "at": "2025-10-22T18:50:40.981819Z", "sums": {"BNB": "0.10"}},
        {"name": "a", "other": 1},
        {"qty": "x", "sums": {"BNB": []}},
        {"name": "a", "at": "2025-10-22T18:50:40"},
        ["a"],
        None,
    ],
)
def test_it_is_read_and_written_as_a_dataclass_is(struct: type[Any], twin: type[Any], given: object) -> None:
    assert outcome(struct, given) == outcome(twin, given)


@pytest.mark.parametrize(("struct", "twin"), TWINS)
def test_for_dataclasses_it_is_one_of_the_same_fields(struct: type[Any], twin: type[Any]) -> None:
    told, twice = struct(name="a"), twin(name="a")
    assert (
        asdict(told) == asdict(twice)
        and repr(replace(told, name="b")) == repr(replace(twice, name="b")).rpartition(".")[2]
    )
    for mine, other in zip(fields(struct), fields(twin), strict=True):
        assert (mine.name, mine.type, mine.default, mine.default_factory) == (
            other.name,
            other.type,
            other.default,
            other.default_factory,
        )


def outcome(kind: type[Any], given: object) -> Sequence[Any]:
    adapter = TypeAdapter(kind)
    try:
        value = adapter.validate_python(given)
    except ValidationError as error:
        return error.errors(include_url=False, include_context=False)
    assert type(value) is kind and adapter.validate_python(value) is value
    return [
        repr(value).rpartition(".")[2],
        adapter.dump_json(value),
        adapter.dump_json(value, exclude_defaults=True),
        adapter.dump_python(value, mode="json"),
    ]


def test_a_default_is_written_only_where_it_is_asked_for() -> None:
    adapter = TypeAdapter(Told)
    told = Told("a", qty=Decimal("1E+2"))
    assert adapter.dump_json(told, exclude_defaults=True) == b'{"name":"a","qty":"100"}'
    assert adapter.dump_json(told) == b'{"name":"a","qty":"100","at":null,"sums":{}}'


@pytest.mark.parametrize("value", [Order(name="entry"), Holding(), Told("a")])
def test_nothing_in_it_changes(value: Any) -> None:
    with pytest.raises(AttributeError, match="immutable type"):
        setattr(value, value.__struct_fields__[0], "b")
    with pytest.raises(TypeError, match="nmae"):
        altered(value, nmae="b")


class Placed(Told, frozen=True, kw_only=True):
    """One of which a part stands elsewhere."""

    place: Annotated[int, UNWRITTEN]
    reason: str


def test_what_stands_elsewhere_is_read_and_not_written() -> None:
    adapter = TypeAdapter(Placed)
    placed = adapter.validate_python({"name": "a", "place": 7, "reason": "late"})
    assert placed == Placed("a", place=7, reason="late")
    assert adapter.dump_json(placed, exclude_defaults=True) == b'{"name":"a","reason":"late"}'
    assert [(each.name, each.type) for each in fields(Placed)][-2:] == [
        ("place", "Annotated[int, UNWRITTEN]"),
        ("reason", "str"),
    ]
