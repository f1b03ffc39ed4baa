"""The operators' methods of a ledger for programs: reconcile, recover, diagnose, statistics, pending orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from domain.errors import InvalidCommand
from domain.values import timestamp_text, utc
from infrastructure.event_store.port import Store

if TYPE_CHECKING:
    from infrastructure.operations.account_correction import Reconciled
    from infrastructure.operations.apply_corrections import Applied
    from infrastructure.operations.health import Diagnosis
    from infrastructure.operations.operable import OperableLedger
    from projections.account_snapshot import AccountSnapshot
    from projections.metrics.statistics import Statistics
    from projections.reconciliation.result import ReconciliationRules
    from projections.recovery.pending_orders import PendingOrder
    from projections.recovery.proposals import Proposal

DAY: Final = timedelta(days=1)
AS_SHOWN: Final = "the exchange shows it"
"""The reason of a correction whose caller gives none."""


class LedgerOperations:
    """The operators' methods of PositionLedger; each imports what it needs only when it is called."""

    store: Store
    _clock: Callable[[], datetime]

    def reconcile(
        self,
        snapshots: Iterable[AccountSnapshot | Mapping[str, Any] | bytes],
        *,
        apply: str | bool | None = None,
        rules: ReconciliationRules | None = None,
    ) -> list[Reconciled]:
        """Compare the ledger with account snapshots; with `apply`, the reason (or True), correct what is certain.

        Shape:   one result for each account; `snapshots` as `account()` of an exchange returns them, as
                 `snapshot_document` wrote them, or such a document as a dict. To find that something is gone takes two,
                 at least 10 s apart.
        Refuses: ValueError for anything that is no snapshot, InvalidCommand for a blank reason, and with `apply` for a
                 snapshot that does not say exactly when it was taken; StoreError, OutcomeUnknown.
        """
        from infrastructure.operations.account_correction import reconciled  # noqa: PLC0415 - as the class says

        why = _reason(apply)
        shown = _read(snapshots, exactly=why is not None)
        return reconciled(_operable(self), shown, now=self._clock(), rules=_rules(rules), reason=why)

    def recover(
        self,
        snapshots: Iterable[AccountSnapshot | Mapping[str, Any] | bytes] = (),
        *,
        apply: str | bool | None = None,
        rules: ReconciliationRules | None = None,
    ) -> tuple[list[Proposal], list[Applied]]:
        """Judge every unfinished cycle by account snapshots; with `apply`, record what is certain.

        Shape: the proposals, and the commands that were sent; `apply` as for `reconcile`. Refuses: as `reconcile`.
        """
        from infrastructure.operations.apply_corrections import apply as applied  # noqa: PLC0415 - as the class says
        from infrastructure.operations.recovery_proposals import recoveries  # noqa: PLC0415 - as the class says

        ledger, why = _operable(self), _reason(apply)
        shown = _read(snapshots, exactly=why is not None)
        found = recoveries(ledger, shown, now=self._clock(), rules=_rules(rules), reason=why)
        done = [] if why is None else applied(ledger, [step for each in found for step in each.commands])
        return found, done

    def diagnose(
        self,
        snapshots: Iterable[AccountSnapshot | Mapping[str, Any] | bytes] = (),
        *,
        age: timedelta | None = None,
        verifies: bool = True,
    ) -> Diagnosis:
        """Run every check of `diagnose`; a cycle unfinished for longer than `age` (an hour by default) is critical.

        `verifies` reads every event and row, which takes long in a large ledger. Refuses: StoreUnavailable.
        """
        from infrastructure.operations.health import Question, examine  # noqa: PLC0415 - as the class says
        from projections.health.ledger_status import OLD  # noqa: PLC0415 - as the class says

        question = Question(
            now=self._clock(), age=age or OLD, snapshots=_read(snapshots), rules=_rules(None), verifies=verifies
        )
        return examine(_operable(self), question)

    def statistics(self, *, since: datetime | None = None, until: datetime | None = None) -> Statistics:
        """Sum up a window of time, as `stats` does; by default the last 24 hours.

        Refuses: InvalidCommand for a time without a zone, and a window that ends before it begins; ProjectionStopped
                 when an event cannot be applied; StoreUnavailable.
        """
        from infrastructure.ledger.statistics_projection import statistics  # noqa: PLC0415 - as the class says
        from projections.metrics.statistics import MeasuredWindow  # noqa: PLC0415 - as the class says

        now = self._clock()
        end = _moment("until", until) or now
        begin = _moment("since", since) or end - DAY
        if begin >= end:
            raise InvalidCommand(f"since {timestamp_text(begin)} is not before until {timestamp_text(end)}")
        return statistics(self.store, MeasuredWindow(begin, end), now=now)

    def pending_orders(self) -> list[PendingOrder]:
        """Every order that was promised and whose outcome is not known, and every stop that is missing.

        A bot goes on with these after a crash: it looks each order up at the exchange by its client order id, and never
        sends it again before the exchange says that there is none. Refuses: StoreUnavailable.
        """
        from infrastructure.operations.recovery_proposals import planned_orders  # noqa: PLC0415 - as the class says
        from projections.exposure import is_bare  # noqa: PLC0415 - as the class says
        from projections.recovery.pending_orders import pending_orders  # noqa: PLC0415 - as the class says

        found: list[PendingOrder] = []
        for row in _operable(self).positions(open=True):
            is_closing = row.orders.live("exit") or row.orders.live("rollback")
            planned = planned_orders(self.store, row) if is_bare(row) or is_closing else None
            found += pending_orders(row, planned)
        return found


def _operable(ledger: LedgerOperations) -> OperableLedger:
    return cast("OperableLedger", ledger)


def _read(
    snapshots: Iterable[AccountSnapshot | Mapping[str, Any] | bytes], *, exactly: bool = False
) -> list[AccountSnapshot]:
    from infrastructure.exchanges.document import read_snapshot  # noqa: PLC0415 - as the class says
    from projections.account_snapshot import AccountSnapshot as Shown  # noqa: PLC0415 - as the class says

    if isinstance(snapshots, bytes | str | Mapping | Shown):
        raise ValueError(f"snapshots is one {type(snapshots).__name__}; send a list, with one in it if there is one")
    read = []
    for each in snapshots:
        if not isinstance(each, bytes | Mapping | Shown):
            raise ValueError(
                f"a snapshot is a {type(each).__name__}; send what account() of an exchange gives, or a document as a "
                "dict or in bytes, as snapshot_document writes them"
            )
        shown = each if isinstance(each, Shown) else read_snapshot(each)
        if exactly and not shown.is_time_exact:
            raise InvalidCommand(
                f"a snapshot of {shown.exchange or 'an exchange'} does not say exactly when it was taken, and what it "
                "corrects counts as of then; nothing was written. Give it a timestamp with its zone"
            )
        read.append(shown)
    return read


def _reason(apply: str | bool | None) -> str | None:  # noqa: FBT001 - as callers say it
    """The reason for corrections; None when nothing is to be corrected."""
    if apply is None or apply is False:
        return None
    if apply is True:
        return AS_SHOWN
    if not apply.strip():
        raise InvalidCommand("apply: is empty; say why, a year later somebody will ask")
    return apply


def _moment(name: str, time: datetime | None) -> datetime | None:
    try:
        return None if time is None else utc(time)
    except ValueError as wrong:
        raise InvalidCommand(f"{name}: {wrong}") from None


def _rules(rules: ReconciliationRules | None) -> ReconciliationRules:
    from projections.reconciliation.result import ReconciliationRules as Default  # noqa: PLC0415 - as the class says

    return rules or Default()
