"""Every benchmark in a small size: it measures what it says, and its ratios and bars follow from the measurements."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from scripts.benchmarks import questions, server
from scripts.benchmarks.bench_report import BenchReport, SpeedBar
from scripts.benchmarks.contest import Contested, contest
from scripts.benchmarks.contestants.bare_database import BareDatabase
from scripts.benchmarks.contestants.eventsourcing_recorder import LibraryRecorder
from scripts.benchmarks.contestants.ledger_contestant import LedgerContestant
from scripts.benchmarks.contestants.three_layers import ThreeLayers
from scripts.benchmarks.distance import ADDED_SECONDS, far_away
from scripts.benchmarks.growth import Growth, measure_growth
from scripts.benchmarks.lifecycle import SAVES, WARM_UP, Contestant, Measured, measure
from scripts.benchmarks.process_pool import BenchmarkFailed, _work, context, side_by_side
from scripts.benchmarks.processor_time import ProcessorTime, processor_times
from scripts.benchmarks.questions import WAIT_SECONDS_MAX, AnswerWait, ask
from scripts.benchmarks.scan import fill, scan
from scripts.benchmarks.scratch_databases import ScratchDatabases, places
from scripts.cli import REFUSED
from scripts.commands.demonstrate.bench import command
from tests.acceptance.bot import run as run_forked
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.proxy import proxied

PROCESSES = 2
WALKS = ["rebuild", "verify", "follow", "rebuild by 2 processes", "verify by 2 processes"]
TINY = ["--rounds", "1", "--seconds", "0.05", "--cycles", "2"]
OURS = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ledger\\_bench\\_%'"


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def here(url: str) -> Iterator[ScratchDatabases]:
    with places(url) as here:
        yield here


@pytest.fixture
def either(ledger_url: str) -> Iterator[ScratchDatabases]:
    with places(ledger_url) as either:
        yield either


def contestants(here: ScratchDatabases) -> list[Contestant]:
    return [
        LedgerContestant(here.named("ledger")),
        ThreeLayers(here.named("layers")),
        LibraryRecorder(here.named("stock")),
        BareDatabase(here.named("floor")),
    ]


def value(url: str, statement: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(statement.encode()).fetchone()
    assert found is not None
    return found[0]


def run(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def measured(per_second: float, p50_ms: float = 1.0, p99_ms: float = 2.0) -> Measured:
    return Measured(int(per_second), per_second, p50_ms, p99_ms)


def contested(processes: int, **per_second: list[float]) -> Contested:
    names = {name.replace("_", " "): list(map(measured, rounds)) for name, rounds in per_second.items()}
    return Contested(processes, names)


def run_tiny(contestant: Contestant) -> int:
    """How many lifecycles a table must show; with so few keys every process comes back to them."""
    contestant.create()
    done = measure(contestant, PROCESSES, 0.2, "T", keys=2)
    assert done.lifecycles > 0
    assert done.per_second > 0
    assert 0 < done.p50_ms <= done.p99_ms
    return done.lifecycles + PROCESSES * WARM_UP


def test_the_ledger_counts_what_it_recorded(either: ScratchDatabases) -> None:
    place = either.named("ledger")
    lifecycles = run_tiny(LedgerContestant(place))
    with PositionLedger(open_store(place)) as ledger:
        rows = ledger.positions()
        closed = [row for row in rows if row.status == "closed"]
        assert ledger.store.count_events() == 4 * lifecycles + len(closed)
        assert {row.status for row in rows} == {"active", "closed"}
        assert len(rows) == lifecycles
        assert max(row.cycle for row in rows) > 1
        assert verify(ledger.store).ok


def test_in_two_appends_the_ledger_records_the_same(either: ScratchDatabases) -> None:
    place = either.named("together")
    contestant = LedgerContestant(place, "ledger in two", saves_together=True)
    contestant.create()
    runner = contestant.runner()
    assert len(list(runner.lifecycle("APTUSDT"))) == SAVES - 1
    runner.finish(["APTUSDT"])
    assert len(list(runner.lifecycle("APTUSDT"))) == SAVES - 1
    runner.close()
    with PositionLedger(open_store(place)) as ledger:
        assert [row.status for row in ledger.positions()] == ["closed", "active"]
        assert ledger.store.count_events() == 4 + 1 + 4
        assert verify(ledger.store).ok


def test_the_three_layers_count_what_they_wrote(here: ScratchDatabases, url: str) -> None:
    place = here.named("layers")
    lifecycles = run_tiny(ThreeLayers(place))
    complete = (
        "status IN ('active', 'closed') AND exchange_order_id IS NOT NULL AND has_stop_loss AND entry_price = 3.2341"
    )
    assert value(url, f"SELECT count(*) FROM {place.schema}.positions WHERE {complete}") == lifecycles
    assert value(url, f"SELECT count(*) FROM {place.schema}.positions") == lifecycles
    assert value(url, f"SELECT count(*) FROM {place.schema}.positions WHERE status = 'closed'") > 0


def test_the_three_layers_look_whether_somebody_holds_the_symbol(here: ScratchDatabases) -> None:
    place = here.named("layers")
    ThreeLayers(place).create()
    runner = ThreeLayers(place).runner()
    list(runner.lifecycle("APTUSDT"))
    with pytest.raises(AssertionError, match="nobody holds"):
        list(runner.lifecycle("APTUSDT"))
    runner.close()
    runner = ThreeLayers(place).runner()
    runner.finish(["APTUSDT"])
    list(runner.lifecycle("APTUSDT"))
    runner.close()


def test_the_stock_recorder_counts_what_it_recorded(here: ScratchDatabases, url: str) -> None:
    place = here.named("stock")
    lifecycles = run_tiny(LibraryRecorder(place))
    tables = f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{place.schema}'"
    table = value(url, f"{tables} AND table_name LIKE '%events'")
    assert value(url, f"SELECT count(*) FROM {place.schema}.{table}") == 4 * lifecycles
    assert value(url, f"SELECT count(DISTINCT originator_id) FROM {place.schema}.{table}") == lifecycles


def test_the_floor_counts_what_it_wrote(either: ScratchDatabases) -> None:
    place = either.named("floor")
    lifecycles = run_tiny(BareDatabase(place))
    with PositionLedger(open_store(place)) as ledger:
        assert ledger.store.count_events() == 4 * lifecycles
        assert len(ledger.positions()) == lifecycles


def test_the_floor_writes_what_the_ledger_writes(either: ScratchDatabases) -> None:
    written = []
    for contestant in (LedgerContestant(either.named("ledger")), BareDatabase(either.named("floor"))):
        contestant.create()
        runner = contestant.runner()
        assert len(list(runner.lifecycle("APTUSDT"))) == SAVES
        runner.close()
        with PositionLedger(open_store(contestant.settings)) as ledger:
            (row,) = ledger.positions()
            log = list(ledger.store.log())
        shape = {event.originator_version: (event.topic, len(event.state)) for event in log}
        told = row.as_json()
        assert told["position_id"] == f"{row.stream}#1"
        differs = {"position_id", "symbol", "stream", "intent_id", "client_order_id", "orders"}
        clocks = {"opened_at", "activated_at", "updated_at", "unprotected_since"}
        written.append((shape, {name: known for name, known in told.items() if name not in differs | clocks}))
    by_ledger, by_floor = written
    assert by_floor[0].keys() == by_ledger[0].keys() == {1, 2, 3, 4}
    for version, (stored_type, length) in by_ledger[0].items():
        assert by_floor[0][version][0] == stored_type
        assert abs(by_floor[0][version][1] - length) <= 4  # the length of the symbol
    assert by_floor[1] == by_ledger[1]


def test_every_contestant_goes_to_the_port_that_the_environment_names(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxied(url) as proxy:
        monkeypatch.setenv("PGPORT", str(proxy.port))
        with places(proxy.url().replace(f":{proxy.port}", "")) as here:
            for contestant in contestants(here):
                contestant.create()
                contestant.runner().close()


def test_what_a_contestant_tells_libpq_is_forgotten_when_it_is_closed(here: ScratchDatabases) -> None:
    before = dict(os.environ)
    for contestant in contestants(here):
        contestant.create()
        contestant.runner().close()
    assert dict(os.environ) == before


def test_every_contestant_waits_for_the_disk(here: ScratchDatabases, url: str) -> None:
    commits = "SELECT wal_sync FROM pg_stat_wal"
    has_counter = value(url, "SELECT count(*) FROM information_schema.columns WHERE column_name = 'wal_sync'")
    if not has_counter:
        commits = "SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal'"
    for contestant in contestants(here):
        contestant.create()
        runner = contestant.runner()
        before = value(url, commits)
        for number in range(20):
            list(runner.lifecycle(f"D{number}USDT"))
        runner.close()
        wanted = before + 20 * SAVES
        eventually(lambda: value(url, commits) >= wanted)  # noqa: B023 - called now


def test_a_process_that_fails_is_told_of(here: ScratchDatabases) -> None:
    with pytest.raises(BenchmarkFailed, match="SchemaMismatch"):
        measure(LedgerContestant(here.named("never_made")), PROCESSES, 0.1, "T")


def test_a_process_that_dies_is_told_of() -> None:
    with pytest.raises(BenchmarkFailed, match="ended without a result or a traceback"):
        side_by_side(os._exit, [(1,)])


def test_a_process_whose_parent_was_stopped_while_it_began_ends_without_a_word() -> None:
    ours, theirs = context().Pipe(duplex=False)
    worker = context().Process(target=_work, args=(theirs, int, ()), daemon=True)
    ours.close()
    worker.start()
    worker.join(60)
    assert worker.exitcode == 0


def test_a_ratio_is_the_median_of_what_it_was_in_each_round() -> None:
    result = contested(4, ledger=[100.0, 300.0, 90.0], floor=[200.0, 100.0, 100.0])
    assert result.ratio("floor") == pytest.approx(0.9)
    assert result.per_second("ledger") == 100.0
    told = result.as_json()
    assert told["ledger_over"] == {"floor": 0.9}
    assert told["contestants"]["ledger"] == {
        "lifecycles_per_second": 100.0,
        "rounds": [100.0, 300.0, 90.0],
        "append_p50_ms": 1.0,
        "append_p99_ms": 2.0,
    }


def test_another_contestant_begins_each_round(either: ScratchDatabases) -> None:
    told: list[str] = []
    contestants = [LedgerContestant(either.named("a"), name="a"), LedgerContestant(either.named("b"), name="b")]
    for contestant in contestants:
        contestant.create()
    (result,) = contest(contestants, [1], 2, 0.05, told.append)
    assert [line.split(", ")[2][0] for line in told] == ["a", "b", "b", "a"]
    assert [len(rounds) for rounds in result.rounds.values()] == [2, 2]


@pytest.mark.parametrize(
    ("bar", "judged"),
    [
        (SpeedBar("b", 1.2, 1.2), "true"),
        (SpeedBar("b", 1.2, 1.19), "false"),
        (SpeedBar("b", 1.2, None), "null"),
        (SpeedBar("b", 1.5, 1.5, is_maximum=True), "true"),
        (SpeedBar("b", 1.5, 1.51, is_maximum=True), "false"),
    ],
)
def test_a_bar_holds_when_it_is_met(bar: SpeedBar, judged: str) -> None:
    assert json.dumps(bar.holds) == json.dumps(bar.as_json()["holds"]) == judged


def test_the_bars_are_those_that_were_promised() -> None:
    names = {"ledger": [12.0], "three_layers": [10.0], "stock": [3.0], "floor": [20.0]}
    report = BenchReport("PostgreSQL", 1.0, 1, growth={"sqlite": Growth(3_000, 1.0, 1.4, 2.0, 4.0)})
    report.contested = [contested(count, **names) for count in (1, 4, 16)]
    report.contested_slow = [contested(count, **names) for count in (1, 4, 16)]
    report.contested_far = [contested(count, **names) for count in (1, 4, 16)]
    report.processors = {"ledger": ProcessorTime(160.0, 176.0)}
    told = {bar["bar"]: (bar["wanted"], bar["measured"], bar["holds"]) for bar in report.as_json()["bars"]}
    expected: dict[str, tuple[str, float, bool]] = {}
    for count in (1, 4, 16):
        expected |= {
            f"ledger / three layers, {count} processes": (">= 0.85", 1.2, True),
            f"ledger / stock, {count} processes": (">= 3", 4.0, True),
            f"ledger / floor, {count} processes": (">= 0.6", 0.6, True),
            f"slow disk: ledger / three layers, {count} processes": (">= 0.9", 1.2, True),
        }
    for count in (1, 4):
        expected[f"network: ledger / three layers, {count} processes"] = (">= 2", 1.2, False)
    assert told == expected | {
        "µs of a processor an append, client": ("<= 160", 160.0, True),
        "µs of a processor an append, server": ("<= 175", 176.0, False),
        "slow disk: ledger / stock, 16 processes": (">= 6", 4.0, False),
        "sqlite: cycle 3,000 / cycle 1, stream remembered": ("<= 1.5", 1.4, True),
        "sqlite: cycle 3,000 / cycle 1, stream read first": ("<= 1.5", 2.0, False),
    }


def test_what_was_not_measured_does_not_hold_and_does_not_fail() -> None:
    bars = BenchReport("SQLite", 1.0, 1).bars()
    assert {bar.holds for bar in bars} == {None}
    assert [bar.what for bar in bars] == [
        "slow disk: ledger / three layers",
        "slow disk: ledger / stock, 16 processes",
        "network: ledger / three layers",
        "µs of a processor an append, client",
        "µs of a processor an append, server",
    ]


def test_a_filled_ledger_is_sound_and_every_walk_sees_all_of_it(either: ScratchDatabases) -> None:
    place = either.named("scan")
    events = fill(place, 300)
    assert 300 <= events < 302
    scans = scan(place)
    assert {name: walked.events for name, walked in scans.items()} == dict.fromkeys(WALKS, events)
    assert all(walked.per_second > 0 and walked.floor > 0 for walked in scans.values())
    assert [name for name, walked in scans.items() if walked.peak_mb is None] == WALKS[3:]
    with PositionLedger(open_store(place)) as ledger:
        assert ledger.store.count_events() == events


def test_a_walk_over_a_damaged_ledger_is_no_measurement(tmp_path: Path) -> None:
    with places(f"sqlite:///{tmp_path}/any.db") as here:
        place = here.named("scan")
        fill(place, 100)
        connection = sqlite3.connect(place.where)
        connection.execute(
            "UPDATE positions SET cycle = 77 WHERE position_id = (SELECT min(position_id) FROM positions)"
        )
        connection.commit()
        connection.close()
        with pytest.raises(BenchmarkFailed, match="1 rows"):
            scan(place)


def test_a_person_waits_for_a_command_from_its_start_to_its_end(tmp_path: Path) -> None:
    with places(f"sqlite:///{tmp_path}/any.db") as here:
        place = here.named("scan")
        events = fill(place, 300)
        waits = ask(place, rounds=1)
        assert [*waits] == [*WAIT_SECONDS_MAX]
        assert all(wait.events == events and wait.seconds > 0.1 for wait in waits.values())
        assert all(wait.processor_seconds > 0 for wait in waits.values())
        with pytest.raises(BenchmarkFailed, match="status ended with 3: "):
            questions._run(replace(place, where=f"{place.where}x"), ["status"])


@pytest.fixture
def forked_questions(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Commands are asked as forks, which start sooner; how often each was."""
    asked: Counter[str] = Counter()

    def ask_a_fork(settings: Settings, words: Sequence[str]) -> None:
        ran = run_forked(questions._url(settings), *words)
        assert ran.returncode in (0, 1), ran.stderr
        asked[settings.kind] += 1

    monkeypatch.setattr(questions, "_run", ask_a_fork)
    return asked


