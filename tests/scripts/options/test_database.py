"""`--database`: whatever command is advised names the ledger as it was named."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infrastructure.database_url import without_password
from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import run
from tests.scripts.program import Program


def test_an_error_advises_a_command_about_the_ledger_that_was_named(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    assert f"make one with `position-ledger init --database {url}`" in program("status", "--database", url).err
    assert f"make one with `position-ledger init --database {url}`" in program("--database", url, "status").err
    monkeypatch.setenv("LEDGER_DATABASE_URL", url)
    assert "make one with `position-ledger init`" in program("status").err


def test_a_note_of_init_advises_a_command_about_the_ledger_that_was_named(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.event_store.sqlite.file_cautions._FIXED_WAL_RESET", (999,))
    url = f"sqlite:///{tmp_path}/ledger.db"
    advised = f"`position-ledger export --output ledger.jsonl.gz --database {url}`"
    assert advised in program("init", "--database", url).err
    assert advised in program("init", "--database", url, "--json").json["warning"]


def test_a_refusal_of_record_advises_commands_about_the_ledger_that_was_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    entry: dict[str, Any] = {"exchange": "binance", "side": "long", "quantity": "1", "intent_id": "1"}
    with PositionLedger.connect(url) as ledger:
        ledger.request_entry(symbol="APTUSDT", **entry)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as owner, owner:
        owner.execute("UPDATE positions SET stream = 'PERPUSDT.binance'")
    line = json.dumps({"command": "request_entry", "symbol": "PERPUSDT", **entry})
    answer = json.loads(run(url, "record", "--database", url, stdin=line + "\n").stdout)
    assert answer["error"] == "HistoryDamaged"
    assert f"`position-ledger verify --database {url}`" in answer["message"]


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
