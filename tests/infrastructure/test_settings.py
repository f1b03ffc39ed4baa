"""Database URLs: which are understood, which are refused, and what is never shown."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.settings import InvalidSettings, Settings


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("sqlite:///ledger.db", "ledger.db"),
        ("sqlite:////var/lib/bot/ledger.db", "/var/lib/bot/ledger.db"),
        ("sqlite:///a%20b.db", "a b.db"),
        ("sqlite:///:memory:", ":memory:"),
    ],
)
def test_an_sqlite_url_names_a_file(url: str, where: str) -> None:
    assert (Settings.read(url).kind, Settings.read(url).where) == ("sqlite", where)


def test_without_a_url_the_environment_is_asked_and_then_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", "sqlite:///from-environment.db")
    assert Settings.read().where == "from-environment.db"
    assert Settings.read("sqlite:///said.db").where == "said.db"
    monkeypatch.delenv("LEDGER_DATABASE_URL")
    assert Settings.read().where == "ledger.db"


def test_our_own_options_are_taken_and_the_others_are_left_to_libpq() -> None:
    url = "postgresql://bot@db.example/trading?timeout=2.5&schema=ledger&pool_size=3&notify=1&sslmode=require"
    settings = Settings.read(url)
    assert (settings.timeout_seconds, settings.schema, settings.pool_size, settings.notify) == (2.5, "ledger", 3, True)
    assert settings.where == "postgresql://bot@db.example/trading?sslmode=require"


def test_libpq_reads_the_options_as_they_were_written() -> None:
    where = Settings.read("postgresql:///x?options=-c%20a%3D1%20-c%20b%3D2&password=a+b").where
    told = conninfo_to_dict(where)
    assert (told["options"], told["password"]) == ("-c a=1 -c b=2", "a+b")


@pytest.mark.parametrize(("word", "means"), [("1", True), ("on", True), ("True", True), ("0", False), ("off", False)])
def test_whether_an_append_notifies_is_a_yes_or_a_no(word: str, *, means: bool) -> None:
    assert Settings.read(f"postgresql:///x?notify={word}").notify is means


def test_neither_user_nor_password_is_ever_shown() -> None:
    settings = Settings.read("postgresql://bot:secret@db.example:6432/trading?password=hidden")
    assert settings.shown == "postgresql://db.example:6432/trading"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "the database URL is empty, as one from a variable that is not set; for example sqlite:///ledger.db"),
        ("mysql://localhost/x", "begins with sqlite: or postgresql:"),
        ("ledger.db", "begins with sqlite: or postgresql:"),
        ("sqlite://ledger.db", "three slashes"),
        ("sqlite://", "names no file"),
        ("sqlite:///x.db?colour=red", "no option 'colour'"),
        ("sqlite:///x.db?timeout=never", "timeout='never'"),
        ("sqlite:///x.db?timeout=0", "between 0 and 3600"),
        ("sqlite:///x.db?timeout=nan", "between 0 and 3600"),
        ("postgresql:///x?schema=a;b", "is not a name"),
        ("postgresql:///x?schema=pg_ledger", "and not with pg_"),
        ("postgresql:///x?pool_size=0", "between 1 and 9999"),
        ("postgresql:///x?notify=perhaps", "neither 1 nor 0"),
        ("postgresql:///x?schema=live&schema=paper", "says schema twice, and nothing tells which is meant"),
        ("postgresql:///x?sslmode=require&schema=a&sslmode=disable", "says an option twice"),
        ("sqlite:///x.db?timeout=1&timeout=2", "says timeout twice"),
        ("postgresql://[::1/x", "is not a URL"),
        ("sqlite:///per%cent.db", "percent-encoded in it is not UTF-8. Percent-encode what stands for itself"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_way_out(url: str, words: str) -> None:
    with pytest.raises(InvalidSettings, match=words):
        Settings.read(url)


def test_a_password_is_not_in_what_settings_print() -> None:
    assert "secret" not in repr(Settings.read("postgresql://bot:secret@db.example/trading"))
