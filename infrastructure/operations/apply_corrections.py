"""Applying corrections: each at the version that was compared, so that whoever was faster wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from domain.errors import CommandRefused, PositionAlreadyOpen, PositionNotOpen, StaleCycle, VersionConflict
from domain.json_object import JsonObject
from infrastructure.ledger.receipt import Receipt, error_as_json
from infrastructure.operations.operable import OperableLedger
from projections.reconciliation.corrections import Correction

_OVERTAKEN: Final = (VersionConflict, PositionAlreadyOpen, PositionNotOpen, StaleCycle)


@dataclass(frozen=True, slots=True)
class Applied(JsonObject):
    """A correction, and what the ledger answered; None when it was not sent, since one before it was refused."""

    correction: Correction
    answer: Receipt | CommandRefused | None

    json_keys: ClassVar = (
        "**correction",
        ("answer", lambda applied: _printed(applied.answer)),
        ("changed_meanwhile", "was_overtaken"),
    )

    @property
    def is_done(self) -> bool:
        """Whether the ledger accepted it."""
        return isinstance(self.answer, Receipt)

    @property
    def was_overtaken(self) -> bool:
        """Whether somebody else changed the position since it was compared: then it is to be compared again."""
        return self.answer is None or isinstance(self.answer, _OVERTAKEN)


def _printed(answer: Receipt | CommandRefused | None) -> Receipt | dict[str, Any] | None:
    return error_as_json(answer) if isinstance(answer, CommandRefused) else answer


def apply(ledger: OperableLedger, corrections: Iterable[Correction]) -> list[Applied]:
    """Send corrections in their order. One that is refused holds up the rest of its key, and nothing else.

    The rest must not be sent: somebody else's event may stand at the very version that it expects.
    Refuses: StoreError, OutcomeUnknown; what was sent before stays, and sending all of it again is safe.
    """
    done: list[Applied] = []
    held_up: set[str] = set()
    for correction in corrections:
        stream = correction.command.key.stream
        answer: Receipt | CommandRefused | None = None
        if stream not in held_up:
            try:
                answer = ledger.handle(correction.command)
            except CommandRefused as refusal:
                answer = refusal
                held_up.add(stream)
        done.append(Applied(correction, answer))
    return done
