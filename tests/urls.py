"""Database URLs with other parameters."""

from __future__ import annotations


def with_options(url: str, options: str) -> str:
    """The URL with these options, instead of its own of these names."""
    place, _, own = url.partition("?")
    names = {each.partition("=")[0] for each in options.split("&")}
    kept = [each for each in own.split("&") if each and each.partition("=")[0] not in names]
    return f"{place}?{'&'.join([*kept, options])}"
