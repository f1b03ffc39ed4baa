"""The order of fills of one second that one file has only to the second: by the numbers of the exchange.

By its time alone a fill that a website shows at `09:34:12` would come before all fills of that second from the API. So
it gets the time of the last fill with a lower number, which is still within the same second.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby
from operator import itemgetter
from typing import Final

_WHOLE: Final = "%.000000Z"
_MIXED: Final = f"""
SELECT place, substr(time, 1, 19) AS second FROM fills GROUP BY place, second
HAVING max(time LIKE '{_WHOLE}') AND max(time NOT LIKE '{_WHOLE}') AND min(number <> 0 AND held IS NULL)
"""
_FILLS: Final = f"""
SELECT fills.place, second, fills.rowid, time FROM fills JOIN ({_MIXED}) AS mixed
    ON fills.place = mixed.place AND substr(fills.time, 1, 19) = second
ORDER BY fills.place, second, number
"""
_PUT: Final = "UPDATE fills SET time = ? WHERE rowid = ?"


def order_mixed_seconds(database: sqlite3.Connection) -> None:
    """Move fills with times to the second behind those that the exchange numbered before them."""
    moved: list[tuple[str, int]] = []
    for _, rows in groupby(database.execute(_FILLS), itemgetter(0, 1)):
        until = ""
        for _, _, rowid, time in rows:
            if time < until and time.endswith(_WHOLE[1:]):
                moved.append((until, rowid))
            until = max(until, time)
    database.executemany(_PUT, moved)
