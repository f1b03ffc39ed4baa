"""Dashboards and alert rules use existing metrics, and their queries run on a database."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import click
import psycopg
import pytest
import yaml
from psycopg import errors

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.metering.figures import METRICS, PREFIX
from scripts.catalogue import COMMANDS
from tests.infrastructure.roles import as_role, made_role
from tests.pages import TOP
from tests.past import before_now

GRAFANA = TOP / "deploy" / "grafana"
BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GRAFANA.glob("*.json"))}
RULES = yaml.safe_load((TOP / "deploy" / "prometheus" / "position-ledger.rules.yml").read_text(encoding="utf-8"))
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
NAME = re.compile(rf"\b{PREFIX}\w+")
SELECTED = re.compile(r"\{([^}]*)\}")
RISES = re.compile(rf"\b(?:increase|rate)\(({PREFIX}\w+)")
BY = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def wrong_with(promql: str) -> list[str]:
    """Metrics and labels of a question that nobody exposes."""
    asked = {name.removeprefix(PREFIX) for name in NAME.findall(promql)}
    labels = {label for name in asked & METRICS.keys() for label in METRICS[name].labels}
    selected = [part.partition("=")[0].strip("!~ ") for found in SELECTED.findall(promql) for part in found.split(",")]
    grouped = [part.strip() for found in BY.findall(promql) for part in found.split(",") if part.strip()]
    return sorted((asked - METRICS.keys()) | ({*selected, *grouped} - labels)) if asked else ["no metric of ours"]


def targets(board: dict[str, Any], key: str) -> list[tuple[str, str]]:
    return [(panel["title"], target[key]) for panel in board["panels"] for target in panel["targets"] if key in target]


def substituted(query: str) -> str:
    """A query as Grafana sends it."""
    between = r"\1 BETWEEN '2025-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z'"
    return re.sub(r"\$__timeFilter\(([^)]+)\)", between, query).replace("${exchange:sqlstring}", "'binance','bybit'")


def test_a_name_or_label_that_there_is_not_is_seen() -> None:
    assert wrong_with("sum by (exchange) (position_ledger_held_positions)") == []
    assert wrong_with("position_ledger_held") == ["held"]
    assert wrong_with('position_ledger_findings{exchange="x"}') == ["exchange"]
    assert wrong_with("sum by (symbol) (position_ledger_held_positions)") == ["symbol"]
    assert wrong_with("up") == ["no metric of ours"]


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_is_whole(name: str) -> None:
    board = BOARDS[name]
    ids = [panel["id"] for panel in board["panels"]]
    assert board["uid"] == name and len(ids) == len(set(ids)) >= 10
    sources = {variable["name"] for variable in board["templating"]["list"] if variable["type"] == "datasource"}
    places = set()
    for panel in board["panels"]:
        assert panel["datasource"]["uid"].strip("${}") in sources
        assert panel["targets"]
        box = panel["gridPos"]
        places |= {(x, y) for x in range(box["x"], box["x"] + box["w"]) for y in range(box["y"], box["y"] + box["h"])}
    assert len(places) == sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in board["panels"])
    assert max(x for x, _ in places) < 24


@pytest.mark.parametrize(("title", "promql"), targets(BOARDS["position-ledger-metrics"], "expr"))
def test_a_panel_asks_for_metrics_that_there_are(title: str, promql: str) -> None:
    assert wrong_with(promql) == [], title


def test_every_metric_is_looked_at_somewhere() -> None:
    asked = " ".join(promql for _, promql in targets(BOARDS["position-ledger-metrics"], "expr"))
    assert {name.removeprefix(PREFIX) for name in NAME.findall(asked)} == METRICS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_asks_for_metrics_that_there_are_and_names_a_command(name: str) -> None:
    rule = ALERTS[name]
    assert wrong_with(rule["expr"]) == []
    assert rule["labels"]["severity"] in {"critical", "warning"}
    program, verb, *words = shlex.split(rule["annotations"]["command"])
    assert program == "position-ledger" and rule["annotations"]["summary"]
    command: click.Command = import_module(COMMANDS[verb].module).command
    command.make_context(verb, words)
    assert "--live" not in words or "--exchange" in words, "it has to be said who is to be asked"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_on_a_rise_asks_a_counter_that_is_always_there(name: str) -> None:
    """A counter with labels appears with its first count, and Prometheus sees no rise in a series that appears."""
    risen = RISES.findall(ALERTS[name]["expr"])
    assert [counter for counter in risen if METRICS[counter.removeprefix(PREFIX)].labels] == []


@pytest.fixture
def filled(postgres_url: str) -> str:
    with PositionLedger.connect(postgres_url) as ledger:
        for number, symbol in enumerate(["APTUSDT", "SUIUSDT", "ORBSUSDT"]):
            at: dict[str, Any] = {"at": before_now(hours=5 - number)}
            at["position_id"] = ledger.request_entry(
                symbol=symbol, exchange="binance", side="long", quantity="10", intent_id="1", **at
            ).position_id
            ledger.record_entry_placed(exchange_order_id=symbol, filled_qty="10", avg_px="10", **at)
            if symbol != "ORBSUSDT":
                ledger.set_stop_loss(stop_price="9", exchange_order_id=f"s {symbol}", activate=True, **at)
            if symbol == "APTUSDT":
                ledger.close(avg_px_close="9.5", exit_reason="stop loss", fee="0.01", **at)
    return postgres_url


@pytest.fixture
def reader(filled: str) -> Iterator[psycopg.Connection]:
    """The role of a dashboard: it reads the table of positions and their orders, and nothing else."""
    with (
        made_role(filled, "GRANT SELECT ON positions, positions_orders TO {}") as role,
        psycopg.connect(as_role(filled, role), autocommit=True) as connection,
    ):
        yield connection


def test_every_query_of_the_positions_is_answered(reader: psycopg.Connection) -> None:
    queries = dict(targets(BOARDS["position-ledger-positions"], "rawSql"))
    answers = {}
    for title, query in queries.items():
        asked = substituted(query)
        assert "$" not in asked, title
        answers[title] = reader.execute(asked.encode()).fetchall()
    empty = [title for title, found in answers.items() if not found]
    assert empty == []
    assert answers["Unprotected"] == [(1, 0)]
    assert answers["Open"] == [(2,)]
    assert [str(net) for _, _, net in answers["Net by day"]] == ["-5.01"]
    assert answers["Open now"][0][0] == "ORBSUSDT.binance#1"


def test_a_stray_is_never_covered_whoever_was_to_keep_its_stop(filled: str, reader: psycopg.Connection) -> None:
    with PositionLedger.connect(filled) as ledger:
        for intent in ("1", "2"):
            receipt = ledger.request_entry(
                symbol="XMRUSDT", exchange="binance", side="long", quantity="1", protection="bot", intent_id=intent
            )
            if intent == "1":
                ledger.fail_entry(position_id=receipt.position_id, outcome="canceled", reason="no answer")
        ledger.record_entry_fill(position_id="XMRUSDT.binance#1", trade_id="1", last_qty="1", last_px="100")
        told = {row.position_id for row in ledger.positions(unprotected=True) if row.quantity}
    queries = dict(targets(BOARDS["position-ledger-positions"], "rawSql"))
    assert reader.execute(substituted(queries["Unprotected"]).encode()).fetchall() == [(len(told), 0)]
    shown = reader.execute(substituted(queries["Open now"]).encode()).fetchall()
    assert {row[0] for row in shown if not row[6]} == told == {"ORBSUSDT.binance#1", "XMRUSDT.binance#1"}
    assert {row[0] for row in shown[:2]} == told, "what is bare stands first"


def test_what_is_not_known_to_be_held_is_neither_covered_nor_bare(filled: str, reader: psycopg.Connection) -> None:
    with PositionLedger.connect(filled) as ledger:
        place: dict[str, Any] = {"exchange": "binance", "side": "long", "quantity": "1", "intent_id": "1"}
        unknown = ledger.request_entry(symbol="XMRUSDT", **place).position_id
        ledger.record_entry_unknown(position_id=unknown, reason="no answer")
        chosen = ledger.request_entry(symbol="HNTUSDT", protection="bot", **place).position_id
    queries = dict(targets(BOARDS["position-ledger-positions"], "rawSql"))
    assert reader.execute(substituted(queries["Unprotected"]).encode()).fetchall() == [(1, 1)]
    shown = {row[0]: row[6] for row in reader.execute(substituted(queries["Open now"]).encode())}
    assert (shown[unknown], shown[chosen], shown["ORBSUSDT.binance#1"]) == (None, True, False)


def test_what_a_variable_offers_is_answered(reader: psycopg.Connection) -> None:
    (query,) = [
        variable["query"]
        for variable in BOARDS["position-ledger-positions"]["templating"]["list"]
        if variable["type"] == "query"
    ]
    assert reader.execute(query.encode()).fetchall() == [("binance",)]


def test_a_dashboard_reads_nothing_else(reader: psycopg.Connection) -> None:
    for statement in ("SELECT FROM ledger_events", "SELECT FROM rejections", "UPDATE positions SET side = side"):
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(statement.encode())
