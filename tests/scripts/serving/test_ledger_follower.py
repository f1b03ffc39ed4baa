"""The follower: it sees new events, reports when the database does not answer, and goes on afterwards."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.ledger.ledger import PositionLedger
from projections.health.checks import Severity
from scripts.options.filters import EVERYTHING, Filter
from scripts.serving.ledger_follower import RECENT_MAX, LedgerFollower
from scripts.serving.live_view import LiveView
from scripts.serving.page_parts import parts_of
from tests.scripts.program import Program

SECONDS_MAX = 60
APT: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "1"}


class Views:
    """What a follower published, waited for."""

    def __init__(self) -> None:
        self.come: queue.Queue[LiveView] = queue.Queue()

    def until(self, is_so: Callable[[LiveView], bool]) -> LiveView:
        end = time.monotonic() + SECONDS_MAX
        while not is_so(view := self.come.get(timeout=SECONDS_MAX)):
            assert time.monotonic() < end, view
        return view


@contextmanager
def following(ledger: PositionLedger, wanted: Filter = EVERYTHING) -> Iterator[Views]:
    views = Views()
    follower = LedgerFollower(ledger, wanted, timedelta(hours=1))
    thread = threading.Thread(target=follower.run, args=(views.come.put,))
    thread.start()
    try:
        yield views
    finally:
        follower.stop()
        thread.join(SECONDS_MAX)
        assert not thread.is_alive()


def test_what_somebody_else_records_is_seen(ledger: PositionLedger, ledger_url: str) -> None:
    with following(ledger) as views, PositionLedger.connect(ledger_url) as bot:
        assert views.until(lambda _: True).status.lines == ()
        bot.request_entry(**APT, intent_id="1")
        view = views.until(lambda view: bool(view.status.lines and view.recent))
    assert view.status.lines[0].row.position_id == "APTUSDT.binance#1"
    assert [type(entry.event).__name__ for entry in view.recent] == ["EntryRequested"]
    assert (view.status.beside, view.silence) == ([], None)


def test_what_was_recorded_last_comes_first_and_is_bounded(ledger: PositionLedger) -> None:
    for number in range(RECENT_MAX + 5):
        ledger.request_entry(**APT | {"symbol": f"A{number}USDT"}, intent_id="1")
    with following(ledger) as views:
        recent = views.until(lambda view: len(view.recent) == RECENT_MAX).recent
    assert recent[0].event.originator_id == f"A{RECENT_MAX + 4}USDT.binance"


def test_only_what_is_wanted_is_judged(ledger: PositionLedger) -> None:
    for exchange in ("binance", "bybit"):
        ledger.request_entry(**APT | {"exchange": exchange}, intent_id="1")
    with following(ledger, Filter(None, "bybit", None)) as views:
        assert [line.row.exchange for line in views.until(lambda _: True).status.lines] == ["bybit"]


def test_what_was_never_heard_of_is_not_all_is_well(ledger: PositionLedger) -> None:
    with following(ledger, Filter(None, "binnance", None)) as views:
        assert views.until(lambda _: True).unheard is None, "an empty ledger has nothing of anything"
        ledger.request_entry(**APT, intent_id="1")
        view = views.until(lambda view: view.unheard is not None)
        said = "nothing was ever recorded of --exchange binnance; there is something of --exchange binance"
        assert view.unheard == said and f'data-title="not known: {said}"' in parts_of(view)["status"]
        assert "badge ok" not in parts_of(view)["status"]
        ledger.request_entry(**APT | {"exchange": "binnance"}, intent_id="1")
        assert "badge" in parts_of(views.until(lambda view: view.unheard is None))["status"]


@contextmanager
def away(url: str) -> Iterator[None]:
    """A file that is elsewhere, or a server whose tables somebody holds: reading waits, and gets no answer."""
    if url.startswith("postgresql"):
        with psycopg.connect(url.replace("timeout=60&pool_size=4", "application_name=away")) as other:
            other.execute("LOCK TABLE ledger_events, positions")
            yield
            other.rollback()
        return
    file = Path(url.removeprefix("sqlite:///").partition("?")[0])
    elsewhere = file.rename(file.with_suffix(".elsewhere"))
    yield
    elsewhere.rename(file)


def test_a_database_that_does_not_answer_is_never_all_is_well(ledger_url: str) -> None:
    impatient = ledger_url.replace("timeout=60", "timeout=0.5")
    with PositionLedger.connect(impatient) as ledger, following(ledger) as views:
        before = views.until(lambda _: True)
        with away(ledger_url):
            silent = views.until(lambda view: view.silence is not None)
        assert silent.status.now >= before.status.now, "as of when it answered last"
        again = views.until(lambda view: view.silence is None)
        assert again.status.now > silent.status.now and again.status.beside == []


def test_a_file_that_was_written_over_is_never_shown_from_memory(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        ledger.request_entry(**APT, intent_id="1")
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with following(ledger) as views:
            assert views.until(lambda _: True).silence is None
            with file.open("r+b") as garbage:
                garbage.seek(4096)
                garbage.write(b"\xa5" * (file.stat().st_size - 4096))
            view = views.until(lambda view: view.silence is not None)
    assert "malformed" in str(view.silence) and "restore a backup" in str(view.silence)


def test_a_row_that_cannot_be_read_is_not_said_to_be_a_database_that_is_away(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with PositionLedger.connect(url) as ledger:
        ledger.request_entry(**APT, intent_id="1")
        with following(ledger) as views:
            assert views.until(lambda _: True).silence is None
            change(url, "UPDATE positions SET quantity = 'many'")
            view = views.until(lambda view: view.silence is not None)
            assert view.silence is not None and view.silence.heading == "the ledger cannot be read"
            assert "the database does not answer" not in "".join(parts_of(view).values())
            change(url, "UPDATE positions SET quantity = '1'")
            views.until(lambda view: view.silence is None)


def change(url: str, statement: str) -> None:
    """From below, where triggers keep everybody else out."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///").partition("?")[0])) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        connection.commit()


