"""A refused duplicate, as a database stores it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any, Final

from domain.errors import HistoryDamaged
from domain.rejection import Rejection
from domain.values import timestamp_text, utc

REJECTION_COLUMNS: Final = tuple(column.name for column in fields(Rejection))


def rejection_values(rejection: Rejection) -> tuple[str | None, ...]:
    """The columns of a refused duplicate, as text."""
    return (timestamp_text(rejection.ts_recorded), *astuple(rejection)[1:])


def rejection_from(values: Sequence[Any]) -> Rejection:
    """A refused duplicate from its columns. Refuses: HistoryDamaged when its time cannot be read."""
    known = dict(zip(REJECTION_COLUMNS, values, strict=True))
    try:
        return Rejection(**known | {"ts_recorded": utc(known["ts_recorded"])})
    except ValueError as cause:
        raise HistoryDamaged(
            f"when {known['command']} was refused for {known['stream']}: {cause}; it was changed after it was stored"
        ) from cause
