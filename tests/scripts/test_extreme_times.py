"""Every reading command on events of the years 1 to 9999, as a version without limits or a wrong clock wrote them."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.requests import (
    Close,
    RecordEntryFill,
    RecordEntryPlaced,
    Reduce,
    RequestEntry,
    SetStopLoss,
    StartRollback,
)
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import Clock
from tests.past import before_now
from tests.scripts.program import Program

RECORDED = datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC)
TIMES = (
    datetime.min.replace(tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(2100, 1, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)
AS_OF = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2025-10-22T18:50:40Z", "9999-12-31T23:59:59.999999Z")
STATES = ("ENT", "BARE", "SAFE", "BACK", "OVER", "LATE")
KEYS = [f"{state}{number}USDT.binance" for state in STATES for number in (0, 4, 9)]
READ: list[list[str]] = [
    ["positions"], ["positions", "--json"], ["positions", "--open"], ["positions", "--unprotected"],
    *(["positions", "--as-of", at] for at in AS_OF),
    *(["positions", "--as-of", at, "--by", "event-time"] for at in AS_OF),
    *(["history", key] for key in KEYS),
    *(["history", f"{key}#1"] for key in KEYS),
    *(["history", f"{key}#1", "--story", "--json"] for key in KEYS),
    *(["history", f"{key}#1", "--html", "FOLDER/history.html"] for key in KEYS),
    ["stats"], ["stats", "--json"], ["stats", "--since", "9000d"],
    ["report"], ["report", "--json"], ["report", "--html", "FOLDER/report.html"],
    ["diagnose"], ["diagnose", "--json"], ["diagnose", "--mode", "report"], ["diagnose", "--snapshot", "FOLDER/s.json"],
    ["recover"], ["recover", "--json"], ["recover", "--snapshot", "FOLDER/s.json"],
    ["reconcile", "--snapshot", "FOLDER/s.json"], ["reconcile", "--json", "--snapshot", "FOLDER/s.json"],
    *(["cleanup", "--mode", mode, "--snapshot", "FOLDER/s.json"] for mode in ("incomplete", "all")),
    *(["export", "--output", f"FOLDER/ledger.{ending}"] for ending in ("jsonl", "jsonl.gz", "csv", "parquet")),
    *(
        ["export", "--what", what, "--output", f"FOLDER/{what}.{ending}"]
        for what in ("positions", "rejections") for ending in ("csv", "parquet")
    ),
    ["anchor"], ["verify"], ["projections"], ["rebuild"], ["verify", "--processes", "2"],
]  # fmt: skip


class Unbounded(PositionLedger):
    """A ledger that takes any time."""

    said_at: datetime | None = None
    """When the exchange says that it happened; None for the time of the clock."""

    def _stamp(self, command: Command) -> CommandContext:
        del command
        return CommandContext(self._new_id(), self.said_at or self._clock(), self._clock())


def fill(url: str) -> None:
    """Every state, with an extreme time of the exchange, and with one that the clock of the ledger showed."""
    with PositionLedger.connect(url) as opened:
        for number, time in enumerate([*TIMES, *TIMES]):
            is_said = number < len(TIMES)
            clock = Clock(RECORDED if is_said else time)
            ledger = Unbounded(opened.store, clock=clock)
            ledger.said_at = time if is_said else None
            tell(ledger, number)


def tell(ledger: PositionLedger, number: int) -> None:
    def say(kind: type[Command], **fields: Any) -> None:
        with suppress(CommandRefused):  # a fill of 1970 or before is older than anything, and counts for nothing
            ledger.handle(kind.of(**fields))

    for state in STATES:
        key, position_id = {"symbol": f"{state}{number}USDT", "exchange": "binance"}, f"{state}{number}USDT.binance#1"
        say(RequestEntry, **key, side="long", quantity="2", signal_price="10", intent_id=f"{number}")
        if state == "ENT":
            continue
        say(RecordEntryPlaced, position_id=position_id, exchange_order_id="o")
        say(RecordEntryFill, position_id=position_id, trade_id="t", last_qty="2", last_px="10")
        if state == "BARE":
            continue
        say(SetStopLoss, position_id=position_id, stop_price="9", exchange_order_id="s", activate=True)
        if state == "BACK":
            say(StartRollback, position_id=position_id, reason="x")
        if state in ("OVER", "LATE"):
            say(Reduce, position_id=position_id, trade_id="r", last_qty="1", last_px="11")
            say(Close, position_id=position_id, exit_reason="target", avg_px_close="11")
        if state == "LATE":
            say(RecordEntryFill, position_id=position_id, trade_id="late", last_qty="1", last_px="10")


@pytest.fixture
def folder(ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fill(ledger_url)
    monkeypatch.setenv("LEDGER_DATABASE_URL", ledger_url)
    rows = [
        {"symbol": f"{state}{number}USDT", "side": "long", "contracts": "2", "entry_price": "10"}
        for state in ("BARE", "SAFE", "BACK") for number in range(2 * len(TIMES))
    ]  # fmt: skip
    document = {"exchange": "binance", "timestamp": before_now(), "positions": rows, "orders": []}
    (tmp_path / "s.json").write_text(json.dumps(document))
    return tmp_path


def test_what_is_of_a_time_to_come_is_not_left_alone_until_then(folder: Path, program: Program) -> None:
    bare = {f"BARE{number}USDT.binance#1" for number in (2, 3, 4, 5, 7, 8, 9)}
    sections = {section["check"]: section["findings"] for section in program("diagnose", "--json").json["sections"]}
    critical = {each["subject"] for each in sections["unprotected"] if each["severity"] == "critical"}
    assert bare <= critical, folder
    left = program("recover", "--json").json["unfinished"]
    assert [each["position_id"] for each in left if each["proposal"]["action"] == "leave"] == []


def test_no_time_is_too_early_or_too_late_to_be_read(folder: Path, program: Program) -> None:
    broken = []
    for words in READ:
        ran = program(*(word.replace("FOLDER", str(folder)) for word in words))
        if ran.code not in (0, 1) or "Error" in ran.err:
            broken.append((words, ran.code, ran.err))
    assert broken == []
