"""Reports on a trader's flows: failed calls and outcomes go to the log, unprotected positions to a hook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from domain.errors import OutcomeUnknown, StoreUnavailable
from infrastructure.event_store.opener import NotOpenHere
from infrastructure.trading.effects import Call, Effect
from infrastructure.trading.flows.synchronising import Synchronised
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
from infrastructure.witness import LOGGER, OnUnprotected, Witness, needs_plain, warn
from projections.exposure import is_bare
from projections.readable_text import on_one_line

_EXPECTED: Final = frozenset({OutcomeKind.PROTECTED, OutcomeKind.CLOSED, OutcomeKind.REDUCED})


class TradeLog:
    """Reports on the flows of one trader."""

    def __init__(self, on_unprotected: OnUnprotected | None) -> None:
        """Report to the log, and to the hook if there is one. Refuses: ValueError for a hook that must be awaited."""
        needs_plain(on_unprotected)
        self._on_unprotected, self._witness = on_unprotected, Witness()

    def failed(self, effect: Effect, error: Exception) -> None:
        """Log a call to the exchange that failed or has no answer; the ledger logs its own refusals."""
        if isinstance(effect, Call):
            warn("%s: %s: %s", effect.method, type(error).__name__, str(error))

    @contextmanager
    def round(self) -> Iterator[None]:
        """A round of a trader: if the ledger does not answer, it ends with a warning, and the next round tries again.

        Refuses: NotOpenHere, because every further round would fail as well.
        """
        try:
            yield
        except NotOpenHere:
            raise
        except (StoreUnavailable, OutcomeUnknown) as away:
            warn("run: %s: %s; the next round tries again", type(away).__name__, away.message)

    def ended(self, ended: object) -> None:
        """Log the outcomes of a flow that has ended, and call the hook for unprotected positions."""
        for outcome in _outcomes(ended):
            words = "%s: %s%s", outcome.position_id or "no position", outcome.kind, _reason_text(outcome)
            if outcome.kind in _EXPECTED:
                LOGGER.info(*words)
            else:
                warn(*words)
            row = outcome.position
            if self._on_unprotected is not None and row is not None and is_bare(row):
                self._witness.tell(self._on_unprotected, row)

    def close(self) -> None:
        """Wait for queued calls of the hook, a few seconds at most."""
        self._witness.close()


def _outcomes(ended: object) -> list[Outcome]:
    match ended:
        case Outcome():
            return [ended]
        case Synchronised():
            return [*ended.taken_up]
        case list():
            return ended
    raise AssertionError(f"no flow ends with {ended!r}")


def _reason_text(outcome: Outcome) -> str:
    return "" if outcome.reason is None else f": {on_one_line(outcome.reason)}"
