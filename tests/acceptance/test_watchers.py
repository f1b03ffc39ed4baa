"""Situations that users of bots reported, on the command line: every command reports what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.bot import Bot, read, run
from tests.past import before_now

Shown = Callable[..., str]
BTC: dict[str, Any] = {"symbol": "BTC/USDT:USDT", "exchange": "binance", "side": "long"}
OF_CYCLES = ("incomplete", "unprotected", "outcome_unknown", "rolling_back", "orders")


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    """Save what an exchange showed so many seconds ago, as ccxt tells it."""

    def save(exchange: str, *positions: object, orders: object = (), ago: float = 20, **lists: object) -> str:
        path = tmp_path / f"{exchange}-{ago}.json"
        document = {"exchange": exchange, "timestamp": before_now(ago), "positions": positions, "orders": orders}
        path.write_text(json.dumps({**document, **lists}))
        return str(path)

    return save


def sent(url: str, *commands: dict[str, Any]) -> list[dict[str, Any]]:
    """Tell a bot's commands; `P` is the position that the first answer names."""
    run(url, "init")
    answers: list[dict[str, Any]] = []
    with Bot(url) as bot:
        for command in commands:
            named = {name: answers[0]["position_id"] if value == "P" else value for name, value in command.items()}
            answers.append(bot.ask(**named))
    return answers


def beside(url: str, *words: str) -> tuple[int, dict[str, Any]]:
    """How `reconcile` ends, and its report."""
    done = run(url, "reconcile", *words, "--json")
    return done.returncode, json.loads(done.stdout)


def kinds(report: dict[str, Any]) -> set[str]:
    quiet = {"corrections", "applied", "doubts", "notes"}
    return {name for name, found in report.items() if isinstance(found, list) and found and name not in quiet}


def critical(url: str, *words: str) -> set[str]:
    """What `diagnose` calls critical."""
    sections = read(url, "diagnose", "--skip-verify", *words)["sections"]
    return {each["subject"] for section in sections for each in section["findings"] if each["severity"] == "critical"}


def recovery(url: str, *words: str) -> dict[str, dict[str, Any]]:
    return {each["position_id"]: each["proposal"] for each in read(url, "recover", *words)["unfinished"]}


def entered(symbol: str, exchange: str, quantity: str, price: str, **fields: Any) -> dict[str, Any]:
    known = {"symbol": symbol, "exchange": exchange, "side": "long", "quantity": quantity, "avg_px_open": price}
    return {"command": "adopt", **known, "reason": "x", "at": before_now(3 * 3600), **fields}


def stop(price: str, **fields: Any) -> dict[str, Any]:
    return {"command": "set_stop_loss", "position_id": "P", "stop_price": price, "at": before_now(3 * 3600), **fields}


def test_contracts_of_a_size_are_stopped_by_an_order_of_contracts(ledger_url: str, shown: Shown) -> None:
    doge = "DOGE/USDT:USDT"
    sent(ledger_url, entered(doge, "okx", "2000", "0.06367"), stop("0.05", exchange_order_id="algo1"))
    position = {"symbol": doge, "side": "long", "contracts": 2.0, "contractSize": 1000.0, "entryPrice": 0.06367}
    order = {"id": "algo1", "symbol": doge, "type": "conditional", "side": "sell", "status": "open", "amount": 2.0}
    file = shown("okx", position, orders=[{**order, "stopLossPrice": 0.05, "reduceOnly": True}])
    code, report = beside(ledger_url, "--snapshot", file)
    assert (code, kinds(report)) == (0, {"matched", "undefined_units"})
    (how,) = report["undefined_units"]
    assert '"command": "define_instrument"' in how["message"] and '"contract_size": "1000"' in how["message"]
    assert recovery(ledger_url, "--snapshot", file) == {}


