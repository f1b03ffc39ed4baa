"""An outage of the database: logged once when it begins and once when it is over, however many threads meet it."""

from __future__ import annotations

import logging
import time
from typing import Final

_LOGGER: Final = logging.getLogger("position_ledger")


class Outage:
    """Whether the database is lost, and since when."""

    def __init__(self, shown: str) -> None:
        """`shown` names the database."""
        self._shown = shown
        self._since: float | None = None
        self._is_of_appends = False

    def begins(self, reason: str, *, of_appends: bool = False) -> None:
        """Something failed. After a failed append (`of_appends`) only an append shows that the outage is over."""
        self._is_of_appends |= of_appends
        if self._since is None:
            self._since = time.monotonic()
            _LOGGER.warning("lost %s: %s", self._shown, reason)

    def ends(self, address: tuple[str, str], *, by_append: bool = False) -> None:
        """A connection succeeded, or an append (`by_append`): the outage may be over."""
        since = self._since
        if since is None or (self._is_of_appends and not by_append):
            return
        self._since, self._is_of_appends = None, False
        _LOGGER.warning("%s is back, at %s, after %.1f s", self._shown, ":".join(address), time.monotonic() - since)
