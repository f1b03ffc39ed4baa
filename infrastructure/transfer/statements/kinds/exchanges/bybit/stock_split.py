"""Bybit: a split of a stock has no line of its own; there is one only if a fraction of a share is settled after it."""

from __future__ import annotations

from typing import Final

_SETTLES: Final = ("forwardsplitsettle", "reversesplitsettle")


def refuse_split(name: str, kind: str) -> None:
    """Refuses: ValueError for a line of a split, in the words of any file of Bybit."""
    if kind.lower().replace("_", "") in _SETTLES:
        raise ValueError(
            f"{name} {kind!r:.60} settles what a split left of a share, and no line says how much is held after the "
            "split; export from a moment after it when nothing was held"
        )
