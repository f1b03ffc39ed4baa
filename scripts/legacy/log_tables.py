"""The findings in a log as tables, the same for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from infrastructure.legacy.logs.finders.alarms import Episode
from infrastructure.legacy.logs.finders.creations import ClosePair
from infrastructure.legacy.logs.finders.duplicates import Duplicate
from infrastructure.legacy.logs.finders.failures import Failure
from infrastructure.legacy.logs.finders.refusals import LoggedRefusal
from infrastructure.legacy.logs.finders.restarts import Restart
from infrastructure.legacy.logs.log_report import LogReport
from infrastructure.legacy.logs.reading.clock import day_and_time, seconds
from projections.formatting import counted
from projections.readable_text import on_one_line
from scripts.output import Table

Row = tuple[object, ...]

_CELL_CHARACTERS_MAX: Final = 160


@dataclass(frozen=True)
class LogTable(Table):
    """The findings of one kind that were kept, and how many there were in all."""

    count: int = field(kw_only=True)


def tables(report: LogReport) -> Iterator[LogTable]:
    """A table for every kind that has findings, the worst kind first."""
    late = [refusal for refusal in report.refusals.kept if refusal.is_late]
    early = [refusal for refusal in report.refusals.kept if not refusal.is_late]
    refused = ("time (UTC)", "symbol", "exchange", "position id", "status")
    found = (
        LogTable(
            "Duplicate errors",
            ("time (UTC)", "symbol", "exchange", "scenario", "what says so"),
            [_duplicate(each) for each in report.duplicates.kept],
            count=report.duplicates.count,
        ),
        LogTable(
            "Duplicates refused late (must never happen)", refused, [_refusal(each) for each in late], count=len(late)
        ),
        LogTable(
            "Failed entries",
            ("time (UTC)", "symbol", "exchange", "code", "reason"),
            [_failure(each) for each in report.failures.kept],
            frozenset({"code"}),
            count=report.failures.count,
        ),
        LogTable(
            "Positions without a stop",
            ("first alarm (UTC)", "symbol", "exchange", "seconds", "alarms", "last alarm"),
            [_episode(each) for each in report.episodes.kept],
            frozenset({"seconds", "alarms"}),
            count=report.episodes.count,
        ),
        LogTable(
            "Creations of one key close together",
            ("time (UTC)", "symbol", "exchange", "seconds apart", "first", "second"),
            [_pair(each) for each in report.pairs.kept],
            frozenset({"seconds apart"}),
            count=report.pairs.count,
        ),
        LogTable(
            "Duplicates refused early (as expected)",
            refused,
            [_refusal(each) for each in early],
            count=report.refusals.count - len(late),
        ),
        LogTable(
            "Restarts",
            ("time (UTC)", "seconds down", "what says so"),
            [_restart(each) for each in report.restarts.kept],
            frozenset({"seconds down"}),
            count=report.restarts.count,
        ),
    )
    return (table for table in found if table.count)


def doubts(report: LogReport) -> Iterator[str]:
    """Notes about what the report leaves out: lines that could not be read, and findings that were not kept."""
    tally = report.tally
    for unread, words in (
        (tally.unread, "of no record that could be read"),
        (tally.cut, "too long to be read whole"),
        (tally.not_understood, "about errors in words that no template knows"),
    ):
        if unread.count:
            yield f"{counted(unread.count, 'line')} {words}, such as {unread.examples[0]!r:.{_CELL_CHARACTERS_MAX}}"
    for file, reason in report.damaged.items():
        yield f"{file}: {reason}; what could be read of it is in the report"
    for name, found in report.sections.items():
        if found.count > len(found.kept):
            yield f"{name}: only the first {len(found.kept):,} of {found.count:,} are listed"


def _short(text: str | None) -> str:
    shown = on_one_line(text or "")
    return shown if len(shown) <= _CELL_CHARACTERS_MAX else f"{shown[:_CELL_CHARACTERS_MAX]}…"


def _duplicate(each: Duplicate) -> Row:
    return (
        day_and_time(each.at),
        each.symbol or "?",
        each.exchange or "?",
        each.scenario,
        _short("; ".join(each.evidence)),
    )


def _refusal(each: LoggedRefusal) -> Row:
    return day_and_time(each.at), each.symbol or "?", each.exchange or "?", each.position_id, each.status


def _failure(each: Failure) -> Row:
    return day_and_time(each.at), each.symbol or "?", each.exchange or "?", each.code, _short(each.reason)


def _episode(each: Episode) -> Row:
    longest = None if each.seconds is None else f"{each.seconds:,}"
    return (
        day_and_time(each.at),
        each.symbol or "?",
        each.exchange or "?",
        longest,
        each.alarms,
        day_and_time(each.last),
    )


def _pair(each: ClosePair) -> Row:
    who = [
        f"{one.origin.value} {one.position_id or ''}{' refused' if one.is_refused else ''}".strip() for one in each.both
    ]
    return day_and_time(each.at), each.first.symbol, each.exchange or "?", f"{seconds(each.apart):.3f}", *who


def _restart(each: Restart) -> Row:
    return day_and_time(each.at), each.down_seconds, _short("; ".join(each.evidence))
