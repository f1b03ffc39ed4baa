"""The configuration file `position-ledger.toml`: its keys set environment variables that are not set."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

import click

FILE: Final = "position-ledger.toml"
VARIABLE: Final = "LEDGER_CONFIG"
_PREFIX: Final = "LEDGER_"
_KEY: Final = re.compile(r"[a-z]+_(url|wallet)", re.ASCII)
"""Keys that may be in the file: no secret of an exchange, because files are copied, and read by others."""


def take_in(environment: MutableMapping[str, str] = os.environ) -> None:
    """Read the file that LEDGER_CONFIG names, or the one in the current folder if there is one.

    Refuses: a usage error for a named file that does not exist, and for a key that is not allowed.
    """
    named = environment.get(VARIABLE)
    path = Path(named or FILE)
    if not named and not path.is_file():
        return
    if named and not path.is_file():
        why = "that is no file" if path.exists() else "there is no such file"
        raise click.UsageError(f"{VARIABLE} names {named!r:.200}, and {why}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as wrong:
        raise click.UsageError(f"{path}: {wrong}") from None
    for key, value in content.items():
        if not _KEY.fullmatch(key) or not isinstance(value, str):
            raise click.UsageError(
                f"{path}: {key!r:.80} is nothing that it may say: database_url = TEXT, and EXCHANGE_url or "
                "EXCHANGE_wallet = TEXT may stand there; secrets of exchanges are read from the environment alone"
            )
        environment.setdefault(_PREFIX + key.upper(), value)
