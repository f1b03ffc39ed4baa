"""Applying corrections: each expects the version that was compared, and is refused if another process was faster."""

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
    """A correction and the ledger's answer; None when it was not sent, because one before it was refused."""

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
        """Whether another process changed the position since the comparison, which then has to be repeated."""
        return self.answer is None or isinstance(self.answer, _OVERTAKEN)


def _printed(answer: Receipt | CommandRefused | None) -> Receipt | dict[str, Any] | None:
    return error_as_json(answer) if isinstance(answer, CommandRefused) else answer


def apply(ledger: OperableLedger, corrections: Iterable[Correction]) -> list[Applied]:
    """Send corrections in their order. After a refusal, the further ones of the same key are not sent.

    Those must not be sent, because the version that they expect may be an event of another process.
    Refuses: StoreError, OutcomeUnknown; what was recorded before stays, and to send all of them again is safe.
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
