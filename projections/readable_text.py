"""Texts from outside, as a terminal may be given them: what moves, hides or turns others is shown as its code."""

from __future__ import annotations

from typing import Final

_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)
"""Letters and marks, to Unicode, of which nothing is seen."""


def readable(text: str) -> str:
    """A text as one line that a terminal may be given."""
    return text if is_seen(text) else "".join(each if is_seen(each) else ascii(each)[1:-1] for each in text)


def is_seen(text: str) -> bool:
    """Whether all of a text is seen where it stands, and nothing in it is an order to a terminal."""
    return text.isprintable() and (text.isascii() or _UNSEEN.isdisjoint(text))


def on_one_line(text: str) -> str:
    """A text without its line breaks and what indents it."""
    return readable(" ".join(text.split()))
