"""The faults of a cluster: each begins with its block, and is repaired at the end of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import psycopg

from tests.ha.cluster import Cluster
from tests.ha.network import Bridges
from tests.ha.node import Node

Fault = Callable[[Cluster, Node], AbstractContextManager[None]]

UNTIL_COMMITS_WAIT_SECONDS = 1.0
UNTIL_ANSWERED_SECONDS = 5.0
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@contextmanager
def postgres_killed(_: Cluster, leader: Node) -> Iterator[None]:
    leader.kill_postgres()
    yield


@contextmanager
def patroni_killed(_: Cluster, leader: Node) -> Iterator[None]:
    """PostgreSQL lives on without it, and can be written."""
    leader.kill_patroni()
    yield
    leader.start()


@contextmanager
def node_killed(_: Cluster, leader: Node) -> Iterator[None]:
    leader.kill()
    yield
    leader.start()


@contextmanager
def postgres_stopped(_: Cluster, leader: Node) -> Iterator[None]:
    with leader.postgres_stopped():
        yield


@contextmanager
def node_stopped(_: Cluster, leader: Node) -> Iterator[None]:
    with leader.stopped():
        yield


@contextmanager
def standbys_stopped(cluster: Cluster, leader: Node) -> Iterator[None]:
    with ExitStack() as stack:
        for node in cluster.standbys(leader):
            stack.enter_context(node.postgres_stopped())
        yield


@contextmanager
def cut_off(cluster: Cluster, leader: Node) -> Iterator[None]:
    """From its peers and from etcd, and not from its clients."""
    assert isinstance(cluster.network, Bridges)
    with cluster.network.cut(leader.name):
        yield


@contextmanager
def standbys_cut_and_node_killed(cluster: Cluster, leader: Node) -> Iterator[None]:
    """Commits wait for standbys; their backends end, so the leader shows what it alone has; then it is lost as well."""
    assert isinstance(cluster.network, Bridges)
    with ExitStack() as stack:
        for node in cluster.standbys(leader):
            stack.enter_context(cluster.network.cut(node.name))
        time.sleep(UNTIL_COMMITS_WAIT_SECONDS)
        with psycopg.connect(leader.url()) as connection:
            connection.execute(TERMINATE)
        time.sleep(UNTIL_ANSWERED_SECONDS)
        leader.kill()
    yield
    leader.start()


@contextmanager
def switched_over(cluster: Cluster, _: Node) -> Iterator[None]:
    cluster.switch_over()
    yield


@contextmanager
def etcd_stopped(cluster: Cluster, _: Node) -> Iterator[None]:
    cluster.stop_etcd()
    yield
    cluster.start_etcd()


@contextmanager
def power_lost(cluster: Cluster, _: Node) -> Iterator[None]:
    for node in cluster.nodes:
        node.kill()
    cluster.stop_etcd()
    yield
    cluster.start_etcd()
    for node in cluster.nodes:
        node.start()
