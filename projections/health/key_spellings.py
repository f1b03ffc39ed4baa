"""Open cycles whose key is read as another today, and exchanges whose name may be a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from domain.identifiers import PositionId
from domain.symbols.venues import KNOWN, known_venue
from projections.health.checks import Check, Section, Severity, Symptom, advised, history_of
from projections.positions import PositionRow

_NEAR: Final = 0.8
"""How much two names have in common that may be one: `binnace` and `binance`."""


def spelling(rows: Iterable[PositionRow]) -> Section | None:
    """What is found in these rows; None when everything is written as it is read."""
    standing = [row for row in rows if row.status.is_open]
    found = [*_read_otherwise(standing), *_slips(standing)]
    return Section(Check.SPELLING, f"{len(found)} keys to look at", tuple(found)) if found else None


def _read_otherwise(rows: list[PositionRow]) -> Iterator[Symptom]:
    keys = {row.position_id: PositionId.parse(row.position_id).key for row in rows}
    for name, key in keys.items():
        if key.today == key:
            continue
        rival = next((other for other, its in keys.items() if its == key.today), None)
        free = f"is held beside it by {rival}" if rival else "is free while this one is open"
        message = (
            f"{key} was opened under a spelling that means {key.today} today, whose slot {free}: send its commands by "
            f"position id, and no entry for {key.today} until it is over"
        )
        yield Symptom(Severity.CRITICAL if rival else Severity.WARNING, name, message, history_of(name))


def _slips(rows: list[PositionRow]) -> Iterator[Symptom]:
    used = {row.exchange: row for row in rows}
    for exchange, row in sorted(used.items()):
        if PositionId.parse(row.position_id).key.today.exchange != exchange:
            continue  # a spelling of one that is known, as was said
        if message := slip_of(exchange, used):
            yield Symptom(Severity.WARNING, row.position_id, message, advised("positions", row))


def slip_of(exchange: str, used: Iterable[str]) -> str | None:
    """What to say of a name that may be a slip of the pen for an exchange that is known or used; None for any other."""
    known = sorted({*KNOWN, *used} - {exchange})
    if known_venue(exchange) is not None or not (near := get_close_matches(exchange, known, 1, _NEAR)):
        return None
    return f"no exchange is known as {exchange}, but {near[0]} is near it; as two names they are two slots"
