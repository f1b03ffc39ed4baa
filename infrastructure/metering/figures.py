"""The figures of a ledger: samples by name and labels, counted in the store; an unknown figure is left out."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Final, NamedTuple

from domain.errors import HistoryDamaged
from domain.values import EXACT, Source, utc
from infrastructure.event_store.codec import decode
from infrastructure.event_store.vocabulary.tallies import ProfitLine
from infrastructure.ledger.projector import Projector
from infrastructure.operations.health import Diagnosis, Question, examine
from infrastructure.operations.operable import OperableLedger
from projections.health.checks import Check, Section, Severity
from projections.health.ledger_status import OLD, LedgerStatus
from projections.metrics.durations import Durations
from projections.metrics.statistics import AFTER_AN_ORDER
from projections.projection import PROJECTIONS
from projections.reconciliation.result import ReconciliationRules

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
PREFIX: Final = "position_ledger_"
LAST_EVENTS: Final = 1_000
"""From how many of the last events the recording delay is measured."""


class MetricKind(StrEnum):
    """How a metric may change."""

    GAUGE = "gauge"
    COUNTER = "counter"
    """It never goes down, because nothing that it counts is ever deleted from a ledger."""


class Metric(NamedTuple):
    """One metric: its kind, its help text, and the names of its labels."""

    kind: MetricKind
    says: str
    labels: tuple[str, ...] = ()


_ACCOUNT: Final = ("exchange", "account")
METRICS: Final[Mapping[str, Metric]] = {
    "open_positions": Metric(MetricKind.GAUGE, "Cycles that hold their slot, by status.", (*_ACCOUNT, "status")),
    "held_positions": Metric(MetricKind.GAUGE, "Positions in which something is held, strays as well.", _ACCOUNT),
    "unprotected_positions": Metric(
        MetricKind.GAUGE, "Held without a confirmed stop that covers all of it, and not by choice.", _ACCOUNT
    ),
    "unprotected_if_held_positions": Metric(
        MetricKind.GAUGE,
        "Nothing is on record as held, and no confirmed stop is known to cover it if something is.",
        _ACCOUNT,
    ),
    "unprotected_by_choice_positions": Metric(
        MetricKind.GAUGE, "Held without a stop at the exchange, because their bot keeps it.", _ACCOUNT
    ),
    "oldest_unprotected_seconds": Metric(
        MetricKind.GAUGE, "How long the longest unprotected position has been so; 0 when there is none."
    ),
    "unknown_outcome_positions": Metric(MetricKind.GAUGE, "Entries about which the exchange did not answer.", _ACCOUNT),
    "findings": Metric(
        MetricKind.GAUGE, "What status and diagnose find, by check; damage only where it is met.", ("check", "severity")
    ),
    "positions_total": Metric(MetricKind.COUNTER, "Cycles that were ever opened.", _ACCOUNT),
    "events_total": Metric(MetricKind.COUNTER, "Events that were ever appended."),
    "refusals_total": Metric(
        MetricKind.COUNTER, "Duplicates that were ever refused.", ("command", "error", "detected_by")
    ),
    "late_duplicates_total": Metric(
        MetricKind.COUNTER, "Duplicates that were refused only after their order had been sent; 0 when there is none."
    ),
    "last_event_timestamp_seconds": Metric(MetricKind.GAUGE, "When the last event was recorded, since 1970."),
    "recording_delay_seconds": Metric(
        MetricKind.GAUGE,
        f"How long after they happened the last {LAST_EVENTS:,} events were recorded, without imports.",
        ("quantile",),
    ),
    "projection_lag_events": Metric(MetricKind.GAUGE, "Events that are not in a projection yet.", ("projection",)),
    "projection_stopped": Metric(MetricKind.GAUGE, "1 when a projection cannot go on, else 0.", ("projection",)),
    "realized_pnl": Metric(
        MetricKind.GAUGE,
        "Realised profit of all cycles so far, before fees, in the currency, without those of unknown profit.",
        (*_ACCOUNT, "currency"),
    ),
    "fees": Metric(MetricKind.GAUGE, "Fees of all cycles so far, in the currency.", (*_ACCOUNT, "currency")),
    "net_pnl": Metric(
        MetricKind.GAUGE,
        "Realised profit of all cycles so far, with cash and less fees, without those of unknown profit.",
        (*_ACCOUNT, "currency"),
    ),
    "unknown_pnl_positions": Metric(
        MetricKind.GAUGE, "Cycles whose realised profit is not known; they are in no sum.", (*_ACCOUNT, "currency")
    ),
    "watch_alarms": Metric(MetricKind.GAUGE, "Alarms of a watch that are not over.", ("watch",)),
    "watch_timestamp_seconds": Metric(
        MetricKind.GAUGE, "When a watch wrote last, which it does at least once a minute, since 1970.", ("watch",)
    ),
    "watch_write_seconds": Metric(
        MetricKind.GAUGE, "How long the last write but one of a watch took; it is a commit, like an append.", ("watch",)
    ),
    "read_seconds": Metric(MetricKind.GAUGE, "How long it took to read all these figures."),
}
"""Every metric, without its prefix; the last word is the unit, or what is counted."""

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """A value of a metric, exact."""

    name: str
    labels: Labels
    value: Decimal


def figures(ledger: OperableLedger, at: datetime, age: timedelta = OLD) -> list[Sample]:
    """All figures of a ledger but `read_seconds`. Refuses: StoreUnavailable."""
    examined = examine(ledger, Question(now=at, age=age, rules=ReconciliationRules(), verifies=False))
    found = [*_of_checks(examined), *_of_projections(ledger)]
    cycles = () if examined.rows is None else _of_cycles(ledger, LedgerStatus.of(examined.rows, at, age))
    for part in (cycles, _of_log(ledger), _of_delays(ledger), _of_watches(ledger)):
        with suppress(HistoryDamaged):  # the findings report the damage; a figure that cannot be read is not known
            found += list(part)
    return found


def _sample(name: str, value: Decimal | int, *labels: str) -> Sample:
    assert len(labels) == len(METRICS[name].labels), name
    return Sample(name, labels, Decimal(value))


def _of_cycles(ledger: OperableLedger, status: LedgerStatus) -> Iterator[Sample]:
    sums = _summed(ledger.store.profit_lines())
    rows = [line.row for line in status.lines]
    accounts = sorted({key[:2] for key in sums} | {_account(row.exchange, row.account) for row in rows})
    of_status = Counter((*_account(row.exchange, row.account), row.status.value) for row in rows if row.status.is_open)
    for labels, count in sorted(of_status.items()):
        yield _sample("open_positions", count, *labels)
    for name, lines in {
        "held_positions": status.held,
        "unprotected_positions": status.unprotected,
        "unprotected_if_held_positions": status.if_held,
        "unprotected_by_choice_positions": status.by_choice,
        "unknown_outcome_positions": [line for line in status.lines if line.row.outcome_unknown],
    }.items():
        counted = Counter(_account(line.row.exchange, line.row.account) for line in lines)
        for account in accounts:
            yield _sample(name, counted[account], *account)
    oldest = max((line.age for line in status.unprotected), default=timedelta())
    yield _sample("oldest_unprotected_seconds", _seconds(max(oldest, timedelta())))
    yield from _of_money(sums)


def _account(exchange: str, account: str | None) -> tuple[str, str]:
    return exchange, account or ""


def _seconds(time: timedelta) -> Decimal:
    return Decimal(time // timedelta(microseconds=1)) / 1_000_000


def _of_checks(found: Diagnosis) -> Iterator[Sample]:
    judged: defaultdict[Check, list[Section]] = defaultdict(list)
    for section in found.sections:
        if section.check is not Check.DAMAGE or section.symptoms:
            judged[section.check].append(section)
    for check, sections in judged.items():
        counted = Counter(symptom.severity for section in sections for symptom in section.symptoms)
        for severity in (Severity.WARNING, Severity.CRITICAL):
            yield _sample("findings", counted[severity], check.value, severity.value)


def _of_projections(ledger: OperableLedger) -> Iterator[Sample]:
    for projection in PROJECTIONS:
        try:
            status = Projector(ledger.store, projection).status()
        except HistoryDamaged:
            continue  # its lag is not known, and a finding reports the damage
        yield _sample("projection_lag_events", status.behind, projection.name)
        yield _sample("projection_stopped", status.poison is not None, projection.name)


def _of_log(ledger: OperableLedger) -> Iterator[Sample]:
    store = ledger.store
    yield _sample("events_total", store.count_events())
    refusals = store.refusal_counts()
    for command, error, detected_by, count in refusals:
        yield _sample("refusals_total", count, command, error, detected_by)
    yield _sample("late_duplicates_total", sum(count for verb, _, _, count in refusals if verb == AFTER_AN_ORDER))
    if (last := store.last_event()) is not None:
        yield _sample("last_event_timestamp_seconds", _seconds(utc(last.ts_recorded) - _EPOCH))


def _of_delays(ledger: OperableLedger) -> Iterator[Sample]:
    events = map(decode, ledger.store.select({}, "nid DESC", LAST_EVENTS))
    own = [event for event in events if event.source is not Source.IMPORT]
    durations = Durations.of(max(event.ts_recorded - event.ts_event, timedelta()) for event in own)
    for quantile, delay in (("0.5", durations.p50), ("0.95", durations.p95), ("1", durations.max)):
        if delay is not None:
            yield _sample("recording_delay_seconds", _seconds(delay), quantile)


def _of_watches(ledger: OperableLedger) -> Iterator[Sample]:
    for name, memory in ledger.store.watch_memories().items():
        try:
            body = json.loads(memory.body)
            alarms, at = sum(alarm["over_at"] is None for alarm in body["alarms"]), utc(body["at"])
            took_seconds = body["write_seconds"]
        except (ValueError, TypeError, KeyError):
            continue  # its memory cannot be read; the watch of this name refuses to start, and says why
        yield _sample("watch_alarms", alarms, name)
        yield _sample("watch_timestamp_seconds", _seconds(at - _EPOCH), name)
        if took_seconds is not None:
            yield _sample("watch_write_seconds", Decimal(str(took_seconds)), name)


def _of_money(sums: Mapping[tuple[str, str, str], ProfitLine]) -> Iterator[Sample]:
    of_account: Counter[tuple[str, str]] = Counter()
    for (exchange, account, currency), line in sorted(sums.items()):
        of_account[exchange, account] += line.cycles
        labels = (exchange, account, currency)
        if line.known:
            yield _sample("realized_pnl", line.realized, *labels)
        yield _sample("fees", line.fees, *labels)
        if line.nets_known:
            yield _sample("net_pnl", line.net, *labels)
        yield _sample("unknown_pnl_positions", line.cycles - line.known, *labels)
    for known, count in sorted(of_account.items()):
        yield _sample("positions_total", count, *known)


def _summed(lines: Iterable[ProfitLine]) -> dict[tuple[str, str, str], ProfitLine]:
    found: dict[tuple[str, str, str], ProfitLine] = {}
    with localcontext(EXACT):
        for line in lines:
            key = (*_account(line.exchange, line.account), line.currency or "")
            before = found.get(key)
            found[key] = line if before is None else before.plus(line)
    return found