def test_every_question_is_timed_once_a_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Counter[str] = Counter()
    monkeypatch.setattr(questions, "_run", lambda _, words: asked.update([words[0]]))
    with places(f"sqlite:///{tmp_path}/any.db") as here:
        fill(here.named("scan"), 10)
        ask(here.named("scan"), rounds=3)
    assert asked == {"positions": 6, "history": 3, "status": 3, "recover": 3, "stats": 4}, "stats was run before"


def test_a_wait_has_a_bar() -> None:
    report = BenchReport("SQLite", 1.0, 1, questions={"sqlite, generated": {"status": AnswerWait(1_000, 1.01, 0.5)}})
    bar = report.bars()[-1].as_json()
    assert bar == {
        "bar": "sqlite, generated, 1,000 events: status, s",
        "wanted": "<= 1",
        "measured": 1.01,
        "holds": False,
    }


def test_growth_is_measured_at_the_cycles_it_names(either: ScratchDatabases) -> None:
    place = either.named("growth")
    growth = measure_growth(place, cycles=5, samples=4)
    with PositionLedger(open_store(place)) as ledger:
        last = {row.symbol: row.cycle for row in ledger.positions()}
    assert last == {"OLDUSDT": 8, "NEW0USDT": 1, "NEW1USDT": 1, "NEW2USDT": 1, "NEW3USDT": 1}
    assert growth.warm == pytest.approx(growth.warm_last_ms / growth.warm_first_ms)
    assert growth.as_json()["cold"]["ratio"] == pytest.approx(growth.cold_last_ms / growth.cold_first_ms, abs=0.001)


