"""A synchronous standby that cannot be reached: no command is answered `recorded` unless a standby has its events."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import psycopg
import pytest

from domain.commands.requests import RequestEntry
from domain.errors import LedgerError, OutcomeUnknown, StoreUnavailable
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.subscription import Subscription
from tests.infrastructure.event_store.postgres.load import Asked, eventually, slack_seconds, within
from tests.infrastructure.event_store.postgres.proxy import Proxy, proxied
from tests.infrastructure.event_store.postgres.server import Server, ServerFolder
from tests.urls import with_options

TIMEOUT = 2.0
REPETITIONS = 20
BOUND = TIMEOUT + 2.0
"""Of a command whose server falls silent: its own time, and what libpq waits at least for a connection."""
WAITS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'SyncRep'"
    " AND application_name = 'position-ledger'"
)
_runs = count(1)


class Pair(NamedTuple):
    """A primary that waits for its standby, and the way between them."""

    primary: Server
    standby: Server
    way: Proxy

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Nothing arrives at the standby."""
        self.way.is_open = False
        self.way.hold_answers()
        try:
            yield
        finally:
            self.way.is_open = True
            self.way.release()

    def waiting(self) -> list[int]:
        return [pid for (pid,) in self.primary.do(WAITS)]


@pytest.fixture(scope="module")
def pair(place: ServerFolder) -> Iterator[Pair]:
    primary = place.server("max_connections = 200", "client_min_messages = error")
    with PositionLedger.connect(primary.url()):
        pass
    with proxied(primary.url()) as way:
        standby = place.standby(primary, way.url())
        primary.do("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.do("SELECT pg_reload_conf()")
        yield Pair(primary, standby, way)


@pytest.fixture
def ledger(pair: Pair) -> Iterator[PositionLedger]:
    url = with_options(pair.primary.url(), f"timeout={TIMEOUT}&pool_size={REPETITIONS}")
    with PositionLedger.connect(url, create=False) as ledger:
        yield ledger


def entries() -> list[RequestEntry]:
    run = next(_runs)
    return [
        RequestEntry.of(
            symbol=f"R{run}N{number}USDT",
            exchange="binance",
            side="long",
            quantity="1",
            intent_id="1",
            command_id=f"r{run}-{number}",
        )
        for number in range(REPETITIONS)
    ]


def outcome(ledger: PositionLedger, command: RequestEntry) -> str:
    try:
        return ledger.handle(command).outcome
    except LedgerError as error:
        return type(error).__name__


def all_at_once(ledger: PositionLedger, commands: list[RequestEntry]) -> list[str]:
    with ThreadPoolExecutor(len(commands)) as threads:
        return list(threads.map(lambda command: outcome(ledger, command), commands))


def cancel(pair: Pair) -> None:
    pair.primary.do(f"SELECT pg_cancel_backend(pid) FROM ({WAITS}) AS waiting")


def terminate(pair: Pair) -> None:
    pair.primary.do(f"SELECT pg_terminate_backend(pid) FROM ({WAITS}) AS waiting")


def kill(pair: Pair) -> None:
    before = checkpointer(pair.primary)
    os.kill(pair.waiting()[0], signal.SIGKILL)  # then the server restarts all of its processes, once it hears of it
    eventually(lambda: checkpointer(pair.primary) not in (None, before))


def checkpointer(server: Server) -> int | None:
    """The process that a server has one of, and another one once it was restarted; None while it does not answer."""
    try:
        found = server.do("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    except psycopg.OperationalError:
        return None
    return found[0][0] if found else None


def restart(pair: Pair) -> None:
    pair.primary.restart("immediate")


def stored(server: Server) -> set[str]:
    with psycopg.connect(server.url()) as connection:
        return {id_ for (id_,) in connection.execute("SELECT command_id FROM ledger_events")}


@pytest.mark.parametrize("harm", [cancel, terminate, kill, restart], ids=lambda harm: harm.__name__)
def test_what_no_standby_has_is_never_said_to_be_recorded(
    pair: Pair, ledger: PositionLedger, harm: Callable[[Pair], None]
) -> None:
    connecting, commands = entries(), entries()
    eventually(lambda: set(all_at_once(ledger, connecting)) == {"replayed"})  # a command has no time left for that
    ids = {command.command_id for command in commands}
    with pair.silent():
        asked = Asked(lambda: all_at_once(ledger, commands))
        eventually(lambda: len(pair.waiting()) == REPETITIONS)
        harm(pair)
        answers = asked.answer()
        eventually(lambda: ids <= stored(pair.primary))
        again = all_at_once(ledger, commands)
        assert not ids & stored(pair.standby)
        assert (set(answers), set(again)) == ({"OutcomeUnknown"}, {"OutcomeUnknown"})
    eventually(lambda: ids <= stored(pair.standby))
    eventually(lambda: set(all_at_once(ledger, commands)) == {"replayed"})
    assert verify(ledger.store).ok


def test_a_standby_that_merely_does_not_answer_leaves_it_unknown_until_it_does(
    pair: Pair, ledger: PositionLedger
) -> None:
    command = entries()[0]
    with pair.silent():
        with pytest.raises(OutcomeUnknown, match=command.command_id):
            within(BOUND, lambda: ledger.handle(command))
        with pytest.raises(OutcomeUnknown, match=r"an earlier sending of .* is in doubt"):
            within(BOUND, lambda: ledger.handle(command))
    eventually(lambda: outcome(ledger, command) == "replayed")


def test_every_command_of_a_batch_in_doubt_is_in_doubt(pair: Pair, ledger: PositionLedger) -> None:
    commands = entries()[:2]
    with pair.silent():
        with pytest.raises(OutcomeUnknown):
            within(BOUND, lambda: ledger.handle_many(commands))
        for ask in (lambda: ledger.handle(commands[1]), lambda: ledger.handle_many(commands)):
            with pytest.raises(OutcomeUnknown, match=r"an earlier sending of .* is in doubt"):
                within(BOUND, ask)
    eventually(lambda: set(all_at_once(ledger, commands)) == {"replayed"})


def test_a_refusal_stands_once_the_earlier_sending_can_come_to_nothing(pair: Pair, ledger: PositionLedger) -> None:
    """The first sending was rolled back in the end, and somebody else has the slot by then."""
    command = entries()[0]
    ledger.handle(entries()[0])
    with psycopg.connect(pair.primary.url()) as blocker:
        blocker.execute("LOCK TABLE ledger_events IN EXCLUSIVE MODE")
        with pair.primary.paused(), pytest.raises(OutcomeUnknown):
            within(BOUND, lambda: ledger.handle(command))
        with pytest.raises(OutcomeUnknown, match=r"is in doubt.* this one met"):
            within(BOUND, lambda: ledger.handle(command))
    ledger.request_entry(
        symbol=command.key.symbol, exchange="binance", side="short", quantity="2", intent_id="2", command_id="rival"
    )
    eventually(lambda: outcome(ledger, command) == "PositionAlreadyOpen")


def test_what_is_found_only_there_is_not_replayed_to_another_process(pair: Pair, ledger: PositionLedger) -> None:
    commands = entries()[:2]
    with pair.silent():
        asked = Asked(lambda: all_at_once(ledger, commands))
        eventually(lambda: len(pair.waiting()) == len(commands))
        cancel(pair)
        assert set(asked.answer()) == {"OutcomeUnknown"}
        with PositionLedger.connect(with_options(pair.primary.url(), f"timeout={TIMEOUT}")) as other:
            resent = RequestEntry.of(
                symbol=commands[0].key.symbol, exchange="binance", side="long", quantity="1", intent_id="1"
            )
            assert outcome(other, resent) == "OutcomeUnknown"  # the same intent: its first answer
            with pytest.raises(OutcomeUnknown, match="is kept for good cannot be found out"):
                other.handle_many(commands)
    eventually(lambda: outcome(ledger, commands[0]) == "replayed")


def test_a_primary_that_was_replaced_and_lives_is_left_for_the_new_one(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    """The last test of the pair. What watches the old primary is dead: it answers, and no standby follows it."""
    kept, lost = entries(), entries()
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in (pair.primary, pair.standby))
    url = f"postgresql://postgres@{hosts}/postgres?timeout={TIMEOUT}&target_session_attrs=read-write&pool_size=40"
    with PositionLedger.connect(url, create=False) as ledger:
        assert set(all_at_once(ledger, kept)) == {"recorded"}
        caplog.clear()
        pair.standby.promote()
        begun = time.monotonic()
        assert set(all_at_once(ledger, lost)) <= {"OutcomeUnknown", "StoreUnavailable"}
        assert set(all_at_once(ledger, lost)) == {"recorded"}
        assert time.monotonic() - begun < BOUND + slack_seconds()
        assert {command.command_id for command in kept + lost} <= stored(pair.standby)
        assert verify(ledger.store).ok
        news = list(ledger.store.log())
    with PositionLedger.connect(with_options(pair.primary.url(), f"timeout={TIMEOUT}"), create=False) as replaced:
        follower = Subscription(replaced.store, replaced.store.wakeups(), patience_seconds=0)
        follower._remember(news[-1])
        with pytest.raises(StoreUnavailable):  # what it does not hold may have been recorded elsewhere, and was
            within(BOUND, lambda: next(follower))
    said = [record.getMessage() for record in caplog.records if record.module not in {"doubts", "witness"}]
    assert [line.partition(" ")[0] for line in said] == ["lost", f"postgresql://{hosts}/postgres"], said
    assert f"is back, at 127.0.0.1:{pair.standby.port}, after" in said[1]
