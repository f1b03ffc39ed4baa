"""`cleanup` on the command line, for a legacy table and for a ledger on either database."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from tests.infrastructure.legacy.source.test_legacy_database import make
from tests.past import before_now
from tests.scripts.program import Program, Ran


class Told(Ran):
    def told(self, what: str = "changes") -> list[tuple[str, str]]:
        return [
            (each["mode"], each.get("position_id") or each.get("id") or each.get("key") or each["symbol"])
            for each in self.json[what]
        ]


Run = Callable[..., Told]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: Program) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda mode, *arguments: Told(*program("cleanup", "--mode", mode, *arguments))


def position(symbol: str, side: str, contracts: str, price: str) -> dict[str, Any]:
    return {"symbol": symbol, "side": side, "contracts": contracts, "entry_price": price}


APT = position("APT/USDT:USDT", "short", "61.0", "3.2295")
ORBS = position("ORBS/USDT:USDT", "short", "200", "0.015")
APT_STOP = {
    "order_id": "s1", "symbol": "APT/USDT:USDT", "type": "stop_market", "side": "buy", "status": "open",
    "amount": "61.0", "stopPrice": "3.3", "reduceOnly": True,
}  # fmt: skip


@pytest.fixture
def snapshot(tmp_path: Path) -> Callable[..., Path]:
    def snapshot(*positions: dict[str, Any], orders: tuple[dict[str, Any], ...] = (), seconds: float = 0) -> Path:
        path = tmp_path / f"snapshot-{seconds}.json"
        document = {
            "exchange": "binance",
            "timestamp": before_now(seconds=seconds),
            "positions_count": len(positions),
            "orders_count": len(orders),
            "positions": list(positions),
            "orders": list(orders),
            "conditional_orders": [],
        }
        path.write_text(json.dumps(document))
        return path

    return snapshot


# -- a legacy table ---------------------------------------------------------------------------------------------

DONE = ("--confirm", "--reason", "before the cut-over")


@pytest.fixture
def table(postgres_url: str) -> str:
    make(postgres_url)
    for row in (
        (2548, "APTUSDT", "binance", "short", "61.8", "entry_placed", "53190368"),
        (2549, "APT/USDT:USDT", "Binance", "sell", "61.0", "active", None),
        (2550, "KASUSDT", "binance", "long", "100", "active", "77"),
        (2551, "SKYUSDT", "bybit", "long", "110", "pending_entry", None),
        (2552, "POWRUSDT", "binance", "long", "110", "closed", None),
    ):
        with psycopg.connect(postgres_url) as connection:
            connection.execute(
                "INSERT INTO monitoring.positions (id, symbol, exchange, side, quantity, status, exchange_order_id,"
                " opened_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (*row, before_now(hours=5)),
            )
    return postgres_url


def statuses(table: str) -> dict[int, str]:
    with psycopg.connect(table) as connection:
        return dict(connection.execute("SELECT id, status FROM monitoring.positions").fetchall())


def reasons(table: str) -> dict[int, str | None]:
    with psycopg.connect(table) as connection:
        return dict(connection.execute("SELECT id, exit_reason FROM monitoring.positions").fetchall())


def test_without_confirm_a_table_is_only_looked_at(run: Run, table: str, tmp_path: Path) -> None:
    before = statuses(table)
    ran = run("duplicates", "--from", table)
    assert ran.code == 1
    assert ran.out.startswith("monitoring.positions: 1 to change, 0 left alone\n")
    assert "nothing was changed: run it again with --confirm --reason TEXT to do it" in ran.out
    assert "APTUSDT.binance (row 2549)  active -> closed  duplicate of row 2548, for it names order 53190368" in ran.out
    assert statuses(table) == before
    assert list(tmp_path.iterdir()) == []


def test_a_duplicate_is_closed_after_a_backup(run: Run, table: str, tmp_path: Path) -> None:
    before = statuses(table)
    ran = run("duplicates", "--from", table, *DONE, "--json")
    assert ran.code == 0, ran
    assert ran.told() == [("duplicates", "2549")]
    assert [each["outcome"] for each in ran.json["changes"]] == ["done"]
    assert statuses(table) == before | {2549: "closed"}
    assert reasons(table)[2549] == "cleanup: duplicate of row 2548, for it names order 53190368"
    (backup,) = tmp_path.glob("cleanup-*Z.json")
    assert ran.json["backup"] == backup.name
    saved = json.loads(backup.read_text())
    assert [(row["id"], row["status"]) for row in saved["rows"]] == [("2549", "active")]
    assert saved["reason"] == "before the cut-over"
    assert run("duplicates", "--from", table).code == 0


def test_all_modes_with_the_evidence_of_the_exchange(
    run: Run, table: str, snapshot: Callable[..., Path], tmp_path: Path
) -> None:
    ran = run("all", "--from", table, "--snapshot", snapshot(APT, ORBS), "--json", *DONE, "--backup", "kept.json")
    assert ran.code == 1
    assert ran.told() == [("duplicates", "2549"), ("incomplete", "2551"), ("orphaned-db", "2550")]
    assert ran.told("left") == [("incomplete", "APTUSDT.binance"), ("orphaned-ex", "ORBSUSDT.binance")]
    assert statuses(table) == {2548: "entry_placed", 2549: "closed", 2550: "closed", 2551: "failed", 2552: "closed"}
    assert len(json.loads((tmp_path / "kept.json").read_text())["rows"]) == 3


def test_filters_choose_rows_and_what_is_seen_at_the_exchange(
    run: Run, table: str, snapshot: Callable[..., Path]
) -> None:
    ran = run("all", "--from", table, "--symbol", "KASUSDT", "--snapshot", snapshot(APT, ORBS), "--json")
    assert (ran.told(), ran.told("left")) == ([("orphaned-db", "2550")], [])
    assert run("incomplete", "--from", table, "--exchange", "Bybit", "--json").told() == [("incomplete", "2551")]
    assert run("incomplete", "--from", table, "--symbol", "KAS/USDT:USDT").code == 0
    assert run("incomplete", "--from", table, "--exchange", "bybit", "--age", 6).code == 0


def test_without_a_backup_nothing_is_changed_unless_it_is_declined(run: Run, table: str, tmp_path: Path) -> None:
    before = statuses(table)
    ran = run("duplicates", "--from", table, *DONE, "--backup", tmp_path / "nowhere" / "backup.json")
    assert (ran.code, ran.out) == (1, "")
    assert "BackupRefused" in ran.err
    assert statuses(table) == before
    ran = run("duplicates", "--from", table, *DONE, "--no-backup", "--json")
    assert (ran.code, ran.json["backup"]) == (0, None)
    assert statuses(table) != before
    assert list(tmp_path.iterdir()) == []


def test_sigterm_while_the_backup_is_written_changes_nothing_and_leaves_no_file(
    run: Run, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = statuses(table)
    monkeypatch.setattr(os, "fsync", lambda _: signal.raise_signal(signal.SIGTERM))
    handler = signal.signal(signal.SIGTERM, lambda *_: None)  # else it would end the tests
    try:
        assert run("duplicates", "--from", table, *DONE).code == 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert statuses(table) == before and list(tmp_path.iterdir()) == []


def test_a_snapshot_whose_time_may_be_another_changes_nothing(run: Run, table: str, tmp_path: Path) -> None:
    naive = tmp_path / "naive.json"
    document = {"exchange": "binance", "timestamp": datetime.now(UTC).replace(tzinfo=None).isoformat()}
    naive.write_text(json.dumps(document | {"positions": [APT]}))
    ran = run("orphaned-db", "--from", table, "--snapshot", naive, *DONE)
    assert ran.code == 2
    assert "--timezone says it" in ran.err
    assert run("orphaned-db", "--from", table, "--snapshot", naive, "--timezone", "UTC", *DONE).code == 0
    assert statuses(table)[2550] == "closed"


# -- a ledger ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LEDGER_DATABASE_URL", ledger_url)
    at = before_now(hours=3)
    with PositionLedger.connect(ledger_url) as ledger:
        for symbol, exchange in (("APTUSDT", "binance"), ("BIDUSDT", "binance"), ("TAGUSDT", "bybit")):
            ledger.request_entry(
                symbol=symbol, exchange=exchange, side="short", quantity="61.8", intent_id=symbol, at=at
            )
        ledger.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="53190368", at=at)
        ledger.adopt(
            symbol="SKYUSDT", exchange="binance", side="long", quantity="10", avg_px_open="2", reason="seen", at=at
        )
        with pytest.raises(Exception, match="already holds this slot"):
            ledger.request_entry(symbol="SKYUSDT", exchange="binance", side="long", quantity="10", intent_id="x")
    return ledger_url


def rows(url: str) -> dict[str, str]:
    with PositionLedger.connect(url) as ledger:
        assert verify(ledger.store).ok
        return {row.position_id: row.status.value for row in ledger.positions()}


def test_a_ledger_has_no_duplicates_and_says_how_many_were_refused(run: Run, ledger: str) -> None:
    ran = run("duplicates", "--json")
    assert (ran.code, ran.json["changes"], ran.json["refused_duplicates"]) == (0, [], {"SKYUSDT.binance": 1})
    assert rows(ledger)


def test_one_snapshot_alone_ends_no_entry(run: Run, ledger: str, snapshot: Callable[..., Path]) -> None:
    ran = run("incomplete", "--snapshot", snapshot(ORBS), "--symbol", "BIDUSDT", *DONE, "--json")
    assert (ran.code, ran.json["changes"], ran.told("left")) == (1, [], [("incomplete", "BIDUSDT.binance#1")])
    assert rows(ledger)["BIDUSDT.binance#1"] == "pending_entry"


def test_without_a_snapshot_it_says_what_is_missing(run: Run, ledger: str) -> None:
    ran = run("incomplete", "--confirm", "--reason", "none", "--json")
    assert (ran.code, ran.json["changes"]) == (1, [])
    assert sorted(ran.told("left")) == [
        ("incomplete", f"{name}#1") for name in ("APTUSDT.binance", "BIDUSDT.binance", "TAGUSDT.bybit")
    ]
    assert "missing: whether its entry order reached the exchange" in ran.out
    assert set(rows(ledger).values()) == {"pending_entry", "entry_placed", "active"}


def test_without_confirm_a_ledger_is_only_looked_at(run: Run, ledger: str, snapshot: Callable[..., Path]) -> None:
    before = rows(ledger)
    ran = run("all", "--snapshot", snapshot(APT, ORBS, orders=(APT_STOP,)), "--snapshot", snapshot(ORBS, seconds=60))
    assert ran.code == 1
    assert "nothing was changed: run it again with --confirm --reason TEXT to do it" in ran.out
    assert rows(ledger) == before


def test_every_mode_works_through_commands_of_an_operator(run: Run, ledger: str, snapshot: Callable[..., Path]) -> None:
    both = ("--snapshot", snapshot(APT, ORBS, orders=(APT_STOP,)), "--snapshot", snapshot(APT, ORBS, seconds=60))
    ran = run("all", *both, "--confirm", "--reason", "after the crash", "--json")
    assert ran.code == 1
    assert sorted(ran.told()) == [
        ("incomplete", "APTUSDT.binance#1"),
        ("incomplete", "APTUSDT.binance#1"),
        ("incomplete", "BIDUSDT.binance#1"),
        ("orphaned-db", "SKYUSDT.binance#1"),
        ("orphaned-ex", "ORBSUSDT"),
    ]
    assert {each["outcome"] for each in ran.json["changes"]} == {"done"}
    assert ran.told("left") == [("incomplete", "TAGUSDT.bybit#1")]
    assert "give a snapshot of bybit" in ran.json["left"][0]["why"]
    assert rows(ledger) == {
        "APTUSDT.binance#1": "active",
        "BIDUSDT.binance#1": "failed",
        "SKYUSDT.binance#1": "closed",
        "TAGUSDT.bybit#1": "pending_entry",
        "ORBSUSDT.binance#1": "active",
    }
    with PositionLedger.connect(ledger) as opened:
        events = [entry.event for stream in ("APTUSDT", "SKYUSDT") for entry in opened.history(f"{stream}.binance")]
    sources = {type(event).__name__: event.source.value for event in events}
    assert sources["Activated"] == sources["PositionClosed"] == sources["StopLossSet"] == "operator"
    assert run("all", *both, "--exchange", "binance").code == 0


def test_of_two_modes_that_find_one_position_one_sees_to_it(
    run: Run, ledger: str, snapshot: Callable[..., Path]
) -> None:
    with PositionLedger.connect(ledger) as opened:
        for symbol in ("PERPUSDT", "WAVESUSDT"):
            opened.request_entry(
                symbol=symbol, exchange="binance", side="long", quantity="5", intent_id=symbol, at=before_now(hours=3)
            )
            opened.record_entry_placed(
                position_id=f"{symbol}.binance#1",
                exchange_order_id=symbol,
                filled_qty="5",
                avg_px="2",
                at=before_now(hours=3),
            )
    turned = position("WAVES/USDT:USDT", "short", "5", "2")
    both = ("--snapshot", snapshot(turned), "--snapshot", snapshot(turned, seconds=60), "--trust-empty")
    gone = run("all", *both, "--symbol", "PERPUSDT", *DONE, "--json")
    assert (gone.code, gone.told(), gone.told("left")) == (0, [("incomplete", "PERPUSDT.binance#1")], [])
    turned_round = run("all", *both, "--symbol", "WAVESUSDT", *DONE, "--json")
    assert (turned_round.code, turned_round.told("left")) == (0, [])
    assert turned_round.told() == [("orphaned-db", "WAVESUSDT.binance#1"), ("orphaned-db", "WAVESUSDT")]
    found = rows(ledger)
    assert [found[name] for name in ("PERPUSDT.binance#1", "WAVESUSDT.binance#1", "WAVESUSDT.binance#2")] == [
        "closed",
        "closed",
        "active",
    ]


def test_one_snapshot_alone_closes_no_position_of_a_ledger(
    run: Run, ledger: str, snapshot: Callable[..., Path]
) -> None:
    ran = run("orphaned-db", "--snapshot", snapshot(APT), "--confirm", "--reason", "seen once", "--json")
    assert (ran.code, ran.json["changes"]) == (1, [])
    assert "by 1 of 2 snapshots" in ran.json["left"][0]["why"]
    assert rows(ledger)["SKYUSDT.binance#1"] == "active"
    assert run("orphaned-db", "--snapshot", snapshot(APT), "--confirmations", 1, *DONE).code == 0
    assert rows(ledger)["SKYUSDT.binance#1"] == "closed"


def test_an_entry_is_old_enough_or_left_out(run: Run, ledger: str, snapshot: Callable[..., Path]) -> None:
    assert run("incomplete", "--age", 4, "--snapshot", snapshot(ORBS)).code == 0
    assert run("incomplete", "--age", 2.5, "--snapshot", snapshot(ORBS)).code == 1
    assert rows(ledger)["BIDUSDT.binance#1"] == "pending_entry"


# -- usage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "'nonsense' is not one of 'duplicates', 'incomplete'"),
        (["orphaned-db"], "--mode orphaned-db needs --snapshot FILE"),
        (["all"], "--mode all needs --snapshot FILE"),
        (["duplicates", "--confirm"], "--confirm needs --reason TEXT"),
        (["duplicates", "--confirm", "--reason", " "], "it says nothing"),
        (["duplicates", "--reason", "x"], "--reason is for --confirm"),
        (["duplicates", "--no-backup"], "are for a legacy table"),
        (["duplicates", "--from", "postgresql:///x", "--account", "a"], "a legacy table knows no accounts"),
        (["duplicates", "--from", "postgresql:///x", "--backup", "f", "--no-backup"], "exclude each other"),
        (["duplicates", "--from", "mysql://u:s3cret@h/x"], "--from is not a database URL"),
        (["duplicates", "--taken-at", "2025-10-22T18:50:40Z"], "--taken-at is for one --snapshot"),
        (["duplicates", "--age", "-1"], "is not in the range"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_usage(run: Run, arguments: list[str], words: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in " ".join(ran.err.split())
    assert "s3cret" not in ran.err


def test_a_snapshot_of_nobody_knows_which_exchange_is_usage(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bare.json").write_text("[]")
    ran = run("orphaned-ex", "--snapshot", tmp_path / "bare.json")
    assert ran.code == 2
    assert "name it with --exchange" in ran.err


def test_a_database_that_cannot_be_reached_is_exit_3(run: Run) -> None:
    ran = run("duplicates", "--from", "postgresql://bot:s3cret@127.0.0.1:1/trading")
    assert (ran.code, ran.out) == (3, "")
    assert "s3cret" not in ran.err
