"""A value with other values in some fields is the one that `dataclasses.replace` makes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from decimal import Decimal
from typing import Any, Final

import pytest

from domain.alteration import altered
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


def test_a_field_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match=r"\{'nmae'\} are no fields of Order"):
        altered(ORDER, nmae="exit")
