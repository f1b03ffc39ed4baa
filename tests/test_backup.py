"""The page on backups: its steps for PostgreSQL are followed exactly, and its figures are checked."""

from __future__ import annotations

import os
import shutil
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from infrastructure.integrity.anchor import check_anchor, make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from scripts.benchmarks.workload.generated import first, generate, write
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.server import UNPRIVILEGED, Server, give_away, programs, run, servers
from tests.pages import TOP
from tests.test_docs import run_story

PAGE = TOP / "docs" / "backup.md"
EVENTS_VARIABLE = "LEDGER_TEST_EVENTS"
"""How many events the ledger has that is restored: few, unless it is measured."""
WRONG = 50

Answer = TypeVar("Answer")


@contextmanager
def archiving() -> Iterator[tuple[Server, Server, Path]]:
    """A server that archives its log, the one that will be restored in its place, and the archive."""
    with servers() as place:
        archive = place.folder / "archive"
        archive.mkdir()
        give_away(archive)
        server = place.server("archive_mode = on", f"archive_command = 'cp %p {archive}/%f'")
        restored = Server(server.folder.with_name("restored"), server.port)
        place.made.append(restored)
        yield server, restored, archive


def as_who_runs_postgres(folder: Path) -> None:
    """Put the programs of PostgreSQL there, which root may not run all of."""
    prefix = f"exec setpriv --reuid={UNPRIVILEGED} --clear-groups" if os.geteuid() == 0 else "exec"
    for name in ("pg_basebackup", "pg_ctl", "psql"):
        program = folder / name
        program.write_text(f'#!/bin/sh\n{prefix} "{programs() / name}" "$@"\n')
        program.chmod(0o755)


def test_a_base_backup_and_its_archive_come_back_to_just_before_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_who_runs_postgres(tmp_path)
    with archiving() as (server, _, archive):
        folder = server.folder.parent
        shutil.copy(TOP / "docs" / "commands" / "day.jsonl", folder)
        monkeypatch.setenv("ARCHIVE", str(archive))
        monkeypatch.setenv("LEDGER_DATABASE_URL", server.url())
        monkeypatch.setenv("PATH", f"{tmp_path}:{sysconfig.get_path('scripts')}:{os.environ['PATH']}")
        run_story(PAGE, "PostgreSQL: base backup and archive", folder)


def timed(what: str, work: Callable[[], Answer]) -> Answer:
    begun = time.monotonic()
    answer = work()
    print(f"{what}: {time.monotonic() - begun:.1f} s")
    return answer


def opened(ledger: PositionLedger, name: str) -> None:
    for number in range(WRONG):
        ledger.request_entry(
            symbol=f"{name}{number}USDT", exchange="binance", side="long", quantity="1", intent_id=str(number)
        )


def test_an_anchor_names_what_a_restore_threw_away_and_nothing_else() -> None:
    with archiving() as (server, restored, archive):
        with PositionLedger.connect(server.url()) as ledger:
            events = int(os.environ.get(EVENTS_VARIABLE, "2000"))
            write(ledger.store, first(generate(events), events))
            copy = ("pg_basebackup", "-D", str(restored.folder), "-c", "fast", "-d", server.url())
            timed(f"base backup of {events} events", lambda: run(*copy))
            opened(ledger, "GOOD")
            before = make_anchor(ledger.store)
            opened(ledger, "WRONG")
            after = make_anchor(ledger.store)
        ((mistake,),) = server.do(
            "SELECT xmin::text FROM ledger_events WHERE stream LIKE 'WRONG%' ORDER BY nid LIMIT 1"
        )
        server.stop("fast")
        restored.configure(
            f"restore_command = 'cp {archive}/%f %p'",
            f"recovery_target_xid = '{mistake}'",
            "recovery_target_inclusive = off",
            "recovery_target_action = promote",
        )
        (restored.folder / "recovery.signal").touch()

        def restore() -> None:
            restored.start()
            eventually(lambda: restored.do("SELECT pg_is_in_recovery()") == [(False,)])

        timed("restore", restore)
        with PositionLedger.connect(restored.url()) as ledger:
            assert timed("verify", lambda: verify(ledger.store)).findings == ()
            assert timed("verify --anchor", lambda: check_anchor(ledger.store, before)) == []
            gone = {finding.stream for finding in check_anchor(ledger.store, after)}
    assert gone == {f"WRONG{number}USDT.binance" for number in range(WRONG)}
