"""Ids that a spreadsheet took for numbers and rounded: `8.38977E+18` may stand for several ids."""

from __future__ import annotations

import re
import sqlite3
from typing import Final, NamedTuple

_LIKE: Final = "GLOB '[0-9]*E+[0-9]*'"
_FILLS: Final = f"SELECT file, line, trade_id, order_id FROM fills WHERE trade_id {_LIKE} OR order_id {_LIKE}"
_ROUNDED: Final = re.compile(r"\d(?:[.,]\d+)?E\+\d{1,3}", re.ASCII)


class RoundedId(NamedTuple):
    """A rounded id, and its place."""

    file: int
    line: int
    name: str


def rounded_id(database: sqlite3.Connection) -> RoundedId | None:
    """The first rounded id; None where there is none."""
    for file, line, *names in database.execute(_FILLS):
        for name in names:
            if _ROUNDED.fullmatch(name):
                return RoundedId(file, line, name)
    return None
