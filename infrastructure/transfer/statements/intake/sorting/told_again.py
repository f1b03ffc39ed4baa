"""Facts that are told again under one name: the same is taken once, and what is told otherwise is found."""

from __future__ import annotations

import sqlite3
from itertools import groupby
from typing import Any, Final, NamedTuple

from infrastructure.transfer.statements.intake.sorting.walked import walked

_TWICE: Final = """
SELECT rowid, place, file, {columns} FROM {table} WHERE (place, {identity}) IN
    (SELECT place, {identity} FROM {table} GROUP BY place, {identity} HAVING count(*) > 1)
ORDER BY place, {identity}, rowid
"""
_FORGET: Final = "DELETE FROM {table} WHERE rowid = ?"


class ToldOtherwise(NamedTuple):
    """A fact of which another line says something else."""

    place: int
    name: Any
    file: int
    line: int
    first_file: int
    first_line: int


def take_once(
    database: sqlite3.Connection, table: str, columns: str, identity: str
) -> tuple[int, ToldOtherwise | None]:
    """Forget what is told again, and count it, until something is told otherwise; the first column is the line."""
    names, count = columns.split(", "), 0
    alike = [names.index(name) + 3 for name in identity.split(", ")]
    found = walked(database, _TWICE.format(table=table, columns=columns, identity=identity))
    for _, rows in groupby(found, lambda row: (row[1], *(row[place] for place in alike))):
        first, *others = rows
        for other in others:
            if other[4:] != first[4:]:
                return count, ToldOtherwise(first[1], first[alike[-1]], *other[2:4], *first[2:4])
            database.execute(_FORGET.format(table=table), (other[0],))
            count += 1
    return count, None
