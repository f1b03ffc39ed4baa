"""Making texts from outside safe for a terminal: a character that is invisible or moves others is shown as its code."""

from __future__ import annotations

from typing import Final

_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)
"""Characters that Unicode calls letters or marks, and that are invisible."""


def readable(text: str) -> str:
    """A text that is safe to print: every unsafe character is replaced by its code."""
    return text if is_seen(text) else "".join(each if is_seen(each) else ascii(each)[1:-1] for each in text)


def is_seen(text: str) -> bool:
    """Whether every character of a text is visible, and none is a control character for a terminal."""
    return text.isprintable() and (text.isascii() or _UNSEEN.isdisjoint(text))


def on_one_line(text: str) -> str:
    """A text on one line: each run of white space becomes one blank."""
    return readable(" ".join(text.split()))