def test_one_run_measures_it_all_and_leaves_nothing_behind(url: str, forked_questions: Counter[str]) -> None:
    ran = run("--database", url, "--processes", "1,2", "--events", "100", "--json", *TINY)
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert [result["processes"] for result in told["lifecycles"]] == [1, 2]
    for result in told["lifecycles"]:
        assert list(result["contestants"]) == ["ledger", "ledger in two", "three layers", "stock", "floor"]
        assert set(result["ledger_over"]) == {"ledger in two", "three layers", "stock", "floor"}
        for figures in result["contestants"].values():
            assert figures["lifecycles_per_second"] > 0
            assert 0 < figures["append_p50_ms"] <= figures["append_p99_ms"]
    assert set(told["growth"]) == {"postgresql", "sqlite"}
    assert [*told["scans"]] == WALKS
    assert [*told["scans_by_ledger"]] == [
        f"{database}, {kind}" for database in ("postgresql", "sqlite") for kind in ("generated", "short histories")
    ]
    assert all(100 <= walked["events"] < 102 for walked in told["scans"].values())
    assert "throw away" in told["slow_disk_missing"]
    assert "throw away" in told["network_missing"]
    assert told["processor"] == {}
    assert told["database"].startswith("PostgreSQL ")
    assert [*told["questions"]] == ["postgresql, generated", "sqlite, generated"]
    assert all([*waits] == [*WAIT_SECONDS_MAX] for waits in told["questions"].values())
    assert forked_questions == dict.fromkeys(("postgresql", "sqlite"), 1 + len(WAIT_SECONDS_MAX))
    assert len(told["bars"]) == 15 + 4 * 3 + 2 * len(WAIT_SECONDS_MAX)
    assert value(url, OURS) == 0


