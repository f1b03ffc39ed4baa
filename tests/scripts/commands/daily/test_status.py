"""`status`: one screen with the worst first, and its exit codes."""

from __future__ import annotations

import json
import os
import pty
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import PositionAlreadyOpen
from domain.values import timestamp_text
from infrastructure.ledger.ledger import PositionLedger
from projections.health import diagnosis
from tests.acceptance.bot import PROGRAM
from tests.forked_popen import ForkedPopen
from tests.past import before_now
from tests.scripts.program import Program, Ran


def enter(url: str, symbol: str, ago: float, *, stop: bool = True, **key: Any) -> None:
    fields: dict[str, Any] = {"at": before_now(ago)}
    wanted: dict[str, Any] = {"exchange": "binance", "side": "long", "quantity": "1234567.891", **key}
    with PositionLedger.connect(url) as ledger:
        fields["position_id"] = ledger.request_entry(symbol=symbol, intent_id="1", **wanted, **fields).position_id
        ledger.record_entry_placed(exchange_order_id=symbol, filled_qty="1234567.891", avg_px="10", **fields)
        if stop:
            ledger.set_stop_loss(stop_price="9", exchange_order_id=f"s {symbol}", activate=True, **fields)


@pytest.fixture
def asked(ledger_url: str, program: Program) -> Program:
    return lambda *words: program("status", "--database", ledger_url, *words)


@pytest.fixture
def three(ledger_url: str) -> str:
    enter(ledger_url, "APTUSDT", 9_000)
    enter(ledger_url, "SUIUSDT", 845, stop=False)
    enter(ledger_url, "1000PEPEUSDT", 700, stop=False, account="a-long-account")
    return ledger_url


def places(ran: Ran) -> list[str]:
    return [line.split()[1] for line in ran.out.splitlines() if line.startswith(("critical", "warning", "ok"))]


def test_a_quiet_ledger_ends_well(ledger_url: str, asked: Program) -> None:
    enter(ledger_url, "APTUSDT", 9_000)
    ran = asked()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("\n0 of 1 unprotected, nothing of 1 open position needs a person\n")


def test_what_needs_a_person_ends_with_1_and_comes_first(three: str, asked: Program) -> None:
    del three
    ran = asked()
    assert ran.code == 1
    assert places(ran) == ["SUIUSDT.binance#1", "1000PEPEUSDT.binance.a-long-account#1", "APTUSDT.binance#1"]
    assert ran.out.splitlines()[-1].startswith("2 of 3 unprotected, worst SUIUSDT.binance#1 14 min ")
    assert ": position-ledger recover --symbol SUIUSDT --exchange binance --account '' --live --database " in ran.out


