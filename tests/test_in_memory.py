"""The tests run with their temporary files in memory, and leave none there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

IN_MEMORY = Path(__file__).with_name("in_memory")
SAYS_WHERE = "echo x > ${TMPDIR:?}/file && echo $TMPDIR"


def in_memory(memory: Path, room_kb: int, command: str) -> subprocess.CompletedProcess[str]:
    """Run it as if this were the folder that is in memory, and so much had to be free there."""
    script = memory.with_name("in_memory")
    lines = {"memory=/dev/shm": f"memory={memory}", "room_kb=$((4 * 1024 * 1024))": f"room_kb={room_kb}"}
    text = IN_MEMORY.read_text()
    for line, instead in lines.items():
        assert line in text
        text = text.replace(line, instead)
    script.write_text(text)
    unnamed = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    return subprocess.run(
        ["bash", str(script), "sh", "-c", command], env=unnamed, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ("exit 3", 3),
        ("kill -TERM $$", -signal.SIGTERM),
        ("kill -INT $$", -signal.SIGINT),
        ("kill -KILL $$", -signal.SIGKILL),
        ("trap 'echo y > $TMPDIR/late; exit 4' TERM; kill -TERM $$", 4),
    ],
)
def test_what_was_written_is_gone_however_it_ends(ends: str, code: int, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    done = in_memory(memory, 1, f"{SAYS_WHERE}; {ends}")
    assert (done.returncode, Path(done.stdout.strip()).parent, done.stderr) == (code, memory, "")
    for _ in range(600):
        if not [*memory.iterdir()]:
            return
        time.sleep(0.05)
    pytest.fail(f"left: {[*memory.iterdir()]}")


def test_a_place_that_is_named_is_kept(tmp_path: Path) -> None:
    subprocess.run([IN_MEMORY, "sh", "-c", SAYS_WHERE], env=os.environ | {"TMPDIR": str(tmp_path)}, check=True)
    assert (tmp_path / "file").read_text() == "x\n"


@pytest.mark.parametrize(("folder", "room_kb"), [("nowhere", 1), ("memory", 10**12)])
def test_without_room_the_files_are_on_the_disk_and_it_says_so(folder: str, room_kb: int, tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    done = in_memory(tmp_path / folder, room_kb, "echo ${TMPDIR:-unnamed}")
    assert (done.returncode, done.stdout, "temporary files are on the disk" in done.stderr) == (0, "unnamed\n", True)
