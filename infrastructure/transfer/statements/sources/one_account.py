"""The check that a file is of one account: the positions of two accounts would be netted with each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.transfer_errors import StatementRefused

_UID: Final = "uid"
_WORD: Final = re.compile(r" *[A-Za-z][A-Za-z :]*", re.ASCII)
"""Words in place of an account, as in a line of totals; such a line is refused later, for its other values."""


def of_one_account(rows: Iterable[StatementRow], column: str = _UID) -> Iterator[StatementRow]:
    """The same rows. Refuses: StatementRefused at the first row of a second account."""
    first: object = None
    for row in rows:
        uid = row.named.get(column)
        if uid != first and not (column == _UID and _WORD.fullmatch(str(uid))):
            if first is not None:
                raise StatementRefused.at(
                    row.line,
                    f"{column} {str(uid)!r:.60} is another account than {str(first)!r:.60} before; make a file of "
                    "each, and import them one by one with --account",
                )
            first = uid
        yield row
