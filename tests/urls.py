"""Database URLs with additional parameters."""

from __future__ import annotations


def with_options(url: str, options: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{options}"
