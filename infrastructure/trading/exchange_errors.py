"""The errors of a call to an exchange: it was refused, or its outcome is not known."""

from __future__ import annotations

from domain.errors import PortableError


class ExchangeError(PortableError):
    """A call to the exchange failed, or its outcome is not known."""


class Refused(ExchangeError):
    """The exchange refused: nothing was done. `code` is the exchange's error code, where it has one."""

    def __init__(self, code: str | None, text: str) -> None:
        super().__init__(text if code is None else f"{code}: {text}")
        self.code, self.text = code, text


class RateLimited(Refused):
    """Too many calls: nothing was done; `retry_seconds` is how long to wait, where the exchange says it."""

    def __init__(self, code: str | None, text: str, retry_seconds: float | None = None) -> None:
        super().__init__(code, text)
        self.retry_seconds = retry_seconds


class NothingToReduce(Refused):
    """A reduce-only order was refused, because the exchange holds nothing that it would close."""


class GivenUp(Refused):
    """Nothing was sent: the bot withdrew its order, or too much time had passed since the order was promised."""

    def __init__(self, text: str = "the bot took its order back before it was sent") -> None:
        super().__init__(None, text)


class NoAnswer(ExchangeError):
    """It is not known whether anything was done: a timeout, a lost connection, an error of the server."""