def test_a_missed_bar_is_an_exit_code_only_when_asked_for(tmp_path: Path) -> None:
    words = ["--database", f"sqlite:///{tmp_path}/any.db", "--processes", "1", "--events", "0", "--json", *TINY]
    asked, unasked = run("--check", *words), run(*words)
    is_missed = any(bar["holds"] is False for bar in json.loads(asked.stdout)["bars"])
    assert asked.exit_code == (REFUSED if is_missed else 0)
    assert unasked.exit_code == 0


@pytest.mark.usefixtures("forked_questions")
def test_on_sqlite_there_are_the_ledger_and_its_floor(tmp_path: Path) -> None:
    ran = run("--database", f"sqlite:///{tmp_path}/any.db", "--processes", "2", "--events", "1", *TINY)
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.startswith("SQLite ")
    assert "stock" not in ran.stdout.partition("Bars")[0]
    for word in ("floor", "rebuild", "verify", "follow", "Not measured with 1 ms", "Not measured with a network"):
        assert word in ran.stdout
    assert not list(tmp_path.iterdir())


def test_without_a_database_it_brings_its_own_and_makes_its_disk_slow() -> None:
    ran = run("--processes", "1", "--events", "0", "--json", *TINY)
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert bool(told["lifecycles_slow_disk"]) != bool(told["slow_disk_missing"])
    for result in told["lifecycles_slow_disk"]:
        assert all(figures["append_p50_ms"] >= 1 for figures in result["contestants"].values())
    (far,) = told["lifecycles_network"]
    assert all(figures["append_p50_ms"] >= 2_000 * ADDED_SECONDS for figures in far["contestants"].values())
    assert told["network"]["added_ms"] >= 2_000 * ADDED_SECONDS
    assert told["network"]["proxy_us"] > 0
    assert list(told["processor"]) == ["ledger", "three layers", "stock", "floor"]
    assert all(taken["client_us"] > 0 for taken in told["processor"].values())


