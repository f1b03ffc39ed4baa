"""The lines of the table of spellings on the page: assets and dates as words, one line for several equal forms."""

from __future__ import annotations

import re
from typing import Final

from domain.symbols.native import NATIVE
from domain.symbols.venues import normalized_exchange

_WORDS: Final = {"coin": "BASE", "stable": "QUOTE", "option": "-STRIKE-C", "kind": "C"}
_SIMPLER: Final = (
    (r"~\?", "-"),
    (r"\(\?:[^()]*\)\?|\[~/\]\?|:\?", ""),
    (r"\(\?P<(\w+)>[^()]*\)", r"{\1}"),
    (r"\(\?:(\w+)\|[^()]*\)", r"\1"),
    (r"\[(\w)\w*\]", r"\1"),
    (r"\}\?", "}"),
    ("~", "-"),
)


def lines_of(exchange: str) -> list[str]:
    """Every line of an exchange: what it writes, and what that is."""
    return [
        f"`{shown(written)}` is `{shown(meaning)}`"
        for written, meaning in NATIVE.get(normalized_exchange(exchange), ())
    ]


def shown(pattern: str) -> str:
    """A pattern, or what it means, in words."""
    for found, put in _SIMPLER:
        pattern = re.sub(found, put, pattern)
    return re.sub(r"\{(\w+)\}", lambda name: _WORDS.get(name[1], name[1].upper()), pattern)
