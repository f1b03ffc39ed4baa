"""Where the ledger is kept: `--database` or LEDGER_DATABASE_URL becomes one frozen Settings."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Final, Literal, Self
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from domain.errors import LedgerError
from infrastructure.database_url import SCHEMES, split, split_postgres

URL_VARIABLE: Final = "LEDGER_DATABASE_URL"
URL_DEFAULT: Final = "sqlite:///ledger.db"
TIMEOUT_SECONDS: Final = 5.0
POOL_SIZE: Final = 10
SCHEMA: Final = "public"

_EXAMPLES: Final = "for example sqlite:///ledger.db, or postgresql://bot@db.example/trading?schema=ledger"
_OUR_OPTIONS: Final = {"timeout", "schema", "pool_size", "notify", "pooler"}
_YES: Final = {"1", "true", "yes", "on"}
_NO: Final = {"0", "false", "no", "off"}
_SCHEMA_NAME: Final = re.compile("(?!pg_)[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
"""PostgreSQL keeps names that begin with pg_ for itself."""


class InvalidSettings(LedgerError):
    """The database URL is not understood, or leads to a pooler with which a ledger cannot work."""


@dataclass(frozen=True)
class Settings:
    """A database, and how long to wait for it.

    Units: `timeout_seconds` limits a command from its call to its answer, and every single wait of a query.
    """

    kind: Literal["sqlite", "postgresql"]
    where: str = field(repr=False)
    """The path of a file, or the URL for libpq; it may contain a password, so it is never shown."""
    timeout_seconds: float = TIMEOUT_SECONDS
    schema: str = SCHEMA
    pool_size: int = POOL_SIZE
    notify: bool = False
    """Whether an append notifies followers; otherwise they poll."""
    pooler: bool = False
    """Whether there is a pooler before the server, in session mode: each session keeps a server process of its own."""

    @property
    def is_memory(self) -> bool:
        """Whether it is in memory, and ends with this process."""
        return self.kind == "sqlite" and self.where == ":memory:"

    @property
    def shown(self) -> str:
        """The database as it may be printed: without user, password and options."""
        if self.kind == "sqlite":
            return self.where
        parts = urlsplit(self.where)
        host = parts.netloc.rpartition("@")[2]
        return f"postgresql://{host}{parts.path}" + (f" schema {self.schema}" if self.schema != SCHEMA else "")

    @property
    def place(self) -> str:
        """The database as it is named from any folder: a file by its absolute path."""
        return os.path.realpath(self.where) if self.kind == "sqlite" else self.shown

    @classmethod
    def read(cls, url: str | None = None) -> Self:
        """Read a URL, or LEDGER_DATABASE_URL, or take `sqlite:///ledger.db`.

        Shape:   `sqlite:///relative/path.db`, `sqlite:////absolute/path.db`, `sqlite:///:memory:`, or
                 `postgresql://…` with whatever libpq understands (sslmode, target_session_attrs, …); and our own
                 `?timeout=SECONDS`, for PostgreSQL `schema=NAME`, `pool_size=N`, `notify=1`, `pooler=session`.
        Refuses: InvalidSettings, without repeating a password that may be in the URL.
        """
        text = (os.environ.get(URL_VARIABLE) or URL_DEFAULT) if url is None else url
        if not text:
            raise InvalidSettings(f"the database URL is empty, as one from a variable that is not set; {_EXAMPLES}")
        is_postgres = text.partition(":")[0].lower() in SCHEMES
        try:
            parts = split_postgres(text) if is_postgres else split(text)
        except ValueError as wrong:
            raise InvalidSettings(f"the database URL is not understood: {wrong}; {_EXAMPLES}") from None
        options = _once_each(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))  # libpq's plus is one
        timeout_seconds = _seconds(options.pop("timeout", str(TIMEOUT_SECONDS)), repeats=not is_postgres)
        if is_postgres:
            return cls._of_server(parts, options, timeout_seconds)
        if parts.scheme == "sqlite":
            return cls._of_file(parts, options, timeout_seconds)
        raise InvalidSettings(f"a database URL begins with sqlite: or postgresql:, and this one does not; {_EXAMPLES}")

    @classmethod
    def _of_file(cls, parts: SplitResult, options: dict[str, str], timeout_seconds: float) -> Self:
        path = unquote(parts.path).removeprefix("/")
        if parts.netloc or not path or "\0" in path:
            raise InvalidSettings(
                "the sqlite URL names no file; write three slashes before a relative path (sqlite:///ledger.db) "
                "and four before an absolute one"
            )
        if options:
            raise InvalidSettings(f"an sqlite URL has no option {next(iter(options))!r}; it has timeout (seconds)")
        return cls("sqlite", path, timeout_seconds)

    @classmethod
    def _of_server(cls, parts: SplitResult, options: dict[str, str], timeout_seconds: float) -> Self:
        """Take our own options out of the query; the others are for libpq."""
        schema = options.pop("schema", SCHEMA)
        if not _SCHEMA_NAME.fullmatch(schema):
            raise InvalidSettings(
                "the schema of the database URL is not a name of up to 63 letters (a to z), digits and _ that "
                "begins with a letter or _, and not with pg_"
            )
        pool_size = _count(options.pop("pool_size", str(POOL_SIZE)))
        notify = options.pop("notify", "0").lower()
        if notify not in _YES | _NO:
            raise InvalidSettings("the notify of the database URL is neither 1 nor 0")
        pooler = options.pop("pooler", None)
        if pooler not in (None, "session"):
            raise InvalidSettings("the pooler of the database URL can be session, and nothing else works")
        if pooler and "options" in options:
            raise InvalidSettings("a pooler hands no options on: the database URL has either pooler or options")
        theirs = f"?{urlencode(options, quote_via=quote)}" if options else ""
        where = f"postgresql://{parts.netloc}{parts.path}{theirs}"
        return cls("postgresql", where, timeout_seconds, schema, pool_size, notify in _YES, pooler is not None)


def _once_each(pairs: list[tuple[str, str]]) -> dict[str, str]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        named = twice if twice in _OUR_OPTIONS else "an option"  # what else stands there may be a part of a password
        raise InvalidSettings(f"the database URL says {named} twice, and nothing tells which is meant; say it once")
    return dict(pairs)


def _seconds(text: str, *, repeats: bool) -> float:
    """Read a number of seconds; with `repeats`, where the URL has no password, the message repeats it."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 3600:
        named = f"timeout={text!r:.40}" if repeats else "the timeout of the database URL"
        raise InvalidSettings(f"{named} is not a number of seconds between 0 and 3600")
    return seconds


def _count(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,3}", text, re.ASCII):
        raise InvalidSettings("the pool_size of the database URL is not a number of connections between 1 and 9999")
    return int(text)
