"""What is wrong with values that were stored or written elsewhere, in words on one line."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

_FAULTS_MAX: Final = 3


def faults(wrong: ValidationError) -> str:
    """The first faults, each with its field and, unless that is missing, its value; and how many more there are."""
    found = wrong.errors(include_url=False)
    said = []
    for each in found[:_FAULTS_MAX]:
        field = ".".join(map(str, each["loc"]))
        value = "" if each["type"] == "missing" else f", not {each['input']!r:.60}"
        said.append(f"{field}: {each['msg']}{value}".removeprefix(": "))
    if left := len(found) - len(said):
        said.append(f"and {left:,} more")
    return "; ".join(said)
