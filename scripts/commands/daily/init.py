"""`init`: create or migrate the schema."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace

import click

from domain.json_object import JsonObject
from infrastructure.event_store.compat_view import VIEW_DEFAULT, ViewName
from infrastructure.event_store.sql.migrations import beside
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from projections.health.checks import naming_ledger
from scripts.options.database import database_option, json_option
from scripts.options.params import ReadAs
from scripts.output import print_json, print_text, say, show


@click.command("init")
@database_option
@click.option(
    "--runtime-role", metavar="NAME", help="PostgreSQL: allow this existing role to append and read, and nothing else."
)
@click.option(
    "--legacy-view",
    metavar="[SCHEMA.NAME]",
    is_flag=False,
    flag_value=VIEW_DEFAULT,
    type=ReadAs(ViewName.read),
    help=f"Also create (or replace) a view with the columns of the old bot's table, {VIEW_DEFAULT} unless named.",
)
@click.option("--print-sql", is_flag=True, help="PostgreSQL: print the SQL for an empty database, and stop.")
@json_option
def command(
    database: str | None, runtime_role: str | None, legacy_view: ViewName | None, *, print_sql: bool, as_json: bool
) -> None:
    """Create the ledger, or bring its schema to that of this software. Several may do so at once.

    \b
    Examples:
      position-ledger init
      position-ledger init --database sqlite:////var/lib/bot/ledger.db
      position-ledger init --database postgresql://owner@db.example/trading --runtime-role bot
      position-ledger init --database postgresql:///trading --legacy-view
      position-ledger init --database postgresql:///trading --print-sql > ledger.sql
    """
    settings = Settings.read(database)
    if settings.kind == "sqlite" and (runtime_role is not None or print_sql):
        raise click.UsageError("--runtime-role and --print-sql are for PostgreSQL: an SQLite file has no roles")
    if print_sql:
        print_text(_postgres_script(settings, runtime_role, legacy_view))
        return
    if settings.kind == "sqlite":
        done = _on_sqlite(settings, legacy_view)
    else:
        done = _on_postgres(settings, runtime_role, legacy_view)
    PositionLedger.connect(database).disconnect()  # this rebuilds the positions table if columns were added to it
    if done.warning is not None:
        done = replace(done, warning=naming_ledger(done.warning))
    if as_json:
        print_json({"database": settings.shown, **done.as_json()})
        return
    how = f"({', '.join(done.migrated)})" if done.migrated else "already"
    show(f"{settings.shown}: schema version {done.schema} {how}")
    if done.legacy_view:
        show(f"{settings.shown}: view {done.legacy_view}")
    if done.warning and done.migrated:
        say(f"note: {done.warning}")


@dataclass(frozen=True)
class _Done(JsonObject):
    schema: int
    migrated: list[str]
    legacy_view: str | None
    warning: str | None


def _on_sqlite(settings: Settings, legacy_view: ViewName | None) -> _Done:
    from infrastructure.event_store.sqlite import (  # noqa: PLC0415 - one kind of store is enough
        compat_view,
        connections,
        file_cautions,
        schema,
    )

    with closing(connections.Connections(settings)) as opened:
        migrated = schema.migrate(opened)
        if legacy_view is not None:
            compat_view.create(opened, legacy_view)
    view = legacy_view.joined if legacy_view else None
    caution = file_cautions.file_caution(settings)
    return _Done(schema.SCHEMA_VERSION, migrated, view, caution and str(caution))


def _on_postgres(settings: Settings, runtime_role: str | None, legacy_view: ViewName | None) -> _Done:
    from infrastructure.event_store.postgres import (  # noqa: PLC0415 - one kind of store is enough
        compat_view,
        grants,
        schema,
    )
    from infrastructure.event_store.postgres.session import connections  # noqa: PLC0415 - one kind of store is enough

    with closing(connections.Connections(settings)) as opened:
        migrated = schema.migrate(opened, runtime_role)
        grants.close(opened)
        if legacy_view is not None:
            compat_view.create(opened, legacy_view, runtime_role)
        caution = grants.makers_caution(opened)
        with opened.reading() as connection:
            others = schema.siblings(connection, settings)
    notes = [f"{beside(others)}, of which this one knows nothing"] if others else []
    if caution is not None:
        notes.append(str(caution))
    return _Done(schema.SCHEMA_VERSION, migrated, str(legacy_view) if legacy_view else None, "; ".join(notes) or None)


def _postgres_script(settings: Settings, runtime_role: str | None, legacy_view: ViewName | None) -> str:
    from infrastructure.event_store.postgres import (  # noqa: PLC0415 - one kind of store is enough
        compat_view,
        schema,
    )

    view = compat_view.statements(legacy_view, settings, runtime_role) if legacy_view else []
    return schema.script(settings, runtime_role, view)
