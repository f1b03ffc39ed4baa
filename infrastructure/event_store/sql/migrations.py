"""Numbered migrations: where they are, and what is said of a database that has seen too few or too many."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources.abc import Traversable
from typing import Final

from domain.errors import SchemaMismatch

OPENED_BEFORE: Final = (
    "a ledger was opened there before, so its tables were dropped or renamed, or something else goes by its name now. "
    "Find it, or restore a backup, before anything is recorded: a new one would grant the slots that are held"
)
"""What is said where a table is missing that was there when the store was opened."""


def migrations_in(home: Traversable) -> list[Traversable]:
    """The scripts of a database's folder, in the order of their numbers."""
    scripts = (entry for entry in (home / "migrations").iterdir() if entry.name.endswith(".sql"))
    return sorted(scripts, key=lambda entry: entry.name)


def require_not_later(what: str, version: int, known: int) -> None:
    """Refuse what a later version of this software has migrated: SchemaMismatch."""
    if version > known:
        raise SchemaMismatch(
            f"{what} has schema version {version}, later than the {known} of this software; upgrade position-ledger"
        )


def require_all(what: str, version: int, known: int, siblings: Sequence[str] = ()) -> None:
    """Refuse what has not seen every migration: SchemaMismatch, with the way out.

    `siblings` are the schemas of the same database that have a ledger: one of them may be what is looked for.
    """
    if version == 0 and siblings:
        raise SchemaMismatch(
            f"{what} holds no ledger, and {beside(siblings)}: if that is the one, renamed perhaps, name it with "
            "?schema=; only for another one run `position-ledger init`, for it grants every slot anew"
        )
    if version < known:
        if version:
            raise SchemaMismatch(f"{what} has schema version {version} of {known}; run `position-ledger init`")
        raise SchemaMismatch(
            f"{what} holds no ledger. If it never did, run `position-ledger init`; if it did, restore a backup, for a "
            "new one would grant the slots that are held"
        )


def beside(siblings: Sequence[str]) -> str:
    """Which schemas of the same database have a ledger, in words."""
    if len(siblings) == 1:
        return f"of the same database schema {siblings[0]} has one"
    return f"of the same database schemas {', '.join(siblings)} have one"


def require_filled(where: str, *, is_outdated: bool) -> None:
    """Refuse, with the way out, a table of positions that was given columns and not filled since."""
    if is_outdated:
        raise SchemaMismatch(
            f"{where}: its table of positions was given columns by a migration, and nobody has filled them yet; run "
            "`position-ledger init`, which folds the table from the events"
        )
