"""The guards that a schema should have (triggers, indexes, checks), compared with those that a database has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def not_there(guards: Mapping[str, str], found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The guards that were not found as they should be; line breaks do not matter."""
    present = {(name, one_line(made)) for name, made in found}
    wanted = {name: one_line(made) for name, made in sorted(guards.items())}
    return {name: made for name, made in wanted.items() if (name, made) not in present}


def one_line(text: str) -> str:
    """A statement on one line."""
    return " ".join(text.split())
