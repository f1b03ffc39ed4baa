"""PostgreSQL roles with fewer privileges than the owner."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from tests.urls import with_options


@contextmanager
def made_role(url: str, *grants: str) -> Iterator[str]:
    """Create a role for the time of the block; each grant has {} for its name."""
    name = f"role_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as owner:
        for statement in ("CREATE ROLE {} LOGIN", *grants):
            owner.execute(sql.SQL(statement).format(sql.Identifier(name)))
        try:
            yield name
        finally:
            owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def as_role(url: str, role: str) -> str:
    """The URL of the database for that role."""
    return with_options(url.replace("postgres:@", "@"), f"user={role}")
