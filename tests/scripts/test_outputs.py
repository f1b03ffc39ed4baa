"""What commands write into files: pipes stay pipes, links are not followed unawares, a full disk leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import PROGRAM
from tests.scripts.cases import APT, fill
from tests.scripts.program import Program


@pytest.fixture
def url(tmp_path: Path) -> str:
    folder = tmp_path / "books"
    folder.mkdir()
    fill(f"sqlite:///{folder}/ledger.db")
    return f"sqlite:///{folder}/ledger.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


LOG = Path(__file__).parent.parent / "samples_logs" / "day.log"
Asked = Callable[[Path], list[object]]
OUTPUTS: dict[str, Asked] = {
    "export": lambda path: ["export", "--format", "jsonl", "--output", path],
    "export --force": lambda path: ["export", "--format", "csv", "--force", "--output", path],
    "history --html": lambda path: ["history", APT, "--html", path],
    "report --html": lambda path: ["report", "--html", path],
    "metrics --textfile": lambda path: ["metrics", "--textfile", path],
    "analyze-logs --html": lambda path: ["analyze-logs", LOG, "--timezone", "UTC", "--html", path],
    "analyze-logs --export": lambda path: ["analyze-logs", LOG, "--timezone", "UTC", "--export", path],
}
"""Every way of having a file written; `cleanup --backup` has its own tests, for it takes nothing that is there."""
every_output = pytest.mark.parametrize("asked", OUTPUTS.values(), ids=OUTPUTS)


@every_output
@pytest.mark.parametrize("is_linked", [True, False])
def test_a_pipe_stays_a_pipe(
    asked: Asked, url: str, folder: Path, program: Program, monkeypatch: pytest.MonkeyPatch, *, is_linked: bool
) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", url)
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    link = folder / "link"
    link.symlink_to(pipe)
    read: list[bytes] = []
    reader = Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    ran = program(*asked(link if is_linked else pipe))
    reader.join(10)
    assert ran.code in (0, 1) and len(read[0]) > 500, ran.err
    assert pipe.is_fifo() and link.is_symlink() and len([*folder.iterdir()]) == 2


@every_output
def test_a_link_is_not_followed_unawares(
    asked: Asked, url: str, folder: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", url)
    link, target = folder / "link", folder / "target"
    link.symlink_to(target)
    ran = program(*asked(link))
    if "--force" in asked(link):
        assert ran.code == 0 and target.stat().st_size > 500 and link.is_symlink()
    else:
        assert ran.code in (1, 2) and f"{link} is a link; name" in ran.err
        assert [*folder.iterdir()] == [link]


@every_output
def test_a_full_disk_leaves_nothing_behind(asked: Asked, url: str, folder: Path) -> None:
    """A file may grow to 400 bytes: what SQLite needs was written before."""
    limited = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))\n"
        f"sys.argv[0] = {PROGRAM!r}\n"
        f"runpy.run_path({PROGRAM!r}, run_name='__main__')\n"
    )
    with PositionLedger.connect(url) as ledger:
        ledger.positions()
    words = [str(word) for word in asked(folder / "out.jsonl")]
    ran = subprocess.run(
        [sys.executable, "-c", limited, *words],
        env={**os.environ, "LEDGER_DATABASE_URL": url},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode != 0 and "Traceback" not in ran.stderr, ran.stderr
    assert [*folder.iterdir()] == []
