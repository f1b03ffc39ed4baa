"""`watch` on the command line: its output, its exit codes, and its refusals."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.sql.sql_store import SqlStore
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.watching import watcher
from infrastructure.watching.sinks.telegram import CHAT_VARIABLE, TOKEN_VARIABLE
from infrastructure.watching.sinks.webhook import SECRET_VARIABLE, URL_VARIABLE
from tests.past import before_now
from tests.scripts.program import Program


def at(ago: float) -> dict[str, Any]:
    return {"at": before_now(ago)}


@pytest.fixture
def asked(ledger_url: str, program: Program) -> Program:
    """A ledger with something of each kind that a person has to see to."""
    with PositionLedger.connect(ledger_url) as ledger:

        def entered(symbol: str, ago: float, *, placed: bool = True) -> dict[str, Any]:
            when = at(ago)
            when["position_id"] = ledger.request_entry(
                symbol=symbol, exchange="binance", side="long", quantity="10", intent_id="1", **when
            ).position_id
            if placed:
                ledger.record_entry_placed(exchange_order_id=symbol, filled_qty="10", avg_px="10", **when)
            return when

        entered("BAREUSDT", 300)
        ledger.record_entry_unknown(reason="timeout", **entered("UNKNOWNUSDT", 300, placed=False))
        ledger.start_rollback(reason="no stop", **entered("STUCKUSDT", 9_000))
        over = entered("STRAYUSDT", 300, placed=False)
        ledger.fail_entry(outcome="canceled", reason="given up", **over)
        ledger.record_entry_fill(trade_id="1", last_qty="4", last_px="10", **over)
        fine = entered("FINEUSDT", 300)
        ledger.set_stop_loss(stop_price="9", exchange_order_id="s", activate=True, **fine)
    return partial(program, "--database", ledger_url)


def test_it_rings_for_what_status_shows_and_for_nothing_else(asked: Program) -> None:
    ran = asked("watch", "--once", "--json")
    assert (ran.code, ran.err) == (0, "")
    rung = {(each["subject"], each["message"]) for each in map(json.loads, ran.out.splitlines())}
    lines = asked("status", "--json").json["positions"]
    shown = {(each["subject"], each["message"]) for line in lines for each in line["findings"]}
    assert {subject for subject, _ in rung} == {subject for subject, _ in shown}
    assert {subject.partition(".")[0] for subject, _ in rung} == {"BAREUSDT", "UNKNOWNUSDT", "STUCKUSDT", "STRAYUSDT"}
    assert len(rung) == len(shown)


def test_a_second_look_rings_for_nothing_and_another_name_for_all(asked: Program) -> None:
    first = asked("watch", "--once").out
    assert asked("watch", "--once").out == ""
    assert len(asked("watch", "--once", "--name", "other").out.splitlines()) == len(first.splitlines())


def test_a_filter_watches_what_it_takes(asked: Program) -> None:
    out = asked("watch", "--once", "--symbol", "BAREUSDT").out
    assert "BAREUSDT" in out and "STUCKUSDT" not in out


def test_a_sink_that_does_not_take_it_is_said_and_ends_with_1(asked: Program) -> None:
    ran = asked("watch", "--once", "--exec", "false")
    assert (ran.code, ran.err) == (1, "exec: not delivered: false: ended with 1; tried again in 1 s\n")
    assert asked("watch", "--once", "--exec", "true").code == 0


def test_a_webhook_without_a_secret_is_said_not_to_be_signed(asked: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = ("watch", "--once", "--webhook", "https://127.0.0.1:1/hook")
    not_signed = f"webhook: not signed, because {SECRET_VARIABLE} is not set\n"
    assert asked(*nobody).err.startswith(not_signed)
    monkeypatch.setenv(SECRET_VARIABLE, f"whsec_{'A' * 32}")
    assert not_signed not in asked(*nobody).err


def test_a_snapshot_that_is_gone_rings(asked: Program, tmp_path: Path) -> None:
    file = tmp_path / "binance.json"
    file.write_text("not JSON", encoding="utf-8")
    out = asked("watch", "--once", "--snapshot", file).out
    assert "warning: snapshots: exchange: cannot be read: " in out


@pytest.mark.parametrize(
    ("words", "environment", "says"),
    [
        (["--telegram"], {}, f"{TOKEN_VARIABLE} is not set"),
        (["--telegram"], {TOKEN_VARIABLE: "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"}, f"{CHAT_VARIABLE} is not set"),
        (
            ["--webhook", "http://alarms.example/x"],
            {},
            f"--webhook or {URL_VARIABLE}: http://alarms.example is another machine",
        ),
        ([], {URL_VARIABLE: "alarms.example"}, f"--webhook or {URL_VARIABLE}: it is no URL of a host"),
        (["--webhook", "https://a.example"], {SECRET_VARIABLE: "hush"}, f"{SECRET_VARIABLE} is no secret of a webhook"),
        (["--exec", "'unfinished"], {}, "--exec or LEDGER_WATCH_EXEC: No closing quotation"),
        ([], {"LEDGER_WATCH_EXEC": "'"}, "--exec or LEDGER_WATCH_EXEC: No closing quotation"),
        (["--snapshot", "-"], {}, "--snapshot - can be read once"),
        (["--name", "a b"], {}, "'a b' is no name of a watch"),
    ],
)
def test_what_cannot_ring_is_refused_at_once(
    asked: Program, words: list[str], environment: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ran = asked("watch", "--once", *words)
    assert (ran.code, says in ran.err) == (2, True), ran.err
    assert not any(value in ran.err for value in environment.values() if len(value) > 1)


def test_what_could_not_be_remembered_ends_with_3_for_it_will_be_told_again(
    asked: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> bool:
        raise StoreUnavailable("it is read only")

    monkeypatch.setattr(watcher, "AWAY_MAX", timedelta(seconds=1))
    with monkeypatch.context() as read_only:
        read_only.setattr(SqlStore, "remember", refused)
        ran = asked("watch", "--once")
    assert (ran.code, ran.err) == (3, "not remembered yet: StoreUnavailable: it is read only\n")
    assert "BAREUSDT" in ran.out
    assert asked("watch", "--once").out != ""


def test_there_must_be_a_ledger(program: Program, tmp_path: Path) -> None:
    ran = program("watch", "--once", "--database", f"sqlite:///{tmp_path}/none.db")
    assert (ran.code, "position-ledger init" in ran.err) == (3, True)
