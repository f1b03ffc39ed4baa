"""A frozen mapping that grows: one with an item more is made by copying a few items, however many there are."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Final, Generic, TypeVar, overload

Key = TypeVar("Key")
Value = TypeVar("Value")
Other = TypeVar("Other")

_FEW: Final = 16
"""So many items are copied as soon as told apart."""


class LayeredMap(Mapping[Key, Value], Generic[Key, Value]):
    """Items in the order in which their keys came, in two layers: what came last lies above what many share.

    The upper layer is copied for every item, and becomes part of the lower one when it has more than the root of that.
    """

    __slots__ = ("_above", "_below", "_size")

    def __init__(self, below: dict[Key, Value], above: dict[Key, Value] | None = None, size: int | None = None) -> None:
        """Hold the items of two dictionaries, which nobody alters any more; `size` is how many keys they have."""
        self._below, self._above = below, above or {}
        self._size = len({**below, **self._above}) if size is None else size

    def with_item(self, key: Key, value: Value) -> LayeredMap[Key, Value]:
        """The same items with one more, or with another value of one."""
        above, below = {**self._above, key: value}, self._below
        size = self._size if key in self._above or key in below else self._size + 1
        if len(above) > _FEW and len(above) ** 2 > len(below):
            above, below = {}, {**below, **above}
        return LayeredMap(below, above, size)

    def changed_since(self, before: LayeredMap[Key, Value]) -> list[Value]:
        """The values that are not the very ones that it had before."""
        items = self._above if self._below is before._below else self._flat()
        return [value for key, value in items.items() if before.get(key) is not value]

    def _flat(self) -> dict[Key, Value]:
        return {**self._below, **self._above} if self._above else self._below

    def __getitem__(self, key: Key) -> Value:
        return self._above[key] if key in self._above else self._below[key]

    @overload
    def get(self, key: Key, /) -> Value | None: ...
    @overload
    def get(self, key: Key, /, default: Value | Other) -> Value | Other: ...
    def get(self, key: Key, /, default: Value | Other | None = None) -> Value | Other | None:
        """The value of a key, or what is said for one that is not there."""
        return self._above[key] if key in self._above else self._below.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._above or key in self._below

    def __iter__(self) -> Iterator[Key]:
        return iter(self._flat())

    def items(self) -> ItemsView[Key, Value]:
        """All of them, by keys."""
        return self._flat().items()

    def values(self) -> ValuesView[Value]:
        """All of them, without their keys."""
        return self._flat().values()

    def __len__(self) -> int:
        return self._size
