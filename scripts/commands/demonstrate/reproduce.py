"""`reproduce`: the scenarios in which the old bot doubled an order, run against it and against the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final

import click

from domain.values import plain
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from scripts.benchmarks.scratch_databases import ScratchDatabases, places
from scripts.cli import REFUSED
from scripts.options.database import json_option
from scripts.options.params import EXCHANGE, NumberRange, ReadAs
from scripts.output import print_json, print_table, progress, say, show
from scripts.signals import terminable
from scripts.simulation.bot import Way
from scripts.simulation.old_bot import FirstBot, OldWay, ThreeLayerBot
from scripts.simulation.outcome import ScenarioOutcome
from scripts.simulation.scenario import Place, Scenario, Stage, contract
from scripts.simulation.scenarios import crash, late_close, parallel_signals, synchroniser
from scripts.simulation.scenarios.stress import stress
from scripts.simulation.trade_signal import Told
from scripts.simulation.trader_bot import LedgerWay

SCENARIOS: Final = {
    played.SCENARIO.name: played.SCENARIO for played in (parallel_signals, synchroniser, late_close, crash)
}
STRESS: Final = "stress"
LEDGER: Final = "ledger"
THREADS_MAX: Final = 64
_IN_TEMPORARY_FOLDER: Final = "sqlite:///:memory:"
_TIMEOUT_SECONDS: Final = 60.0
_COLUMNS: Final = ("way", "orders", "doubled", "at the exchange", "in the books", "bots were told", "")


@click.command("reproduce")
@click.option(
    "--scenario",
    "names",
    multiple=True,
    type=click.Choice([*SCENARIOS, STRESS], case_sensitive=False),
    help="The scenario to play; it may be given several times.  [default: A, B, C and D]",
)
@click.option(
    "--threads",
    default=4,
    show_default=True,
    type=click.IntRange(2, THREADS_MAX),
    help="How many bots act at the same time.",
)
@click.option(
    "--duration",
    "seconds",
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    type=NumberRange(0.1, 3600),
    help="How long stress lasts for each way.",
)
@click.option("--seed", default=1, show_default=True, type=int, help="The seed of the random choices in stress.")
@click.option(
    "--symbol",
    default=Place.symbol,
    show_default=True,
    type=ReadAs(contract),
    help="The symbol that all bots trade.",
)
@click.option(
    "--exchange",
    default=Place.exchange,
    show_default=True,
    type=EXCHANGE,
    help="The name of the simulated exchange.",
)
@click.option(
    "--database",
    metavar="URL",
    help="Where to play, in schemas (or files) dropped at the end.  [default: SQLite files in a temporary folder]",
)
@json_option
def command(
    *,
    names: Sequence[str],
    threads: int,
    seconds: float,
    seed: int,
    symbol: str,
    exchange: str,
    database: str | None,
    as_json: bool,
) -> None:
    """Reproduce how orders were doubled: with the old table, with the three layers added to it, and with the ledger.

    A: parallel signals. B: a signal against the synchroniser. C: a retry after a rollback. D: a crash in mid-entry,
    then a new signal. stress: all of it at random. Orders go to a simulated exchange, which counts them; its positions
    in the end are shown beside those of the books.

    Your data is not touched: every way plays in a new schema (or file), which is removed at the end, also after Ctrl-C.
    So there is nothing to confirm. Exit code 1 when the ledger doubled an order, or its books differ from the exchange.

    \b
    Examples:
      position-ledger reproduce
      position-ledger reproduce --scenario A --threads 2
      position-ledger reproduce --scenario stress --threads 16 --duration 30 --json
      position-ledger reproduce --scenario B --database postgresql://bot@db.example/trading
    """
    scenarios = [SCENARIOS.get(name) or stress(seconds, seed) for name in names or SCENARIOS]
    place = Place(symbol, exchange)
    played: list[tuple[Scenario, list[ScenarioOutcome]]] = []
    with terminable(), places(database or _IN_TEMPORARY_FOLDER, "reproduce", _TIMEOUT_SECONDS) as here:
        say(f"{here.description}, {threads} threads")
        for number, scenario in enumerate(scenarios):
            outcomes = [play(scenario, way, place, threads) for way in contestants(here, f"{number}")]
            played.append((scenario, outcomes))
            if not as_json:
                _print(scenario, outcomes)
    if as_json:
        print_json(_as_json(here, threads, seed, played))
    if not _is_sound(played):
        raise SystemExit(REFUSED)


Played = Sequence[tuple[Scenario, list[ScenarioOutcome]]]


def _is_sound(played: Played) -> bool:
    return all(outcome.is_sound for _, outcomes in played for outcome in outcomes if outcome.way == LEDGER)


def contestants(here: ScratchDatabases, suffix: str) -> list[Way]:
    """The three ways of storing positions, each in a database of its own."""
    ways: list[Way] = [
        OldWay("old way", here.named(f"old{suffix}"), FirstBot),
        OldWay("three layers", here.named(f"layers{suffix}"), ThreeLayerBot),
        LedgerWay(here.named(f"ledger{suffix}"), LEDGER),
    ]
    for way in ways:
        way.create()
    return ways


def play(scenario: Scenario, way: Way, place: Place, threads: int) -> ScenarioOutcome:
    """Run a scenario one way, at a new simulated exchange."""
    clock = scenario.time()
    exchange = SimulatedExchange(
        place.exchange, clock=clock, sleep=clock.sleep, latency_seconds=scenario.latency_seconds
    )
    with ExitStack() as stack, progress(f"{scenario.name}, {way.name}", scenario.seconds) as advance:
        stage = Stage(way, exchange, place, threads, stack, advance)
        stage.list_symbol(place.symbol)
        scenario.play(stage)
        return ScenarioOutcome.of(way.name, exchange, stage.attempts, stage.bot().books())


def _print(scenario: Scenario, outcomes: Sequence[ScenarioOutcome]) -> None:
    show(f"{scenario.name}  {scenario.title}: {scenario.story}", "")
    print_table(_COLUMNS, [_cells(outcome) for outcome in outcomes], right=frozenset({"orders", "doubled"}))
    show("")
    if scenario.name != STRESS:
        for outcome in outcomes:
            show(f"books, {outcome.way}: {' | '.join(outcome.books)}")
        show("")


def _cells(outcome: ScenarioOutcome) -> tuple[object, ...]:
    return (
        outcome.way,
        outcome.orders,
        outcome.doubled_orders,
        _exposures(outcome.at_exchange),
        _exposures(outcome.in_books),
        ", ".join(f"{outcome.told[told]} {told.value}" for told in Told if outcome.told[told]),
        "sound" if outcome.is_sound else "; ".join(outcome.problems),
    )


def _exposures(by_symbol: dict[str, Decimal]) -> str:
    if len(by_symbol) == 1:
        return plain(next(iter(by_symbol.values())))
    return ", ".join(f"{symbol} {plain(exposure)}" for symbol, exposure in by_symbol.items()) or "0"


def _as_json(here: ScratchDatabases, threads: int, seed: int, played: Played) -> dict[str, Any]:
    return {
        "database": here.description,
        "threads": threads,
        "seed": seed,
        "ok": _is_sound(played),
        "scenarios": [
            {
                "scenario": scenario.name,
                "title": scenario.title,
                "story": scenario.story,
                "outcomes": [outcome.as_json() for outcome in outcomes],
            }
            for scenario, outcomes in played
        ],
    }
