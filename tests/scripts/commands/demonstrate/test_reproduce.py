"""`reproduce`: the old bot doubles orders, the ledger does not; if it did, the command would report it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from infrastructure.store_opening import open_store
from infrastructure.trading.exchange_orders import OrderTicket, TicketKind
from scripts.benchmarks.scratch_databases import places
from scripts.cli import REFUSED
from scripts.commands.demonstrate import reproduce
from scripts.commands.demonstrate.reproduce import SCENARIOS, command
from scripts.simulation.bot import Way
from scripts.simulation.old_table import OVER_ACTIVE, OVER_OPEN, IndexViolation, OldRow, OldTable
from scripts.simulation.outcome import ScenarioOutcome
from scripts.simulation.scenario import PRICE, QUANTITY, Place
from scripts.simulation.trade_signal import Signal, SignalStep, Stopped, Told
from scripts.simulation.trader_bot import LedgerWay, TraderBot

OURS = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ledger\\_reproduce\\_%'"
THREADS = 4


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [*map(str, arguments)])


def told(*arguments: object) -> dict[str, Any]:
    ran = run(*arguments, "--json")
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def outcomes(database: str, scenario: str, threads: int = THREADS) -> dict[str, dict[str, Any]]:
    found = told("--scenario", scenario, "--threads", threads, "--database", database)
    (played,) = found["scenarios"]
    assert found["ok"] is True
    assert played["scenario"] == scenario
    return {outcome["way"]: outcome for outcome in played["outcomes"]}


def test_a_parallel_signals_send_an_order_each_and_on_the_ledger_one_of_them_does(ledger_url: str) -> None:
    """I-07: -123.6 at the exchange, 61.8 in the table."""
    ways = outcomes(ledger_url, "A", threads=2)
    assert {way: (each["orders"], each["doubled_orders"]) for way, each in ways.items()} == {
        "old way": (2, 1),
        "three layers": (2, 1),
        "ledger": (1, 0),
    }
    assert ways["three layers"]["at_exchange"] == {"APTUSDT": "-123.6"}
    assert ways["three layers"]["in_books"] == {"APTUSDT": "-61.8"}
    assert ways["three layers"]["told"] == {"opened": 2}
    assert ways["ledger"]["at_exchange"] == ways["ledger"]["in_books"] == {"APTUSDT": "-61.8"}
    assert ways["ledger"]["told"] == {"opened": 1, "refused": 1}
    assert [each["is_sound"] for each in ways.values()] == [False, False, True]


def test_a_with_more_signals_one_comes_twice_and_is_known(ledger_url: str) -> None:
    """I-04: the second delivery of an intent is replayed, and sends nothing."""
    ways = outcomes(ledger_url, "A", threads=6)
    assert ways["three layers"]["doubled_orders"] == 5
    assert ways["old way"]["doubled_orders"] == 1
    assert ways["ledger"]["told"] == {"opened": 1, "replayed": 1, "refused": 4}
    assert ways["ledger"]["orders"] == 1


def test_b_the_synchroniser_makes_a_second_row_and_on_the_ledger_none(ledger_url: str) -> None:
    """I-01: row 2548 is rolled back in the table while its position lives on under row 2549."""
    ways = outcomes(ledger_url, "B", threads=2)
    assert ways["old way"]["told"] == {"failed": 1}
    assert [" ".join(row.split()[:5]) + row[row.rindex(",") :] for row in ways["old way"]["books"]] == [
        "row 2548: short 61.8 @, rolled_back",
        "row 2549: short 61 @, active",
    ]
    assert len(ways["old way"]["disowned_orders"]) == 1
    assert ways["three layers"]["is_sound"] is True
    assert ways["ledger"]["books"] == ["APTUSDT.binance#1: short 61 @ 3.2295, order 53190368, active"]


def test_b_the_three_layers_are_blind_to_other_spellings(ledger_url: str) -> None:
    ways = outcomes(ledger_url, "B", threads=4)
    assert ways["three layers"]["at_exchange"] == {"APTUSDT": "-61"}
    assert ways["three layers"]["in_books"] == {"APTUSDT": "-183"}
    assert ways["ledger"]["is_sound"] is True


def test_c_a_late_close_hits_the_second_attempt_and_on_the_ledger_nothing(ledger_url: str) -> None:
    """I-08."""
    ways = outcomes(ledger_url, "C", threads=2)
    for old in ("old way", "three layers"):
        assert (ways[old]["at_exchange"], ways[old]["in_books"]) == ({}, {"APTUSDT": "-61.8"})
    assert ways["ledger"]["at_exchange"] == ways["ledger"]["in_books"] == {"APTUSDT": "-61.8"}
    assert ways["ledger"]["told"] == {"opened": 1, "failed": 1}
    assert [row.rpartition(" ")[2] for row in ways["ledger"]["books"]] == ["rolled_back", "active"]


def test_d_after_a_crash_a_new_signal_orders_again_and_on_the_ledger_it_is_refused(ledger_url: str) -> None:
    """I-09."""
    ways = outcomes(ledger_url, "D")
    assert ways["old way"]["doubled_orders"] == 1
    assert ways["three layers"]["doubled_orders"] == 3
    assert len(ways["three layers"]["books"]) == 1
    assert ways["ledger"]["told"] == {"refused": 3, "crashed": 1}
    assert ways["ledger"]["books"] == ["APTUSDT.binance#1: short 61.8 @ 3.2295, order 53190368, active"]


def test_stress_doubles_orders_the_old_way_and_none_on_the_ledger(ledger_url: str) -> None:
    ways = outcomes_of_stress(ledger_url)
    assert ways["old way"]["doubled_orders"] > 0
    assert ways["three layers"]["doubled_orders"] > 0
    assert ways["ledger"]["doubled_orders"] == 0
    assert ways["ledger"]["at_exchange"] == ways["ledger"]["in_books"]
    assert sum(ways["ledger"]["told"].values()) > 0


def outcomes_of_stress(database: str) -> dict[str, dict[str, Any]]:
    found = told("--scenario", "stress", "--threads", 6, "--duration", 1, "--seed", 7, "--database", database)
    assert (found["seed"], found["threads"], found["ok"]) == (7, 6, True)
    return {outcome["way"]: outcome for outcome in found["scenarios"][0]["outcomes"]}


def test_by_default_all_four_are_played_and_told_as_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    ran = run("--threads", 2, "--symbol", "KAS/USDT:USDT", "--exchange", "Bybit")
    assert ran.exit_code == 0, ran.output
    lines = ran.stdout.splitlines()
    assert [line.partition("  ")[0] for line in lines if line[1:3] == "  "] == list(SCENARIOS)
    assert sum(line.startswith("ledger ") and line.endswith(" sound") for line in lines) == len(SCENARIOS)
    assert "books, ledger: KASUSDT.bybit#1: short 61.8" in ran.stdout
    assert list(tmp_path.iterdir()) == []


# -- the ledger, if it ever did ---------------------------------------------------------------------------------


def ordered(signal: Signal) -> OrderTicket:
    """The order of a signal, under an id of nobody's."""
    return OrderTicket(
        symbol=signal.symbol,
        side=signal.side.opening_order,
        kind=TicketKind.MARKET,
        client_order_id="nobodys",
        quantity=signal.quantity,
    )


