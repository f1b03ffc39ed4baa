"""A ledger that an earlier version wrote reads, verifies and rebuilds with the same results."""

from __future__ import annotations

import gzip
import json
import subprocess
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.errors import SchemaMismatch, StoreUnavailable
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from tests.forked_popen import ForkedPopen
from tests.infrastructure.event_store.postgres.server import programs
from tests.scripts.program import Program
from tests.urls import with_options

SAMPLES = Path(__file__).parents[1] / "samples_ledger"
OPENING = """
import sys
from infrastructure.ledger.ledger import PositionLedger
print("there", flush=True)
sys.stdin.readline()
PositionLedger.connect(sys.argv[1]).disconnect()
"""
"""A bot that waits to be told before it opens a ledger, so that all do it at once."""


def unpacked(name: str) -> bytes:
    return gzip.decompress((SAMPLES / f"{name}.gz").read_bytes())


def printed(name: str) -> Any:
    return json.loads(unpacked(f"{name}.json"))


@pytest.fixture(params=["sqlite", "postgresql"])
def earlier_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        (tmp_path / "ledger.db").write_bytes(unpacked("ledger.sqlite3"))
        return f"sqlite:///{tmp_path}/ledger.db"
    url: str = request.getfixturevalue("postgres_url")
    assert urlsplit(url).scheme == "postgresql"
    restore: list[str | Path] = [programs() / "psql", "--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    subprocess.run(restore, input=unpacked("postgres.sql"), stdout=subprocess.DEVNULL, check=True)
    return url


def is_contained(then: Any, now: Any) -> bool:
    """Whether all that was said then is said now; a later version may say more."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(key in now and is_contained(value, now[key]) for key, value in then.items())
    if isinstance(then, list) and isinstance(now, list):
        return len(then) == len(now) and all(map(is_contained, then, now))
    return bool(then == now)


def test_what_was_printed_then_is_what_is_compared() -> None:
    assert is_contained({"a": [1]}, {"a": [1], "b": 2})
    assert not is_contained({"a": [1]}, {"a": [2]})
    assert not is_contained({"a": [1]}, {"a": [1, 2]})
    assert not is_contained({"a": 1}, {"b": 1})


def test_it_verifies_with_its_anchor(earlier_url: str, program: Program) -> None:
    assert program("init", "--database", earlier_url).code == 0
    assert program("verify", "--anchor", SAMPLES / "anchor.json", "--database", earlier_url).code == 0


def test_it_rebuilds_without_a_difference(earlier_url: str) -> None:
    with PositionLedger.connect(earlier_url) as ledger:
        before = ledger.positions()
        rebuilt = ledger.rebuild()
        assert (rebuilt.events, rebuilt.rows, rebuilt.differences) == (135, 37, 0)
        assert ledger.positions() == before
        assert verify(ledger.store).ok


def test_a_table_of_an_earlier_version_is_rebuilt_by_whoever_opens_it_next(earlier_url: str) -> None:
    open_store(Settings.read(earlier_url), create=True).close()  # killed before it rebuilt the table
    with pytest.raises(SchemaMismatch, match="left to be rebuilt; run `position-ledger init`"):
        PositionLedger.connect(earlier_url, create=False)
    with PositionLedger.connect(earlier_url) as ledger:
        assert verify(ledger.store).ok
    with PositionLedger.connect(earlier_url, create=False) as ledger:
        assert not ledger.store.is_outdated


def test_bots_that_open_it_at_once_wait_for_the_one_that_fills_it(earlier_url: str, tmp_path: Path) -> None:
    (tmp_path / "opening.py").write_text(OPENING)
    words, imports = [str(tmp_path / "opening.py"), earlier_url], ["infrastructure.walks.positions_rebuild"]
    with ExitStack() as stack:
        opening = partial(ForkedPopen[str], words, imports=imports, stdin=PIPE, stdout=PIPE, text=True)
        bots = [stack.enter_context(opening()) for _ in range(6)]
        for bot in bots:
            assert bot.stdout is not None and bot.stdout.readline() == "there\n"
        for bot in bots:
            assert bot.stdin is not None
            bot.stdin.close()
        assert [bot.wait(timeout=60) for bot in bots] == [0] * len(bots)
    with PositionLedger.connect(earlier_url, create=False) as ledger:
        assert verify(ledger.store).ok


def test_who_waits_for_longer_than_the_timeout_is_told_so_and_has_changed_nothing(earlier_url: str) -> None:
    with closing(open_store(Settings.read(earlier_url))) as store:

        def fill() -> None:
            with pytest.raises(StoreUnavailable, match=r"Try again, or wait longer with \?timeout=SECONDS"):
                PositionLedger.connect(with_options(earlier_url, "timeout=0.3"))

        store.fill_once(fill)
        assert store.is_outdated
    with PositionLedger.connect(earlier_url) as ledger:
        assert verify(ledger.store).ok


def test_it_prints_the_same_json(earlier_url: str, program: Program) -> None:
    program("init", "--database", earlier_url)
    for name, question in {"positions": (), "as_of_90": ("--as-of", "#90")}.items():
        rows = program("positions", *question, "--json", "--database", earlier_url).json
        assert all(row["unprotected_since"] for row in rows if row["stray"])
        then = [row | ({"unprotected_since": None} if row["stray"] else {}) for row in rows]  # it was said of no stray
        assert is_contained(printed(name), then), name
    for key, then in printed("history").items():
        assert is_contained(then, program("history", key, "--json", "--database", earlier_url).json), key


def test_it_can_be_written_to(earlier_url: str) -> None:
    with PositionLedger.connect(earlier_url) as ledger:
        key: dict[str, Any] = {"symbol": "LATEUSDT", "exchange": "binance"}
        receipt = ledger.request_entry(**key, side="long", quantity="1", intent_id="next", command_id="n")
        assert receipt.position_id == "LATEUSDT.binance#2"
        assert verify(ledger.store).ok
