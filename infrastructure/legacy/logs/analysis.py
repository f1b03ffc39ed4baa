"""The analysis of a log: it turns lines into findings, in one pass and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from infrastructure.legacy.logs.finders.alarms import Alarms
from infrastructure.legacy.logs.finders.creations import Creations
from infrastructure.legacy.logs.finders.duplicates import Duplicate, Duplicates
from infrastructure.legacy.logs.finders.failures import Failures
from infrastructure.legacy.logs.finders.refusals import LINES_AFTER, LateRefusal, LoggedRefusal
from infrastructure.legacy.logs.finders.restarts import Restarts
from infrastructure.legacy.logs.incident_scenario import scenario
from infrastructure.legacy.logs.incident_window import timeline
from infrastructure.legacy.logs.log_report import Found, LogReport
from infrastructure.legacy.logs.parsing.filter import LogFilter
from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind
from infrastructure.legacy.logs.parsing.symbol_attribution import SymbolAttribution
from infrastructure.legacy.logs.parsing.templates import WORDS, facts_of, speaks_of_errors
from infrastructure.legacy.logs.reading.clock import LogClock
from infrastructure.legacy.logs.reading.line_buffer import LineBuffer
from infrastructure.legacy.logs.reading.reader import Reader, TimeRange
from infrastructure.legacy.logs.reading.record import Record

_RESTARTS_LOOKED_AT: Final = 50
_QUIET: Final = frozenset({"TRACE", "DEBUG", "INFO", "NOTICE", "SUCCESS"})


class Analysis:
    """Reads the lines of a log in order, and returns the report at the end."""

    def __init__(self, clock: LogClock, span: TimeRange, wanted: LogFilter) -> None:
        self.report = LogReport()
        self._clock, self._wanted = clock, wanted
        self._reader = Reader(clock, WORDS, self.report.tally, span)
        self._window = LineBuffer()
        self._creations, self._restarts = Creations(), Restarts()
        self._naming = SymbolAttribution(self._creations.in_flight)
        self._duplicates, self._failures, self._alarms = Duplicates(), Failures(), Alarms()
        self._late: LateRefusal | None = None

    def read(self, lines: list[bytes]) -> None:
        """Read the next lines. Refuses: ZoneNeeded."""
        place = self.report.tally.lines
        self._window.add(place, lines)
        self._take(self._reader.records(place, lines))

    def finish(self) -> LogReport:
        """Process what still waits for more lines, and return the report."""
        self._take(self._reader.rest())
        self._see(self._naming.rest())
        self._settle(None)
        report, wanted = self.report, self._wanted
        kinds: tuple[Found[Any], ...] = (report.duplicates, report.failures, report.refusals, report.episodes)
        for found in kinds:
            found.only(lambda each: wanted.takes(each.symbol, each.exchange))
        report.pairs.only(lambda each: each.is_one_key and wanted.takes(each.first.symbol, each.exchange))
        report.restarts.only(lambda _: True)
        return report

    def _take(self, records: Iterator[Record]) -> None:
        for record in records:
            belongs_to_late = self._late is not None and self._late.goes_on_with(record)
            facts = list(facts_of(record))
            for fact in facts:
                self.report.tally.facts[fact.kind.value] += 1
                self._see(self._naming.pass_on(fact), record)
            if not facts and not belongs_to_late and record.level not in _QUIET and speaks_of_errors(record):
                self.report.tally.not_understood.add(record.first_line)

    def _see(self, facts: Iterable[Fact], record: Record | None = None) -> None:
        for fact in facts:
            self._settle(fact.at)
            pair = self._creations.see(fact)
            if restart := self._restarts.see(fact):
                self.report.restarts.add(restart)
            if self._wanted.symbol not in (None, fact.symbol):
                continue
            if pair is not None:
                self.report.pairs.add(pair)
            self._find(fact, record)

    def _find(self, fact: Fact, record: Record | None) -> None:
        report = self.report
        if duplicate := self._duplicates.see(fact):
            duplicate.timeline = timeline(self._window, fact.place, fact.at, fact.symbol, self._clock)
            report.duplicates.add(duplicate)
        if failure := self._failures.see(fact):
            report.failures.add(failure)
        if episode := self._alarms.see(fact):
            report.episodes.add(episode)
        if refusal := LoggedRefusal.of(fact):
            report.refusals.add(refusal)
            if fact.kind is FactKind.REFUSED_LATE and record is not None:
                self._late = LateRefusal(refusal, record)
                self._reader.listening = LINES_AFTER

    def _settle(self, now: int | None) -> None:
        for duplicate in self._duplicates.settled(now):
            self._explain(duplicate)

    def _explain(self, duplicate: Duplicate) -> None:
        """Find the race that caused it, now that all lines about it have been read."""
        known = tuple(self._creations.of(duplicate.symbol)) if duplicate.symbol else ()
        restarts = self.report.restarts.kept[-_RESTARTS_LOOKED_AT:]
        duplicate.scenario, duplicate.evidence = scenario(duplicate, known, restarts)
        exchanges = {each.exchange for each in known if each.exchange}
        if duplicate.exchange is None and len(exchanges) == 1:
            duplicate.exchange = exchanges.pop()
