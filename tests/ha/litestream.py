"""An SQLite file and its replica: the page is followed exactly, and the lost time is measured."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from infrastructure.integrity.anchor import check_anchor, make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from tests.ha.node import programs_of
from tests.pages import TOP
from tests.test_docs import blocks, run_story

PAGE, SECTION = TOP / "docs" / "backup.md", "SQLite: Litestream"
SYNC_SECONDS = 1.0
WORK_SECONDS = 6.0
PAUSE_SECONDS = 0.005
LOST_SECONDS_MAX = 2.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the page's story is at home: its configuration, and a day of a bot."""
    (settings,) = [text for language, text in blocks(PAGE) if language == "text" and text.startswith("dbs:")]
    assert f"sync-interval: {SYNC_SECONDS:g}s" in settings
    (tmp_path / "litestream.yml").write_text(settings)
    shutil.copy(TOP / "docs" / "commands" / "day.jsonl", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEDGER_DATABASE_URL", "sqlite:///ledger.db")
    programs = Path(programs_of("litestream")).parent
    monkeypatch.setenv("PATH", f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}:{programs}")
    return tmp_path


def test_a_replica_comes_back_to_before_a_mistake(folder: Path) -> None:
    try:
        run_story(PAGE, SECTION, folder)
    finally:
        with suppress(ProcessLookupError):  # the page itself ends it
            os.kill(int((folder / "litestream.pid").read_text()), signal.SIGKILL)


@contextmanager
def replicated(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "litestream.log").open("wb") as log:
        command = [programs_of("litestream"), "replicate", "-config", "litestream.yml"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def recorded(ledger: PositionLedger, number: int) -> float:
    """One cycle of two events; answer when the second one was acknowledged."""
    opened = ledger.request_entry(
        symbol=f"S{number % 20}USDT", exchange="binance", side="long", quantity="1", intent_id=str(number)
    )
    ledger.fail_entry(position_id=opened.position_id, reason="end", outcome="rejected")
    return time.monotonic()


def test_a_machine_that_is_lost_takes_at_most_two_seconds_with_it(folder: Path) -> None:
    acknowledged: list[float] = []
    with PositionLedger.connect() as ledger, replicated(folder) as process:
        while not acknowledged or acknowledged[-1] < acknowledged[0] + WORK_SECONDS:
            acknowledged.append(recorded(ledger, len(acknowledged)))
            if len(acknowledged) == 50:
                before = make_anchor(ledger.store)
            time.sleep(PAUSE_SECONDS)
        process.kill()
        after = make_anchor(ledger.store)
        restore = [programs_of("litestream"), "restore", "-o", "restored.db", f"file://{folder}/replica"]
        subprocess.run(restore, check=True)
    with PositionLedger.connect("sqlite:///restored.db", create=False) as restored:
        assert verify(restored.store).findings == ()
        assert check_anchor(restored.store, before) == []
        kept = make_anchor(restored.store)
        named = {finding.stream for finding in check_anchor(restored.store, after)}
    lost = after.events - kept.events
    assert named == {stream for stream, head in after.streams.items() if kept.streams.get(stream) != head}
    lost_since = acknowledged[min(kept.events // 2, len(acknowledged) - 1)]
    print(f"{lost} of {after.events} events lost, {acknowledged[-1] - lost_since:.2f} s of work")
    assert acknowledged[-1] - lost_since <= LOST_SECONDS_MAX
