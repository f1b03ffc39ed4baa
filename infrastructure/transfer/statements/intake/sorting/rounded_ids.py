"""Ids that a spreadsheet took for numbers: `8.38977E+18` may be that of several."""

from __future__ import annotations

import re
import sqlite3
from typing import Final, NamedTuple

_LIKE: Final = "GLOB '[0-9]*E+[0-9]*'"
_FILLS: Final = f"SELECT file, line, trade_id, order_id FROM fills WHERE trade_id {_LIKE} OR order_id {_LIKE}"
_ROUNDED: Final = re.compile(r"\d(?:[.,]\d+)?E\+\d{1,3}", re.ASCII)


class RoundedId(NamedTuple):
    """Where one stands."""

    file: int
    line: int
    name: str


def rounded_id(database: sqlite3.Connection) -> RoundedId | None:
    """The first of them; None where all ids are whole."""
    for file, line, *names in database.execute(_FILLS):
        for name in names:
            if _ROUNDED.fullmatch(name):
                return RoundedId(file, line, name)
    return None
