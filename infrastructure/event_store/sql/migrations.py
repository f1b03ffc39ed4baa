"""Numbered migrations: where the scripts are, and the errors for a database with too few or too many of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from domain.errors import SchemaMismatch

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

OPENED_BEFORE: Final = (
    "a ledger was opened there before. If a later version of position-ledger has migrated it since, end this process, "
    "and start it with that version. Else its tables were dropped or renamed, or something else goes by its name now: "
    "find it, or restore a backup, before anything is recorded, because a new one would grant the slots that are held"
)
"""The message when a table is missing that existed when the store was opened."""
RUN_INIT: Final = "run `position-ledger init`"
"""The way out for whoever may migrate the ledger, and make its positions table anew."""


def migrations_in(home: Traversable) -> list[Traversable]:
    """The scripts of a database's folder, in the order of their numbers."""
    scripts = (entry for entry in (home / "migrations").iterdir() if entry.name.endswith(".sql"))
    return sorted(scripts, key=lambda entry: entry.name)


def require_not_later(what: str, version: int, known: int) -> None:
    """Refuses: SchemaMismatch for a database that a later version of this software has migrated."""
    if version > known:
        raise SchemaMismatch(
            f"{what} has schema version {version}, later than the {known} of this software; nothing was written: "
            "upgrade position-ledger, and start this process again"
        )


def not_migrated(what: str, version: int, known: int, way_out: str) -> SchemaMismatch:
    """The error for a ledger of an earlier version, which was not migrated."""
    return SchemaMismatch(f"{what} has schema version {version} of {known}; {way_out}")


def not_filled(where: str, way_out: str) -> SchemaMismatch:
    """The error for a positions table of an earlier version, which was not rebuilt yet."""
    return SchemaMismatch(
        f"{where}: its positions table is that of an earlier version, which a migration left to be rebuilt; {way_out}"
    )


def require_all(what: str, version: int, known: int, siblings: Sequence[str] = (), *, way_out: str = RUN_INIT) -> None:
    """Refuses: SchemaMismatch, with the way out, for a database that lacks a migration.

    `siblings` are the schemas of the same database that have a ledger: one of them may be the wanted one.
    """
    if version == 0 and siblings:
        raise SchemaMismatch(
            f"{what} holds no ledger, and {beside(siblings)}: if that is the one, renamed perhaps, name it with "
            "?schema=; only for another one run `position-ledger init`, because it grants every slot anew"
        )
    if version < known:
        if version:
            raise not_migrated(what, version, known, way_out)
        raise SchemaMismatch(
            f"{what} holds no ledger. If it never did, run `position-ledger init`; if it did, restore a backup, "
            "because a new one would grant the slots that are held"
        )


def beside(siblings: Sequence[str]) -> str:
    """A clause that says which schemas of the same database have a ledger."""
    if len(siblings) == 1:
        return f"of the same database schema {siblings[0]} has one"
    return f"of the same database schemas {', '.join(siblings)} have one"
