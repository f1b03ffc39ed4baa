"""`position-ledger.toml`: it sets variables that are not set, and is refused for keys that are not allowed."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from scripts.config_file import FILE, take_in
from tests.scripts.program import Program


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def taken_in(text: str, **environment: str) -> dict[str, str]:
    Path(FILE).write_text(text, encoding="utf-8")
    take_in(environment)
    return environment


def test_a_file_says_what_the_environment_does_not() -> None:
    found = taken_in('database_url = "sqlite:///a.db"\nhyperliquid_wallet = "0x1"\n')
    assert found == {"LEDGER_DATABASE_URL": "sqlite:///a.db", "LEDGER_HYPERLIQUID_WALLET": "0x1"}


def test_the_environment_wins() -> None:
    found = taken_in('database_url = "sqlite:///a.db"', LEDGER_DATABASE_URL="sqlite:///b.db")
    assert found == {"LEDGER_DATABASE_URL": "sqlite:///b.db"}


def test_no_file_is_none() -> None:
    environment: dict[str, str] = {}
    take_in(environment)
    assert environment == {}


def test_a_file_that_is_named_must_be_there(folder: Path) -> None:
    with pytest.raises(click.UsageError, match=r"^LEDGER_CONFIG names .*elsewhere\.toml', and there is no such file"):
        take_in({"LEDGER_CONFIG": str(folder / "elsewhere.toml")})
    with pytest.raises(click.UsageError, match=r"^LEDGER_CONFIG names .*, and that is no file"):
        take_in({"LEDGER_CONFIG": str(folder)})


@pytest.mark.parametrize(
    "text",
    ['binance_secret = "x"', 'binance_api_key = "x"', "database_url = 1", "[database_url]", 'PATH = "x"'],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match=FILE):
        taken_in(text)


def test_every_command_reads_it(folder: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", "")
    monkeypatch.delenv("LEDGER_DATABASE_URL")
    (folder / FILE).write_text('database_url = "sqlite:///named.db"', encoding="utf-8")
    assert program("init").code == 0
    assert (folder / "named.db").is_file()