def test_through_the_proxy_everything_arrives_in_order_and_its_end_does(url: str) -> None:
    with far_away(url) as (far, distance):
        text = "".join(map(str, range(100_000)))
        with psycopg.connect(far) as connection:
            assert connection.execute("SELECT %s || 'x'", (text,)).fetchone() == (f"{text}x",)
            found = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert found is not None
        eventually(lambda: value(url, f"SELECT count(*) FROM pg_stat_activity WHERE pid = {found[0]}") == 0)
        assert distance.added_ms >= 2_000 * ADDED_SECONDS
        with psycopg.connect(far) as lost:
            ended = psycopg.connect(url, autocommit=True)
            ended.execute("SELECT pg_terminate_backend(%s)", (lost.info.backend_pid,))
            ended.close()
            with pytest.raises(psycopg.OperationalError):
                lost.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(far)


def test_an_append_takes_a_processor_on_both_sides(here: ScratchDatabases, url: str) -> None:
    ledger = LedgerContestant(here.named("ledger"))
    ledger.create()
    taken = processor_times([ledger], url, rounds=1)["ledger"]
    assert taken.client_us > 0
    assert (taken.server_us is None) != Path("/proc/self/schedstat").is_file()
    assert taken.server_us is None or taken.server_us > 0


def test_without_a_server_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "is_there", lambda: False)
    ran = run(*TINY)
    assert ran.exit_code == 2
    assert "--database" in ran.stderr


