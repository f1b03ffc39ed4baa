"""Looking at what is yet to come without taking it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Lookahead(Iterator[Item], Generic[Item]):
    """Items one by one; only those that were looked at before their turn are held."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items, self._seen = iter(items), deque[Item]()

    def __next__(self) -> Item:
        """The next item, taken."""
        return self._seen.popleft() if self._seen else next(self._items)

    def ahead(self) -> Iterator[Item]:
        """The items to come, left where they are."""
        yield from tuple(self._seen)
        for item in self._items:
            self._seen.append(item)
            yield item
