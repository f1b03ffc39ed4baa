"""The hosts of a URL, in the order in which they are tried: the last that answered first, those that failed last."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final, NamedTuple

import psycopg

SECONDS_EACH: Final = 2
"""How long one of several hosts may be silent: the shortest connect timeout that libpq accepts."""

_VARIABLES: Final = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT"}

_PORT: Final = "5432"

Address = tuple[str, str]
"""A host and its port."""


class Host(NamedTuple):
    """One host of the lists in a URL; a part is empty where the URL does not have it."""

    host: str
    hostaddr: str
    port: str

    @property
    def address(self) -> Address:
        """Host and port as `address_of` reports them for a connection to it."""
        return self.host or self.hostaddr, self.port or _PORT


class Hosts:
    """One host or several, of which one takes writes.

    A machine that is gone does not answer, and every new connection waits for its timeout; a server that was replaced
    without knowing it answers but cannot commit. If such a host kept its place, it would delay or block every command.
    The list is replaced, never changed in place, so threads need no lock: of two that reorder it, one is enough.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        """Read the lists from the parameters of a URL, or else from the environment of libpq."""
        texts = (str(words.get(name) or os.environ.get(variable, "")) for name, variable in _VARIABLES.items())
        lists = [entries.split(",") for entries in texts]
        count = max(map(len, lists))
        self._order: list[Host] = []
        if count > 1 and all(len(entries) in (1, count) for entries in lists):  # else libpq says what is wrong
            entries = [one * count if len(one) == 1 else one for one in lists]
            self._order = [Host(*each) for each in zip(*entries, strict=True)]

    @property
    def are_several(self) -> bool:
        """Whether there is more than one host."""
        return len(self._order) > 1

    def within(self, seconds: float | None) -> list[Host]:
        """The hosts to try next: as many as fit into the time if all are silent; all of them without a time."""
        count = len(self._order) if seconds is None else max(1, ceil(seconds / SECONDS_EACH))
        return self._order[:count]

    def put_first(self, address: Address) -> None:
        """Try this host first from now on: a connection to it succeeded."""
        self._order = sorted(self._order, key=lambda host: host.address != address)

    def put_last(self, *addresses: Address) -> None:
        """Try these hosts last from now on: they could not be reached, or did not do what they were asked."""
        self._order = sorted(self._order, key=lambda host: host.address in addresses)


def words(hosts: Sequence[Host]) -> dict[str, str]:
    """The parameters of libpq for some hosts; empty when there is only one, which it already has."""
    if not hosts:
        return {}
    return {name: ",".join(entries) for name, entries in zip(Host._fields, zip(*hosts, strict=True), strict=True)}


def address_of(connection: psycopg.Connection[Any]) -> Address:
    """Host and port of an open connection."""
    return connection.info.host, str(connection.info.port)
