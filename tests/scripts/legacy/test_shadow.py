"""`shadow` on the command line: its output, its exit codes, and its restart after it was killed."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import psycopg
import pytest

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.shadow.divergence import DivergenceKind
from scripts.legacy import shadow
from tests.acceptance.bot import PROGRAM
from tests.forked_popen import ForkedPopen
from tests.infrastructure.legacy.shadow.old_bot import APT, OldBot
from tests.infrastructure.legacy.shadow.test_incidents import signal_against_synchroniser
from tests.pages import VERBS, sections, table
from tests.scripts.program import Program, Ran


class Mirrored(Ran):
    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Mirrored]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shadow.db"


@pytest.fixture
def run(url: str, program: Program) -> Run:
    return lambda *arguments: Mirrored(*program("shadow", *arguments, "--database", url))


@pytest.fixture
def bot(postgres_url: str) -> Iterator[OldBot]:
    with OldBot(postgres_url) as bot:
        bot.make_table()
        bot.install()
        yield bot


def test_divergences_are_told_in_words_and_counted(bot: OldBot, run: Run, postgres_url: str) -> None:
    signal_against_synchroniser(bot)
    ran = run("--from", postgres_url)
    lines = ran.out.splitlines()
    assert (ran.code, ran.err) == (1, "")
    assert (
        " second_row: row 2549 APTUSDT.binance#1: short 61 at 3.2295 (no order, active) was opened beside row 2548"
        in lines[0]
    )
    assert lines[2:] == [
        "6 changes, 5 commands: 2 divergences",
        "  1 second_row: the old bot opened a second row while the ledger holds the slot",
        "  1 rollback_without_proof: a row is rolled back, and nothing proves that the exchange is flat",
    ]


def test_programs_read_a_line_each_and_the_sums(bot: OldBot, run: Run, postgres_url: str) -> None:
    signal_against_synchroniser(bot)
    ran = run("--from", postgres_url, "--json")
    second, rolled_back, sums = ran.lines
    assert (second["kind"], second["answer"], second["row"]["quantity"]) == (
        "second_row",
        "PositionAlreadyOpen",
        "61.00000000",
    )
    assert (rolled_back["kind"], rolled_back["legacy_id"], rolled_back["position_id"]) == (
        "rollback_without_proof",
        "2548",
        "APTUSDT.binance#1",
    )
    assert sums == {
        "changes": 6,
        "commands": 5,
        "divergences": 2,
        "counts": {"second_row": 1, "rollback_without_proof": 1},
    }


def test_nothing_diverged_is_exit_0(bot: OldBot, run: Run, postgres_url: str) -> None:
    bot.opens(1, 5483266, "53190368", **APT)
    assert run("--from", postgres_url) == Ran(0, "2 changes, 2 commands: 0 divergences\n", "")
    assert run("--from", postgres_url) == Ran(0, "0 changes, 0 commands: 0 divergences\n", "")


def test_it_goes_on_until_nothing_was_written_for_a_while(bot: OldBot, run: Run, postgres_url: str) -> None:
    bot.insert(1, signal_id=1, status="entry_placed", **APT)

    def later() -> None:
        with OldBot(postgres_url) as other:
            other.update(1, exchange_order_id="a")

    timer = threading.Timer(0.5, later)
    timer.start()
    ran = run("--from", postgres_url, "--until-idle", "2", "--json")
    timer.join()
    assert (ran.code, ran.lines[-1]["changes"]) == (0, 2)


def test_what_may_still_come_first_is_waited_for_and_then_told(
    bot: OldBot, run: Run, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OldBot(postgres_url) as slow, monkeypatch.context() as hasty:
        hasty.setattr(shadow, "PATIENCE_SECONDS", 0.1)
        slow.begin()
        slow.insert(1, signal_id=1, status="entry_placed", **APT)
        bot.insert(2, signal_id=2, status="entry_placed", **APT | {"symbol": "KASUSDT"})
        ran = run("--from", postgres_url)
    assert ran.code == 3
    assert ran.out == "0 changes, 0 commands: 0 divergences\n"
    assert ran.err == (
        "a transaction that may still write before the last changes is not over; run it again when it is\n"
    )
    assert run("--from", postgres_url).code == 0


def test_a_database_without_an_outbox_is_a_usage_error(run: Run, postgres_url: str) -> None:
    ran = run("--from", postgres_url)
    assert ran.code == 2
    assert "there is no outbox beside monitoring.positions; `position-ledger shadow --print-trigger" in ran.err


def test_a_database_that_cannot_be_reached_is_exit_3_and_no_password_is_shown(run: Run) -> None:
    ran = run("--from", "postgresql://bot:geheim@127.0.0.1:1/trading")
    assert ran.code == 3
    assert "the outbox of monitoring.positions could not be read" in ran.err and "geheim" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "say --from URL to mirror"),
        (("--drop",), "say --from URL to mirror"),
        (("--from", "mysql://x", "--table", "a.b.c"), "'a.b.c' is not the name of a table"),
        (("--from", "not a url"), "--from is not a database URL"),
        (("--from", "postgresql:///x", "--timezone", "Mars"), "'Mars' is not a time zone"),
    ],
)
def test_what_is_not_understood_is_a_usage_error(run: Run, arguments: tuple[str, ...], words: str) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert words in ran.err


def test_the_sql_is_printed_for_any_table(run: Run) -> None:
    made, dropped = (
        run("--print-trigger", "--table", "old.rows"),
        run("--print-trigger", "--drop", "--table", "old.rows"),
    )
    assert (made.code, dropped.code) == (0, 0)
    assert 'CREATE TABLE "old"."rows_outbox" (' in made.out and made.out.endswith("COMMIT;\n")
    assert 'DROP FUNCTION IF EXISTS "old"."rows_outbox_keep"() CASCADE;' in dropped.out


def test_killed_in_the_middle_and_run_again_it_has_lost_and_doubled_nothing(
    bot: OldBot, run: Run, postgres_url: str, url: str
) -> None:
    for number in range(150):
        bot.insert(number, signal_id=number, status="entry_placed", **APT | {"symbol": f"S{number}USDT"})
    process = ForkedPopen[str](_follow(postgres_url, url), stdout=PIPE)
    try:
        with PositionLedger.connect(url) as ledger:
            while ledger.store.count_events() < 20:
                assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    with PositionLedger.connect(url) as ledger:
        assert 20 <= ledger.store.count_events() < 150
        assert run("--from", postgres_url).code == 0
        assert ledger.store.count_events() == len(ledger.positions()) == 150


def test_told_to_stop_it_sums_up(bot: OldBot, postgres_url: str, url: str) -> None:
    bot.insert(1, signal_id=1, status="entry_placed", **APT)
    process = ForkedPopen[str](_follow(postgres_url, url), stdout=PIPE, stderr=PIPE, text=True)
    try:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            while not connection.execute("SELECT FROM monitoring.positions_outbox_cursors").fetchall():
                assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, "1 changes, 1 commands: 0 divergences\n")
    assert err.endswith("stopped; run it again to go on\n")


def _follow(postgres_url: str, url: str) -> list[str]:
    return [PROGRAM, "shadow", "--from", postgres_url, "--database", url, "--follow"]


def test_every_kind_of_divergence_is_documented() -> None:
    documented = table(sections(VERBS)["position-ledger shadow"], "divergence")
    assert list(documented) == [kind.value for kind in DivergenceKind]
