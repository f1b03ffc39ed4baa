"""Secrets in words that are shown: they are masked, and a short one only where it stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

SHORT_MAX: Final = 3
"""A secret of so few letters stands in every other word by chance: masked there, it would leave nothing to read."""


def masked(words: str, secrets: Iterable[str], mask: str) -> str:
    """The words with a mask in place of each secret."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        found = re.escape(secret)
        words = re.sub(rf"(?<!\w){found}(?!\w)" if len(secret) <= SHORT_MAX else found, mask, words)
    return words
