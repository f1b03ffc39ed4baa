"""A day of operation on the command line: import, reconcile, a crash during an entry, recover, statistics."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.bot import Bot, read, run
from tests.past import before_now

OLD_TABLE = """\
id,symbol,exchange,side,quantity,entry_price,stop_loss_price,has_stop_loss,status,opened_at,closed_at,exit_reason
2549,APTUSDT,binance,sell,61.0,3.2295,3.2941,t,active,2025-10-22 18:50:44.738217+00,,
2439,PERPUSDT,binance,long,882.2,0.2267,0.2222,t,active,2025-10-21 21:35:26.54+00,,
275,KASUSDT,bybit,buy,3300,0.0603,,f,closed,2025-10-10 23:21:10.1+00,2025-10-10 23:40:00+00,sync_cleanup
"""
APT = {"symbol": "APT/USDT:USDT", "side": "short", "contracts": 61.0, "entry_price": 3.2295}
PERP = {"symbol": "PERP/USDT:USDT", "side": "long", "contracts": 882.2, "entry_price": 0.2267}
XMR = {"symbol": "XMR/USDT:USDT", "side": "long", "contracts": 0.5, "entry_price": 310.25}
SOL = {"symbol": "SOL/USDT:USDT", "side": "long", "contracts": 2.0, "entry_price": 187.4}
SIGNAL = {"symbol": "SOL/USDT:USDT", "exchange": "binance", "side": "long", "quantity": "2"}

Save = Callable[..., str]


def stop(symbol: str, side: str, amount: float, price: float) -> dict[str, Any]:
    return {
        "order_id": f"stop-{symbol}",
        "symbol": f"{symbol}/USDT:USDT",
        "type": "stop_market",
        "side": side,
        "status": "open",
        "amount": amount,
        "price": None,
        "stopPrice": price,
        "reduceOnly": True,
    }


STOPS = [stop("APT", "buy", 61.0, 3.2941), stop("PERP", "sell", 882.2, 0.2222), stop("XMR", "sell", 0.5, 304.0)]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(name: str, positions: list[Any], orders: list[Any]) -> str:
        path = tmp_path / f"{name}.json"
        path.write_text(
            json.dumps({"exchange": "binance", "timestamp": before_now(1), "positions": positions, "orders": orders})
        )
        return str(path)

    return save


def test_a_day(ledger_url: str, tmp_path: Path, save: Save) -> None:
    (tmp_path / "old.csv").write_text(OLD_TABLE)
    assert run(ledger_url, "init").returncode == 0
    assert run(ledger_url, "import-legacy", "--dump", str(tmp_path / "old.csv")).returncode == 0
    assert {row["position_id"] for row in read(ledger_url, "positions", "--open")} == {
        "APTUSDT.binance#1",
        "PERPUSDT.binance#1",
    }

    # The morning's look at the exchange: one position there that nobody knows of.
    morning = save("morning", [APT, PERP, XMR], STOPS)
    found = read(ledger_url, "reconcile", "--snapshot", morning)
    assert found["snapshot_reliable"]
    assert [each["key"] for each in found["orphans"]] == ["XMRUSDT.binance"]
    assert run(ledger_url, "reconcile", "--snapshot", morning, "--apply", "--reason", "morning").returncode == 0
    assert run(ledger_url, "reconcile", "--snapshot", morning).returncode == 0

    # The bot dies in mid-entry, and another signal comes.
    with Bot(ledger_url) as bot:
        asked = bot.ask(command="request_entry", **SIGNAL, intent_id="7", stop_loss_percent="2", at=before_now(300))
        assert asked["ok"], asked
        bot.ask(
            command="record_entry_placed", position_id="SOLUSDT.binance#1", exchange_order_id="9", at=before_now(299)
        )
        bot.kill()
    with Bot(ledger_url) as restarted:
        assert restarted.ask(command="request_entry", **SIGNAL, intent_id="8")["error"] == "PositionAlreadyOpen"
    assert "SOLUSDT.binance#1" in run(ledger_url, "diagnose").stdout
    assert run(ledger_url, "recover").returncode == 1

    # What it was doing is finished with what the exchange shows, once.
    noon = save("noon", [APT, PERP, XMR, SOL], [*STOPS, stop("SOL", "sell", 2.0, 183.65)])
    recovering = ("recover", "--snapshot", noon, "--confirm", "--reason", "the bot died")
    assert run(ledger_url, *recovering).returncode == 0
    recorded = read(ledger_url, "positions")
    assert run(ledger_url, *recovering).returncode == 0
    assert read(ledger_url, "positions") == recorded
    sol = next(row for row in recorded if row["symbol"] == "SOLUSDT")
    assert (sol["status"], sol["quantity"], sol["protected"]) == ("active", "2", True)
    assert run(ledger_url, "reconcile", "--snapshot", noon).returncode == 0

    # In the evening it is closed, summed up, and shown to be whole.
    with Bot(ledger_url) as bot:
        closed = bot.ask(
            command="close", position_id="SOLUSDT.binance#1", exit_reason="target", avg_px_close="190.4", fee="0.2"
        )
        assert closed["ok"], closed
        assert bot.ask(command="request_entry", **SIGNAL, intent_id="8")["position_id"] == "SOLUSDT.binance#2"
    summed_up = read(ledger_url, "stats", "--since", "24h")
    assert (summed_up["by_status"]["closed"], summed_up["imported"], summed_up["rejections"]["early"]) == (1, 0, 1)
    page = tmp_path / "day.html"
    assert run(ledger_url, "report", "--since", "24h", "--html", str(page)).returncode in (0, 1)
    assert "SOLUSDT.binance#2" in page.read_text().replace("<wbr>", "")
    story = run(ledger_url, "history", "SOLUSDT.binance#1").stdout
    assert "Profit 6" in story
    assert read(ledger_url, "verify")["ok"]
    assert run(ledger_url, "rebuild").returncode == 0
