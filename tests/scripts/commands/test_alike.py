"""All commands that list open positions agree about one ledger: the same order, words and numbers."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.past import before_now
from tests.scripts.program import Program, Ran

NAMED = re.compile(r"\b[A-Z0-9]+\.[a-z0-9.]+#[0-9]+")
COMMANDS = {
    "status": ("status",),
    "positions": ("positions", "--open"),
    "report": ("report", "--since", "52w"),
}
QUANTITY = "1234567.891"


def enter(ledger: PositionLedger, symbol: str, ago: float, *then: str, **key: Any) -> None:
    at: dict[str, Any] = {"at": before_now(ago)}
    wanted: dict[str, Any] = {"exchange": "binance", "side": "long", "quantity": QUANTITY, **key}
    at["position_id"] = ledger.request_entry(symbol=symbol, intent_id="1", **wanted, **at).position_id
    if "unknown" in then:
        ledger.record_entry_unknown(reason="timeout", **at)
        return
    ledger.record_entry_placed(exchange_order_id=symbol, filled_qty=QUANTITY, avg_px="10", **at)
    if "stop" in then:
        ledger.set_stop_loss(stop_price="9", exchange_order_id=f"s {symbol}", activate=True, **at)
    if "rollback" in then:
        ledger.start_rollback(reason="no stop", **at)


@pytest.fixture
def asked(ledger_url: str, program: Program) -> Program:
    with PositionLedger.connect(ledger_url) as ledger:
        enter(ledger, "APTUSDT", 9_000, "stop")
        enter(ledger, "SUIUSDT", 845)
        enter(ledger, "1000PEPEUSDT", 700, account="sub1")
        enter(ledger, "ORBSUSDT", 7_000, "unknown")
        enter(ledger, "AVLUSDT", 5_000, "rollback", exchange="bybit")
        enter(ledger, "BTCUSDT", 50, "stop", exchange="bybit")
    return partial(program, "--database", ledger_url)


def listed(ran: Ran) -> list[str]:
    """The positions of the first table, in its order."""
    _, _, table = ran.out.partition("--  ")
    rows = table.partition("\n\n")[0].splitlines()[1:]
    return [found[0] for row in rows if (found := NAMED.search(row))]


@pytest.mark.parametrize("order", ["worst", "age", "symbol"])
def test_every_command_has_one_order(asked: Program, order: str) -> None:
    found = {name: listed(asked(*words, "--sort", order)) for name, words in COMMANDS.items()}
    assert len(found["status"]) == 6
    assert found["positions"] == found["report"] == found["status"]


def test_the_worst_come_first_and_an_age_is_an_age(asked: Program) -> None:
    assert listed(asked("status"))[-2:] == ["APTUSDT.binance#1", "BTCUSDT.bybit#1"]
    assert listed(asked("status", "--sort", "symbol"))[0] == "1000PEPEUSDT.binance.sub1#1"


@pytest.mark.parametrize("order", ["age", "symbol"])
def test_the_findings_of_a_check_come_in_that_order_as_well(asked: Program, order: str) -> None:
    place = {name: number for number, name in enumerate(listed(asked("status", "--sort", order)))}
    ran = asked("diagnose", "--sort", order)
    for section in re.split(r"\n(?=\w)", ran.out):
        found = [line.split(": ")[1] for line in section.splitlines()[1:] if "next: " not in line]
        places = [place[name] for name in found if name in place]
        assert places == sorted(places), section


def test_the_findings_of_a_check_come_with_the_worst_first(asked: Program) -> None:
    found = asked("diagnose").out
    assert found.index("critical: ORBSUSDT.binance#1: pending_entry") < found.index(
        "warning: SUIUSDT.binance#1: entry_"
    )


@pytest.mark.parametrize("words", [*COMMANDS.values(), ("diagnose",)], ids=[*COMMANDS, "diagnose"])
def test_a_limit_says_how_many_are_left(asked: Program, words: tuple[str, ...]) -> None:
    ran = asked(*words, "--limit", "1")
    assert re.search(r"and [1-9] more.*: --limit [2-9]\n", ran.out + ran.err)


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_columns_are_named_and_wide_shows_all(asked: Program, words: tuple[str, ...]) -> None:
    narrow = asked(*words, "--columns", "status,position").out
    heads = next(line for line in narrow.splitlines() if line.startswith("status"))
    assert heads.split() == ["status", "position"]
    assert max(map(len, asked(*words, "--wide").out.splitlines())) > 100


@pytest.mark.parametrize(("command", "is_listed"), [("status", listed), ("positions", listed)])
def test_since_leaves_out_what_was_opened_before(asked: Program, command: str, is_listed: Any) -> None:
    only_open = ["--open"] if command == "positions" else []
    assert sorted(is_listed(asked(command, *only_open, "--since", "20m"))) == [
        "1000PEPEUSDT.binance.sub1#1",
        "BTCUSDT.bybit#1",
        "SUIUSDT.binance#1",
    ]
    assert "AVLUSDT" not in asked("diagnose", "--since", "20m").out
    assert "AVLUSDT" in asked("diagnose").out


@pytest.mark.parametrize("name", COMMANDS)
def test_numbers_are_rounded_for_eyes_and_exact_for_programs(asked: Program, name: str) -> None:
    words = COMMANDS[name]
    out = asked(*words, "--wide").out
    assert "≈1234568" in out and QUANTITY not in out.partition("Refused duplicates")[0]
    assert QUANTITY in asked(*words, "--json").out


def test_words_and_next_commands_are_the_same(asked: Program) -> None:
    lines = asked("status", "--json").json["positions"]
    findings = {
        (each["subject"], each["message"], each["advice"])
        for section in asked("diagnose", "--json").json["sections"]
        for each in section["findings"]
    }
    for line in lines:
        for each in line["findings"]:
            assert (line["position"]["position_id"], each["message"], each["advice"]) in findings
            assert " --live --database " in each["advice"]
    bare = {line["position"]["position_id"] for line in lines if line["state"] == "UNPROTECTED"}
    positions = [line for line in asked("positions", "--open").out.splitlines() if "UNPROTECTED" in line]
    assert {found[0] for line in positions if (found := NAMED.search(line))} == bare
    report = [line for line in asked("report", "--since", "52w").out.splitlines() if "  UNPROTECTED" in line]
    assert {found[0] for line in report if (found := NAMED.search(line))} == bare
    assert len(bare) >= 2


def test_help_has_its_commands_in_groups(program: Program) -> None:
    out = program("--help").out
    groups = [line.rstrip(":") for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert groups[-5:] == ["Daily", "Audit", "Operate", "Demonstrate", "Legacy, until the cut-over"]
