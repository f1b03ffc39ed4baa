"""Of every history all commands say the same words: what is open, unprotected, unknown and late."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.order_requests import RequestIncrease
from domain.commands.requests import Activate, LoseStopLoss, RecordEntryUnknown
from domain.errors import CommandRefused
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.metering.figures import figures
from infrastructure.operations.health import Question, examine
from infrastructure.operations.json_queries import query_from_json
from infrastructure.operations.recovery_proposals import recoveries
from projections.exposure import BY_CHOICE, IF_HELD, UNPROTECTED
from projections.health.checks import Check, Severity
from projections.health.ledger_status import LedgerStatus
from projections.metrics.statistics import MeasuredWindow
from projections.positions import PositionRow
from projections.reconciliation.result import ReconciliationRules
from scripts.commands.daily.report import look_through
from scripts.narratives.cycle_narratives import tell
from scripts.options.filters import EVERYTHING
from tests.spec import CYCLE, FILLED, PLACED, STOP, on, request, second
from tests.strategies import conversations

HOUR = timedelta(hours=1)
OF_CYCLES = (Check.INCOMPLETE, Check.UNPROTECTED, Check.OUTCOME_UNKNOWN, Check.ROLLING_BACK, Check.ORDERS)

Names = frozenset[str]


@contextmanager
def ledger_after(sent: Sequence[Command], clocks: Sequence[int]) -> Iterator[PositionLedger]:
    """Send commands a minute apart, by clocks that differ."""
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        for number, (command, ahead) in enumerate(zip(sent, clocks, strict=False)):
            try:
                ledger.handle(command.model_copy(update={"at": second(60 * number + ahead)}))
            except CommandRefused:
                continue
        yield ledger


@dataclass
class Said:
    """What each command says of a ledger at a moment: by word, then by command, the cycles or how many they are."""

    ledger: PositionLedger
    now: datetime

    def __post_init__(self) -> None:
        ledger, now = self.ledger, self.now
        window = MeasuredWindow(second(-10_000), now)
        self.rows = {row.position_id: row for row in ledger.positions(open=True)}
        self.bare = ledger.positions(unprotected=True)
        self.status = LedgerStatus.of(self.rows.values(), now, HOUR)
        asked = Question(now=now, age=HOUR, rules=ReconciliationRules(), verifies=False)
        self.sections = {section.check: section for section in examine(ledger, asked).sections}
        self.unfinished = [each.cycle for each in recoveries(ledger, [], now=now, rules=ReconciliationRules())]
        self.report = look_through(ledger, window, EVERYTHING, now)
        log = [entry for row in ledger.positions()[:1] for entry in ledger.history(row.stream)]
        self.stories = tell(ledger, log)
        self.samples = figures(ledger, now, HOUR)

    def metric(self, name: str) -> int:
        return int(sum(each.value for each in self.samples if each.name == name))

    def headlined(self, words: str) -> Names:
        return frozenset(each.row.position_id for each in self.stories if words in each.headline)

    def question(self, **asked: object) -> Names:
        found = query_from_json(json.dumps({"query": "positions", **asked}))
        assert found is not None
        return frozenset(row["position_id"] for row in found.answer(self.ledger)["positions"])

    def found(self, check: Check) -> Names:
        return frozenset(each.subject for each in self.sections[check].symptoms)

    @property
    def words(self) -> dict[str, dict[str, Names | int]]:
        statistics, status = self.report.statistics, self.status
        stops = {each.position_id for each in self.ledger.pending_orders() if each.is_missing}
        undone = {each for each, row in self.rows.items() if row.orders.live("rollback") and row.quantity}
        says = self.sections[Check.UNPROTECTED].says
        return {
            "open": {
                "positions": frozenset(self.rows),
                "status": _names(line.row.position_id for line in status.lines),
                "report": _names(each.row.position_id for each in self.report.open),
                "record": self.question(open=True),
                "metrics": self.metric("open_positions") + sum(row.stray for row in self.rows.values()),
            },
            "held": {
                "positions": _names(each for each, row in self.rows.items() if row.quantity),
                "status": _names(line.row.position_id for line in status.held),
                "diagnose": int(says.partition(" of ")[2].partition(" ")[0]),
                "metrics": self.metric("held_positions"),
            },
            UNPROTECTED: {
                "positions": _names(row.position_id for row in self.bare if row.quantity),
                "status": _names(line.row.position_id for line in status.lines if UNPROTECTED in line.state),
                "status, counted": _names(line.row.position_id for line in status.unprotected),
                "diagnose": int(says.partition(" of ")[0]),
                "recover": _names(
                    each.row.position_id
                    for each in self.unfinished
                    if each.row.stray or each.row.unprotected_since is not None
                ),
                "stats": frozenset(statistics.unprotected_now),
                "report": _names(each.row.position_id for each in self.report.open if each.unprotected is not None),
                "history": self.headlined(UNPROTECTED),
                "pending orders": frozenset(stops | (undone & {row.position_id for row in self.bare})),
                "metrics": self.metric("unprotected_positions"),
            },
            IF_HELD: {
                "open without fill or stop": _names(each for each, row in self.rows.items() if _may_be_bare(row)),
                "positions": _names(row.position_id for row in self.bare if not row.quantity),
                "record": self.question(unprotected=True) - {row.position_id for row in self.bare if row.quantity},
                "status": _names(line.row.position_id for line in status.if_held),
                "status, in words": _counted(status.summary, IF_HELD),
                "diagnose": _counted(says, IF_HELD),
                "stats": frozenset(statistics.if_held_now),
                "history": self.headlined(IF_HELD),
                "metrics": self.metric("unprotected_if_held_positions"),
            },
            BY_CHOICE: {
                "status": _names(line.row.position_id for line in status.by_choice),
                "diagnose": _counted(says, BY_CHOICE),
                "stats": frozenset(statistics.by_choice_now),
                "history": self.headlined(BY_CHOICE),
                "metrics": self.metric("unprotected_by_choice_positions"),
            },
            "unknown": {
                "positions": _names(each for each, row in self.rows.items() if row.outcome_unknown),
                "status": _names(
                    line.row.position_id
                    for line in status.lines
                    if line.row.outcome_unknown and (line.unprotected or line.state == "entry outcome unknown")
                ),
                "diagnose": self.found(Check.OUTCOME_UNKNOWN),
                "recover": _names(
                    each.row.position_id for each in self.unfinished if "outcome is not known" in " ".join(each.known())
                ),
                "metrics": self.metric("unknown_outcome_positions"),
            },
            "in need of a person": {
                "status": _names(line.row.position_id for line in status.in_need),
                "diagnose": frozenset().union(*map(self.found, OF_CYCLES)),
            },
        }

    def agree(self) -> None:
        for word, by in self.words.items():
            names = next(found for found in by.values() if isinstance(found, frozenset))
            for command, found in by.items():
                assert found == (names if isinstance(found, frozenset) else len(names)), (word, command, by)
        failed = {each for each, row in self.rows.items() if row.rollback_failed}
        late = {each.row.position_id for each in self.unfinished if each.is_overdue}
        critical = {line.row.position_id for line in self.status.lines if line.severity is Severity.CRITICAL}
        needy = {line.row.position_id for line in self.status.in_need}
        assert critical - failed <= late <= needy <= {each.row.position_id for each in self.unfinished}


def _may_be_bare(row: PositionRow) -> bool:
    """What no command may leave out: nobody knows whether it is at the exchange, and no stop is there for it."""
    return not row.quantity and not row.protected and row.protection == "exchange"


def _names(names: Iterator[str] | Sequence[str]) -> Names:
    return frozenset(names)


def _counted(text: str, words: str) -> int:
    before, found, _ = text.partition(f" {words}")
    return int(before.split()[-1]) if found else 0


@tried_on(conversations(), st.lists(st.integers(-30, 30), min_size=24, max_size=24), st.integers(-60, 300))
def test_every_command_says_the_same_of_every_history(sent: list[Command], clocks: list[int], ago: int) -> None:
    with ledger_after(sent, clocks) as ledger:
        Said(ledger, second(60 * len(sent) + ago)).agree()


def test_an_entry_of_unknown_outcome_may_be_held_without_a_stop() -> None:
    with ledger_after([request(), on(RecordEntryUnknown, reason="no answer")], [0, 0]) as ledger:
        said = Said(ledger, second(3_600)).words
        assert said[IF_HELD]["positions"] == said["unknown"]["positions"] == frozenset({CYCLE})
        assert said[UNPROTECTED]["positions"] == frozenset()


def test_an_increase_of_which_nothing_is_known_leaves_protected_what_is_held_and_all_that_name_orders_name_it() -> None:
    stop = STOP.model_copy(update={"quantity": FILLED.last_qty})
    asked = on(RequestIncrease, quantity="10", intent_id="dca1")
    with ledger_after([request(), PLACED, FILLED, stop, on(Activate), asked], [0] * 6) as ledger:
        said = Said(ledger, second(3_600))
        said.agree()
        words, (unfinished,) = said.words, said.unfinished
        assert words[UNPROTECTED]["positions"] == words[IF_HELD]["positions"] == frozenset()
        assert words["in need of a person"]["status"] == said.found(Check.ORDERS) == frozenset({CYCLE})
        assert unfinished.is_overdue and unfinished.missing() == ["what became of entry.2"]


KEY: Final[dict[str, Any]] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "10"}
LATE: Final[dict[str, Any]] = {"position_id": CYCLE, "trade_id": "t1", "last_qty": "4", "last_px": "100"}


def stray(ledger: PositionLedger) -> None:
    """An entry is given up, another one has the slot, and after an hour the first one is filled."""
    ledger.request_entry(**KEY, intent_id="1", at=second(0))
    ledger.fail_entry(position_id=CYCLE, outcome="canceled", reason="no answer", at=second(10))
    ledger.request_entry(**KEY, intent_id="2", at=second(20))
    ledger.record_entry_fill(**LATE, at=second(3_600))


def test_a_stray_is_as_old_as_its_fill_whatever_is_told_of_it_later() -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        stray(ledger)
        ledger.record_cash(position_id=CYCLE, kind="funding", amount="-1", cash_id="f1", at=second(7_200))
        said = Said(ledger, second(7_210))
        said.agree()
        (line,) = said.status.unprotected
        (told,) = (each for each in said.report.open if each.row.position_id == CYCLE)
        (alarm,) = said.sections[Check.UNPROTECTED].symptoms
        (unfinished,) = (each for each in said.unfinished if each.row.position_id == CYCLE)
        hour = timedelta(seconds=3_610)
        assert line.age == told.unprotected == unfinished.age == hour
        assert line.since == alarm.since == second(3_600) and " over (canceled), 1 h ago: " in alarm.message


@pytest.mark.parametrize("is_taken_over", [False, True])
def test_how_long_a_stray_was_held_counts_on_the_day_of_it_and_not_only_while_it_is(*, is_taken_over: bool) -> None:
    """Its cycle was over two days before, so nobody looked at it any more once it was closed."""
    days = 2 * 86_400
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        ledger.request_entry(**KEY, intent_id="1", at=second(0))
        ledger.fail_entry(position_id=CYCLE, outcome="canceled", reason="no answer", at=second(10))
        ledger.request_entry(**KEY, intent_id="2", at=second(days))
        ledger.record_entry_fill(**LATE, at=second(days + 10))
        if is_taken_over:
            seen: dict[str, Any] = {"quantity": "4", "avg_px_open": "100", "reason": "seen at the exchange"}
            ledger.adjust(position_id="APTUSDT.binance#2", **seen, at=second(days + 3_610))
        else:
            ledger.reduce(**LATE | {"trade_id": "x1"}, at=second(days + 3_610))
        (story,) = (each for each in tell(ledger, ledger.history(CYCLE)) if each.row.position_id == CYCLE)
        window = MeasuredWindow(second(days), now := second(days + 4_000))
        report = look_through(ledger, window, EVERYTHING, now)
        (bare,) = (each for each in report.exposed if each.position_id == CYCLE)
        longest = next(each for each in report.statistics.criteria if each.name == "unprotected_longest_seconds")
        assert story.timeline.unprotected == bare.together == timedelta(hours=1)
        assert CYCLE in longest.offenders
        assert report.statistics.unprotected >= timedelta(hours=1)


def test_an_order_that_is_late_is_late_also_while_a_stop_still_has_its_time() -> None:
    """The stop of a position with an increase of which nobody heard was lost 25 s ago."""
    lost = on(LoseStopLoss, reason="gone")
    asked = on(RequestIncrease, quantity="10", intent_id="dca1")
    with ledger_after([request(), PLACED, FILLED, STOP, on(Activate), asked, lost], [0] * 6 + [6_000]) as ledger:
        said = Said(ledger, second(6_385))
        said.agree()
        assert [line.severity for line in said.status.lines] == [Severity.CRITICAL]
        assert [each.is_overdue for each in said.unfinished] == [True]


def test_a_stray_is_late_at_once_also_by_a_clock_that_is_ahead() -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        stray(ledger)
        said = Said(ledger, second(3_580))
        said.agree()
        assert [each.row.position_id for each in said.unfinished if each.is_overdue and each.row.stray] == [CYCLE]
