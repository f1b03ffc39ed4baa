"""A frozen mapping that grows: adding an item copies a few of the others, however many there are."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Final, Generic, TypeVar, overload

Key = TypeVar("Key")
Value = TypeVar("Value")
Other = TypeVar("Other")

_FEW: Final = 16
"""Up to this many items the upper layer is kept apart."""


class LayeredMap(Mapping[Key, Value], Generic[Key, Value]):
    """Items in insertion order, in two layers: recent items above a lower layer that many maps share.

    Each change copies the upper layer. Once it has more items than the square root of the lower one, both are merged.
    """

    __slots__ = ("_above", "_below", "_size")

    def __init__(self, below: dict[Key, Value], above: dict[Key, Value] | None = None, size: int | None = None) -> None:
        """Take two dictionaries, which must not be changed any more; `size` is the number of their keys, if known."""
        self._below, self._above = below, above or {}
        self._size = len({**below, **self._above}) if size is None else size

    def with_item(self, key: Key, value: Value) -> LayeredMap[Key, Value]:
        """Add an item, or replace the value of its key."""
        above, below = {**self._above, key: value}, self._below
        size = self._size if key in self._above or key in below else self._size + 1
        if len(above) > _FEW and len(above) ** 2 > len(below):
            above, below = {}, {**below, **above}
        return LayeredMap(below, above, size)

    def changed_since(self, before: LayeredMap[Key, Value]) -> list[Value]:
        """The values that are not identical (`is`) to those of an earlier map."""
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
        """The value of a key, or the default."""
        return self._above[key] if key in self._above else self._below.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._above or key in self._below

    def __iter__(self) -> Iterator[Key]:
        return iter(self._flat())

    def items(self) -> ItemsView[Key, Value]:
        """All items."""
        return self._flat().items()

    def values(self) -> ValuesView[Value]:
        """All values."""
        return self._flat().values()

    def __len__(self) -> int:
        return self._size
