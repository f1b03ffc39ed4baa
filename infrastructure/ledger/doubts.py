"""Appends whose outcome is not known: read back from the store, and remembered until the outcome is known."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Final

from domain.errors import LedgerError, OutcomeUnknown, StoreError, StoreUnavailable
from infrastructure.event_store.opener import NotOpenHere
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.append_conflicts import AppendInDoubt, UnsettledAppend, VersionTaken
from infrastructure.witness import warn

SETTLE_POLL_SECONDS: Final = 0.05
_ASK_AGAIN_SECONDS: Final = 1.0


class Doubts:
    """The commands of this process whose appends are in doubt.

    A caller sends a command again with its id until there is an answer. The error that a later sending meets says
    nothing about an earlier one, which may still be written: while one sending is in doubt, the command is in doubt.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unsettled: dict[str, list[UnsettledAppend]] = {}

    def settle(self, doubt: AppendInDoubt) -> None:
        """Read back whether an append was made whose confirmation was lost; nothing is sent again.

        Refuses: VersionTaken when another event has its version; StoreUnavailable when it certainly was not made;
        OutcomeUnknown when this cannot be found out in time.
        """
        deadline, first = time.monotonic() + doubt.seconds_left, doubt.unsettled[0]
        warn("%s while %s was written: reading back what became of it", doubt.reason, doubt)
        while True:
            try:
                made = self._store.settle(first, max(deadline - time.monotonic(), SETTLE_POLL_SECONDS))
            except StoreError:  # also SchemaMismatch, when a later version has migrated meanwhile
                made = None
            if made:
                warn("%s was written", doubt)
                return
            if made is False:
                raise StoreUnavailable(f"{doubt.reason} before {doubt} was written; nothing was written") from doubt
            if time.monotonic() > deadline:
                for append in doubt.unsettled:
                    self._unsettled.setdefault(append.command_id, []).append(append)
                raise OutcomeUnknown(
                    f"{doubt.reason} while {doubt} was written; whether it is kept for good cannot be found out now; "
                    f"send the same command_id {first.command_id} again, it is safe",
                    command_id=first.command_id,
                ) from doubt
            time.sleep(SETTLE_POLL_SECONDS)

    def require_known(self, command_ids: Collection[str], met: LedgerError) -> None:
        """Raise OutcomeUnknown in place of the error `met` if an earlier sending of a command is still in doubt.

        The error is true of this sending only. After an error of the database, the database is not asked again. A
        refusal was decided on what is stored; it stands if the store says that no earlier sending was or will be
        written.
        """
        if isinstance(met, OutcomeUnknown | NotOpenHere):
            return
        for command_id in self._unsettled.keys() & command_ids:
            if isinstance(met, StoreError) or not self._is_over(command_id):
                raise OutcomeUnknown(
                    f"an earlier sending of {command_id} is in doubt, and may be written yet or be written by now; "
                    f"this one met: {met.message}. Send the same command_id {command_id} again, it is safe",
                    command_id=command_id,
                ) from met
            self._unsettled.pop(command_id, None)

    def forget(self, command_ids: Collection[str]) -> None:
        """Forget the doubts about commands that now have a receipt: it says what is in the log."""
        for command_id in self._unsettled.keys() & command_ids:
            self._unsettled.pop(command_id, None)

    def _is_over(self, command_id: str) -> bool:
        """Whether no earlier sending was or will be written; one that is known not to be is not asked for again."""
        left = [append for append in self._unsettled.get(command_id, ()) if not self._is_not_made(append)]
        self._unsettled[command_id] = left
        return not left

    def _is_not_made(self, append: UnsettledAppend) -> bool:
        try:
            return self._store.settle(append, _ASK_AGAIN_SECONDS) is False
        except VersionTaken:
            return True
        except StoreError:
            return False
