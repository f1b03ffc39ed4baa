"""Connection parameters for libpq, and messages without the passwords that stand in them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, quote_plus

import psycopg
from psycopg.conninfo import conninfo_to_dict

from infrastructure.database_url import SCHEMES, SECRETS, split_postgres
from infrastructure.secret_words import masked

KEPT_APART: Final = "PGPASSWORD or ~/.pgpass, which no list of processes shows"
_MASK: Final = "***"
_PORT: Final = re.compile("[0-9]{1,5}", re.ASCII)
_PORT_MAX: Final = 65_535
_CHOICES: Final = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "load_balance_hosts": ("disable", "random"),
}
"""libpq checks these only when it connects: a wrong word would look like a server that cannot be reached."""
_NUMBERS: Final = ("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count")
_NUMBER: Final = re.compile(" *-?[0-9]{1,9} *", re.ASCII)


def parameters_of(text: str) -> dict[str, str]:
    """The parameters in a URL, or in a text like `host=db.example dbname=trading`, by their names in libpq.

    Refuses: ValueError. Its message repeats nothing of the text, unlike libpq's, which may show a part of a password.
    """
    if text.partition(":")[0].lower() in SCHEMES:
        split_postgres(text)
    try:
        words = {name: str(value) for name, value in conninfo_to_dict(text).items()}
    except (psycopg.Error, UnicodeError):
        raise ValueError(
            "libpq does not understand it: an option that it does not know, perhaps, or a blank or a quotation mark "
            "that is not encoded"
        ) from None
    if not all(
        _PORT.fullmatch(port) and 0 < int(port) <= _PORT_MAX for port in words.get("port", "").split(",") if port
    ):
        raise ValueError(f"its port is not a number from 1 to {_PORT_MAX}")
    for name, allowed in _CHOICES.items():
        if words.get(name, allowed[0]) not in allowed:
            raise ValueError(f"its {name} is none of {', '.join(allowed)}")
    for name in _NUMBERS:
        if not _NUMBER.fullmatch(words.get(name, "0")):
            raise ValueError(f"its {name} is not a number")
    return words


def without_secrets(reason: str, words: dict[str, str]) -> str:
    """A message of libpq or a server, with the passwords of its parameters masked."""
    secrets = {
        written
        for name in SECRETS
        if (secret := words.get(name))
        for written in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    }
    return masked(reason, secrets, _MASK)
