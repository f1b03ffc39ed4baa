"""How a database spells the statements that both stores have."""

from __future__ import annotations

from typing import Final, NamedTuple


class Dialect(NamedTuple):
    """What differs where a statement is the same: how a parameter is written, and where functions are found."""

    placeholder: str
    catalog: str

    def spelled(self, statement: str) -> str:
        """A statement that is written with `?` and `{catalog}`, as this database wants it."""
        return statement.replace("?", self.placeholder).replace("{catalog}", self.catalog)


SQLITE: Final = Dialect("?", "")
POSTGRES: Final = Dialect("%s", "pg_catalog.")
"""Functions are named with their schema: whoever may make things in the ledger's own could put another one first."""