def test_a_ledger_in_contracts_is_told_how_to_define_them_and_then_matches(ledger_url: str, shown: Shown) -> None:
    doge = "DOGE/USDT:USDT"
    sent(ledger_url, entered(doge, "okx", "2", "0.06367"))
    position = {"symbol": doge, "side": "long", "contracts": 2.0, "contractSize": 1000.0, "entryPrice": 0.06367}
    file = shown("okx", position, conditional_orders=[])
    code, report = beside(ledger_url, "--snapshot", file)
    assert (code, report["corrections"]) == (1, [])
    assert {"quantity_mismatches", "undefined_units"} <= kinds(report)
    (how,) = report["undefined_units"]
    line = json.loads(how["message"][how["message"].index("{") : how["message"].index("}") + 1])
    close = {"command": "close", "position_id": "DOGEUSDT.okx#1", "exit_reason": "x", "avg_px_close": "0.08176"}
    close["at"] = line["at"] = before_now(7200)
    again = entered(doge, "okx", "2", "0.06367", at=before_now(3600))
    assert [each["ok"] for each in sent(ledger_url, line, close, again)] == [True, True, True]
    code, report = beside(ledger_url, "--snapshot", file)
    assert kinds(report) == {"matched", "unprotected"}
    (row,) = read(ledger_url, "positions", "--open")
    assert (row["quantity"], row["contract_size"]) == ("2", "1000")


def test_an_exit_that_is_learned_after_the_end_is_the_exit(ledger_url: str, shown: Shown) -> None:
    sent(ledger_url, {**entered(BTC["symbol"], "binance", "0.5", "90000")}, stop("88000", exchange_order_id="s"))
    other = {"symbol": "XRP/USDT:USDT", "side": "long", "contracts": 1.0, "entryPrice": 2.0}
    sent(ledger_url, entered("XRP/USDT:USDT", "binance", "1", "2"), stop("1", exchange_order_id="x"))
    files = [f for ago in (60, 20) for f in ("--snapshot", shown("binance", other, ago=ago, conditional_orders=[]))]
    beside(ledger_url, *files, "--trust-empty", "--confirm", "--reason", "nightly")
    row = next(each for each in read(ledger_url, "positions") if each["symbol"] == "BTCUSDT")
    assert (row["status"], row["realized_pnl"]) == ("closed", None)
    fill = {"trade_id": "991", "last_qty": "0.5", "last_px": "87950", "fee": "21.98", "at": before_now(100)}
    late = {"command": "reduce", "position_id": "BTCUSDT.binance#1", **fill}
    assert [each["outcome"] for each in sent(ledger_url, late, late)] == ["recorded", "replayed"]
    row = next(each for each in read(ledger_url, "positions") if each["symbol"] == "BTCUSDT")
    assert (row["status"], row["realized_pnl"], row["fees"]) == ("closed", "-1025", "21.98")
    assert "BTCUSDT.binance#1" not in critical(ledger_url)
    assert "BTCUSDT.binance#1" not in recovery(ledger_url)


SHORT: dict[str, Any] = {"command": "request_entry", "symbol": "V2XG26", "exchange": "ibkr", "side": "short"}
LATE = (
    {**SHORT, "quantity": "1", "intent_id": "s1"},
    {"command": "fail_entry", "position_id": "P", "outcome": "canceled", "reason": "10349"},
    {"command": "record_entry_fill", "position_id": "P", "trade_id": "e798", "last_qty": "1", "last_px": "21.6"},
)


def test_a_late_fill_takes_its_slot_back_and_everybody_says_that_it_is_bare(ledger_url: str) -> None:
    dated = [{**each, "at": before_now(300)} for each in LATE]
    again = {**SHORT, "quantity": "1", "intent_id": "s1-again"}
    answers = sent(ledger_url, *dated, again)
    position_id = answers[0]["position_id"]
    assert answers[3]["error"] == "PositionAlreadyOpen"
    assert [row["position_id"] for row in read(ledger_url, "positions", "--unprotected")] == [position_id]
    assert critical(ledger_url) == {position_id}
    assert set(recovery(ledger_url)) == {position_id}
    assert run(ledger_url, "diagnose").returncode == 1
    out = {"command": "reduce", "position_id": position_id, "trade_id": "x", "last_qty": "1", "last_px": "21.5"}
    assert all(
        each["ok"]
        for each in sent(ledger_url, out, {"command": "close", "position_id": position_id, "exit_reason": "x"})
    )
    (row,) = read(ledger_url, "positions")
    assert (row["status"], row["quantity"], row["realized_pnl"]) == ("closed", "0", "0.1")
    assert (critical(ledger_url), recovery(ledger_url)) == (set(), {})


