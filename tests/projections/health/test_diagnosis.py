"""The findings of a diagnosis: what is wrong, its severity, and the next command."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import RequestIncrease
from domain.commands.requests import (
    Activate,
    Adjust,
    Adopt,
    FailEntry,
    FailRollback,
    LoseStopLoss,
    RecordEntryFill,
    RecordEntryUnknown,
    Reduce,
    StartRollback,
)
from domain.errors import StoreUnavailable
from domain.values import Status
from infrastructure.exchanges import ccxt_live
from infrastructure.ledger.ledger import PositionLedger
from projections.health.checks import ASKED, Check, Section, Severity, Symptom, worst
from projections.health.diagnosis import (
    LAG_MAX,
    SHOWN_MAX,
    Cycles,
    away,
    beside_exchange,
    criteria,
    damage,
    database,
    following,
)
from projections.health.findings import IntegrityFinding
from projections.metrics.objectives import Criterion
from projections.metrics.recent_activity import Activity
from projections.metrics.statistics import MeasuredWindow
from projections.projection import PoisonEvent, ProjectionStatus
from tests.projections.cycles import refused
from tests.projections.seen import compared, held, limit, rows_of, seen, stop
from tests.spec import ENTERED, FILLED, PLACED, STOP, given, on, request, second

APT = "APTUSDT.binance#1"
UNKNOWN = on(RecordEntryUnknown, reason="no answer for 20 s")
ROLLING_BACK = (request(), PLACED, FILLED, on(StartRollback, reason="no stop"))
ADOPTED = Adopt.of(
    symbol="APTUSDT", exchange="binance", side="short", quantity="61.8", avg_px_open="3.2333", reason="seen"
)


def cycles(*sent: Command, at: float, age: float = 3600) -> Cycles:
    return Cycles(given(*sent).rows.values(), second(at), timedelta(seconds=age), {})


def severities(section: Section) -> list[str]:
    return [symptom.severity.value for symptom in section.symptoms]


# -- cycles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "deadline"),
    [((request(),), 60), ((request(), PLACED), 30), ((request(), PLACED, FILLED, STOP), 30)],
)
def test_an_incomplete_entry_is_a_warning_after_its_deadline_and_critical_with_age(
    sent: tuple[Command, ...], deadline: float
) -> None:
    """L8."""
    assert severities(cycles(*sent, at=deadline - 0.001).incomplete()) == []
    assert severities(cycles(*sent, at=deadline).incomplete()) == ["warning"]
    assert severities(cycles(*sent, at=3599).incomplete()) == ["warning"]
    assert severities(cycles(*sent, at=3600).incomplete()) == ["critical"]
    assert severities(cycles(*sent, at=3600, age=7200).incomplete()) == ["warning"]
    (symptom,) = cycles(*sent, at=3600).incomplete().symptoms
    assert symptom.subject == APT
    assert symptom.advice == "position-ledger recover --symbol APTUSDT --exchange binance --account '' --live"


def test_what_is_done_or_over_is_no_symptom() -> None:
    for sent in (ENTERED, (request(), on(FailEntry, outcome="rejected", reason="30208"))):
        sections = cycles(*sent, at=86_400).sections()
        assert [section.check for section in sections] == [
            Check.INCOMPLETE,
            Check.UNPROTECTED,
            Check.OUTCOME_UNKNOWN,
            Check.ROLLING_BACK,
            Check.ORDERS,
        ]
        assert worst(section.severity for section in sections) is Severity.OK


def test_what_is_flat_without_an_end_holds_a_slot() -> None:
    flat = (*ENTERED, on(Reduce, trade_id="t9", last_qty="61.8", last_px="3.2"))
    (symptom,) = cycles(*flat, at=600).incomplete().symptoms
    assert symptom.message.startswith("flat without an end for ")
    assert severities(cycles(*flat, at=30).incomplete()) == []


def test_what_is_flat_has_its_time_also_while_nobody_heard_of_an_order() -> None:
    asked = on(RequestIncrease, intent_id="dca", quantity="10")
    flat = on(Reduce, trade_id="x", last_qty="61.8", last_px="3.2", at=second(100))
    just_now = cycles(*ENTERED, asked, flat, at=159.999)
    assert (severities(just_now.incomplete()), severities(just_now.orders())) == ([], ["warning"])
    (symptom,) = cycles(*ENTERED, asked, flat, at=160).incomplete().symptoms
    assert symptom.message == "flat without an end for 1 min" and symptom.since == second(100)


def test_a_position_without_a_stop_is_a_warning_at_once_and_critical_after_30_seconds() -> None:
    """L7, I-10."""
    assert severities(cycles(ADOPTED, at=0).unprotected()) == ["warning"]
    assert severities(cycles(ADOPTED, at=29.999).unprotected()) == ["warning"]
    assert severities(cycles(ADOPTED, at=30).unprotected()) == ["critical"]
    (symptom,) = cycles(ADOPTED, at=5400).unprotected().symptoms
    assert symptom.message == "short 61.8 without a confirmed stop for 1 h 30 min"
    assert severities(cycles(*ENTERED, at=5400).unprotected()) == []
    assert severities(cycles(*ENTERED, on(LoseStopLoss, reason="gone"), at=6).unprotected()) == ["warning"]


def test_a_stop_that_does_not_cover_is_no_missing_stop() -> None:
    wrong = on(Adjust, avg_px_open="3.3", reason="a typo", source="operator")
    (symptom,) = cycles(*ENTERED, wrong, at=5400).unprotected().symptoms
    assert symptom.message.startswith("short 61.8 not covered (a stop on the wrong side of the entry) for 1 h ")


@pytest.mark.parametrize(("exchange", "live"), [("binance", " --account '' --live"), ("kraken", "")])
def test_only_an_exchange_that_can_be_asked_is_to_be_asked(exchange: str, live: str) -> None:
    assert ccxt_live.CLASSES.keys() == ASKED
    found = Adopt.of(symbol="APTUSDT", exchange=exchange, side="long", quantity="1", avg_px_open="3", reason="seen")
    (symptom,) = cycles(found, at=5400).unprotected().symptoms
    assert symptom.advice == f"position-ledger recover --symbol APTUSDT --exchange {exchange}{live}"


def test_an_entry_has_its_time_before_it_counts_as_unprotected() -> None:
    """I-15."""
    filled = (request(), PLACED, FILLED)
    assert severities(cycles(*filled, at=6).unprotected()) == []
    assert cycles(*filled, at=6).unprotected().says == "1 of 1 held positions, 1 within the time of an entry"
    assert severities(cycles(*filled, at=30).unprotected()) == ["warning"]
    assert severities(cycles(*filled, at=33).unprotected()) == ["critical"]
    assert severities(cycles(*ROLLING_BACK, at=62).unprotected()) == []
    assert severities(cycles(*ROLLING_BACK, at=63).unprotected()) == ["critical"]


def test_an_unknown_outcome_is_a_warning_and_critical_after_its_deadline() -> None:
    assert severities(cycles(request(), UNKNOWN, at=21).outcome_unknown()) == ["warning"]
    assert severities(cycles(request(), UNKNOWN, at=60).outcome_unknown()) == ["critical"]
    assert severities(cycles(request(), UNKNOWN, PLACED, at=60).outcome_unknown()) == []


def test_a_rollback_that_does_not_end_is_a_warning_and_critical_when_it_failed() -> None:
    assert severities(cycles(*ROLLING_BACK, at=62).rolling_back()) == []
    assert severities(cycles(*ROLLING_BACK, at=63).rolling_back()) == ["warning"]
    assert severities(cycles(*ROLLING_BACK, at=3603).rolling_back()) == ["critical"]
    failed = (*ROLLING_BACK, on(FailRollback, reason="x", residual_qty="20"))
    (symptom,) = cycles(*failed, at=14).rolling_back().symptoms
    assert (symptom.severity, symptom.message) == (Severity.CRITICAL, "rolling back for 10 s, and 20 was left")


def test_advice_names_the_snapshots_of_the_account_and_without_one_asks_the_exchange() -> None:
    rows = rows_of(request(), request(symbol="XMRUSDT", account="sub1"))
    evidence: dict[tuple[str | None, str | None], list[str]] = {("binance", None): ["--snapshot", "my file.json"]}
    symptoms = Cycles(rows, second(600), timedelta(hours=1), evidence).incomplete().symptoms
    assert [each.advice for each in symptoms] == [
        "position-ledger recover --symbol APTUSDT --exchange binance --snapshot 'my file.json'",
        "position-ledger recover --symbol XMRUSDT --exchange binance --account sub1 --live",
    ]


# -- what is stored ---------------------------------------------------------------------------------------------------


def of_version(kind: str, stream: str, version: int) -> IntegrityFinding:
    return IntegrityFinding(kind, f"{stream} version {version}", "differs", stream)


def of_row(kind: str, stream: str) -> IntegrityFinding:
    return IntegrityFinding(kind, f"{stream}#1", "differs", stream)


def test_damage_is_critical_and_a_row_is_folded_anew_only_from_events_that_hold() -> None:
    found = damage(
        [
            of_version("hash", "APTUSDT.binance", 2),
            of_row("row", "APTUSDT.binance"),
            of_row("row", "XMRUSDT.binance"),
            of_row("projection", "APTUSDT.binance"),
            of_row("projection", "XMRUSDT.binance"),
            of_version("event", "AVLUSDT.binance", 1),
            of_version("hash", "AVLUSDT.binance", 1),
        ],
        "7 findings",
    )
    assert set(severities(found)) == {"critical"}
    assert [each.advice for each in found.symptoms] == [
        "position-ledger history APTUSDT.binance",
        "position-ledger history APTUSDT.binance",
        "position-ledger rebuild",
        "position-ledger history APTUSDT.binance",
        "position-ledger rebuild",
        "position-ledger verify",
        "position-ledger verify",
    ]
    assert damage([], "all of it holds").severity is Severity.OK
    assert len(damage([of_row("row", "APTUSDT.binance")] * 1000, "1,000 findings").symptoms) == SHOWN_MAX


def test_what_belongs_to_no_history_leaves_every_row_to_be_folded_anew() -> None:
    found = damage(
        [
            IntegrityFinding("guard", "ledger_events_no_update", "is missing"),
            IntegrityFinding("refusal", "APTUSDT.binance", "was changed"),
            IntegrityFinding("projection", "statistics", "has come to nid 9, but the log ends at 8"),
            of_row("row", "APTUSDT.binance"),
        ],
        "4 findings",
    )
    assert [each.advice for each in found.symptoms] == ["position-ledger verify"] * 2 + ["position-ledger rebuild"] * 2


def test_a_word_in_the_name_of_a_stream_is_no_version() -> None:
    found = damage([of_version("hash", "A version 1.binance", 2), of_row("row", "A version 1.binance")], "2 findings")
    assert {each.advice for each in found.symptoms} == {"position-ledger history 'A version 1.binance'"}


def at(behind: int, poison: PoisonEvent | None = None) -> ProjectionStatus:
    return ProjectionStatus("statistics", 1, 40, behind, poison, ())


def test_a_projection_that_stopped_is_critical_and_one_far_behind_a_warning() -> None:
    assert following([at(LAG_MAX)]).severity is Severity.OK
    (lag,) = following([at(LAG_MAX + 1)]).symptoms
    assert (lag.severity, lag.advice) == (Severity.WARNING, "position-ledger stats")
    (stopped,) = following([at(1, PoisonEvent(41, "APTUSDT.binance", 2, "Nonsense.v9", "two\nlines"))]).symptoms
    assert stopped == Symptom(
        Severity.CRITICAL, "statistics", "cannot go on at nid 41: two lines", "position-ledger projections"
    )


def test_a_database_is_named_and_what_is_to_be_known_of_it_a_warning() -> None:
    assert database("ledger.db", "SQLite 3.51.3", None) == Section(Check.DATABASE, "SQLite 3.51.3, ledger.db")
    (warning,) = database("ledger.db", "SQLite 3.40.1", ("is older", "a later SQLite")).symptoms
    assert warning == Symptom(Severity.WARNING, "ledger.db", "is older", "a later SQLite")


MISSED = Criterion(name="late_duplicates", value=1, bar="= 0", ok=False, says="refused late", offenders=(APT,))


def test_a_missed_criterion_is_a_warning_and_one_that_must_never_be_missed_critical() -> None:
    """L13, L15."""
    share = replace(MISSED, name="rolled_back_share", value=Decimal("0.1"), bar="< 0.05", offenders=())
    found = criteria([MISSED, share, replace(MISSED, ok=None), replace(MISSED, ok=True)])
    assert [(each.severity.value, each.advice) for each in found.symptoms] == [
        ("critical", "position-ledger history 'APTUSDT.binance#1'"),
        ("warning", "position-ledger stats"),
    ]
    assert found.symptoms[1].message == "refused late: 0.1, not < 0.05"
    assert criteria([replace(MISSED, ok=True)]).severity is Severity.OK


# -- the exchange -----------------------------------------------------------------------------------------------------

BESIDE = ("--snapshot", "binance.json")
ENTERED_APT = held("APTUSDT", "short", "61.8", "3.2333")
ITS_STOP = stop("APTUSDT", "buy", "s1", "3.298")


def test_an_exchange_that_agrees_is_no_symptom() -> None:
    found = beside_exchange(compared(rows_of(*ENTERED), seen(ENTERED_APT, orders=[ITS_STOP])), BESIDE)
    assert (found.severity, found.says) == (Severity.OK, "binance: 1 match, 0 to look at")


def test_money_at_risk_at_the_exchange_is_critical_and_the_rest_a_warning() -> None:
    orders = [limit("SXPUSDT", "buy", "z1"), ITS_STOP]
    bigger = held("APTUSDT", "short", "70", "3.2333")
    found = beside_exchange(
        compared(rows_of(*ENTERED), seen(bigger, held("XMRUSDT", "long", "1", "310"), orders=orders)), BESIDE
    )
    cancel = "cancel what is too much of z1 at the exchange"
    beside = "--exchange binance --snapshot binance.json"
    assert [(each.severity.value, each.subject, each.advice) for each in found.symptoms] == [
        ("warning", APT, f"position-ledger reconcile --symbol APTUSDT {beside}"),
        ("critical", "XMRUSDT.binance", f"position-ledger reconcile --symbol XMRUSDT {beside}"),
        ("critical", "XMRUSDT.binance", f"position-ledger reconcile --symbol XMRUSDT {beside}"),
        ("warning", "SXPUSDT.binance", f"{cancel}, then position-ledger reconcile --symbol SXPUSDT {beside}"),
    ]


def test_a_phantom_is_critical_once_it_is_confirmed() -> None:
    other = held("XMRUSDT", "long", "1", "310")
    beside = Adopt.of(symbol="XMRUSDT", exchange="binance", side="long", quantity="1", avg_px_open="310", reason="x")
    for count, severity in ((1, Severity.WARNING), (2, Severity.CRITICAL)):
        snapshots = [seen(other, at=600 + 60 * number) for number in range(count)]
        found = beside_exchange(compared(rows_of(*ENTERED, beside), *snapshots), BESIDE)
        (symptom,) = (each for each in found.symptoms if each.subject == APT)
        assert symptom.severity is severity


def test_what_is_unfinished_or_unprotected_is_recovered_not_reconciled() -> None:
    for sent in ((request(), PLACED), (*ENTERED, on(LoseStopLoss, reason="gone"))):
        found = beside_exchange(compared(rows_of(*sent), seen(ENTERED_APT)), BESIDE)
        assert {each.advice.split()[1] for each in found.symptoms} == {"recover"}


def test_a_snapshot_that_is_not_to_be_relied_on_is_a_warning() -> None:
    found = beside_exchange(compared(rows_of(*ENTERED), seen()), BESIDE)
    (symptom,) = found.symptoms
    assert (symptom.severity, "no positions at all" in symptom.message) == (Severity.WARNING, True)


# -- rates ------------------------------------------------------------------------------------------------------------


def test_rates_count_what_was_opened_and_what_failed_by_the_hour() -> None:
    rows = rows_of(
        *ENTERED,
        request(symbol="AUSDT"),
        on(FailEntry, "AUSDT.binance#1", outcome="rejected", reason="x"),
        request(symbol="BUSDT"),
        on(FailEntry, "BUSDT.binance#1", outcome="canceled", reason="x"),
    )
    window = MeasuredWindow(second(-3600), second(3600))
    found = Activity.of(rows, [refused(5)], (MISSED,), window)
    assert found.by_status == {Status.ACTIVE: 1, Status.FAILED: 1, Status.CANCELED: 1}
    said = found.as_json()
    assert said["failures_per_hour"] == [{"hour": "2025-10-22T18:00:00.000000Z", "count": 2}]
    assert (said["rejections"]["early"], said["criteria"][0]["name"]) == (1, "late_duplicates")
    earlier = Activity.of(rows, [], None, MeasuredWindow(second(-7200), second(-3600)))
    assert (earlier.by_status, earlier.failures, earlier.as_json()["criteria"]) == ({}, {}, None)


def test_no_stop_in_two_lists_of_orders_is_critical_and_says_what_to_do() -> None:
    snapshots = (seen(ENTERED_APT, at=500), seen(ENTERED_APT))
    rows = rows_of(*ENTERED)
    missing = [beside_exchange(compared(rows, *shown), BESIDE).symptoms[-1] for shown in (snapshots[1:], snapshots)]
    assert [each.severity for each in missing] == [Severity.WARNING, Severity.CRITICAL]
    assert "none of 1 stops of the ledger is in 2 lists of orders" in missing[1].message
    assert "reconcile --exchange binance --snapshot" in missing[1].advice
    assert "--trust-empty --confirm" in missing[1].advice


# -- what is no alarm, and what always is -----------------------------------------------------------------------------


def test_what_is_unprotected_by_choice_is_counted_apart_and_no_symptom() -> None:
    kept = (request(protection="bot"), PLACED, FILLED, on(Activate))
    section = cycles(*kept, at=86_400).unprotected()
    assert (section.says, section.symptoms) == ("0 of 1 held positions, and 1 unprotected by choice", ())
    bare = cycles(request(), PLACED, FILLED, at=86_400).unprotected()
    assert (bare.says, severities(bare)) == ("1 of 1 held positions", ["critical"])


def test_what_is_unprotected_if_held_is_counted_apart_and_no_symptom_of_this_check() -> None:
    kept = (request(protection="bot"), PLACED, FILLED, on(Activate))
    rows = [*rows_of(request()), *rows_of(*kept)]
    section = Cycles(rows, second(86_400), timedelta(hours=1), {}).unprotected()
    says = "0 of 1 held positions, and 1 unprotected if held, and 1 unprotected by choice"
    assert (section.says, section.symptoms) == (says, ())


def test_a_stray_is_critical_at_once_and_told_what_to_do() -> None:
    failed = on(FailEntry, outcome="expired", reason="no answer")
    late = on(RecordEntryFill, trade_id="late", last_qty="61.8", last_px="3.2333")
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        for number, command in enumerate((request(), failed, ADOPTED, late)):
            ledger.handle(command.model_copy(update={"at": second(number)}))
        rows = ledger.positions()
    strays = [row for row in rows if row.stray]
    section = Cycles(rows, second(10), timedelta(hours=1), {}, strays).unprotected()
    (symptom,) = (each for each in section.symptoms if each.subject == APT)
    assert symptom.severity is Severity.CRITICAL
    assert symptom.message.startswith("STRAY: short 61.8 was filled after the cycle was over (failed)")
    assert symptom.advice == "position-ledger recover --symbol APTUSDT --exchange binance --account '' --live"


def test_a_cause_is_told_with_its_way_out_and_a_cut_is_seen() -> None:
    cause = StoreUnavailable("ledger.db: database disk image is malformed" + "; nothing was written" * 10)
    (told,) = away("ledger.db", cause, second(0), timedelta(seconds=10)).symptoms
    assert told.message.endswith("nothing was written; nothing was written")
    (cut,) = away("ledger.db", "no answer, " * 100, second(0), timedelta(seconds=10)).symptoms
    assert cut.message.endswith(" …") and len(cut.message) < 450
