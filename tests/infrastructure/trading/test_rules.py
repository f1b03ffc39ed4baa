"""Rules that cannot be kept are refused when they are created, not between an entry and its stop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from infrastructure.trading.rules import Rules


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        *[("stop_tries", wrong) for wrong in (0, -1, 1.5, "5", None, True)],
        ("rollback_tries", 0),
        *[("lookup_seconds", wrong) for wrong in (-1, float("nan"), float("inf"), "20", None, True)],
        ("fill_seconds", None),
        ("protection", "Bot"),
        ("attaches_stops", "no"),
        *[("adopted_stop_percent", wrong) for wrong in (0, "-1", "100", 2.0, "two", "NaN")],
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_by_name(rule: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{rule} is "):
        Rules(**{rule: value})


@pytest.mark.parametrize("said", ["2.5", Decimal("2.5")])
def test_a_percentage_may_be_text_as_everywhere(said: Any) -> None:
    assert Rules(adopted_stop_percent=said).adopted_stop_percent == Decimal("2.5")


def test_whole_seconds_and_none_at_all_are_fine() -> None:
    assert Rules(lookup_seconds=0, poll_seconds=0, stop_tries=1).pause(3) == 0
