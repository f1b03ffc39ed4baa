"""The hosts of a URL, in the order in which they are tried: who answered last comes first, who failed comes last."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final, NamedTuple

import psycopg

SECONDS_EACH: Final = 2
"""How long one of several hosts may be silent: the shortest bound that libpq has."""

_VARIABLES: Final = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT"}

_PORT: Final = "5432"

Address = tuple[str, str]
"""A host and its port."""


class Host(NamedTuple):
    """One entry of the lists in a URL; empty where there is no list."""

    host: str
    hostaddr: str
    port: str

    @property
    def address(self) -> Address:
        """What a connection to it says that it is connected to."""
        return self.host or self.hostaddr, self.port or _PORT


class Hosts:
    """One host or several, of which one can be written.

    A machine that is gone says nothing, and each of its connections is waited for; a server that was replaced, and does
    not know it, answers and cannot commit. Either would stand in the way of the others for ever if it kept its place.
    The list is replaced, never changed, so threads need no lock: of two that reorder it, one is enough.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        """Read what libpq is told, by a URL or by its environment."""
        told = (str(words.get(name) or os.environ.get(variable, "")) for name, variable in _VARIABLES.items())
        lists = [entries.split(",") for entries in told]
        count = max(map(len, lists))
        self._order: list[Host] = []
        if count > 1 and all(len(entries) in (1, count) for entries in lists):  # else libpq says what is wrong
            entries = [one * count if len(one) == 1 else one for one in lists]
            self._order = [Host(*each) for each in zip(*entries, strict=True)]

    @property
    def are_several(self) -> bool:
        """Whether there is another one to go to."""
        return len(self._order) > 1

    def within(self, seconds: float | None) -> list[Host]:
        """Those to try next: as many as may all be silent, within a time; without one, all of them."""
        count = len(self._order) if seconds is None else max(1, ceil(seconds / SECONDS_EACH))
        return self._order[:count]

    def put_first(self, address: Address) -> None:
        """Who was connected to is tried first from now on."""
        self._order = sorted(self._order, key=lambda host: host.address != address)

    def put_last(self, *addresses: Address) -> None:
        """Who could not be connected to, or answered and did not do what it was asked, is tried last from now on."""
        self._order = sorted(self._order, key=lambda host: host.address in addresses)


def words(hosts: Sequence[Host]) -> dict[str, str]:
    """Hosts as libpq is told them; nothing when there is one, which it was told already."""
    if not hosts:
        return {}
    return {name: ",".join(entries) for name, entries in zip(Host._fields, zip(*hosts, strict=True), strict=True)}


def address_of(connection: psycopg.Connection[Any]) -> Address:
    """Who a connection that is open is connected to."""
    return connection.info.host, str(connection.info.port)