def test_an_event_that_cannot_be_read_is_told_beside_what_is_open(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with PositionLedger.connect(url) as ledger:
        for symbol in ("APTUSDT", "SUIUSDT"):
            ledger.request_entry(**APT | {"symbol": symbol}, intent_id="1")
        change(url, "UPDATE ledger_events SET type = 'Later.v9' WHERE nid = 2")
        with following(ledger) as views:
            view = views.until(lambda view: any(each.subject == "log" for each in view.status.beside))
    assert view.silence is None and len(view.status.lines) == 2
    assert view.status.severity is Severity.CRITICAL and "Later.v9" in parts_of(view)["status"]


@pytest.mark.parametrize("type_", ["Later.v9", None])
def test_the_page_is_of_one_mind_with_status_about_a_projection_that_stopped(
    tmp_path: Path, program: Program, type_: str | None
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with PositionLedger.connect(url) as ledger:
        ledger.request_entry(**APT, intent_id="1")
        if type_ is not None:
            change(url, f"UPDATE ledger_events SET type = '{type_}'")
        told = program("status", "--json", "--database", url).json
        with following(ledger) as views:
            view = views.until(lambda view: (type_ is None) == (not view.status.beside))
    assert [each.subject for each in view.status.beside if each.subject != "log"] == ["statistics"] * bool(type_)
    next_ = view.status.next and f"{view.status.next} --database {url}"
    assert (told["severity"], told["next"]) == (view.status.severity.value, next_)
    assert f'data-title="{told["severity"]}: ' in parts_of(view)["status"]
    for section in told["elsewhere"]:
        for finding in section["findings"]:
            assert all(word in parts_of(view)["status"] for word in (finding["subject"], finding["advice"][:25]))


def test_a_past_that_was_lost_is_told_and_the_log_is_followed_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with PositionLedger.connect(url) as ledger:
        for symbol in ("APTUSDT", "SUIUSDT"):
            ledger.request_entry(**APT | {"symbol": symbol}, intent_id="1")
        with following(ledger) as views:
            views.until(lambda view: len(view.recent) == 2)
            change(url, "UPDATE ledger_events SET hash = upper(hash) WHERE nid = 2")
            view = views.until(lambda view: bool(view.status.beside) and len(view.recent) == 2)
            (lost,) = view.status.beside
            assert "nid 2, up to which this log was followed, is lost" in lost.message
            assert view.silence is None and len(view.status.lines) == 2
            ledger.request_entry(**APT | {"symbol": "ORBSUSDT"}, intent_id="1")
            after = views.until(lambda view: len(view.recent) == 3)
    assert after.status.beside == [lost], "it is followed, and whoever looks later is told as well"
    assert "as was noticed at" in parts_of(after)["status"]
