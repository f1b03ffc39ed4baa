"""The filter of findings: by symbol, by exchange."""

from __future__ import annotations

from dataclasses import dataclass

from infrastructure.legacy.logs.parsing.log_facts import differ


@dataclass(frozen=True, slots=True)
class LogFilter:
    """None means all. A finding without an exchange passes, because it may be of the wanted one."""

    symbol: str | None = None
    exchange: str | None = None

    def takes(self, symbol: str | None, exchange: str | None) -> bool:
        """Whether a finding of this symbol at this exchange is wanted."""
        return self.symbol in (None, symbol) and not differ(self.exchange, exchange)
