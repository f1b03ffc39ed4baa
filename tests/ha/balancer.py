"""HAProxy in front of a cluster: it asks Patroni which node is the primary."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.ha.cluster import Cluster
from tests.ha.network import quiet_port
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.server import HOST

SETTINGS = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 30m
    timeout server 30m
listen primary
    bind {host}:{port}
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
"""


@contextmanager
def balanced(cluster: Cluster) -> Iterator[str]:
    """The URL at which the primary is found, whoever that is."""
    port = quiet_port()
    file = cluster.folder / "haproxy.cfg"
    nodes = [f"    server {node.name} {node.host} check port {node.rest_port}\n" for node in cluster.nodes]
    file.write_text(SETTINGS.format(host=HOST, port=port) + "".join(nodes))
    with (cluster.folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen(
            ["haproxy", "-db", "-f", str(file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    url = f"postgresql://postgres@{HOST}:{port}/postgres"
    try:
        eventually(lambda: leads_somewhere(url))
        yield url
    finally:
        process.kill()
        process.wait()


def leads_somewhere(url: str) -> bool:
    """Whether it found a primary: until its first check it answers nobody."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
