"""`--database`: whatever command is advised names the ledger as it was named."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.database_url import without_password
from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.program import Program


def test_an_error_advises_a_command_about_the_ledger_that_was_named(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    assert f"make one with `position-ledger init --database {url}`" in program("status", "--database", url).err
    assert f"make one with `position-ledger init --database {url}`" in program("--database", url, "status").err
    monkeypatch.setenv("LEDGER_DATABASE_URL", url)
    assert "make one with `position-ledger init`" in program("status").err


def test_what_another_role_has_to_do_does_not_name_the_role_that_asked(program: Program, postgres_url: str) -> None:
    PositionLedger.connect(postgres_url).disconnect()
    reader = f"{postgres_url}&options=-csearch_path%3Dpublic%20-crole%3Dpg_monitor"
    told = program("stats", "--database", reader)
    assert told.code == 3 and "the owner grants with `init --runtime-role NAME`" in told.err


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////var/lib/bot/ledger.db?timeout=5", "sqlite:////var/lib/bot/ledger.db?timeout=5"),
        ("postgresql://bot:s%40cret@db.example/trading?schema=l", "postgresql://bot@db.example/trading?schema=l"),
        ("POSTGRES://bot:p@a:1,b:2/trading", "POSTGRES://bot@a:1,b:2/trading"),
        ("postgresql://db.example:5432/trading", "postgresql://db.example:5432/trading"),
        ("postgresql:///trading?password=p&schema=l&sslpassword=q", "postgresql:///trading?schema=l"),
        ("postgresql://h/trading?pass%77ord=p&oauth_client_secret=q&timeout=5", "postgresql://h/trading?timeout=5"),
    ],
)
def test_a_url_is_advised_without_its_secrets(url: str, shown: str) -> None:
    assert without_password(url) == shown