class CarelessBot(TraderBot):
    """It orders again when a signal comes again, under an id of nobody's."""

    def enter(self, signal: Signal) -> Generator[SignalStep, None, None]:
        try:
            yield from super().enter(signal)
        except Stopped as end:
            if end.told is Told.REPLAYED:
                self._exchange.place(ordered(signal))
            raise


class ForgetfulBot(TraderBot):
    """It orders without asking."""

    def enter(self, signal: Signal) -> Generator[SignalStep, None, None]:
        self._exchange.place(ordered(signal))
        yield from super().enter(signal)


def way_of(bot: type[TraderBot]) -> type[LedgerWay]:
    class OtherWay(LedgerWay):
        @contextmanager
        def bot(self, exchange: SimulatedExchange, owner: str) -> Iterator[TraderBot]:
            with PositionLedger(open_store(self.settings, create=False), clock=exchange.clock) as ledger:
                yield bot(ledger, exchange, owner)

    return OtherWay


@pytest.mark.parametrize("bot", [CarelessBot, ForgetfulBot])
def test_an_order_doubled_on_the_ledger_is_exit_1(bot: type[TraderBot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce, "LedgerWay", way_of(bot))
    ran = run("--scenario", "A", "--json")
    assert ran.exit_code == REFUSED
    found = json.loads(ran.stdout)
    assert found["ok"] is False
    (ledger,) = [each for each in found["scenarios"][0]["outcomes"] if each["way"] == "ledger"]
    assert ledger["doubled_orders"] > 0
    assert "doubled order" in ledger["problems"][0]


def test_books_that_differ_from_the_exchange_are_not_sound(tmp_path: Path) -> None:
    way: Way = LedgerWay(Settings("sqlite", str(tmp_path / "ledger.db")))
    way.create()
    exchange = SimulatedExchange()
    exchange.set_price("APT/USDT:USDT", PRICE)
    with way.bot(exchange, "bot-1") as bot:
        list(bot.enter(Place().signal("1")))
        assert ScenarioOutcome.of("ledger", exchange, [], bot.books()).is_sound
        exchange.liquidate("APTUSDT")
        found = ScenarioOutcome.of("ledger", exchange, [], bot.books())
    assert found.problems == ["APTUSDT is 0 at the exchange and -61.8 in the books"]


# -- the old table ----------------------------------------------------------------------------------------------


@pytest.fixture
def old_table(request: pytest.FixtureRequest, ledger_url: str) -> Iterator[OldTable]:
    with places(ledger_url, "reproduce") as here, closing(OldTable(here.named("old"))) as table:
        table.create(request.param)
        yield table


APT = OldRow(
    symbol="APTUSDT", exchange="binance", side="short", quantity=QUANTITY, entry_price=QUANTITY, status="active"
)


@pytest.mark.parametrize("old_table", [OVER_ACTIVE], indirect=True)
def test_the_first_index_does_not_see_a_row_while_it_is_placed(old_table: OldTable) -> None:
    first = old_table.insert(APT)
    with pytest.raises(IndexViolation):
        old_table.insert(APT)
    old_table.update(first, "entry_placed")
    assert old_table.insert(APT) > first == 2548
    with pytest.raises(IndexViolation):
        old_table.update(first, "active")
    assert next((row.id, row.status, row.quantity) for row in old_table.rows()) == (2548, "entry_placed", QUANTITY)


@pytest.mark.parametrize("old_table", [OVER_OPEN], indirect=True)
def test_the_wider_index_sees_it_but_not_another_spelling(old_table: OldTable) -> None:
    first = old_table.insert(APT)
    old_table.update(first, "entry_placed", exchange_order_id="7")
    with pytest.raises(IndexViolation), old_table.locked("APTUSDT", "binance"):
        old_table.insert(APT)
    old_table.insert(OldRow(**{**vars(APT), "symbol": "APT/USDT:USDT"}))
    assert [row.exchange_order_id for row in old_table.rows("APTUSDT", "binance")] == ["7"]


# -- what is left behind ----------------------------------------------------------------------------------------


def test_nothing_of_the_user_s_is_touched(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="mine")
        assert run("--scenario", "A", "--database", ledger_url).exit_code == 0
        assert [row.intent_id for row in ledger.positions()] == ["mine"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopped_half_way_it_leaves_nothing_behind(how: signal.Signals, postgres_url: str) -> None:
    words = [
        sys.executable,
        "-c",
        "from scripts.commands.demonstrate.reproduce import command; command()",
        "--database",
        postgres_url,
    ]
    words += ["--scenario", "stress", "--duration", "600", "--threads", "3"]
    with (
        subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True) as playing,
        psycopg.connect(postgres_url, autocommit=True) as connection,
    ):
        assert playing.stderr is not None
        assert "3 threads" in playing.stderr.readline()
        while not rows_in_a_table(connection):
            assert playing.poll() is None
        os.killpg(playing.pid, how) if how is signal.SIGINT else playing.send_signal(how)
        playing.stderr.read()
        assert playing.wait() != 0
        assert connection.execute(OURS).fetchone() == (0,)


def rows_in_a_table(connection: psycopg.Connection) -> bool:
    found = connection.execute(
        "SELECT sum(n_tup_ins) FROM pg_stat_user_tables WHERE schemaname LIKE 'ledger\\_reproduce\\_%'"
    ).fetchone()
    return bool(found and found[0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scenario", "E"], "'E' is not one of"),
        (["--threads", "1"], "1 is not in the range"),
        (["--duration", "0"], "0.0 is not in the range"),
        (["--symbol", "?"], "is not a symbol"),
        (["--symbol", "BTC/USD:BTC"], "quoted and settled in USDT or USDC"),
        (["--exchange", "?"], "is not a name"),
    ],
)
def test_a_wrong_word_is_usage(arguments: list[str], words: str) -> None:
    ran = run(*arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert words in " ".join(ran.stderr.split())
