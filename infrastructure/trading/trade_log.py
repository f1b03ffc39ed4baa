"""What is told of a trader's flows: calls that failed and how flows ended, to the log; what stands bare, to a hook."""

from __future__ import annotations

from typing import Final

from infrastructure.trading.effects import Call, Effect
from infrastructure.trading.flows.synchronising import Synchronised
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
from infrastructure.witness import LOGGER, OnUnprotected, Witness, needs_plain, warn
from projections.exposure import is_bare

_EXPECTED: Final = frozenset({OutcomeKind.PROTECTED, OutcomeKind.CLOSED, OutcomeKind.REDUCED})


class TradeLog:
    """Tells of the flows of one trader."""

    def __init__(self, on_unprotected: OnUnprotected | None) -> None:
        """Tell the log, and the hook where there is one. Refuses: ValueError for a coroutine, which nobody awaits."""
        needs_plain(on_unprotected)
        self._on_unprotected, self._witness = on_unprotected, Witness()

    def failed(self, effect: Effect, error: Exception) -> None:
        """Something that a flow wanted came to nothing, or nobody knows; what the ledger refused is its own line."""
        if isinstance(effect, Call):
            warn("%s: %s: %s", effect.method, type(error).__name__, " ".join(str(error).split()))

    def ended(self, ended: object) -> None:
        """A flow came to its end."""
        for outcome in _outcomes(ended):
            words = "%s: %s%s", outcome.position_id or "no position", outcome.kind, _because(outcome)
            if outcome.kind in _EXPECTED:
                LOGGER.info(*words)
            else:
                warn(*words)
            row = outcome.position
            if self._on_unprotected is not None and row is not None and is_bare(row):
                self._witness.tell(self._on_unprotected, row)

    def close(self, *, seconds: float) -> None:
        """Wait so long for the hooks that were not called yet."""
        self._witness.close(seconds)


def _outcomes(ended: object) -> list[Outcome]:
    match ended:
        case Outcome():
            return [ended]
        case Synchronised():
            return [*ended.taken_up]
        case list():
            return ended
    raise AssertionError(f"no flow ends with {ended!r}")


def _because(outcome: Outcome) -> str:
    return "" if outcome.reason is None else f": {' '.join(outcome.reason.split())}"
