"""How a file writes numbers: what stands before the fraction, and what between the thousands.

A number in parentheses is below zero, as accountants write it. What does not fit is never read as something else: `1.5`
is no number where a point stands between thousands, for they are three digits.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

_ALIKE: Final = MappingProxyType({" ": " \u00a0\u202f\u2009", "'": "'\u2019"})
"""Blanks that do not break a line, and the apostrophe of Swiss typography, are used for the plain ones."""


class NumberSpelling:
    """One way to write numbers."""

    def __init__(self, decimal: str, thousands: str) -> None:
        """Say what stands before the fraction, and between the thousands; nothing where there is none."""
        self._decimal, self._thousands = decimal, thousands
        self._between = f"[{re.escape(_ALIKE.get(thousands, thousands))}]" if thousands else "(?!)"
        point = re.escape(decimal)
        self._number = re.compile(
            rf"(?P<sign>[-+\u2212]?)(?P<whole>\d*|\d{{1,3}}(?:{self._between}\d{{2,3}})*{self._between}\d{{3}})"
            rf"(?:{point}(?P<fraction>\d*))?(?P<rest>(?:[eE][-+]?\d+)?(?: ?[A-Za-z][A-Za-z0-9]*)?)",
            re.ASCII,
        )

    def plain(self, text: str) -> str:
        """The same number in the spelling of a program, with what stands behind it. Refuses: ValueError."""
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
