"""Which PostgreSQL the tests run on."""

from __future__ import annotations

import psycopg

from tests.infrastructure.postgres.server import Server

VERSION = "SHOW server_version"


def test_every_server_of_a_run_is_of_one_version(postgres_url: str, own_server: Server) -> None:
    with psycopg.connect(postgres_url) as shared:
        assert shared.execute(VERSION).fetchall() == own_server.do(VERSION)