def test_without_a_compiler_the_slow_disk_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(server.NoSlowDisk, match="no C compiler"), server.slow_server():
        pass


@pytest.mark.parametrize("wrong", ["", "0", "one", "1,,4", "-1"])
def test_a_number_of_processes_that_is_none_is_refused(wrong: str) -> None:
    ran = run("--processes", wrong)
    assert ran.exit_code == 2
    assert "1,4,16" in ran.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopped_half_way_it_leaves_nothing_behind(how: signal.Signals, url: str) -> None:
    words = [
        sys.executable,
        "-c",
        "from scripts.commands.demonstrate.bench import command; command()",
        "--database",
        url,
    ]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True) as bench:
        assert bench.stderr is not None
        while "round 1" not in bench.stderr.readline():
            assert bench.poll() is None
        assert value(url, OURS) > 0
        os.killpg(bench.pid, how) if how is signal.SIGINT else bench.send_signal(how)
        said = bench.stderr.read()
        assert bench.wait() != 0
    assert value(url, OURS) == 0, said


def test_places_of_two_runs_do_not_meet(url: str) -> None:
    with places(url) as one, places(url) as other:
        assert one.named("ledger").schema != other.named("ledger").schema
        LedgerContestant(one.named("ledger")).create()
        LedgerContestant(other.named("ledger")).create()
        assert value(url, OURS) == 2
        assert replace(one.named("ledger"), schema="x") == replace(other.named("ledger"), schema="x")
    assert value(url, OURS) == 0
