"""A scratch schema for proofs; it is dropped at the end, or by the next run if this one is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from uuid import uuid4

from psycopg import sql

from infrastructure.event_store.postgres.appending.locks import lock_key
from infrastructure.event_store.postgres.session.connections import Connection
from infrastructure.settings import Settings

PREFIX: Final = "ledger_doctor_"
_LOCK: Final = 20_559
"""Held, with the key of its schema, by the run that uses it."""

_TAKE: Final = "SELECT pg_catalog.pg_try_advisory_lock(%s, %s)"
_RELEASE: Final = "SELECT pg_catalog.pg_advisory_unlock(%s, %s)"
_LEFT: Final = (
    "SELECT nspname::text FROM pg_namespace WHERE pg_catalog.starts_with(nspname::text, %s)"
    " AND pg_catalog.pg_has_role(nspowner, 'USAGE')"
)


@contextmanager
def scratch_schema(connection: Connection, settings: Settings) -> Iterator[Settings]:
    """Settings for a new schema, created over a connection that stays open; schemas of killed runs are dropped."""
    for (name,) in connection.execute(_LEFT, (PREFIX,)).fetchall():
        with _held(connection, replace(settings, schema=name)) as is_left:
            if is_left:
                _drop(connection, name)
    scratch = replace(settings, schema=f"{PREFIX}{uuid4().hex[:12]}")
    with _held(connection, scratch):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(scratch.schema)))
        try:
            yield scratch
        finally:
            _drop(connection, scratch.schema)


@contextmanager
def _held(connection: Connection, scratch: Settings) -> Iterator[bool]:
    key = (_LOCK, lock_key(scratch))
    taken = connection.execute(_TAKE, key).fetchone() == (True,)
    try:
        yield taken
    finally:
        if taken:
            connection.execute(_RELEASE, key)


def _drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))
