"""`init`: create or migrate the schema."""

from __future__ import annotations

import click

from infrastructure.settings import Settings
from infrastructure.sqlite import schema
from infrastructure.sqlite.connections import Connections, wal_warning
from scripts.options import database_option, json_option
from scripts.output import print_json, say


@click.command("init")
@database_option
@json_option
def command(database: str | None, *, as_json: bool) -> None:
    """Create the ledger, or bring its schema to that of this software. Several may do so at once.

    \b
    Examples:
      position-ledger init
      position-ledger init --database sqlite:////var/lib/bot/ledger.db
    """  # noqa: D301 - click reads \b
    settings = Settings.read(database)
    connections = Connections(settings)
    try:
        done = schema.migrate(connections)
    finally:
        connections.close()
    warning = wal_warning()
    if as_json:
        print_json({"database": settings.shown, "schema": schema.SCHEMA_VERSION, "migrated": done, "warning": warning})
    elif done:
        click.echo(f"{settings.shown}: schema version {schema.SCHEMA_VERSION} ({', '.join(done)})")
    else:
        click.echo(f"{settings.shown}: schema version {schema.SCHEMA_VERSION} already")
    if warning:
        say(f"note: {warning}")
