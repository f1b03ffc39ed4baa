"""`init`: create or migrate the schema."""

from __future__ import annotations

from dataclasses import dataclass

import click

from infrastructure.settings import Settings
from scripts.options import database_option, json_option
from scripts.output import print_json, say


@click.command("init")
@database_option
@click.option(
    "--runtime-role", metavar="NAME", help="PostgreSQL: let this role append and read, and nothing else; it must exist."
)
@click.option("--print-sql", is_flag=True, help="PostgreSQL: print what would be run on an empty database, and stop.")
@json_option
def command(database: str | None, runtime_role: str | None, *, print_sql: bool, as_json: bool) -> None:
    """Create the ledger, or bring its schema to that of this software. Several may do so at once.

    \b
    Examples:
      position-ledger init
      position-ledger init --database sqlite:////var/lib/bot/ledger.db
      position-ledger init --database postgresql://owner@db.example/trading --runtime-role bot
      position-ledger init --database postgresql:///trading --print-sql > ledger.sql
    """  # noqa: D301 - click reads \b
    settings = Settings.read(database)
    if settings.kind == "sqlite" and (runtime_role or print_sql):
        raise click.UsageError("--runtime-role and --print-sql are for PostgreSQL: an SQLite file has no roles")
    if print_sql:
        from infrastructure.postgres import schema  # noqa: PLC0415 - an SQLite user need not wait for it

        click.echo(schema.script(settings, runtime_role), nl=False)
        return
    done = _on_sqlite(settings) if settings.kind == "sqlite" else _on_postgres(settings, runtime_role)
    if as_json:
        print_json({"database": settings.shown, **vars(done)})
        return
    how = f"({', '.join(done.migrated)})" if done.migrated else "already"
    click.echo(f"{settings.shown}: schema version {done.schema} {how}")
    if done.warning:
        say(f"note: {done.warning}")


@dataclass(frozen=True)
class _Done:
    schema: int
    migrated: list[str]
    warning: str | None


def _on_sqlite(settings: Settings) -> _Done:
    from infrastructure.sqlite import connections, schema  # noqa: PLC0415 - one kind of store is enough

    opened = connections.Connections(settings)
    try:
        return _Done(schema.SCHEMA_VERSION, schema.migrate(opened), connections.wal_warning())
    finally:
        opened.close()


def _on_postgres(settings: Settings, runtime_role: str | None) -> _Done:
    from infrastructure.postgres import connections, schema  # noqa: PLC0415 - one kind of store is enough

    opened = connections.Connections(settings)
    try:
        return _Done(schema.SCHEMA_VERSION, schema.migrate(opened, runtime_role), None)
    finally:
        opened.close()
