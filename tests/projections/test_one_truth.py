"""All projections agree about what a cycle holds, earned, and whether it is unprotected or unfinished."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal, localcontext
from html import unescape
from typing import Any
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from domain.commands.base import Command
from domain.commands.order_requests import RecordCash
from domain.commands.requests import RequestEntry
from domain.errors import CommandRefused
from domain.values import EXACT, plain, rounded, timestamp_text
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from infrastructure.ledger.statistics_projection import each_since, statistics
from infrastructure.metering.figures import figures
from infrastructure.operations.health import Question, examine
from infrastructure.operations.recovery_proposals import recoveries
from infrastructure.transfer.columnar.column_sink import ColumnSink
from infrastructure.transfer.columnar.columns import COLUMNS
from infrastructure.transfer.columnar.csv_writer import CsvFile
from infrastructure.transfer.columnar.parquet_writer import ParquetFile
from infrastructure.transfer.exporting import ExportScope, export
from projections.audit.narrative import Narrative
from projections.exposure import BY_CHOICE, STRAY, UNPROTECTED, is_by_choice
from projections.health.alarm import alarms_of
from projections.health.checks import Check
from projections.health.ledger_status import LedgerStatus
from projections.metrics.pnl import Pnl, PnlBy
from projections.metrics.statistics import MeasuredWindow, Statistics
from projections.positions import PositionRow
from projections.projection import STATISTICS
from projections.reconciliation.result import ReconciliationRules
from scripts.commands.daily.report import look_through
from scripts.narratives.cycle_narratives import tell
from scripts.options.filters import EVERYTHING
from scripts.serving.live_view import LiveView
from scripts.serving.page_parts import parts_of
from tests.spec import second
from tests.strategies import conversations

NOW = second(86_400)
HOUR = timedelta(hours=1)
OF_CYCLES = (Check.INCOMPLETE, Check.UNPROTECTED, Check.OUTCOME_UNKNOWN, Check.ROLLING_BACK, Check.ORDERS)
EVER = MeasuredWindow(second(-86_400), NOW + timedelta(days=1))


def send(ledger: PositionLedger, sent: Sequence[Command], ahead: Sequence[int]) -> None:
    """Have a conversation, each command a minute after the one before, by clocks that differ."""
    ledger._clock = lambda: NOW
    for number, (command, offset) in enumerate(zip(sent, ahead, strict=False)):
        with suppress(CommandRefused):
            ledger.handle(command.model_copy(update={"at": second(60 * number + offset)}))


def live_on(ledger: PositionLedger, endings: set[str]) -> list[PositionRow]:
    """Let other keys end as conversations seldom do; the rows of all."""
    fill: dict[str, Any] = {"last_qty": "1", "last_px": "100"}
    if "choice" in endings:
        key: dict[str, Any] = {"symbol": "BTCUSDT", "exchange": "binance", "side": "long", "quantity": "1"}
        receipt = ledger.handle(RequestEntry.of(**key, intent_id="1", protection="bot", at=second(0)))
        ledger.record_entry_fill(position_id=receipt.position_id, trade_id="1", **fill, at=second(60))
    if "stray" in endings:
        key = {"symbol": "ETHUSDT", "exchange": "binance", "side": "short", "quantity": "1"}
        stray = ledger.request_entry(**key, intent_id="1", at=second(0)).position_id
        ledger.fail_entry(position_id=stray, outcome="canceled", reason="no answer", at=second(60))
        later = ledger.request_entry(**key, intent_id="2", at=second(120)).position_id
        ledger.record_entry_fill(position_id=stray, trade_id="1", **fill, at=second(180))
        if "seen to" in endings:
            ledger.record_entry_fill(position_id=later, trade_id="2", **fill, at=second(240))
            ledger.adjust(position_id=later, quantity="2", avg_px_open="100", reason="seen", at=second(300))
            ledger.handle(RecordCash.of(position_id=stray, kind="funding", amount="1", cash_id="f", at=second(360)))
    return ledger.positions()


def as_tables(ledger: PositionLedger) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    texts, typed = io.BytesIO(), io.BytesIO()
    columns = COLUMNS[ExportScope.POSITIONS]
    export(ledger.store, ExportScope.POSITIONS, ColumnSink(CsvFile(texts, columns)))
    export(ledger.store, ExportScope.POSITIONS, ColumnSink(ParquetFile(typed, columns)))
    rows = list(csv.DictReader(io.StringIO(texts.getvalue().decode(), newline="")))
    return rows, parquet.read_table(io.BytesIO(typed.getvalue())).to_pylist()


def the_tables_have_its_numbers(row: PositionRow, text: dict[str, str], typed: dict[str, Any]) -> None:
    for name in ("quantity", "filled_qty", "realized_pnl", "fees", "net_pnl", "residual_qty", "contract_size"):
        known: Decimal | None = getattr(row, name)
        assert text[name] == ("" if known is None else plain(known)), name
        assert typed[name] == (None if known is None else rounded(known)), name
    since = row.unprotected_since
    assert (text["unprotected_since"], typed["unprotected_since"]) == (timestamp_text(since) if since else "", since)
    for name in ("settle_currency", "protection"):
        assert (text[name] or None, typed[name]) == (getattr(row, name), getattr(row, name))
    assert (text["stray"], typed["stray"]) == ("true" if row.stray else "false", row.stray)
    assert text["orders"].count('"role":') == len(row.orders)


def the_story_says_so(row: PositionRow, each: Narrative, *, is_alarming: bool) -> None:
    facts = dict(each.facts)
    assert each.row == row
    held = "Held after its end" if row.stray else "Open now"
    assert facts.get(held, "0").split(",")[0] == plain(row.quantity)
    assert each.timeline.is_exposed == is_alarming
    assert (UNPROTECTED in each.headline) == is_alarming
    assert (BY_CHOICE in each.headline) == is_by_choice(row)
    assert (STRAY in each.headline) == (row.stray and is_alarming)
    if "Earned" not in facts:
        assert not row.realized_pnl
        return
    currency = "" if row.settle_currency is None else f" {row.settle_currency}"
    profit = "unknown" if row.realized_pnl is None else f"{plain(row.realized_pnl)}{currency}"
    assert facts["Earned"].startswith(f"profit {profit}")
    if row.net_pnl is not None and row.fees:
        assert facts["Earned"].endswith(f", {plain(row.net_pnl)}{currency} after them")


def the_statistics_add_them_up(found: Statistics, rows: Sequence[PositionRow], alarmed: set[str]) -> None:
    assert {*found.unprotected_now} == alarmed
    assert {*found.by_choice_now} == {row.position_id for row in rows if is_by_choice(row)}
    over = [
        row
        for row in rows
        if not row.status.is_open
        and row.position_id not in alarmed
        and (row.filled_qty or row.cash)
        and row.source != "import"
    ]
    assert sum(each.cycles for each in found.profit) == len(over)
    for each in found.profit:
        of_it = [row for row in over if row.settle_currency == each.currency]
        known = [row.realized_pnl for row in of_it if row.realized_pnl is not None]
        assert (each.unknown, each.realized_pnl) == (len(of_it) - len(known), sum(known))
        assert (each.net_pnl is None) == any(row.net_pnl is None for row in of_it)


def pnl_says_so(found: Statistics, sums: Sequence[Pnl]) -> None:
    for pnl in sums:
        assert pnl.total == found.profit
        for total in pnl.total:
            parts = [each.profit for each in pnl.groups if each.profit.currency == total.currency]
            for name in ("cycles", "unknown", "realized_pnl", "fees", "net_known", "net_unknown"):
                with localcontext(EXACT):
                    assert sum(getattr(each, name) for each in parts) == getattr(total, name), name
            for name in ("won", "lost", "even", "unknown"):
                assert sum(getattr(each.results, name) for each in parts) == getattr(total.results, name), name


def the_status_says_so(
    ledger: PositionLedger, found: LedgerStatus, rows: Sequence[PositionRow], alarmed: set[str]
) -> None:
    assert {line.row.position_id for line in found.unprotected} == alarmed
    assert {line.row.position_id for line in found.lines} == alarmed | {
        row.position_id for row in rows if row.status.is_open
    }
    assert {line.row.position_id for line in found.by_choice} == {row.position_id for row in rows if is_by_choice(row)}
    assert found.verdict.startswith(f"{len(alarmed)} of {len(found.held)} unprotected")
    question = Question(now=NOW, age=HOUR, rules=ReconciliationRules(), verifies=False)
    sections = {section.check: section for section in examine(ledger, question).sections}
    diagnosed = {symptom.subject for check in OF_CYCLES for symptom in sections[check].symptoms}
    assert {line.row.position_id for line in found.in_need} == diagnosed
    assert sections[Check.UNPROTECTED].says.startswith(f"{len(alarmed)} of {len(found.held)} held positions")
    for line in found.unprotected:
        assert UNPROTECTED in line.state


def the_figures_say_so(ledger: PositionLedger, found: LedgerStatus) -> None:
    told = figures(ledger, NOW, HOUR)

    def total(name: str, *labels: str) -> int:
        return sum(int(each.value) for each in told if each.name == name and each.labels[: len(labels)] == labels)

    assert total("open_positions") == sum(line.row.status.is_open for line in found.lines)
    for name, lines in {
        "held_positions": found.held,
        "unprotected_positions": found.unprotected,
        "unprotected_by_choice_positions": found.by_choice,
        "unknown_outcome_positions": [line for line in found.lines if line.row.outcome_unknown],
    }.items():
        assert total(name) == len(lines), name
    of_cycles = sum(total("findings", check.value) for check in OF_CYCLES)
    assert of_cycles == sum(len(line.symptoms) for line in found.lines)
    oldest = max((line.age for line in found.unprotected), default=timedelta())
    (shown,) = [each.value for each in told if each.name == "oldest_unprotected_seconds"]
    assert shown == Decimal(max(oldest, timedelta()) // timedelta(microseconds=1)) / 1_000_000


def the_page_and_the_alarms_say_so(ledger: PositionLedger, found: LedgerStatus) -> None:
    parts = parts_of(LiveView(found, None, ()))
    assert f'data-title="{found.severity.value}: {found.summary}"' in parts["status"]
    shown = re.findall(
        r'<span class="badge (\w+)">.*?href="/history/([^"]+)".*?"state"[^>]*>([^<]*)<', parts["positions"], re.DOTALL
    )
    assert [(each, unquote(place), unescape(state)) for each, place, state in shown] == [
        (line.severity.value, line.row.position_id, line.state) for line in found.lines
    ]
    question = Question(now=NOW, age=HOUR, rules=ReconciliationRules(), verifies=False)
    sections = [each for each in examine(ledger, question).sections if each.check in OF_CYCLES]
    in_need = {line.row.position_id for line in found.in_need}
    assert {alarm.subject for alarm in alarms_of(sections)} == in_need
    unfinished = recoveries(ledger, [], now=NOW, rules=ReconciliationRules())
    needing = {each.cycle.row.position_id for each in unfinished if each.needs_attention}
    assert needing >= in_need, "what `status` advises finds it, and does not leave it to its bot"
    assert all(each.due is None for each in unfinished), "no order is needed by what nobody showed"


@settings(max_examples=50)
@given(
    conversations(defines=True),
    st.lists(st.integers(-30, 30), min_size=25, max_size=25),
    st.sets(st.sampled_from(["choice", "stray", "seen to"])),
)
def test_row_table_story_statistics_and_report_are_of_one_mind(
    sent: list[Command], ahead: list[int], endings: set[str]
) -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        send(ledger, sent, ahead)
        rows = live_on(ledger, endings)
        for row, text, typed in zip(rows, *as_tables(ledger), strict=True):
            the_tables_have_its_numbers(row, text, typed)
        alarmed = {row.position_id for row in ledger.positions(unprotected=True) if row.quantity}
        streams = {row.stream for row in rows}
        told = {each.row.position_id: each for stream in streams for each in tell(ledger, ledger.history(stream))}
        for row in rows:
            the_story_says_so(row, told[row.position_id], is_alarming=row.position_id in alarmed)
        found = statistics(ledger.store, EVER, now=NOW)
        the_statistics_add_them_up(found, rows, alarmed)
        pnl_says_so(found, [Pnl.of(each_since(ledger.store, EVER.reach), EVER, (by,)) for by in PnlBy])
        for facts in Projector(ledger.store, STATISTICS).lasting(EVER.since):
            row, since = facts.position, facts.exposed_since
            assert row in rows
            assert (since is not None) == (row.unprotected_since is not None or row.stray)
            assert since is None or row.unprotected_since is None or since >= row.unprotected_since
        report = look_through(ledger, EVER, EVERYTHING, NOW)
        standing = {each.row.position_id: each.unprotected for each in report.open}
        assert standing.keys() == {row.position_id for row in rows if row.status.is_open} | alarmed
        assert {name for name, length in standing.items() if length is not None} == alarmed
        assert report.statistics == found
        status = LedgerStatus.of(ledger.positions(open=True), NOW, HOUR)
        the_status_says_so(ledger, status, rows, alarmed)
        the_figures_say_so(ledger, status)
        the_page_and_the_alarms_say_so(ledger, status)
