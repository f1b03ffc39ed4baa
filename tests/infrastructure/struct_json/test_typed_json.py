from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain.alteration import TypedStruct
from domain.commands.requests import Evidence
from domain.holding import Holding
from domain.values import Instant, Number, Side
from infrastructure.struct_json.typed_json import TypedJson

AT = datetime(2025, 10, 22, 18, 50, 40, 981819, tzinfo=UTC)


class Told(TypedStruct, frozen=True, forbid_unknown_fields=True):
    """A struct with every kind of field."""

    at: Instant
    side: Side
    qty: Number | None = None
    ended: Instant | None = None
    held: Holding | None = None
    others: dict[str, Number] = msgspec.field(default_factory=dict)
    parts: tuple[Holding, ...] = ()
    evidence: Evidence | None = None


READER = TypedJson(Told)


def read(fields: str) -> Told | None:
    return READER.read(f'{{"at":"2025-10-22T18:50:40.981819Z","side":"long"{fields}}}')


def test_what_is_in_our_spelling_is_read() -> None:
    held = '{"quantity":"61.8","fees_other":{"BNB":"0.1"}}'
    fields = f',"qty":"-0.5","held":{held},"others":{{"a":"1"}},"parts":[{held}],"evidence":{{"n":[1,"x",null]}}'
    holding = Holding(quantity=Decimal("61.8"), fees_other={"BNB": Decimal("0.1")})
    assert read(f'{fields},"ended":"2025-10-22T18:50:40.981819Z"') == Told(
        AT,
        Side.LONG,
        Decimal("-0.5"),
        AT,
        holding,
        {"a": Decimal(1)},
        (holding,),
        Evidence.model_validate({"n": [1, "x", None]}),
    )


def test_what_is_left_out_has_its_default_and_shares_it_with_nobody() -> None:
    first, second = read(""), read(',"qty":null,"evidence":null')
    assert first == second == Told(AT, Side.LONG)
    assert first is not None
    assert second is not None
    assert first.others is not second.others


@pytest.mark.parametrize(
    "fields",
    [
        *(f',"qty":{number}' for number in ("1", "1.5", "1e2", "true", "[]", '"NaN"', '"-inf"', '"N_aN"', '""')),
        *(
            f',"ended":"{time}"'
            for time in (
                "2025-10-22T18:50:40",
                "2025-W43-3T18:50:40.981819Z",
                "2025-10-22T24:00:00.000000Z",
                "2025-10-22T18:50:40.98+04:0",
            )
        ),
        ',"leverage":"10"',
        ',"held":{"leverage":"10"}',
        ',"evidence":{"n":1.5}',
        ',"evidence":[]',
        ',"others":{"a":1}',
        ',"evidence":' + "[" * 2_000,
        "}",
    ],
    ids=lambda fields: fields[:40],
)
def test_what_is_in_another_spelling_or_wrong_is_left_to_others(fields: Any) -> None:
    assert read(fields) is None
