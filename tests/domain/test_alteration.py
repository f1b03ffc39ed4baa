"""A value is the one that `dataclasses` makes, and with other values in some fields the one of `replace`."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import pytest

from domain.alteration import altered, at_once, once
from domain.holding import Holding
from domain.order import Order

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
    with pytest.raises(FrozenInstanceError):
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
    with pytest.raises(AssertionError, match=r"\{'nmae'\} are no fields of Order"):
        altered(ORDER, nmae="exit")


@at_once
@dataclass(frozen=True)
class Quote:
    """A value whose first field has to be given."""

    bid: int
    ask: int = 2


def test_a_value_that_is_made_at_once_is_what_dataclasses_make() -> None:
    assert [Quote(bid=1), Quote(1), Quote(1, ask=3)] == [Quote(ask=2, bid=1), Quote(1, 2), Quote(bid=1, ask=3)]
    assert repr(Quote(ask=3, bid=1)) == "Quote(bid=1, ask=3)"
    assert hash(Quote(bid=1)) == hash(Quote(1)) and replace(Quote(bid=1), ask=9) == Quote(1, 9)
    assert list(vars(Quote(ask=3, bid=1))) == ["bid", "ask"]
    with pytest.raises(FrozenInstanceError):
        Quote(bid=1).ask = 3  # type: ignore[misc]  # that is the question


@pytest.mark.parametrize(
    ("places", "given", "wrong"),
    [
        ((), {"ask": 1}, "missing 1 required positional argument: 'bid'"),
        ((), {"bid": 1, "aks": 1}, "unexpected keyword argument 'aks'"),
        ((), {"ask": 1, "aks": 1}, "unexpected keyword argument 'aks'"),
        ((1,), {"bid": 1}, "multiple values for argument 'bid'"),
    ],
)
def test_a_value_is_not_made_of_other_fields(places: tuple[int, ...], given: dict[str, int], wrong: str) -> None:
    with pytest.raises(TypeError, match=wrong):
        Quote(*places, **given)


def test_a_default_of_its_own_is_not_shared() -> None:
    @dataclass(frozen=True)
    class Basket:
        things: list[str] = field(default_factory=list)

    with pytest.raises(AssertionError, match="a default is shared"):
        at_once(Basket)


def test_what_is_given_by_name_alone_is_not_given_by_its_place() -> None:
    with pytest.raises(TypeError, match=r"Order\.__init__\(\) takes 1 positional argument but 2 were given"):
        Order("entry")  # type: ignore[call-arg]  # that is the question