def test_a_stray_is_told_by_all_until_it_is_closed_beside_the_other(ledger_url: str, shown: Shown) -> None:
    first, failed, late = ({**each, "at": before_now(300)} for each in LATE)
    other = {**SHORT, "quantity": "2", "intent_id": "s2", "at": before_now(290)}
    answers = sent(ledger_url, first, failed, other)
    stray, open_one = answers[0]["position_id"], answers[2]["position_id"]
    fill = {"command": "record_entry_fill", "position_id": open_one, "trade_id": "f", "last_qty": "2", "last_px": "21"}
    covered = {
        "command": "set_stop_loss",
        "position_id": open_one,
        "stop_price": "25",
        "activate": True,
        "at": before_now(280),
    }
    sent(ledger_url, {**fill, "at": before_now(285)}, covered, {**late, "position_id": stray})
    assert [row["position_id"] for row in read(ledger_url, "positions", "--unprotected")] == [stray]
    assert critical(ledger_url) == {stray}
    both = {"symbol": "V2XG26", "side": "short", "contracts": 3.0, "entryPrice": 21.2, "stopLossPrice": 25.0}
    file = shown("ibkr", both, ago=-1)
    code, report = beside(ledger_url, "--snapshot", file)
    assert (code, kinds(report), report["corrections"]) == (1, {"matched", "strays"}, [])
    proposed = recovery(ledger_url, "--snapshot", file)
    assert set(proposed) == {stray}
    assert proposed[stray]["needs_order"]["side"] == "buy"
    assert (proposed[stray]["needs_order"]["quantity"], proposed[stray]["needs_order"]["reduce_only"]) == ("1", True)
    assert "request_exit" in proposed[stray]["message"]
    exit_ = {"command": "request_exit", "position_id": stray, "reason": "stray"}
    out = {"command": "reduce", "position_id": stray, "trade_id": "x", "last_qty": "1", "last_px": "21.5"}
    assert [each["ok"] for each in sent(ledger_url, exit_, out)] == [True, True]
    assert (critical(ledger_url), recovery(ledger_url)) == (set(), {})
    held = {row["position_id"]: row["quantity"] for row in read(ledger_url, "positions")}
    assert held == {stray: "0", open_one: "2"}


def test_a_list_without_conditional_orders_is_no_proof_that_a_stop_is_gone(ledger_url: str, shown: Shown) -> None:
    sent(
        ledger_url, entered(BTC["symbol"], "binance", "0.01", "90000"), stop("88000", exchange_order_id="1000000033333")
    )
    position = {"symbol": BTC["symbol"], "side": "long", "contracts": 0.01, "entryPrice": 90000.0}
    limit = {"id": "777", "symbol": BTC["symbol"], "type": "limit", "side": "sell", "status": "open", "amount": 0.01}
    file = shown("binance", position, orders=[{**limit, "price": 95000.0, "reduceOnly": True}])
    code, report = beside(ledger_url, "--snapshot", file, "--apply", "--reason", "nightly")
    assert (code, kinds(report), report["protection_judged"]) == (1, {"matched"}, False)
    (row,) = read(ledger_url, "positions", "--open")
    assert (row["protected"], row["stop_order_id"]) == (True, "1000000033333")
    whole = [shown("binance", position, ago=ago, conditional_orders=[]) for ago in (60, 20)]
    once = beside(ledger_url, "--snapshot", whole[0], "--trust-empty")[1]
    assert [each["confirmations"] for each in once["lost_stops"]] == [1] and once["corrections"] == []
    twice = beside(ledger_url, "--snapshot", whole[0], "--snapshot", whole[1], "--trust-empty")[1]
    assert [each["command"] for each in twice["corrections"]] == ["lose_stop_loss"]


def test_a_stop_that_belongs_to_the_position_is_the_stop_for_all(ledger_url: str, shown: Shown) -> None:
    sol = "SOL/USDT:USDT"
    request = {"command": "request_entry", "symbol": sol, "exchange": "bybit", "side": "long", "quantity": "10"}
    fill = {"command": "record_entry_fill", "position_id": "P", "trade_id": "t1", "last_qty": "10", "last_px": "140"}
    old = before_now(3 * 3600)
    sent(ledger_url, {**request, "intent_id": "s1", "at": old}, {**fill, "at": old}, stop("130", activate=True))
    file = shown(
        "bybit", {"symbol": sol, "side": "long", "contracts": 10.0, "entryPrice": 140.0, "stopLossPrice": 130.0}
    )
    code, report = beside(ledger_url, "--snapshot", file)
    assert (code, kinds(report)) == (0, {"matched"})
    assert (recovery(ledger_url, "--snapshot", file), critical(ledger_url, "--snapshot", file)) == ({}, set())
    assert read(ledger_url, "positions", "--unprotected") == []


