"""The rows of a projection as text: written and read as pydantic does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given as tried_on
from pydantic import TypeAdapter

from infrastructure.struct_json.projection_text import ProjectionText
from projections.metrics.cycle_metrics import CycleFacts
from tests.strategies import cycle_facts

TEXT = ProjectionText(CycleFacts)
BY_PYDANTIC = TypeAdapter(CycleFacts)


@tried_on(cycle_facts())
def test_a_row_is_written_as_pydantic_writes_it_and_comes_back(facts: CycleFacts) -> None:
    text = TEXT.write(facts)
    assert text == BY_PYDANTIC.dump_json(facts).decode()
    assert TEXT.read(text) == facts == BY_PYDANTIC.validate_json(text)


@tried_on(cycle_facts())
def test_a_row_of_before_some_of_its_fields_is_read(facts: CycleFacts) -> None:
    known = json.loads(TEXT.write(facts))
    for name in ("gaps", "taken_over_at"):
        del known[name]
    del known["position"]["residual_qty"]
    before = json.dumps(known, ensure_ascii=False)
    assert TEXT.read(before) == BY_PYDANTIC.validate_json(before)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense", '{"position": {}, "opened_by": "x"}', '{"opened_by": 1.5}']
)
def test_what_is_no_row_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        TEXT.read(text)
