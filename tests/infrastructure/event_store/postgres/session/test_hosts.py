"""Several hosts in a URL: hosts that are silent, refuse, or were replaced do not prevent using the one that works."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.session.hosts import SECONDS_EACH, Host, Hosts, words
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.ledger.ledger import PositionLedger
from tests.infrastructure.event_store.postgres.load import slack_seconds
from tests.infrastructure.event_store.postgres.proxy import Proxy, proxied
from tests.infrastructure.event_store.postgres.server import HOST, free_port
from tests.infrastructure.event_store.postgres.test_faults import sent_until_answered

ENTRY: dict[str, Any] = {"exchange": "binance", "side": "short", "quantity": "61.8", "intent_id": "1"}


@contextmanager
def silent(count: int) -> Iterator[list[str]]:
    """Hosts that never say a word, as a machine that is gone: only the kernel takes connections for them."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        yield [f"{HOST}:{each.getsockname()[1]}" for each in sockets]


def url(proxy: Proxy, *before: str, after: tuple[str, ...] = (), options: str = "timeout=5") -> str:
    hosts = ",".join([*before, f"{HOST}:{proxy.port}", *after])
    return proxy.url(options).replace(f"{HOST}:{proxy.port}", hosts)


@pytest.mark.parametrize("count", [1, 2])
def test_silent_hosts_before_the_one_that_works_cost_two_seconds_each_once(proxy: Proxy, count: int) -> None:
    """Not the whole timeout each, and not with every connection again."""
    with silent(count) as hosts:
        begun = time.monotonic()
        with PositionLedger.connect(url(proxy, *hosts, options="timeout=30")) as ledger:
            assert SECONDS_EACH * count <= time.monotonic() - begun < SECONDS_EACH * count + slack_seconds()
            begun = time.monotonic()
            assert ledger.request_entry(symbol="AUSDT", **ENTRY).outcome == "recorded"
            assert isinstance(ledger.store, PostgresStore)
            with ExitStack() as stack:
                for _ in range(4):
                    stack.enter_context(ledger.store._connections.borrowed())
            assert time.monotonic() - begun < slack_seconds()


def test_a_host_that_is_gone_is_left_for_the_next(proxy: Proxy, postgres_url: str) -> None:
    with proxied(postgres_url) as other:
        both = url(proxy, after=(f"{HOST}:{other.port}",), options="timeout=2")
        with PositionLedger.connect(both) as ledger:
            ledger.request_entry(symbol="AUSDT", **ENTRY)
            proxy.is_open = False
            proxy.cut()
            assert sent_until_answered(lambda: ledger.request_entry(symbol="BUSDT", **ENTRY)).outcome == "recorded"


def test_hosts_that_refuse_are_all_named(proxy: Proxy) -> None:
    ports = [free_port(), free_port()]
    proxy.is_open = False
    with pytest.raises(StoreUnavailable, match="cannot be reached") as refused:
        PositionLedger.connect(url(proxy, *(f"{HOST}:{port}" for port in ports)))
    assert [port for port in (*ports, proxy.port) if f"'{port}'" not in str(refused.value)] == []


def hosts_of(**told: str) -> Hosts:
    return Hosts(told)


def order(hosts: Hosts) -> list[str]:
    return [host.host for host in hosts.within(None)]


def test_who_answered_comes_first_and_who_failed_last() -> None:
    hosts = hosts_of(host="a,b,c", port="1,2,3")
    hosts.put_first(("b", "2"))
    assert order(hosts) == ["b", "a", "c"]
    hosts.put_last(("b", "2"))
    assert order(hosts) == ["a", "c", "b"]
    hosts.put_last(("a", "1"), ("c", "3"))
    assert order(hosts) == ["b", "a", "c"]
    hosts.put_first(("elsewhere", "1"))
    assert order(hosts) == ["b", "a", "c"]


def test_no_more_are_tried_than_may_be_silent_within_a_time() -> None:
    hosts = hosts_of(host="a,b,c")
    assert [len(hosts.within(seconds)) for seconds in (0.5, 2, 2.5, 60, None)] == [1, 1, 2, 3, 3]
    assert words(hosts.within(2.5)) == {"host": "a,b", "hostaddr": ",", "port": ","}


def test_one_port_is_that_of_all_and_a_name_may_have_several_ports() -> None:
    assert hosts_of(host="a,b", port="7").within(None) == [Host("a", "", "7"), Host("b", "", "7")]
    assert hosts_of(host="a", port="7,8").within(None) == [Host("a", "", "7"), Host("a", "", "8")]
    assert [host.address for host in hosts_of(hostaddr="::1,::2").within(None)] == [("::1", "5432"), ("::2", "5432")]


@pytest.mark.parametrize("told", [{}, {"host": "a"}, {"host": "a,b,c", "port": "1,2"}])
def test_one_host_or_lists_that_do_not_fit_are_left_to_libpq(told: dict[str, str]) -> None:
    hosts = hosts_of(**told)
    assert (hosts.are_several, words(hosts.within(2))) == (False, {})


def test_hosts_are_read_from_the_environment_as_libpq_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "a,b")
    monkeypatch.setenv("PGPORT", "1,2")
    assert order(hosts_of()) == ["a", "b"]
    assert order(hosts_of(host="c,d")) == ["c", "d"]
