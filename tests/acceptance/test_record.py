"""`record` answers every line of its input with one line, whatever the line contains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.bot import Bot, read, run

ENTRY: dict[str, Any] = {
    "command": "request_entry", "symbol": "APT/USDT:USDT", "exchange": "binance", "side": "short", "quantity": "61.8",
    "signal_price": "3.2333", "intent_id": "5483266",
}  # fmt: skip


def test_the_answer_is_there_before_the_next_line_is_sent(ledger_url: str) -> None:
    with Bot(ledger_url) as bot:
        assert bot.ask(**ENTRY) == {
            "ok": True,
            "outcome": "recorded",
            "position_id": "APTUSDT.binance#1",
            "status": "pending_entry",
            "version": 1,
            "client_order_id": "phj4bdbehtnowjiptjskodhosei",
            "events": ["EntryRequested"],
            "may_order": True,
            "quantity": "0",
            "current_status": "pending_entry",
            "current_version": 1,
        }
        refusal = bot.ask(**ENTRY | {"intent_id": "2"})
        assert (refusal["ok"], refusal["error"], refusal["detected_by"]) == (False, "PositionAlreadyOpen", "state")
        assert refusal["position_id"] == "APTUSDT.binance#1"
        assert bot.ask(**ENTRY)["outcome"] == "replayed"
        assert bot.stop() == 1


def test_questions_are_answered_between_commands(ledger_url: str) -> None:
    with Bot(ledger_url) as bot:
        entry = bot.ask(**ENTRY)
        found = bot.ask(query="positions", symbol="APTUSDT", open=True)
        assert (found["ok"], found["query"], len(found["positions"])) == (True, "positions", 1)
        assert bot.ask(query="position", position_id="APTUSDT.binance#1")["position"] == found["positions"][0]
        (order,) = bot.ask(query="pending_orders")["orders"]
        assert order["client_order_id"] == entry["client_order_id"]
        assert bot.ask(query="positions", symbol="SUIUSDT")["positions"] == []
        sent = bot.ask(
            command="record_entry_placed", position_id="APTUSDT.binance#1", exchange_order_id="1", command_id="c"
        )
        assert bot.ask(query="receipt", command_id="c")["receipt"] == sent | {"outcome": "replayed"}
        assert bot.ask(query="receipt", command_id="never sent")["receipt"] is None
        assert bot.stop() == 0


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"query": "positions", "open": "yes"}, "positions: open: "),
        ({"query": "positions", "open": 1}, "positions: open: "),
        ({"query": "positions", "symbol": 5}, "positions: symbol: "),
        ({"query": "positions", "opened": True}, "positions: opened: "),
        ({"query": "position"}, "position: position_id: "),
        ({"query": "orders"}, "there is no query 'orders'; there are positions, position, pending_orders, receipt"),
    ],
)
def test_a_question_that_the_schema_does_not_have_is_refused(
    ledger_url: str, question: dict[str, Any], words: str
) -> None:
    with Bot(ledger_url) as bot:
        answer = bot.ask(**question)
        assert (answer["ok"], answer["error"]) == (False, "InvalidCommand")
        assert answer["message"].startswith(words)
        assert bot.ask(query="positions", open=True)["ok"]
        assert bot.stop() == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense", "not a JSON object"),
        (b"[1, 2]", "a command is a JSON object"),
        (b"{}", 'there is no "command" in it'),
        (b'{"command": "open"}', "there is no command 'open'"),
        (b'{"command": "import_position"}', "there is no command"),
        (b'{"command": 7}', "there is no command"),
        (b'{"command": "activate"}', "position_id is missing"),
        (b'{"command": "activate", "position_id": "APTUSDT#1"}', "not a key like"),
        (b'{"command": "activate", "position_id": 1}', "not a position id"),
        (b'{"command": "activate", "position_id": "APTUSDT.binance#1", "cls": 1}', "cls is not a field"),
        (b'{"command": "activate", "position_id": "A.b#1", "position_id": "A.b#2"}', "is there twice"),
        (b'{"command": "activate", "position_id": "A.b#1", "at": "2025-10-22T18:50:40"}', "names no zone"),
        (b'{"command": "activate", "position_id": "A.b#1", "at": 1761159045914}', "is not a time"),
        (b'{"command": "activate", "position_id": "A.b#1", "metadata": {"x": 1.5}}', 'send the text "1.5"'),
        (b'{"command": "activate", "position_id": "A.b#1", "command_id": ""}', "is empty"),
        (b'{"command": "activate", "position_id": "A.b#1", "command_id": "\\ud800"}', "cannot be stored"),
        (b'{"command": "activate", "position_id": "A.b#1", "expected_version": -1}', "expected_version"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not a JSON object"),
        (b'{"command": "' + b"x" * 2_000_000, "longer than"),
        (b'{"command": "activate", "position_id": NaN}', "not a finite number"),
    ],
)
def test_a_bad_line_is_answered_and_not_fatal(ledger_url: str, line: bytes, words: str) -> None:
    done = run(ledger_url, "record", stdin=line + b"\n" + json.dumps(ENTRY).encode())
    bad, good = map(json.loads, done.stdout.splitlines())
    assert (bad["ok"], bad["error"]) == (False, "InvalidCommand")
    assert words in bad["message"]
    assert good["outcome"] == "recorded"
    assert done.returncode == 1
    assert done.stderr.startswith("made a new ledger: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "send"), [("61.8", "61.8"), ("61.80", "61.80"), ("1e-7", "0.0000001"), ("0.1", "0.1"), ("-2.5", "-2.5")]
)
def test_a_float_is_refused_with_the_text_to_send_instead(ledger_url: str, text: str, send: str) -> None:
    line = json.dumps(ENTRY).replace('"61.8"', text)
    done = run(ledger_url, "record", stdin=line)
    assert f'send the text "{send}"' in json.loads(done.stdout)["message"]
    assert read(ledger_url, "positions") == []


def test_blank_lines_are_no_commands_and_a_last_line_needs_no_end(ledger_url: str) -> None:
    done = run(ledger_url, "record", stdin=f"\n\n  \n{json.dumps(ENTRY)}")
    assert len(done.stdout.splitlines()) == 1
    assert done.returncode == 0


def test_what_was_acknowledged_survives_a_process_that_is_killed(ledger_url: str) -> None:
    acknowledged = []
    for number in range(5):
        with Bot(ledger_url) as bot:
            for turn in range(10):
                answer = bot.ask(**ENTRY | {"symbol": f"S{number}T{turn}USDT", "intent_id": f"{number}-{turn}"})
                acknowledged.append(answer["position_id"])
            bot.send(**ENTRY | {"symbol": f"S{number}LASTUSDT", "intent_id": f"{number}-last"})
            bot.kill()
    rows = read(ledger_url, "positions")
    assert {row["position_id"] for row in rows} >= set(acknowledged)
    assert len(rows) in range(50, 56)
    assert read(ledger_url, "verify")["ok"]


def test_a_database_that_cannot_be_reached_is_answered_with_exit_code_3(tmp_path: Path) -> None:
    done = run(f"sqlite:///{tmp_path}/nowhere/ledger.db", "record", stdin=json.dumps(ENTRY))
    assert done.returncode == 3
    assert "there is no folder" in done.stderr


def test_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert run("mysql://localhost/x", "record").returncode == 2
    assert run(f"sqlite:///{tmp_path}/x.db", "record", "--nonsense").returncode == 2
    assert run(f"sqlite:///{tmp_path}/x.db?colour=red", "record").returncode == 2
