"""A node of a cluster: Patroni, and the PostgreSQL that it starts."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.ha.network import Address, quiet_port
from tests.infrastructure.event_store.postgres.server import UNPRIVILEGED, Server, give_away, programs

PROGRAMS_VARIABLE = "LEDGER_TEST_HA_PROGRAMS"
"""The folder of patroni and litestream, which live in an environment of their own (requirements-ha.txt)."""
ANSWER_SECONDS = 1.0
LOG_CHARACTERS = 3000


class Node:
    """One of three. It is reached by a port for PostgreSQL, and one for Patroni's REST interface."""

    def __init__(self, folder: Path, name: str, address: Address, etcd: str, dynamic: dict[str, Any]) -> None:
        self.name, self.address, self._folder = name, address, folder
        self.port, self._rest = quiet_port(), f"{address.peers}:{quiet_port()}"
        self._server = Server(folder / "data", self.port)
        self._patroni: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        give_away(folder)
        (folder / "patroni.json").write_text(json.dumps(self._settings(etcd, dynamic)))

    def _settings(self, etcd: str, dynamic: dict[str, Any]) -> dict[str, Any]:
        """What Patroni reads: YAML in general, of which JSON is a part."""
        return {
            "scope": "ledger",
            "name": self.name,
            "restapi": {"listen": self._rest, "connect_address": self._rest},
            "etcd3": {"host": etcd},
            "watchdog": {"mode": "off"},
            "bootstrap": {
                "dcs": dynamic,
                "initdb": [{"encoding": "UTF8"}, "no-locale", "no-sync", {"wal-segsize": "1"}],
            },
            "postgresql": {
                "listen": f"{','.join(sorted({self.address.clients, self.address.peers}))}:{self.port}",
                "connect_address": f"{self.address.peers}:{self.port}",
                "data_dir": str(self._folder / "data"),
                "bin_dir": str(programs()),
                "pgpass": str(self._folder / "pgpass"),
                "use_unix_socket": False,
                "basebackup": [{"checkpoint": "fast"}, "no-sync"],
                "pg_hba": ["host all all all trust", "host replication all all trust"],
                "authentication": {
                    "superuser": {"username": "postgres", "password": "trusted"},
                    "replication": {"username": "replicator", "password": "trusted"},
                    "rewind": {"username": "rewinder", "password": "trusted"},
                },
                "parameters": {"unix_socket_directories": "", "shared_buffers": "16MB", "autovacuum_naptime": "1h"},
            },
        }

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._patroni = subprocess.Popen(
                [*self.address.enter, *unprivileged(), programs_of("patroni"), str(self._folder / "patroni.json")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )

    @property
    def host(self) -> str:
        """As clients name it."""
        return f"{self.address.clients}:{self.port}"

    @property
    def rest_port(self) -> int:
        return int(self._rest.rpartition(":")[2])

    def url(self, **told: Any) -> str:
        return self._server.url(**told).replace(f"127.0.0.1:{self.port}", self.host)

    def ask(self, path: str, body: dict[str, str] | None = None, limit_seconds: float = ANSWER_SECONDS) -> Any:
        """What Patroni says there; None is a no, or no answer."""
        data = json.dumps(body).encode() if body else None
        try:
            with urllib.request.urlopen(f"http://{self._rest}{path}", data, limit_seconds) as answer:
                said = answer.read().decode()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return None
        return json.loads(said) if said.startswith("{") else said

    def is_primary(self) -> bool:
        return self.ask("/primary") is not None

    def kill_postgres(self) -> None:
        for pid in self._postgres():
            with suppress(ProcessLookupError):  # it ended when its postmaster did
                os.kill(pid, signal.SIGKILL)

    def kill_patroni(self) -> None:
        if self._patroni is not None:
            self._patroni.kill()
            self._patroni.wait()
            self._patroni = None

    def kill(self) -> None:
        self.kill_patroni()
        self.kill_postgres()

    @contextmanager
    def postgres_stopped(self) -> Iterator[None]:
        with self._server.paused():
            yield

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Nothing of the node runs, and the kernel goes on taking connections for it."""
        assert self._patroni is not None
        self._patroni.send_signal(signal.SIGSTOP)
        try:
            with self._server.paused():
                yield
        finally:
            self._patroni.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """The end of what Patroni and PostgreSQL said."""
        return (self._folder / "log").read_text(errors="replace")[-LOG_CHARACTERS:]

    def _postgres(self) -> list[int]:
        """Its processes; none when a number in `postmaster.pid` is somebody else's by now."""
        try:
            first = (self._folder / "data" / "postmaster.pid").read_text().split()[0]
            is_ours = str(self._folder).encode() in Path(f"/proc/{first}/cmdline").read_bytes()
        except (FileNotFoundError, IndexError):
            return []
        return self._server._processes() if is_ours else []


def programs_of(name: str) -> str:
    folder = os.environ.get(PROGRAMS_VARIABLE)
    assert folder, f"{PROGRAMS_VARIABLE} names no folder with {name}; make test-ha sets it"
    return str(Path(folder) / name)


def unprivileged() -> list[str]:
    """What goes before a command: PostgreSQL does not run as root, and neither should who starts it.

    It may read what root's home has, for the interpreter of the environment may lie there.
    """
    if os.geteuid() != 0:
        return []
    programs()  # which makes the user
    user, reads = pwd.getpwnam(UNPRIVILEGED), "+dac_override,+dac_read_search"
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, f"--inh-caps={reads}", f"--ambient-caps={reads}"]
