"""Empty databases of a server; a used one is emptied and renamed, because creating a new one takes longer."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

_CATALOGS = """
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared
AND relname NOT IN ('pg_namespace', 'pg_statistic', 'pg_statistic_ext_data') ORDER BY 1
"""
_STANDING = """
SELECT datdba, datacl::text, datconnlimit, datallowconn, datistemplate,
(SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = pg_database.oid),
(SELECT count(*) FROM pg_subscription WHERE subdbid = pg_database.oid),
(SELECT array_agg(nspname || coalesce(nspacl::text, '') ORDER BY nspname) FROM pg_namespace
WHERE nspname !~ '^pg_.*temp'),
(SELECT string_agg(oid || relacl::text, ' ' ORDER BY oid) FROM pg_class),
(SELECT string_agg(oid || proacl::text, ' ' ORDER BY oid) FROM pg_proc)
FROM pg_database WHERE datname = current_database()
"""
_LEFT = """
SELECT 1, format('DROP %s IF EXISTS %s CASCADE', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, oid::regclass)
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
UNION ALL SELECT 2, format('DROP SEQUENCE IF EXISTS %s CASCADE', oid::regclass)
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
UNION ALL SELECT 3, format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 4, format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema') ORDER BY 1, 2
"""
_DISCONNECT = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"


class Databases:
    """The databases of one test process; a reused one gets a new name, so that a leftover connection cannot find it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._spare: list[str] = []
        self._fresh: list[Any] | None = None
        """The description of an unused database; every emptied one must have the same."""

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of an empty database; connections that are left at the end of the block are ended."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self._server, autocommit=True) as server:
            if self._spare:
                self._do(server, "ALTER DATABASE {} RENAME TO {}", self._spare.pop(), name)
            else:
                self._do(server, "CREATE DATABASE {}", name)
                self._fresh = self._fresh or self._emptied(name)
            try:
                yield self._url(name)
            finally:
                if self._is_empty_again(server, name):
                    self._spare.append(name)
                else:
                    self._drop(server, name)

    def end(self) -> None:
        """Drop all databases."""
        with psycopg.connect(self._server, autocommit=True) as server:
            while self._spare:
                self._drop(server, self._spare.pop())

    def _is_empty_again(self, server: psycopg.Connection, name: str) -> bool:
        try:
            server.execute(_DISCONNECT, (name,))
            return self._emptied(name) == self._fresh
        except psycopg.Error:
            return False

    def _emptied(self, name: str) -> list[Any]:
        """Drop the content of a database; returns what is left."""
        with psycopg.connect(self._url(name), options="-c search_path= -c lock_timeout=5s") as database:
            for _, statement in database.execute(_LEFT.encode()).fetchall():
                database.execute(statement.encode())
            catalogs = [name for (name,) in database.execute(_CATALOGS).fetchall()]
            counts = ", ".join(f"(SELECT count(*) FROM {catalog})" for catalog in catalogs)
            return [
                database.execute(_STANDING.encode()).fetchone(),
                database.execute(f"SELECT {counts}".encode()).fetchone(),
            ]

    def _url(self, name: str) -> str:
        return urlsplit(self._server)._replace(path=f"/{name}").geturl()

    def _drop(self, server: psycopg.Connection, name: str) -> None:
        self._do(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    @staticmethod
    def _do(server: psycopg.Connection, statement: str, *names: str) -> None:
        server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
