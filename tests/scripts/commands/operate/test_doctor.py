"""`doctor` on the command line: its exit codes, its text and its JSON."""

from __future__ import annotations

import psycopg
import pytest

from infrastructure.operations.proof.guarantee import Verdict
from tests.scripts.program import Program


def test_a_warning_fails_only_when_it_is_told_to(program: Program, postgres_url: str) -> None:
    told = program("doctor", "--database", postgres_url, "--json")
    checks = {each["check"]: each for each in told.json["checks"]}
    assert (told.code, told.json["ok"], told.err) == (0, True, "")
    assert checks["append"] == {
        "check": "append",
        "verdict": Verdict.PROVEN,
        "evidence": "event and row by one transaction, read by another session at once",
        "advice": None,
    }
    assert checks["synchronous replication"]["verdict"] == Verdict.WARNING

    strict = program("doctor", "--database", postgres_url, "--strict")
    assert (strict.code, strict.err) == (1, "")
    first, *lines = strict.out.splitlines()
    assert first.startswith("PostgreSQL ")
    assert lines[-2].startswith("warning   synchronous replication  no commit waits for a standby")
    assert lines[-1].startswith("            next: set synchronous_standby_names")


def test_what_is_not_proven_is_exit_1(program: Program, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
        try:
            told = program("doctor", "--database", postgres_url)
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
    assert told.code == 1
    assert "failed    primary                  its transactions are read-only\n" in told.out
    assert "unknown   schema                   not tried, and neither was what rests on it\n" in told.out


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("sqlite:///ledger.db", 2, "an SQLite file has no server that could be asked"),
        (
            "postgresql://postgres@127.0.0.1:1/postgres?timeout=1",
            3,
            "StoreUnavailable: postgresql://127.0.0.1:1/postgres",
        ),
    ],
)
def test_what_cannot_be_asked_says_so(program: Program, url: str, code: int, words: str) -> None:
    told = program("doctor", "--database", url)
    assert (told.code, told.out) == (code, "")
    assert words in told.err
