"""A ledger of every schema version that there was opens today, and its money is what its own version printed."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infrastructure.event_store.sqlite.schema import SCHEMA_VERSION
from tests.infrastructure.event_store.postgres.server import programs
from tests.scripts.program import Program

SAMPLES = Path(__file__).parents[1] / "samples_ledger"
IN_FULL = 2
"""The version of which `test_earlier_ledger.py` has a ledger, and more that was printed of it."""
VERSIONS = [version for version in range(1, SCHEMA_VERSION) if version != IN_FULL]
SAME = (
    "position_id",
    "side",
    "status",
    "quantity",
    "filled_qty",
    "avg_px_open",
    "avg_px_close",
    "realized_pnl",
    "fees",
    "fees_other",
    "cash",
    "net_pnl",
    "opened_at",
    "closed_at",
    "exit_reason",
    "intent_id",
    "version",
)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def url(database: str, version: int, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    stored = gzip.decompress((SAMPLES / f"schema_{version}.{database}.gz").read_bytes())
    if database == "sqlite":
        (tmp_path / "ledger.db").write_bytes(stored)
        return f"sqlite:///{tmp_path}/ledger.db"
    url: str = request.getfixturevalue("postgres_url")
    restore: list[str | Path] = [programs() / "psql", "--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    subprocess.run(restore, input=stored, stdout=subprocess.DEVNULL, check=True)
    return url


@pytest.mark.parametrize("version", VERSIONS)
def test_it_opens_verifies_and_says_the_same_of_money(
    url: str, database: str, version: int, tmp_path: Path, program: Program
) -> None:
    then = json.loads(gzip.decompress((SAMPLES / f"schema_{version}.{database}.json.gz").read_bytes()))
    (tmp_path / "anchor.json").write_text(json.dumps(then["anchor"]), encoding="utf-8")

    refused = program("positions", "--database", url)
    assert refused.code == 3
    assert f"has schema version {version} of {SCHEMA_VERSION}; run `position-ledger init --database " in refused.err

    assert program("init", "--database", url).code == 0
    verified = program("verify", "--anchor", tmp_path / "anchor.json", "--database", url)
    assert verified.code == 0, verified.out
    now = program("positions", "--json", "--database", url).json
    assert [{name: row[name] for name in had} for had, row in zip(map(money, then["positions"]), now, strict=True)] == [
        *map(money, then["positions"])
    ]
    rebuilt = program("rebuild", "--json", "--database", url).json
    assert rebuilt["differences"] == 0
    assert rebuilt["projections"]["statistics"]["differences"] == 0


def money(row: dict[str, Any]) -> dict[str, Any]:
    """What is compared of a row; an earlier version may not have had all of it."""
    return {name: row[name] for name in SAME if name in row}
