"""The name of the view that shows positions as the legacy table did."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from domain.errors import LedgerError

VIEW_DEFAULT: Final = "monitoring.positions"
"""The table of the old bot."""

_NAME: Final = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_]{0,62})\.)?([A-Za-z_][A-Za-z0-9_]{0,62})", re.ASCII)


class ViewRefused(LedgerError):
    """The name belongs to something that is not a view, or to a view of something else."""

    @classmethod
    def by_no_view(cls, name: str) -> Self:
        """The name belongs to a table, or to something else that is not a view."""
        return cls(
            f"{name} is there, and is no view; rename it (`position-ledger import-legacy` reads it) or name another"
        )

    @classmethod
    def by_another(cls, name: str, ledger: str) -> Self:
        """The view shows something else, whose readers would read this ledger from now on."""
        return cls(
            f"{name} is there, and does not show the positions of {ledger}; name another with "
            "`--legacy-view SCHEMA.NAME`, or drop the view first if nobody reads it"
        )


@dataclass(frozen=True)
class ViewName:
    """`schema.name`, or a name in the schema of the ledger."""

    schema: str | None
    name: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a name. Refuses: ValueError for anything else."""
        match = _NAME.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r:.140} is no name for a view; write it like {VIEW_DEFAULT}")
        return cls(*match.groups())

    @property
    def joined(self) -> str:
        """Both parts in one name, for a database without schemas: `monitoring_positions`."""
        return f"{self.schema}_{self.name}" if self.schema else self.name

    def __str__(self) -> str:
        """The name as it was read."""
        return f"{self.schema}.{self.name}" if self.schema else self.name
