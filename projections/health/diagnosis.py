"""The checks of `diagnose`: open cycles by age, damage, projections, and differences from account snapshots."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from textwrap import shorten
from typing import Final

from domain.values import Status, is_yet_to_come, plain
from projections.exposure import (
    BY_CHOICE,
    IF_HELD,
    STRAY,
    exposed_at,
    is_bare,
    is_bare_if_held,
    is_by_choice,
    why_uncovered,
)
from projections.formatting import ago, date_and_time, lasting, length
from projections.health.checks import (
    ASKED,
    NAMELESS,
    Check,
    Section,
    Severity,
    Symptom,
    advised,
    command_line,
    history_of,
    naming_ledger,
    taken,
    worst_first,
)
from projections.health.findings import IntegrityFinding
from projections.metrics.objectives import UNPROTECTED_MAX, Criterion
from projections.positions import PositionRow
from projections.projection import ProjectionStatus
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.grace_periods import SETTLING, UNDER_WAY, is_overdue
from projections.reconciliation.result import Reconciliation
from projections.recovery import unanswered_orders
from projections.recovery.in_flight import InFlight, unfinished
from projections.recovery.unanswered_orders import unanswered

_CAUSE_MAX: Final = 400
"""How many characters of a cause are shown: our own causes, with their ways out, are shorter."""
LAG_MAX: Final = 100_000
"""How many events a projection may be behind: to catch up with more would keep a caller waiting for seconds."""
SHOWN_MAX: Final = 20
"""How many findings of damage are listed; `verify` lists all."""
_ENTERING: Final = frozenset(UNDER_WAY) - {Status.ROLLING_BACK}
_NEVER: Final = frozenset({"late_duplicates", "invalid_states"})
"""Criteria that must never be missed; all others are shares and durations."""
_FOLDED: Final = frozenset({"row", "projection"})
"""Kinds of damage to rows, which are folded from the events."""
_NO_HISTORY: Final = frozenset({"event", "stream", "refusal", "guard"})
"""Kinds of damage that `history` cannot show."""
_AT_RISK: Final = frozenset(
    {
        DiscrepancyKind.UNPROTECTED,
        DiscrepancyKind.LOST_STOP,
        DiscrepancyKind.SIDE,
        DiscrepancyKind.ORPHAN,
        DiscrepancyKind.STRAY,
        DiscrepancyKind.OVERSIZED_STOP,
        DiscrepancyKind.SHORTFALL,
    }
)


class Cycles:
    """The checks of open cycles; `evidence` holds, for each account, the arguments that name its snapshots."""

    def __init__(
        self,
        rows: Iterable[PositionRow],
        now: datetime,
        age: timedelta,
        evidence: Mapping[tuple[str | None, str | None], Sequence[str]],
        left_over: Iterable[PositionRow] = (),
    ) -> None:
        """Check rows at a moment; a cycle that is unfinished for longer than `age` is critical.

        `left_over` are the strays that no later cycle took over.
        """
        self._left_over = list(left_over)
        self._rows = [row for row in rows if row.status.is_open]
        self._now, self._age, self._evidence = now, age, evidence

    def sections(self) -> list[Section]:
        """All sections, each with its worst symptoms first."""
        found = [self.incomplete(), self.unprotected(), self.outcome_unknown(), self.rolling_back(), self.orders()]
        return [replace(section, symptoms=tuple(worst_first(section.symptoms))) for section in found]

    def incomplete(self) -> Section:
        """Unfinished entries, and cycles that hold nothing but are not closed."""
        begun = [each for each in unfinished(self._rows, self._now) if each.row.status in _ENTERING]
        flat = [row for row in self._rows if row.status is Status.ACTIVE and not row.quantity]
        late = [self._aging(each.row, each.row.status.value, each.since) for each in begun if each.is_overdue]
        late += [
            self._aging(row, "flat without an end", row.updated_at)
            for row in flat
            if self._is_older(row.updated_at, SETTLING)
        ]
        says = f"{len(begun) + len(flat):,} under way, {len(late):,} for longer than they may"
        return Section(Check.INCOMPLETE, says, tuple(late))

    def unprotected(self) -> Section:
        """Positions without a stop: a warning when the time of an entry is up (I-15), critical after 30 s (L7).

        Counted separately, and no alarm of this check: positions whose bot keeps the stop itself, and cycles of which
        nothing is on record as held.
        """
        held = [row for row in self._rows if row.quantity]
        found = [
            self._symptom(
                Severity.CRITICAL if self._is_older(since, UNPROTECTED_MAX) else Severity.WARNING,
                row,
                f"{row.side.value} {plain(row.quantity)} {_bareness(row)} {lasting(self._now - since)}",
                since,
            )
            for row in held
            if (since := row.unprotected_since) is not None and self._is_overdue(row)
        ]
        found += [self._stray_symptom(row) for row in self._left_over]
        held += self._left_over
        bare = [row for row in held if is_bare(row)]
        says = f"{len(bare):,} of {len(held):,} held positions"
        if in_time := len(bare) - len(found):
            says += f", {in_time:,} within the time of an entry"
        apart = {IF_HELD: sum(map(is_bare_if_held, self._rows)), BY_CHOICE: sum(map(is_by_choice, self._rows))}
        says += "".join(f", and {count:,} {words}" for words, count in apart.items() if count)
        return Section(Check.UNPROTECTED, says, tuple(found))

    def _is_overdue(self, row: PositionRow) -> bool:
        return is_overdue(row, self._now)

    def _is_older(self, since: datetime, time: timedelta) -> bool:
        return self._now - since >= time or is_yet_to_come(since, self._now)

    def _stray_symptom(self, row: PositionRow) -> Symptom:
        since = exposed_at(row)
        message = (
            f"{STRAY}: {row.side.value} {plain(row.quantity)} was filled after the cycle was over "
            f"({row.status.value}), {ago(self._now - since)}: nobody protects it; reduce it by what closes it"
        )
        return self._symptom(Severity.CRITICAL, row, message, since)

    def outcome_unknown(self) -> Section:
        """Entries about which the exchange did not answer; their slots are held until the outcome is known."""
        found = [
            self._symptom(
                Severity.CRITICAL if self._is_overdue(row) else Severity.WARNING,
                row,
                f"the exchange did not answer about its entry of {date_and_time(row.opened_at)} UTC",
                row.opened_at,
            )
            for row in self._rows
            if row.outcome_unknown
        ]
        return Section(Check.OUTCOME_UNKNOWN, f"{len(found):,} entries", tuple(found))

    def orders(self) -> Section:
        """Increases and exits that were promised to a bot, and whose outcome has not been recorded."""
        found = [(row, order) for row in [*self._rows, *self._left_over] for order in unanswered(row)]
        late = [
            self._aging(row, f"{unanswered_orders.in_words(order)},", unanswered_orders.asked_at(order))
            for row, order in found
            if self._now >= unanswered_orders.due_at(order)
            or is_yet_to_come(unanswered_orders.asked_at(order), self._now)
        ]
        says = f"{len(found):,} promised and not heard of, {len(late):,} for too long"
        return Section(Check.ORDERS, says, tuple(late))

    def rolling_back(self) -> Section:
        """Rollbacks that take too long or have failed."""
        found = [each for each in unfinished(self._rows, self._now) if each.row.status is Status.ROLLING_BACK]
        stuck = [self._stuck(each) for each in found if each.is_overdue or each.row.rollback_failed]
        return Section(Check.ROLLING_BACK, f"{len(found):,} under way, {len(stuck):,} stuck", tuple(stuck))

    def _stuck(self, cycle: InFlight) -> Symptom:
        is_critical = cycle.row.rollback_failed or self._is_older(cycle.since, self._age)
        failed = f", and {plain(cycle.row.quantity)} was left" * cycle.row.rollback_failed
        message = f"rolling back {lasting(cycle.age)}{failed}"
        return self._symptom(Severity.CRITICAL if is_critical else Severity.WARNING, cycle.row, message, cycle.since)

    def _aging(self, row: PositionRow, words: str, since: datetime) -> Symptom:
        """A symptom that is a warning, and critical once it has lasted for the age at which all is."""
        severity = Severity.CRITICAL if self._is_older(since, self._age) else Severity.WARNING
        return self._symptom(severity, row, f"{words} {lasting(self._now - since)}", since)

    def _symptom(self, severity: Severity, row: PositionRow, message: str, since: datetime) -> Symptom:
        asked = [*(NAMELESS if row.account is None else ()), "--live"] if row.exchange in ASKED else []
        evidence = self._evidence.get((row.exchange, row.account), asked)
        advice = advised("recover", row, *evidence)
        return Symptom(severity, row.position_id, message, advice, since)


def _bareness(row: PositionRow) -> str:
    return f"not covered ({why_uncovered(row)})" if row.stop_confirmed else "without a confirmed stop"


def damage(findings: Sequence[IntegrityFinding], says: str) -> Section:
    """The findings of `verify`; each is critical.

    For a row that differs, of positions or of a projection, the advice is to rebuild, unless the events of its stream
    are damaged: then the row may be the last good copy.
    """
    damaged = {each.stream for each in findings if each.kind not in _FOLDED} - {None}
    unread = {each.stream for each in findings if each.kind in _NO_HISTORY}
    found = [
        Symptom(Severity.CRITICAL, each.where, f"{each.kind}: {each.message}", _damage_advice(each, damaged, unread))
        for each in findings[:SHOWN_MAX]
    ]
    return Section(Check.DAMAGE, says, tuple(found))


def _damage_advice(finding: IntegrityFinding, damaged: Collection[str | None], unread: Collection[str | None]) -> str:
    if finding.kind in _FOLDED and finding.stream not in damaged:
        return command_line("rebuild")
    if finding.stream is None or finding.stream in unread:
        return command_line("verify")
    return history_of(finding.stream)


def unreadable(what: str, cause: Exception) -> Symptom:
    """A table of rows that cannot be read at all; the rows can be folded anew from the events."""
    return Symptom(Severity.CRITICAL, what, f"cannot be read: {_on_one_line(cause)}", command_line("rebuild"))


def _on_one_line(words: object) -> str:
    return naming_ledger(shorten(str(words), _CAUSE_MAX, placeholder=" …"))


def unread_history(cause: object) -> Section:
    """A log that cannot be read any further, or whose past has changed."""
    found = Symptom(Severity.CRITICAL, "log", _on_one_line(cause), command_line("verify"))
    return Section(Check.DAMAGE, "the log cannot be relied on", (found,))


def unverified(cause: object) -> Section:
    """A ledger that can be reached, but could not be verified."""
    message = f"cannot be verified: {_on_one_line(cause)}"
    found = Symptom(Severity.CRITICAL, "ledger", message, command_line("verify"))
    return Section(Check.DAMAGE, "not looked at", (found,))


def following(statuses: Iterable[ProjectionStatus]) -> Section:
    """How far behind the log each projection is, and whether it can go on."""
    known = list(statuses)
    found = [symptom for each in known if (symptom := _lag(each)) is not None]
    says = ", ".join(f"{each.projection} {each.behind:,} events behind" for each in known)
    return Section(Check.PROJECTIONS, says, tuple(found))


def _lag(each: ProjectionStatus) -> Symptom | None:
    if each.poison is not None:
        message = f"cannot go on at nid {each.poison.nid}: {_on_one_line(each.poison.cause)}"
        return Symptom(Severity.CRITICAL, each.projection, message, command_line("projections"))
    if each.behind > LAG_MAX:
        message = f"{each.behind:,} events behind: whoever asks for them next has to wait"
        return Symptom(Severity.WARNING, each.projection, message, command_line("stats"))
    return None


def silence(heard_at: datetime | None, now: datetime, quiet: timedelta) -> Section:
    """A warning if neither an event nor a refusal was recorded within `quiet`; idle bots look the same as dead ones.

    For a ledger in which nothing was ever recorded there is no warning. A last time that is yet to come was stamped by
    a wrong clock, and does not say for how long nothing was heard: it is a warning about that clock.
    """
    if heard_at is None:
        return Section(Check.SILENCE, "nothing was recorded yet")
    age, is_stamped_wrong = now - heard_at, is_yet_to_come(heard_at, now)
    message = f"nothing heard {lasting(age)}: neither an event nor a refusal was recorded since"
    advice = f"look whether the bots run; {command_line('status')}"
    if is_stamped_wrong:
        message = f"heard {ago(age)}, so it is not known for how long nothing was recorded"
        advice = f"look which clock is wrong, and whether the bots run; {command_line('status')}"
    found = Symptom(Severity.WARNING, "ledger", message, advice, heard_at)
    return Section(Check.SILENCE, f"heard {ago(age)}", (found,) if age >= quiet or is_stamped_wrong else ())


def away(where: str, cause: object, since: datetime, lasted: timedelta) -> Section:
    """A database that cannot be reached: no command can be decided, and nothing else is known about the ledger."""
    message = f"away {lasting(lasted)}: {_on_one_line(cause)}"
    found = Symptom(Severity.CRITICAL, where, message, f"look at the database; then {command_line('status')}", since)
    return Section(Check.AWAY, "cannot be reached", (found,))


def unwritable(where: str, cause: object, since: datetime, lasted: timedelta) -> Section:
    """A database that can be read, but does not accept the writes of a watch, and most likely not those of bots."""
    message = f"nothing could be written for {length(lasted)}, probably not by bots either: {_on_one_line(cause)}"
    advice = f"look at the space, the locks and the rights of the database; then {command_line('status')}"
    return Section(Check.AWAY, "cannot be written", (Symptom(Severity.CRITICAL, where, message, advice, since),))


def unreadable_snapshots(cause: object) -> Section:
    """Snapshot files that were to be compared, but cannot be read."""
    advice = f"look at the files, and at what writes them; then {command_line('diagnose')}"
    found = Symptom(Severity.WARNING, "snapshots", f"cannot be read: {_on_one_line(cause)}", advice)
    return Section(Check.EXCHANGE, "cannot be compared", (found,))


def beside_exchange(found: Reconciliation, evidence: Sequence[str]) -> Section:
    """The findings of `reconcile`; `evidence` are the arguments that name the snapshots."""
    exchange, account = found.snapshot.exchange, found.snapshot.account
    where = " ".join(filter(None, (exchange, account)))
    again = command_line("diagnose", "--snapshot", "FILE")
    if exchange in ASKED:
        named = "" if found.snapshot.is_of_nameless else account
        again = f"{taken(exchange, named)} | {command_line('diagnose', '--snapshot', '-')}"
    doubts = [
        Symptom(Severity.WARNING, where, f"{words}: {doubt}", again)
        for words, said in (
            ("the snapshot is not reliable", found.doubts),
            ("no stop can be judged by it", found.order_doubts),
            ("the rest is judged without it", found.snapshot.row_doubts),
        )
        for doubt in said
    ]
    if found.stops_missing:
        doubts.append(_all_stops_missing(found, where, evidence))
    problems = [_difference(found, each, evidence) for each in found.problems]
    says = f"{where}: {len(found.of(DiscrepancyKind.MATCHED)):,} match, {len(problems):,} to look at"
    return Section(Check.EXCHANGE, says, (*doubts, *problems))


def _all_stops_missing(found: Reconciliation, where: str, evidence: Sequence[str]) -> Symptom:
    message = (
        f"none of {found.stops_missing} stops of the ledger is in {found.rules.confirmations} lists of orders: either "
        "these lack the conditional ones, or nothing is protected"
    )
    seen = found.snapshot
    whose = [] if seen.account is None else ["--account", seen.account]
    known = ["--exchange", str(seen.exchange), *whose, *evidence]
    again = command_line("reconcile", *known, "--trust-empty", "--confirm", "--reason", "TEXT")
    place = f"place what `{command_line('recover', *known)}` then names"
    advice = f"look at the exchange now; if the stops are gone, {again}, and {place}"
    return Symptom(Severity.CRITICAL, where, message, advice)


def _difference(found: Reconciliation, finding: Discrepancy, evidence: Sequence[str]) -> Symptom:
    is_gone = finding.kind is DiscrepancyKind.PHANTOM and finding.confirmations >= found.rules.confirmations
    severity = Severity.CRITICAL if finding.kind in _AT_RISK or is_gone else Severity.WARNING
    subject = finding.row.position_id if finding.row is not None else finding.key.stream
    words = finding.kind.value.replace("_", " ")
    return Symptom(severity, subject, f"{words}: {finding.message}", _difference_advice(finding, evidence))


def _difference_advice(finding: Discrepancy, evidence: Sequence[str]) -> str:
    if finding.kind.is_of_orders:
        ids = ", ".join(order.order_id for order in finding.orders)
        return f"cancel what is too much of {ids} at the exchange, then {advised('reconcile', finding.key, *evidence)}"
    row = finding.row
    is_unfinished = row is not None and (row.status is not Status.ACTIVE or finding.kind is DiscrepancyKind.UNPROTECTED)
    return advised("recover" if is_unfinished else "reconcile", finding.key, *evidence)


def database(
    where: str,
    software: str,
    *warnings: tuple[str, str] | None,
    obstacle: tuple[str, str] | None = None,
    replication: str | None = None,
) -> Section:
    """The section about the database; each warning, and the obstacle to recording, comes with its remedy."""
    known = [(Severity.CRITICAL, obstacle), *((Severity.WARNING, warning) for warning in warnings)]
    found = [Symptom(severity, where, each[0], naming_ledger(each[1])) for severity, each in known if each is not None]
    return Section(Check.DATABASE, "; ".join(filter(None, (f"{software}, {where}", replication))), tuple(found))


def criteria(known: Sequence[Criterion]) -> Section:
    """The success criteria of the last 24 h that were missed."""
    found = [
        Symptom(
            Severity.CRITICAL if each.name in _NEVER else Severity.WARNING,
            each.name,
            f"{each.says}: {each.as_json()['value']}, not {each.bar}",
            history_of(each.offenders[0]) if each.offenders else command_line("stats"),
        )
        for each in known
        if each.ok is False
    ]
    return Section(Check.CRITERIA, f"{len(found)} of {len(known)} criteria missed", tuple(found))
