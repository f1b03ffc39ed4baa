"""Options that say where the legacy table is."""

from __future__ import annotations

import click

from scripts.options.database import Run


def from_option(run: Run) -> Run:
    """`--from URL`: the database of the table; the command gets it as `url`."""
    return click.option(
        "--from",
        "url",
        metavar="URL",
        help="The database with the legacy table: postgresql://…; its password in PGPASSWORD or ~/.pgpass, which no "
        "list of processes shows.",
    )(run)


def table_option(run: Run) -> Run:
    """`--table SCHEMA.NAME`, for a database or a dump that has several."""
    return click.option(
        "--table", metavar="SCHEMA.NAME", help="Which legacy table.  [default: the one named positions]"
    )(run)
