"""Servers, proxies and ledgers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.infrastructure.event_store.postgres.proxy import Proxy, proxied
from tests.infrastructure.event_store.postgres.server import Server, ServerFolder, servers


@pytest.fixture(scope="session")
def place() -> Iterator[ServerFolder]:
    """Where servers are made."""
    with servers() as place:
        yield place


@pytest.fixture(scope="session")
def own_server(place: ServerFolder) -> Server:
    """A server that a test may stop, start and pause, as long as it is up and running afterwards."""
    return place.server()


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    """A proxy in front of an empty database."""
    with proxied(postgres_url) as proxy:
        yield proxy
