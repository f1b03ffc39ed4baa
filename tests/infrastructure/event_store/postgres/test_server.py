"""The version of PostgreSQL that the tests run on."""

from __future__ import annotations

import os

import psycopg

from tests.infrastructure.event_store.postgres.server import URL_VARIABLE, Server, version

VERSION = "SHOW server_version"


def test_every_server_that_the_tests_start_is_of_the_version_that_was_asked_for(
    postgres_url: str, own_server: Server
) -> None:
    ((started,),) = own_server.do(VERSION)
    assert int(started.split()[0].partition(".")[0]) == version()
    if URL_VARIABLE not in os.environ:
        with psycopg.connect(postgres_url) as shared:
            assert shared.execute(VERSION).fetchall() == [(started,)]
