"""The trigger that writes every change of a legacy table to an outbox: its names, and its SQL."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Self

from psycopg import sql

from infrastructure.legacy.source.copytext import names

TABLE_DEFAULT: Final = "monitoring.positions"
NAME_LENGTH_MAX: Final = 63
_HOME: Final = files(__package__)
_SUFFIXES: Final = {"outbox": "_outbox", "cursors": "_outbox_cursors", "function": "_outbox_keep"}


@dataclass(frozen=True)
class Watched:
    """A legacy table by schema and name; the outbox and its other objects are in the same schema."""

    schema: str
    name: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `schema.name`, or a name in `public`; quotes as in SQL. Refuses: ValueError for anything else."""
        parts = names(text)
        if len(parts) not in (1, 2):
            raise ValueError(f"{text!r:.140} is not the name of a table, like {TABLE_DEFAULT}")
        longest = len(parts[-1].encode()) + max(map(len, _SUFFIXES.values()))
        if longest > NAME_LENGTH_MAX:
            raise ValueError(f"{text!r:.140} is too long a name: {_SUFFIXES['cursors']} must fit behind it")
        return cls("public", parts[0]) if len(parts) == 1 else cls(*parts)

    def identifier(self, what: str = "") -> sql.Identifier:
        """The table, or one of its objects: its `outbox`, the `cursors` of its readers, the trigger's `function`."""
        return sql.Identifier(self.schema, self.name + (_SUFFIXES[what] if what else ""))

    def install(self) -> str:
        """The SQL that creates the outbox and the trigger."""
        return self._script("trigger.sql")

    def drop(self) -> str:
        """The SQL that drops both."""
        return self._script("drop.sql")

    def _script(self, file: str) -> str:
        names = {what: self.identifier(what).as_string() for what in _SUFFIXES}
        outbox_text = sql.Literal(names["outbox"]).as_string()
        return (_HOME / file).read_text().format(table=self.identifier().as_string(), outbox_text=outbox_text, **names)

    def __str__(self) -> str:
        """The name of the table as users write it."""
        return f"{self.schema}.{self.name}"
