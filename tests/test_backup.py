"""The page on backups, followed to the letter where it is about PostgreSQL: back to just before a mistake."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

import pytest

from tests.infrastructure.event_store.postgres.server import UNPRIVILEGED, Server, give_away, programs, servers
from tests.pages import TOP
from tests.test_docs import run_story

PAGE = TOP / "docs" / "backup.md"


def as_who_runs_postgres(folder: Path) -> None:
    """Put the programs of PostgreSQL there, which root may not run all of."""
    prefix = f"setpriv --reuid={UNPRIVILEGED} --clear-groups" if os.geteuid() == 0 else "exec"
    for name in ("pg_basebackup", "pg_ctl", "psql"):
        program = folder / name
        program.write_text(f'#!/bin/sh\n{prefix} "{programs() / name}" "$@"\n')
        program.chmod(0o755)


def test_a_base_backup_and_its_archive_come_back_to_just_before_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    with servers() as place:
        archive, wrappers = place.folder / "archive", place.folder / "bin"
        for made in (archive, wrappers):
            made.mkdir()
        give_away(archive)
        as_who_runs_postgres(wrappers)
        server = place.server("archive_mode = on", f"archive_command = 'cp %p {archive}/%f'")
        folder = server.folder.parent
        place.made.append(Server(folder / "restored", server.port))
        shutil.copy(TOP / "docs" / "commands" / "day.jsonl", folder)
        monkeypatch.setenv("ARCHIVE", str(archive))
        monkeypatch.setenv("LEDGER_DATABASE_URL", server.url())
        monkeypatch.setenv("PATH", f"{wrappers}:{sysconfig.get_path('scripts')}:{os.environ['PATH']}")
        run_story(PAGE, "PostgreSQL: base backup and archive", folder)
