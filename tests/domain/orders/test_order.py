"""Orders as they are stored in a column."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from domain.orders.order import Order

AT: Final = datetime(2025, 10, 22, 18, 50, 40, 981819, tzinfo=UTC)


def test_what_is_not_known_of_an_order_is_not_written() -> None:
    order = Order(name="stop.1", exchange_order_id="S-1", price=Decimal("3.10"), opened_at=AT, attached=True)
    written = '{"name":"stop.1","role":"stop","exchange_order_id":"S-1","filled_qty":"0","price":"3.1","opened_at":'
    assert order.text.startswith(written) and order.text.endswith('"attached":true}')
    assert "ended" not in order.text and order.as_json()["ended"] is None
    assert "stated_worth" not in order.as_json()


def test_a_worth_that_nobody_stated_is_written_as_not_known() -> None:
    order = Order(name="entry", stated_qty=Decimal(2), stated_worth=None)
    assert order.text.endswith('"stated_qty":"2","stated_worth":null}')
    assert order.as_json()["stated_worth"] is None


@given(st.text(st.characters(codec="utf-8")))
@example("Zwölf \u2028 \U0001f600")
@example('"\\/\x7f\x1f\t\n\b\f\r\x00')
def test_an_order_is_written_in_the_letters_that_python_writes_json_with(name: str) -> None:
    text = Order(name="entry", exchange_order_id=name).text
    assert json.loads(text)["exchange_order_id"] == name
    assert text == json.dumps(json.loads(text), separators=(",", ":"))
