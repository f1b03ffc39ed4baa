"""The case of names: of a to z alone, because `upper` and `lower` make ASCII letters of some look-alikes."""

from __future__ import annotations

import string
from typing import Final

_CAPITALS: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_SMALL_LETTERS: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def capitals(text: str) -> str:
    """Write a to z in capitals; the long s (U+017F), which `upper` turns into S, stays as it is."""
    return text.upper() if text.isascii() else text.translate(_CAPITALS)  # which takes ten times as long


def small_letters(text: str) -> str:
    """Write A to Z in small letters; the sign of Kelvin (U+212A), which `lower` turns into k, stays as it is."""
    return text.lower() if text.isascii() else text.translate(_SMALL_LETTERS)
