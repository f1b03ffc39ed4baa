"""How a database keeps a ledger, as far as that was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Storage(NamedTuple):
    """What is wrong with it, as an index that does not lead to a row, and what could not be looked at, in words."""

    broken: Sequence[str]
    unchecked: Sequence[str] = ()
