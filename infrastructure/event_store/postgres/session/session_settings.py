"""What every session is opened with: the parameters of its connection, and how long each wait may take."""

from __future__ import annotations

from typing import Any, Final

from infrastructure.event_store.postgres.session import connection_info
from infrastructure.event_store.postgres.session.hosts import SECONDS_EACH, Hosts
from infrastructure.settings import InvalidSettings, Settings

_APPLICATION_NAME: Final = "position-ledger"
_IDLE_IN_TRANSACTION_FACTOR: Final = 4
_SERVER_SHARE: Final = 0.5
"""The share of the timeout within which the server itself ends a statement or a wait for a lock."""
_SILENCE_SHARE: Final = 0.6
"""The share of the timeout after which a silent server is given up; the rest is for reading back."""
CONNECT_SECONDS_MIN: Final = 2
"""The shortest connect timeout that libpq accepts."""

_BLANK: Final = r"\ "
"""A blank within a value of libpq's `options`."""


def connection_arguments(settings: Settings) -> dict[str, Any]:
    """The parameters of every connection: those of the URL take precedence over our timeouts for every wait."""
    try:
        parameters: dict[str, Any] = dict(connection_info.parameters_of(settings.where))
    except ValueError as wrong:
        raise InvalidSettings(f"the database URL is not understood: {wrong}") from None
    if not settings.pooler:
        in_force = " ".join(
            f"-c {name}={value.replace(' ', _BLANK)}" for name, value in session_bounds(settings).items()
        )
        parameters["options"] = f"{in_force} {parameters.get('options', '')}".strip()
    alone_seconds = SECONDS_EACH if Hosts(parameters).are_several else _connect_seconds(settings.timeout_seconds)
    defaults = {
        "application_name": _APPLICATION_NAME,
        "connect_timeout": alone_seconds,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": _milliseconds(settings.timeout_seconds),
    }
    return defaults | parameters | {"client_encoding": "UTF8"}


def session_bounds(settings: Settings) -> dict[str, str]:
    """The settings of every session: schema, isolation, time zone, how values are written, the server's timeouts.

    A role or a database may have other defaults. Whoever waits for a lock has to see afterwards what its holder wrote:
    only READ COMMITTED shows that within a transaction. And only a warning says that a commit is on no standby.
    """
    of_server = str(_milliseconds(wait_seconds(settings)))
    return {
        "search_path": f'"{settings.schema}"',
        "default_transaction_isolation": "read committed",
        "TimeZone": "UTC",
        "DateStyle": "ISO",
        "IntervalStyle": "postgres",
        "client_min_messages": "warning",
        "quote_all_identifiers": "off",
        "standard_conforming_strings": "on",
        "statement_timeout": of_server,
        "lock_timeout": of_server,
        "idle_in_transaction_session_timeout": str(
            _milliseconds(settings.timeout_seconds) * _IDLE_IN_TRANSACTION_FACTOR
        ),
        "synchronous_commit": "on",
    }


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _connect_seconds(seconds: float) -> int:
    return max(CONNECT_SECONDS_MIN, round(seconds))


def wait_seconds(settings: Settings) -> float:
    """How long a command waits for a connection, and then for the server to end a statement or a lock."""
    return settings.timeout_seconds * _SERVER_SHARE


def silence_seconds(settings: Settings) -> float:
    """How long a server may be silent before the connection is given up."""
    return settings.timeout_seconds * _SILENCE_SHARE


def settle_seconds(settings: Settings) -> float:
    """How much of a command's time is left for reading back whether an append was made."""
    return settings.timeout_seconds * (1 - _SILENCE_SHARE)
