from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from domain.order import Order

NAMES = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(['"', "\\", "/", "\x7f", "ü"])


@given(NAMES)
def test_an_order_is_written_in_ascii_whatever_its_ids_are(name: str) -> None:
    order = Order(name="entry", client_order_id=name)
    assert order.text == json.dumps(
        {"name": "entry", "role": "entry", "client_order_id": name, "filled_qty": "0"}, separators=(",", ":")
    )
