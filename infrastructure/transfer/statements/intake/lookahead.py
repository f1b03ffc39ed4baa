"""Looking at what is yet to come without taking it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Lookahead(Iterable[Item], Generic[Item]):
    """Items one by one; only those that were looked at before their turn are held."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items, self._seen = iter(items), deque[Item]()

    def __iter__(self) -> Iterator[Item]:
        """The items, each taken when it is asked for."""
        while True:
            while self._seen:
                yield self._seen.popleft()
            for item in self._items:
                yield item
                if self._seen:
                    break
            else:
                return

    def ahead(self) -> Iterator[Item]:
        """The items to come, left where they are."""
        yield from tuple(self._seen)
        for item in self._items:
            self._seen.append(item)
            yield item
