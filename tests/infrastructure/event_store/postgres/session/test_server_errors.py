"""What a server refuses has a way out."""

from __future__ import annotations

import threading

import psycopg
import pytest
from psycopg import errors

from infrastructure.event_store.postgres.session.server_errors import explained
from infrastructure.settings import Settings

TOO_LONG = "terminating connection due to transaction timeout"


def test_a_transaction_that_the_server_ends_for_its_length_names_the_setting(postgres_url: str) -> None:
    """PostgreSQL has this timeout from version 17 on; its code is said here by any version."""
    raised = f"DO $$ BEGIN RAISE EXCEPTION '{TOO_LONG}' USING ERRCODE = '25P04'; END $$"
    with psycopg.connect(postgres_url) as connection, pytest.raises(errors.TransactionTimeout) as ended:
        connection.execute(raised.encode())
    words = explained(ended.value, Settings.read(postgres_url)).message
    assert f"{TOO_LONG}; nothing was written" in words
    assert "SET transaction_timeout = 0" in words
    assert "send the same command again" in words


def test_a_statement_that_somebody_ended_is_not_said_to_have_taken_too_long(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection, psycopg.connect(postgres_url) as operator:
        pid = connection.info.backend_pid
        ending = threading.Timer(0.1, lambda: operator.execute("SELECT pg_cancel_backend(%s)", [pid]))
        ending.start()
        with pytest.raises(errors.QueryCanceled) as ended:
            connection.execute("SELECT pg_sleep(60)")
        ending.join()
        connection.rollback()
        connection.execute("SET statement_timeout = 1")
        with pytest.raises(errors.QueryCanceled) as late:
            connection.execute("SELECT pg_sleep(60)")
    settings = Settings.read(postgres_url)
    assert "somebody had the server end the statement (canceling statement due to user request); nothing" in (
        explained(ended.value, settings).message
    )
    assert "did not answer within" in explained(late.value, settings).message
