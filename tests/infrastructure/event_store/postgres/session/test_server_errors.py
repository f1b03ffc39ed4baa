"""What a server refuses has a way out."""

from __future__ import annotations

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
