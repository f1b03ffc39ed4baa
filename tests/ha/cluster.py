"""A cluster of three: PostgreSQL under Patroni, which keeps its state in etcd."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

from tests.ha.network import Network, quiet_port
from tests.ha.node import Node, unprivileged
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.server import give_away, servers

Mode = Literal["strict", "quorum", "asynchronous"]
SYNCHRONOUS: dict[Mode, dict[str, Any]] = {
    "strict": {"synchronous_mode": True, "synchronous_mode_strict": True},
    "quorum": {"synchronous_mode": "quorum", "synchronous_mode_strict": True},
    "asynchronous": {"synchronous_mode": False},
}
STANDBYS: dict[Mode, list[tuple[str, str]]] = {
    "strict": [("sync_standby", "streaming"), ("replica", "streaming")],
    "quorum": [("quorum_standby", "streaming")] * 2,
    "asynchronous": [("replica", "streaming")] * 2,
}
"""Role and state of the two standbys of a healthy cluster."""
CANDIDATES = {"sync_standby", "quorum_standby"}
SWITCH_SECONDS = 20.0


class Cluster:
    """Three nodes a, b and c, and one etcd."""

    def __init__(self, folder: Path, network: Network, mode: Mode, *, failsafe: bool) -> None:
        self.network, self._mode, self.folder = network, mode, folder
        self._etcd: subprocess.Popen[bytes] | None = None
        self._client, self._peer = (f"{network.hub}:{quiet_port()}" for _ in range(2))
        dynamic = {
            "ttl": 20,  # the shortest that Patroni takes
            "loop_wait": 1,
            "retry_timeout": 3,
            "primary_start_timeout": 0,  # a dead PostgreSQL is failed over at once, not started again
            "failsafe_mode": failsafe,
            "postgresql": {"use_pg_rewind": True, "parameters": {"wal_log_hints": "on"}},
            **SYNCHRONOUS[mode],
        }
        self.nodes = [Node(folder / name, name, network.address(name), self._client, dynamic) for name in "abc"]

    def start(self) -> None:
        """Begin with one node: three that race for who is first take longer."""
        self.start_etcd()
        first, *others = self.nodes
        first.start()
        self.wait(first.is_primary)
        for node in others:
            node.start()
        self.wait(self.is_healthy)

    def start_etcd(self) -> None:
        data = self.folder / "etcd"
        data.mkdir(exist_ok=True)
        give_away(data)
        client, peer = f"http://{self._client}", f"http://{self._peer}"
        with (self.folder / "etcd.log").open("ab") as log:
            self._etcd = subprocess.Popen(
                [
                    *unprivileged(),
                    "etcd",
                    f"--data-dir={data}/data",
                    "--initial-cluster",
                    f"default={peer}",
                    "--listen-client-urls",
                    client,
                    "--advertise-client-urls",
                    client,
                    "--listen-peer-urls",
                    peer,
                    "--initial-advertise-peer-urls",
                    peer,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )

    def stop_etcd(self) -> None:
        if self._etcd is not None:
            self._etcd.kill()
            self._etcd.wait()
            self._etcd = None

    def leader(self) -> Node:
        (leader,) = [node for node in self.nodes if node.is_primary()]
        return leader

    def standbys(self, of: Node) -> list[Node]:
        return [node for node in self.nodes if node is not of]

    def is_healthy(self) -> bool:
        """Whether one leads, and two stream what it writes, in the roles that the mode gives them.

        What etcd holds of a node that is gone stays there for a while, so each is asked as well.
        """
        roles = sorted(self.members().values()) == sorted([("leader", "running"), *STANDBYS[self._mode]])
        return roles and all(node.ask("/health") for node in self.nodes)

    def members(self) -> dict[str, tuple[str, str]]:
        """Role and state of each, as the first says that answers."""
        said: dict[str, Any] = next(filter(None, (node.ask("/cluster") for node in self.nodes)), {"members": []})
        return {member["name"]: (member["role"], member["state"]) for member in said["members"]}

    def wait(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; else say what the nodes said."""
        try:
            eventually(holds)
        except AssertionError as late:
            said = "\n".join(f"-- {node.name}:\n{node.log()}" for node in self.nodes)
            raise AssertionError(f"{late}\n{said}") from None

    def switch_over(self) -> None:
        leader = self.leader()
        candidate = next(name for name, (role, _) in self.members().items() if role in CANDIDATES)
        said = leader.ask("/switchover", {"leader": leader.name, "candidate": candidate}, SWITCH_SECONDS)
        assert said and "Successfully" in said, said

    def url(self, first: Node) -> str:
        """All hosts, and the one that will be gone first: the worst order."""
        hosts = ",".join(node.host for node in [first, *self.standbys(first)])
        return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"

    def end(self) -> None:
        for node in self.nodes:
            node.kill()
        self.stop_etcd()


@contextmanager
def started(network: Network, mode: Mode, *, failsafe: bool = True) -> Iterator[Cluster]:
    """A healthy cluster; nothing of it is left afterwards."""
    with servers() as place, ExitStack() as stack:
        cluster = Cluster(place.folder, network, mode, failsafe=failsafe)
        stack.callback(cluster.end)
        cluster.start()
        yield cluster
