"""Two open rows of one key: which of them keeps the slot, as the operator decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from infrastructure.legacy.source.legacy_row import LegacyRow


class Resolve(StrEnum):
    """What to do about two open rows of one key."""

    REFUSE = "refuse"
    """Import no row of the key."""
    KEEP_OLDEST = "keep-oldest"
    """The one that was opened first stays open, the others are imported as closed."""
    KEEP_NEWEST = "keep-newest"
    """The one that was opened last stays open, the others are imported as closed."""


@dataclass(frozen=True)
class Holder:
    """The position that holds the slot in the ledger before anything is imported."""

    position_id: str
    opened_at: datetime


@dataclass(frozen=True)
class Settlement:
    """Which row keeps the slot: `superseded` has for every other row what it lost the slot to; `outcome` is text.

    With `refusal` no row of the key is imported.
    """

    superseded: dict[LegacyRow, str] = field(default_factory=dict)
    outcome: str = ""
    refusal: bool = False


def settle(new: Sequence[LegacyRow], holder: Holder | None, resolve: Resolve) -> Settlement:
    """Decide about the open rows of a key that are to be imported, oldest first.

    A position that is open in the ledger already is never closed by an import.
    """
    if len(new) + (holder is not None) < 2 or not new:
        return Settlement()
    if resolve is Resolve.REFUSE:
        return _refused("decide with --resolve keep-oldest or --resolve keep-newest")
    kept = new[0] if resolve is Resolve.KEEP_OLDEST else new[-1]
    if holder is None:
        return _superseded(new, f"row {kept.name}", kept)
    if (holder.opened_at <= kept.opened_at) is (resolve is Resolve.KEEP_OLDEST):
        return _superseded(new, holder.position_id)
    return _refused(f"row {kept.name} would be kept, so close {holder.position_id} first")


def _refused(why: str) -> Settlement:
    return Settlement(outcome=f"no row of this key was imported: {why}", refusal=True)


def _superseded(new: Sequence[LegacyRow], by: str, kept: LegacyRow | None = None) -> Settlement:
    others = {row: by for row in new if row is not kept}
    names = ", ".join(f"row {row.name}" for row in others)
    return Settlement(others, f"{by} is kept, {names} imported as closed")
