"""Where the ledger is kept: `--database` or LEDGER_DATABASE_URL becomes one frozen Settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from domain.errors import LedgerError

URL_VARIABLE: Final = "LEDGER_DATABASE_URL"
URL_DEFAULT: Final = "sqlite:///ledger.db"
TIMEOUT_SECONDS: Final = 5.0


class InvalidSettings(LedgerError):
    """The database URL, or something in it, is not understood."""


@dataclass(frozen=True)
class Settings:
    """A database, and how long to wait for it.

    Units: `timeout_seconds` bounds every wait for the database.
    """

    kind: Literal["sqlite"]
    path: str
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def is_memory(self) -> bool:
        """Whether it lives and dies with this process."""
        return self.path == ":memory:"

    @classmethod
    def read(cls, url: str | None = None) -> Self:
        """Read a URL, or LEDGER_DATABASE_URL, or take `sqlite:///ledger.db`.

        Shape:   `sqlite:///relative/path.db`, `sqlite:////absolute/path.db`, `sqlite:///:memory:`; `?timeout=SECONDS`.
        Refuses: InvalidSettings, without repeating a password that may be in the URL.
        """
        text = url or os.environ.get(URL_VARIABLE) or URL_DEFAULT
        parts = urlsplit(text)
        if parts.scheme != "sqlite":
            raise InvalidSettings(
                f"a database URL begins with sqlite:///, not {(parts.scheme or text[:20]) + ':'!r}; "
                "for example sqlite:///ledger.db"
            )
        path = unquote(parts.path).removeprefix("/")
        if parts.netloc or not path:
            raise InvalidSettings(
                f"{text!r} names no file; write three slashes before a relative path (sqlite:///ledger.db) and four "
                "before an absolute one"
            )
        return cls("sqlite", path, _timeout(parts.query))


def _timeout(query: str) -> float:
    seconds = TIMEOUT_SECONDS
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != "timeout":
            raise InvalidSettings(f"the database URL has no option {name!r}; it has timeout (seconds)")
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds <= 3600:
            raise InvalidSettings(f"timeout={value!r} is not a number of seconds between 0 and 3600")
    return seconds
