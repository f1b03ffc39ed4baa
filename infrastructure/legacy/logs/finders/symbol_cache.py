"""What is remembered of each symbol, in bounded memory: the least recently used one is dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, ValuesView
from typing import Final, Generic, TypeVar

SYMBOLS_MAX: Final = 5_000

T = TypeVar("T")


class SymbolCache(Generic[T]):
    """Something of every symbol, made when it is first asked for."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._kept: OrderedDict[str, T] = OrderedDict()

    def __getitem__(self, symbol: str) -> T:
        """What is remembered of a symbol."""
        if symbol not in self._kept:
            self._kept[symbol] = self._make()
            if len(self._kept) > SYMBOLS_MAX:
                self._kept.popitem(last=False)
        self._kept.move_to_end(symbol)
        return self._kept[symbol]

    def values(self) -> ValuesView[T]:
        """Everything that is remembered."""
        return self._kept.values()