@pytest.mark.parametrize("columns", [40, 80, 100, 160])
def test_a_screen_leaves_columns_out_and_folds_nothing(
    columns: int, three: str, asked: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    del three
    monkeypatch.setenv("COLUMNS", str(columns))
    table = [line for line in asked().out.splitlines()[2:] if line][:-1]
    assert len(table) == 5
    assert max(map(len, table)) <= max(columns, len("critical  1000PEPEUSDT.binance.a-long-account#1"))
    assert ("UNPROTECTED" in table[2]) == (columns > 40)
    assert "SUIUSDT.binance#1" in table[2], "whose line it is is said on the narrowest screen, too"
    assert ("≈1234568" in table[2]) == (columns > 80)


def test_what_is_rounded_for_eyes_is_exact_for_programs(three: str, asked: Program) -> None:
    del three
    found = asked("--json").json
    assert [found[name] for name in ("open", "held", "unprotected", "need_a_person", "ok")] == [3, 3, 2, 2, False]
    assert found["positions"][0]["position"]["quantity"] == "1234567.891"
    assert found["positions"][0]["next"] == found["next"]


def test_wide_shows_all_and_columns_those_that_are_named(three: str, asked: Program) -> None:
    del three
    assert "position-ledger recover" in asked("--wide").out.splitlines()[4]
    assert asked("--columns", "age, position").out.splitlines()[2].split() == ["age", "position"]
    wrong = asked("--columns", "agee")
    assert (wrong.code, wrong.err.splitlines()[-1][:40]) == (2, "Error: --columns agee: there are how, po")


def test_an_order_and_a_limit_of_its_own(three: str, asked: Program) -> None:
    del three
    assert places(asked("--sort", "symbol"))[0].startswith("1000PEPE")
    ran = asked("--sort", "age", "--limit", "1")
    assert places(ran) == ["APTUSDT.binance#1"]
    assert "and 2 more, 2 of them in need of a person: --limit 3\n" in ran.out
    assert ran.code == 1


def test_a_filter_judges_only_what_it_takes(three: str, asked: Program) -> None:
    del three
    assert asked("--symbol", "APTUSDT").code == 0


def test_a_follower_that_is_behind_is_told_beside_the_positions(
    ledger_url: str, asked: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(ledger_url, "APTUSDT", 9_000)
    assert asked().code == 0
    monkeypatch.setattr(diagnosis, "LAG_MAX", 3)
    ran = asked()
    assert ran.code == 1
    assert "warning: statistics: 4 events behind: whoever asks for them next has to wait\n" in ran.out
    assert "open position needs a person, 1 beside them does: position-ledger stats --database " in ran.out
    assert [(each["check"], each["severity"]) for each in asked("--json").json["elsewhere"]] == [
        ("projections", "warning")
    ]


def test_a_silence_is_told_when_it_is_asked_for(ledger_url: str, asked: Program) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        assert asked("--quiet", "0.01").code == 0, "nothing is expected of a ledger in which nothing ever was"
        ledger._clock = lambda: datetime.now(UTC) - timedelta(minutes=30)
        ledger.define_instrument(symbol="APTUSDT", exchange="binance", contract_size="1", reason="r")
    assert asked().code == 0
    assert asked("--quiet", "60").code == 0
    ran = asked("--quiet", "20")
    assert (ran.code, "warning: ledger: nothing heard for 30 min" in ran.out) == (1, True)


def test_a_refusal_is_heard_as_well(ledger_url: str, asked: Program) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger._clock = lambda: datetime.now(UTC) - timedelta(minutes=30)
        key: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "1"}
        ledger.request_entry(intent_id="1", **key)
        ledger._clock = lambda: datetime.now(UTC)
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(intent_id="2", **key)
    assert "nothing heard" not in asked("--quiet", "20").out


def test_a_snapshot_that_is_stale_is_told(ledger_url: str, asked: Program, tmp_path: Path) -> None:
    enter(ledger_url, "APTUSDT", 9_000)
    taken_at = datetime.now(UTC) - timedelta(hours=1)
    shown = {"exchange": "binance", "timestamp": timestamp_text(taken_at), "positions": [], "orders": []}
    file = tmp_path / "binance.json"
    file.write_text(json.dumps(shown), encoding="utf-8")
    ran = asked("--snapshot", file, "--max-age", "60")
    assert ran.code == 1
    assert "warning: binance: the snapshot is not reliable: " in ran.out


def test_watching_and_json_exclude_each_other(asked: Program) -> None:
    assert asked("--watch", "--json").code == 2


def on_a_terminal(*words: str, until: bytes, **environment: str) -> bytes:
    """What a terminal of 80 columns is given until something is seen the second time."""
    ours, theirs = pty.openpty()
    surroundings = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    surroundings |= {"TERM": "xterm", "COLUMNS": "80", **environment}
    with ForkedPopen[bytes]([PROGRAM, "status", *words], stdout=theirs, env=surroundings) as process:
        os.close(theirs)
        seen = b""
        while seen.count(until) < 2 and (more := _read(ours)):
            seen += more
        process.terminate()
    os.close(ours)
    return seen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux says so at the end
        return b""


def test_a_terminal_has_colours_unless_somebody_wants_none(three: str) -> None:
    words = ("--database", three)
    assert b"\x1b[31mcritical  SUIUSDT" in on_a_terminal(*words, until=b"unprotected, worst")
    assert b"\x1b[" not in on_a_terminal(*words, until=b"unprotected, worst", NO_COLOR="1")


def test_watching_renews_the_screen_in_place(three: str) -> None:
    seen = on_a_terminal("--database", three, "--watch", "0.1", until=b"\x1b[H\x1b[2J")
    assert seen.startswith(b"\x1b[H\x1b[2J")
    assert b"2 of 3 unprotected" in seen
