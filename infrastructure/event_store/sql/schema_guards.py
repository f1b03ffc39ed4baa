"""The guards of a schema, compared with those that a database has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def not_there(guards: Mapping[str, str], found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those guards that were not found as they should be, however they are broken into lines."""
    there = {(name, one_line(made)) for name, made in found}
    wanted = {name: one_line(made) for name, made in sorted(guards.items())}
    return {name: made for name, made in wanted.items() if (name, made) not in there}


def one_line(text: str) -> str:
    """A statement on one line."""
    return " ".join(text.split())
