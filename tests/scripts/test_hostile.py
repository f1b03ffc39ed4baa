"""Every command with hostile text in every argument: its output is safe for terminals, programs and browsers."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from pathlib import Path
from subprocess import PIPE
from typing import Any
from urllib.parse import quote

import pytest

from domain.errors import PositionAlreadyOpen
from infrastructure.ledger.ledger import PositionLedger
from projections.readable_text import is_seen
from scripts.catalogue import COMMANDS
from tests.acceptance.bot import PROGRAM
from tests.forked_popen import ForkedPopen
from tests.scripts.program import Program

HOSTILE = (
    "=1+1\x1b]0;owned\x07\x1b[2K\x1b[1A\x9b31m\u202egnp.exe\u2066\u200b\u2028line\u2029\x7f\r\n{{7*7}}"
    "<script>x</script> 币安人生"
)
NUMBER = re.compile(r"-?[0-9.]+")
KEY, CYCLE = "APTUSDT.binance", "APTUSDT.binance#1"
FROM = f"postgresql://{quote(HOSTILE[4:12])}:x@127.0.0.1:1/{quote(HOSTILE)}"
FILE = f"sqlite:///FOLDER/{quote(HOSTILE[4:12])}.db"
WALK: dict[str, list[list[str]]] = {
    "init": [["init"], ["init", "--legacy-view", HOSTILE]],
    "record": [["record"]],
    "status": [["status"], ["status", "--json"], ["status", "--wide"], ["status", "--columns", HOSTILE]],
    "serve": [
        ["serve", "--host", HOSTILE], ["serve", "--name", HOSTILE], ["serve", "--token-file", "FOLDER/hostile.json"],
    ],
    "positions": [["positions"], ["positions", "--json"], ["positions", "--symbol", HOSTILE]],
    "history": [
        ["history", KEY], ["history", CYCLE], ["history", KEY, "--json"], ["history", CYCLE, "--story", "--json"],
        ["history", CYCLE, "--html", "FOLDER/history.html"], ["history", HOSTILE],
    ],
    "pnl": [["pnl"], ["pnl", "--by", "reason", "--csv"], ["pnl", "--by", "intent", "--json", "--imported"]],
    "stats": [["stats"], ["stats", "--json"], ["stats", "--since", HOSTILE]],
    "report": [["report"], ["report", "--json"], ["report", "--html", "FOLDER/report.html"]],
    "projections": [["projections"], ["projections", "--skip", "1", "--reason", HOSTILE]],
    "rebuild": [["rebuild"]],
    "verify": [["verify"], ["verify", "--anchor", "FOLDER/hostile.json"]],
    "anchor": [["anchor"]],
    "export": [["export", "--output", "FOLDER/ledger.jsonl"], ["export", "--output", f"FOLDER/{HOSTILE[:6]}"]],
    "import": [["import", "FOLDER/hostile.json"]],
    "import-legacy": [
        ["import-legacy", "--dump", "FOLDER/hostile.csv"], ["import-legacy", "--dump", "FOLDER/hostile.json"],
        ["import-legacy", "--from", FROM], ["import-legacy", "--from", HOSTILE],
    ],
    "shadow": [["shadow", "--print-trigger"], ["shadow", "--from", HOSTILE], ["shadow", "--table", HOSTILE],
        ["shadow", "--from", FROM],
    ],
    "diagnose": [["diagnose"], ["diagnose", "--json"], ["diagnose", "--snapshot", "FOLDER/hostile.json"]],
    "watch": [
        ["watch", "--once"], ["watch", "--once", "--name", HOSTILE], ["watch", "--once", "--webhook", HOSTILE],
        ["watch", "--once", "--exec", HOSTILE], ["watch", "--once", "--snapshot", "FOLDER/hostile.json"],
    ],
    "metrics": [["metrics"], ["metrics", "--textfile", "FOLDER/ledger.prom"], ["metrics", "--textfile", HOSTILE]],
    "doctor": [["doctor"], ["doctor", "--json"]],
    "snapshot": [["snapshot", "--exchange", HOSTILE], ["snapshot", "--exchange", "binance", "--account", HOSTILE]],
    "reconcile": [
        ["reconcile", "--snapshot", "FOLDER/hostile.json"],
        ["reconcile", "--json", "--snapshot", "FOLDER/hostile.json"],
    ],
    "recover": [["recover"], ["recover", "--json"], ["recover", "--snapshot", "FOLDER/hostile.json"]],
    "instruments": [
        ["instruments"], ["instruments", "--json"], ["instruments", "--snapshot", "FOLDER/hostile.json"],
        ["instruments", "--from", "FOLDER/hostile.json", "--exchange", "binance"], ["instruments", "--symbol", HOSTILE],
        ["instruments", "--from", "FOLDER/hostile.json", "--exchange", "binance", "--json"],
        ["instruments", "--symbol", "APTUSDT", "--exchange", "bybit", "--base", HOSTILE],
    ],
    "analyze-logs": [
        ["analyze-logs", "FOLDER/hostile.log"], ["analyze-logs", "FOLDER/hostile.log", "--json", "--timezone", "UTC"],
        ["analyze-logs", "FOLDER/hostile.log", "--timezone", "UTC", "--verbose", "--html", "FOLDER/log.html"],
    ],
    "cleanup": [
        ["cleanup", "--mode", "duplicates"], ["cleanup", "--mode", "all", "--from", FROM],
        ["cleanup", "--mode", "all", "--from", HOSTILE],
        ["cleanup", "--mode", "all", "--snapshot", "FOLDER/hostile.json"],
    ],
    "reproduce": [["reproduce", "--scenario", HOSTILE], ["reproduce", "--symbol", HOSTILE],
        ["reproduce", "--scenario", "A", "--threads", "2", "--exchange", HOSTILE], ["reproduce", "--database", FROM],
    ],
    "bench": [["bench", "--processes", HOSTILE], ["bench", "--database", FROM]],
    "demo": [["demo", "--database", HOSTILE], ["demo", "--database", FILE], ["demo", "--database", FROM]],
}  # fmt: skip


def live(url: str) -> None:
    """Cycles with hostile text wherever a command takes any text."""
    apt: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "2"}
    with PositionLedger.connect(url) as ledger:
        ledger.request_entry(**apt, intent_id="1", metadata={"strategy": HOSTILE, HOSTILE: "x" * 10_000})
        ledger.record_entry_placed(position_id=CYCLE, exchange_order_id="1")
        ledger.record_entry_fill(position_id=CYCLE, trade_id="1", last_qty="2", last_px="3")
        ledger.set_stop_loss(position_id=CYCLE, stop_price="4", exchange_order_id="s", activate=True)
        ledger.lose_stop_loss(position_id=CYCLE, reason=HOSTILE)
        ledger.adjust(position_id=CYCLE, quantity="1", reason=HOSTILE, source="sync")
        ledger.close(position_id=CYCLE, exit_reason=HOSTILE, avg_px_close="3")
        ledger.request_entry(**apt, intent_id="2")
        ledger.fail_entry(position_id="APTUSDT.binance#2", outcome="rejected", code="1", reason=HOSTILE)
        ledger.define_instrument(symbol="APTUSDT", exchange="binance", contract_size="10", reason=HOSTILE)
        ledger.request_entry(**apt, intent_id="3")


@pytest.fixture
def folder(ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    live(ledger_url)
    monkeypatch.setenv("LEDGER_DATABASE_URL", ledger_url)
    entry = {"symbol": HOSTILE, "side": HOSTILE, "contracts": HOSTILE}
    snapshot = {"exchange": "binance", "positions": [entry], "orders": [entry], "error": HOSTILE, "timestamp": HOSTILE}
    (tmp_path / "hostile.json").write_text(json.dumps(snapshot))
    line = HOSTILE.replace("\r\n", "")
    (tmp_path / "hostile.log").write_text(
        f"2025-10-22 18:50:45,123 - bot - ERROR - position_error: {{'reason': '{line}'}}\n"
    )
    with (tmp_path / "hostile.csv").open("w", newline="") as out:
        names = ("id", "symbol", "exchange", "side", "quantity", "entry_price", "status", "exit_reason", "opened_at")
        csv.writer(out).writerows([names, ("1", HOSTILE, HOSTILE, HOSTILE, HOSTILE, "1", HOSTILE, HOSTILE, HOSTILE)])
    return tmp_path


def test_every_command_is_walked() -> None:
    assert set(WALK) == set(COMMANDS)


def test_no_output_holds_what_a_terminal_or_a_browser_would_obey(folder: Path, program: Program) -> None:
    for words in (words for name in WALK if name != "record" for words in WALK[name]):
        ran = program(*(word.replace("FOLDER", str(folder)) for word in words))
        assert ran.code in (0, 1, 2, *[3] * (FROM in words)), (words, ran.err)
        assert "Traceback" not in ran.err
        unseen = [line for line in (ran.out + ran.err).split("\n") if not is_seen(line)]
        assert unseen == [], words
        if "--json" in words and ran.code != 2:
            assert ran.json is not None
    for page in folder.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "\x1b" not in text and "\u202e" not in text and "<script>x" not in text, page


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_receipt_is_utf8_whatever_the_locale(encoding: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    entry = {
        "command": "request_entry",
        "symbol": "币安人生/USDT",
        "exchange": "binance",
        "side": "long",
        "quantity": "1",
    }
    asked = [json.dumps({**entry, "intent_id": HOSTILE[:4]}), json.dumps({"command": HOSTILE}), '{"a": "\\ud800"}', "{"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "LEDGER_DATABASE_URL": url}
    PositionLedger.connect(url).disconnect()
    ran = subprocess.run(
        [PROGRAM, "record"], input="\n".join(asked).encode(), env=environment, capture_output=True, check=False
    )
    answers = [json.loads(line) for line in ran.stdout.decode("utf-8").splitlines()]
    assert [answer["ok"] for answer in answers] == [True, False, False, False]
    assert ran.stderr == b"" and all(map(is_seen, ran.stdout.decode("utf-8").splitlines()))
    listed = subprocess.run([PROGRAM, "positions"], env=environment, capture_output=True, check=False)
    assert (listed.returncode, listed.stderr) == (0, b"")


def test_csv_is_exact_unless_it_is_for_a_spreadsheet(folder: Path, program: Program) -> None:
    for words, expected in (([], HOSTILE), (["--spreadsheet"], f"'{HOSTILE}")):
        path = folder / f"positions{len(words)}.csv"
        assert program("export", "--what", "positions", "--output", path, *words).code == 0
        with path.open(encoding="utf-8", newline="") as rows:
            assert next(csv.DictReader(rows))["exit_reason"] == expected
    assert program("export", "--spreadsheet").code == 2


@pytest.mark.parametrize("what", ["events", "positions", "rejections"])
def test_no_cell_for_a_spreadsheet_is_a_formula(what: str, ledger_url: str, tmp_path: Path, program: Program) -> None:
    formulas = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\uff1d1+1")
    with PositionLedger.connect(ledger_url) as ledger:
        for number, formula in enumerate(formulas):
            entry: dict[str, Any] = {"symbol": f"A{number}USDT", "exchange": "x", "side": "short", "quantity": "1"}
            first = ledger.request_entry(**entry, intent_id=formula, command_id=formula)
            ledger.record_entry_placed(position_id=first.position_id, exchange_order_id=formula)
            with pytest.raises(PositionAlreadyOpen):
                ledger.request_entry(**entry, intent_id=f"{formula}2", command_id=f"{formula}2")
            ledger.fail_entry(position_id=first.position_id, outcome="rejected", reason=formula, code=formula)
    path = tmp_path / "cells.csv"
    database = ("--database", ledger_url)
    assert program("export", "--what", what, "--spreadsheet", "--output", path, *database).code == 0
    with path.open(encoding="utf-8", newline="") as rows:
        cells = [cell for row in csv.reader(rows) for cell in row]
    assert [cell for cell in cells if cell.startswith(tuple("=+-@\uff1d")) and not NUMBER.fullmatch(cell)] == []
    assert {f"'{formula}" for formula in formulas} <= set(cells)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_an_export_is_not_for_a_terminal(form: str, folder: Path) -> None:
    """Its texts are exact, and a terminal would obey what stands in some."""
    terminal, shown = os.openpty()
    try:
        asked = [PROGRAM, "export", "--format", form]
        with ForkedPopen[str](asked, stdout=shown, stderr=PIPE, cwd=folder, text=True) as ran:
            _, said = ran.communicate(timeout=60)
    finally:
        os.close(shown)
        os.close(terminal)
    assert ran.returncode == 2
    assert "an export is not for a terminal; name a file with --output, or pipe it on" in said
