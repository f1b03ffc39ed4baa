"""The addresses of the nodes of a cluster: all on the loopback, or each in a network namespace of its own."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

from tests.infrastructure.event_store.postgres.server import HOST

APART_VARIABLE = "LEDGER_TEST_APART"
"""Set where this process has a network of its own, in which bridges may be made (tests/ha/apart)."""
NETWORKS = ("clients", "peers")
PORTS = 100
_first = 10000 + os.getpid() % 200 * PORTS
_ports = cycle(range(_first, _first + PORTS))


def quiet_port() -> int:
    """A port below those that the kernel gives to connections: it is still free when a node comes back to it."""
    for port in islice(_ports, PORTS):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise AssertionError(f"no port from {_first} on is free")


@dataclass(frozen=True)
class Address:
    """How a node is reached by clients, and by its peers; and what goes before a command that is run there."""

    clients: str
    peers: str
    enter: tuple[str, ...] = ()


class Loopback:
    """One network for everybody."""

    hub = HOST
    """Where those live who are no node: etcd, and clients."""

    def address(self, node: str) -> Address:
        del node
        return Address(HOST, HOST)


class Bridges:
    """Two networks, for clients and for peers: a node may be cut off from the one, and go on in the other."""

    def __init__(self) -> None:
        self._number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        """Several tests share one machine: each has networks of its own."""
        self._nodes: list[str] = []
        self.hub = self._host("peers", 1)
        for network in NETWORKS:
            bridge = f"{network}{self._number}"
            ip("link", "add", bridge, "type", "bridge")
            ip("addr", "add", f"{self._host(network, 1)}/24", "dev", bridge)
            ip("link", "set", bridge, "up")

    def _host(self, network: str, number: int) -> str:
        return f"10.{77 + NETWORKS.index(network)}.{self._number}.{number}"

    def _place(self, node: str) -> str:
        return f"{node}{self._number}"

    def address(self, node: str) -> Address:
        place = self._place(node)
        ip("netns", "add", place)
        self._nodes.append(node)
        ip("-n", place, "link", "set", "lo", "up")
        hosts = {network: self._host(network, len(self._nodes) + 1) for network in NETWORKS}
        for network, host in hosts.items():
            ip("link", "add", f"{place}-{network}", "type", "veth", "peer", "name", network, "netns", place)
            ip("link", "set", f"{place}-{network}", "master", f"{network}{self._number}", "up")
            ip("-n", place, "addr", "add", f"{host}/24", "dev", network)
            ip("-n", place, "link", "set", network, "up")
        return Address(hosts["clients"], hosts["peers"], ("ip", "netns", "exec", place))

    @contextmanager
    def cut(self, node: str) -> Iterator[None]:
        """A node without its peers and etcd; clients reach it as before."""
        ip("link", "set", f"{self._place(node)}-peers", "down")
        try:
            yield
        finally:
            ip("link", "set", f"{self._place(node)}-peers", "up")

    def end(self) -> None:
        for node in self._nodes:
            ip("netns", "delete", self._place(node))
        for network in NETWORKS:
            ip("link", "delete", f"{network}{self._number}")


Network = Loopback | Bridges


@contextmanager
def network(kind: Literal["loopback", "bridges"]) -> Iterator[Network]:
    """A network that is gone afterwards."""
    if kind == "loopback":
        yield Loopback()
        return
    bridges = Bridges()
    try:
        yield bridges
    finally:
        bridges.end()


def may_be_cut() -> bool:
    return APART_VARIABLE in os.environ


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