def test_a_stop_that_would_open_the_other_side_is_a_finding(ledger_url: str, shown: Shown) -> None:
    eth = "ETH/USDT:USDT"
    out = {
        "command": "reduce",
        "position_id": "P",
        "trade_id": "x",
        "last_qty": "0.09",
        "last_px": "2100",
        "at": before_now(3600),
    }
    sent(ledger_url, entered(eth, "bybit", "0.17", "2000"), stop("1900", exchange_order_id="s", quantity="0.17"), out)
    position = {"symbol": eth, "side": "long", "contracts": 0.08, "entryPrice": 2000.0}
    order = {"id": "s", "symbol": eth, "type": "stop_market", "side": "sell", "status": "open", "amount": 0.17}
    order |= {"triggerPrice": 1900.0, "reduceOnly": False}
    file = shown("bybit", position, orders=[order])
    code, report = beside(ledger_url, "--snapshot", file)
    assert (code, kinds(report)) == (1, {"matched", "oversized_stops"})
    assert "opens a short of 0.09" in report["oversized_stops"][0]["message"]
    assert critical(ledger_url, "--snapshot", file) == {"ETHUSDT.bybit#1"}
    safe = shown("bybit", position, orders=[{**order, "reduceOnly": True}], ago=10)
    assert beside(ledger_url, "--snapshot", safe)[0] == 0


def test_a_stop_that_the_bot_keeps_is_counted_apart_and_no_alarm(ledger_url: str, shown: Shown) -> None:
    request = {"command": "request_entry", **BTC, "quantity": "0.01", "intent_id": "s1", "protection": "bot"}
    fill = {"command": "record_entry_fill", "position_id": "P", "trade_id": "t", "last_qty": "0.01", "last_px": "60000"}
    two_hours = before_now(7200)
    dated = [{**each, "at": two_hours} for each in (request, fill, {"command": "activate", "position_id": "P"})]
    assert all(each["ok"] for each in sent(ledger_url, *dated))
    position = {"symbol": BTC["symbol"], "side": "long", "contracts": 0.01, "entryPrice": 60000.0}
    file = shown("binance", position, conditional_orders=[])
    code, report = beside(ledger_url, "--snapshot", file)
    assert (code, kinds(report)) == (0, {"matched", "unprotected_by_choice"})
    assert (critical(ledger_url, "--snapshot", file), recovery(ledger_url, "--snapshot", file)) == (set(), {})
    assert read(ledger_url, "positions", "--unprotected") == []
    sections = {each["check"]: each for each in read(ledger_url, "diagnose")["sections"]}
    assert sections["unprotected"]["says"] == "0 of 1 held positions, and 1 unprotected by choice"


def test_an_exit_that_nobody_heard_of_is_told_and_ended_by_two_snapshots(ledger_url: str, shown: Shown) -> None:
    asked = {"command": "request_exit", "position_id": "P", "reason": "signal", "at": before_now(900)}
    sent(ledger_url, entered(BTC["symbol"], "binance", "0.01", "90000"), stop("88000", exchange_order_id="s"), asked)
    sections = {each["check"]: each for each in read(ledger_url, "diagnose")["sections"]}
    (symptom,) = sections["orders"]["findings"]
    assert (symptom["severity"], symptom["subject"]) == ("warning", "BTCUSDT.binance#1")
    position = {"symbol": BTC["symbol"], "side": "long", "contracts": 0.01, "entryPrice": 90000.0}
    its_stop = {"id": "s", "symbol": BTC["symbol"], "type": "stop_market", "side": "sell", "status": "open"}
    its_stop |= {"amount": 0.01, "triggerPrice": 88000.0, "reduceOnly": True}
    files = [shown("binance", position, conditional_orders=[its_stop], ago=ago) for ago in (60, 20)]
    assert recovery(ledger_url, "--snapshot", files[0])["BTCUSDT.binance#1"]["action"] == "wait"
    words = ("--snapshot", files[0], "--snapshot", files[1])
    done = run(ledger_url, "recover", *words, "--confirm", "--reason", "after the crash")
    assert (done.returncode, "came to nothing" in done.stdout) == (0, True), done.stdout
    assert (recovery(ledger_url), critical(ledger_url)) == ({}, set())
    again = sent(ledger_url, {"command": "request_exit", "position_id": "BTCUSDT.binance#1", "reason": "again"})
    assert again[0]["outcome"] == "recorded"
