"""The simulated exchange for tests of a bot: its methods are called directly, or it answers over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from infrastructure.simulation.http.binance_routes import BinanceRoutes
from infrastructure.simulation.http.bybit_routes import BybitRoutes
from infrastructure.simulation.http.loopback_server import Answerer, served
from infrastructure.simulation.simulated_venue import SimulatedVenue

_ROUTES: Final[dict[str, Callable[[SimulatedVenue, int], Answerer]]] = {"binance": BinanceRoutes, "bybit": BybitRoutes}


class SimulatedExchange(SimulatedVenue):
    """One account at an exchange in memory, for tests of a bot."""

    @contextmanager
    def http(self) -> Iterator[str]:
        """Answer over HTTP on the loopback as the real exchange does, until the end of the block; yields the URL.

        Refuses: ValueError for an exchange whose routes are not simulated.
        """
        routes = _ROUTES.get(self.name)
        if routes is None:
            raise ValueError(f"over HTTP there are {' and '.join(_ROUTES)}, not {self.name}")
        with served(routes(self, self.seed)) as url:
            yield url

    @staticmethod
    def point(client: Any, url: str) -> None:
        """Make a ccxt client, synchronous or asynchronous, call the URL that `http` yields."""
        addresses = client.urls["api"]
        if isinstance(addresses, str):
            client.urls["api"] = url
        else:
            client.urls["api"] = {name: url + urlsplit(there).path for name, there in addresses.items()}
