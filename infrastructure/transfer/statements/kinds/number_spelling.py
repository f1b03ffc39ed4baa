"""How a file writes numbers: its decimal mark, and its separator of thousands.

A number in parentheses is below zero, as accountants write it. A text that does not fit is refused and never read as
another number: where a point separates thousands, `1.5` is no number, because three digits must follow the point.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

_ALIKE: Final = MappingProxyType({" ": " \u00a0\u202f\u2009", "'": "'\u2019"})
"""Characters that may replace a separator: non-breaking and thin blanks, and the apostrophe of Swiss typography."""


class NumberSpelling:
    """One way to write numbers."""

    def __init__(self, decimal: str, thousands: str) -> None:
        """`decimal` is the decimal mark, `thousands` the separator of thousands, empty where there is none."""
        self._decimal, self._thousands = decimal, thousands
        self._between = f"[{re.escape(_ALIKE.get(thousands, thousands))}]" if thousands else "(?!)"
        point = re.escape(decimal)
        self._number = re.compile(
            rf"(?P<sign>[-+\u2212]?)(?P<whole>\d*|\d{{1,3}}(?:{self._between}\d{{2,3}})*{self._between}\d{{3}})"
            rf"(?:{point}(?P<fraction>\d*))?(?P<rest>(?:[eE][-+]?\d+)?(?: ?[A-Za-z][A-Za-z0-9]*)?)",
            re.ASCII,
        )

    def plain(self, text: str) -> str:
        """The number as Python writes it, with an exponent or a currency behind it unchanged. Refuses: ValueError."""
        is_below = text.startswith("(") and text.endswith(")")
        match = self._number.fullmatch(text[1:-1].strip() if is_below else text)
        if match is None or not (match["whole"] or match["fraction"]) or (is_below and match["sign"]):
            between = (
                f"{self._thousands!r} between its thousands" if self._thousands else "nothing between its thousands"
            )
            raise ValueError(f"is no number with {self._decimal!r} before its fraction and {between}")
        sign = "-" if is_below or match["sign"] in {"-", "\u2212"} else ""
        whole = re.sub(self._between, "", match["whole"]) or "0"
        return f"{sign}{whole}{'.' if match['fraction'] else ''}{match['fraction'] or ''}{match['rest']}"
