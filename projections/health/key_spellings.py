"""Open cycles whose key is read as another key today, and exchanges whose name may be a typing error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from domain.identifiers import PositionId
from domain.symbols.venues import KNOWN, known_venue
from projections.health.checks import Check, Section, Severity, Symptom, advised, history_of
from projections.positions import PositionRow

_NEAR: Final = 0.8
"""How similar two names must be to be taken for one with a typing error: `binnace` and `binance`."""


def spelling(rows: Iterable[PositionRow]) -> Section | None:
    """The section about the spelling of these rows' keys; None when nothing is wrong with it."""
    standing = [row for row in rows if row.status.is_open]
    found = [*_other_keys(standing), *_typing_errors(standing)]
    return Section(Check.SPELLING, f"{len(found)} keys to look at", tuple(found)) if found else None


def _other_keys(rows: list[PositionRow]) -> Iterator[Symptom]:
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


def _typing_errors(rows: list[PositionRow]) -> Iterator[Symptom]:
    used = {row.exchange: row for row in rows}
    for exchange, row in sorted(used.items()):
        if PositionId.parse(row.position_id).key.today.exchange != exchange:
            continue  # another spelling of a known exchange, which is reported above
        if message := slip_of(exchange, used):
            yield Symptom(Severity.WARNING, row.position_id, message, advised("positions", row))


def slip_of(exchange: str, used: Iterable[str]) -> str | None:
    """The message about a name that may be a typing error for a known or used exchange; None for any other name."""
    known = sorted({*KNOWN, *used} - {exchange})
    if known_venue(exchange) is not None or not (near := get_close_matches(exchange, known, 1, _NEAR)):
        return None
    return f"no exchange is known as {exchange}, but {near[0]} is near it; as two names they are two slots"
