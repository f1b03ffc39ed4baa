"""Which findings are wanted: those of one symbol, or of one exchange."""

from __future__ import annotations

from dataclasses import dataclass

from infrastructure.legacy.logs.parsing.log_facts import differ


@dataclass(frozen=True, slots=True)
class LogFilter:
    """None wants all. Of what names no exchange nobody knows that it is another one's: it is wanted."""

    symbol: str | None = None
    exchange: str | None = None

    def takes(self, symbol: str | None, exchange: str | None) -> bool:
        """Whether a finding of this symbol at this exchange is wanted."""
        return self.symbol in (None, symbol) and not differ(self.exchange, exchange)
