"""The identity of the ledger file: an append goes into the file that others find under its name, or is refused."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.sqlite.connections import Connections
from infrastructure.event_store.sqlite.ledger_file import FileConnection, LedgerFile
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from position_ledger.testing import memory_ledger
from tests.acceptance.bot import Bot

ENTRY = {
    "command": "request_entry",
    "symbol": "AUSDT",
    "exchange": "x",
    "side": "long",
    "quantity": "1",
    "intent_id": "1",
}


def enter(ledger: PositionLedger, symbol: str) -> str:
    return ledger.request_entry(symbol=symbol, exchange="x", side="long", quantity="1", intent_id="1").outcome


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(file: Path) -> Iterator[PositionLedger]:
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        enter(ledger, "AUSDT")
        yield ledger


def move(file: Path) -> None:
    file.rename(file.with_name("moved.db"))


def delete(file: Path) -> None:
    file.unlink()


def replace(file: Path) -> None:
    shutil.copy(file, file.with_name("copy.db"))
    file.with_name("copy.db").replace(file)


def delete_log(file: Path) -> None:
    file.with_name("ledger.db-wal").unlink()


def delete_index(file: Path) -> None:
    file.with_name("ledger.db-shm").unlink()


@pytest.mark.parametrize("harm", [move, delete, replace, delete_log, delete_index], ids=lambda harm: harm.__name__)
def test_an_append_to_a_file_that_nobody_finds_is_refused(
    ledger: PositionLedger, file: Path, harm: Callable[[Path], None]
) -> None:
    harm(file)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"moved, replaced or deleted|-(wal|shm) was deleted"):
            enter(ledger, "BUSDT")
    assert file.exists() is (harm not in (move, delete)), "nothing is made in its place"


def test_another_connection_of_a_process_is_refused_as_the_first_is(ledger: PositionLedger, file: Path) -> None:
    """Each thread has a connection of its own, and SQLite opens the -shm of a file once for all of them."""
    log = ledger.store.log()
    next(log)  # it keeps the connection that was idle
    delete_index(file)
    for refused in (
        lambda: enter(ledger, "BUSDT"),
        ledger.positions,  # what others record from now on is not in the lost -shm
        lambda: PositionLedger.connect(f"sqlite:///{file}"),
    ):
        with pytest.raises(StoreUnavailable, match="-shm was deleted"):
            refused()


def delete_both(file: Path) -> None:
    delete_log(file)
    delete_index(file)


@pytest.mark.parametrize("harm", [delete_log, delete_index, delete_both], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("create", [True, False])
def test_nobody_opens_a_file_without_what_another_process_has_beside_it(
    file: Path, harm: Callable[[Path], None], *, create: bool
) -> None:
    """The file alone held nothing yet: a second bot made a new ledger in it, and was granted the slot that is held."""
    url = f"sqlite:///{file}"
    with Bot(url) as bot:
        assert bot.ask(**ENTRY)["outcome"] == "recorded"
        harm(file)
        with pytest.raises(StoreUnavailable, match=r"-(wal|shm), though .* in another process.* was deleted\."):
            PositionLedger.connect(f"{url}?timeout=0.1", create=create)
        bot.stop()
    with PositionLedger.connect(url) as ledger:
        assert [row.symbol for row in ledger.positions()] == ["AUSDT"]


def test_who_may_not_write_opens_no_file_that_lacks_its_log(file: Path) -> None:
    """A reader was served what the file alone held, and left a -wal of its own, so that bots were as well."""
    with Bot(f"sqlite:///{file}") as bot:
        assert bot.ask(**ENTRY)["outcome"] == "recorded"
        delete_both(file)
        reader = Connections(Settings("sqlite", str(file)), create=False)
        reader._mode = "ro"
        with pytest.raises(StoreUnavailable, match="cannot be told without the right to write to it"):
            list(reader.rows("SELECT 1 FROM sqlite_schema"))
        assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_lock_for_one_process_alone_is_not_told_as_harm_alone(file: Path, mode: str) -> None:
    """It was told that the -wal or the -shm was deleted, and to kill every process, of a file that was only locked."""
    url = f"sqlite:///{file}?timeout=0.1"
    with PositionLedger.connect(url) as ledger:
        enter(ledger, "AUSDT")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")  # and before the mode, so that a -wal has no -shm beside it
        other.execute(f"PRAGMA journal_mode = {mode}")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="If that process has locked the file for itself alone, wait"):
            PositionLedger.connect(url)
    with PositionLedger.connect(url) as ledger:
        assert [row.symbol for row in ledger.positions()] == ["AUSDT"]


def test_a_copy_of_the_file_and_its_log_is_opened_without_the_index(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with Bot(f"sqlite:///{file}") as bot:
        assert bot.ask(**ENTRY)["outcome"] == "recorded"
        for ending in ("", "-wal"):
            shutil.copy(f"{file}{ending}", copy)
    with PositionLedger.connect(f"sqlite:///{copy}/ledger.db", create=False) as ledger:
        assert [row.symbol for row in ledger.positions()] == ["AUSDT"]


def test_another_connection_makes_no_file_in_the_place_of_one_that_was_moved(
    ledger: PositionLedger, file: Path
) -> None:
    log = ledger.store.log()
    next(log)
    move(file)
    with pytest.raises(StoreUnavailable, match="is not there any more"):
        ledger.record_entry_placed(position_id="AUSDT.x#1", exchange_order_id="1")
    assert not file.exists()


def test_a_file_that_got_another_name_is_no_ledger_until_it_has_one_again(
    ledger: PositionLedger, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    other.hardlink_to(file)
    for refused in (
        lambda: enter(ledger, "BUSDT"),
        ledger.positions,
        lambda: PositionLedger.connect(f"sqlite:///{other}"),
    ):
        with pytest.raises(StoreUnavailable, match=r"has 2 names \(hard links\)") as told:
            refused()
        way_out = told.value.message.rpartition("The names: find / ")[2]
        found = subprocess.run(
            ["find", str(tmp_path), *shlex.split(way_out)], capture_output=True, text=True, check=True
        )
        assert set(found.stdout.split()) == {str(file), str(other)}, "whatever disk it is on, and no other file of it"
    other.unlink()
    assert enter(ledger, "BUSDT") == "recorded"


@pytest.fixture
def link(file: Path) -> Path:
    link = file.with_name("current")
    link.symlink_to(file.name)
    return link


@pytest.fixture
def linked(ledger: PositionLedger, link: Path) -> Iterator[PositionLedger]:
    """The ledger, opened by the link as well."""
    del ledger
    with PositionLedger.connect(f"sqlite:///{link}") as linked:
        yield linked


def lead(link: Path, name: str) -> None:
    link.unlink()
    link.symlink_to(name)


def test_a_link_that_leads_elsewhere_by_now_is_not_the_ledger(
    ledger: PositionLedger, linked: PositionLedger, link: Path, file: Path
) -> None:
    shutil.copy(file, file.with_name("next.db"))
    lead(link, "next.db")
    with pytest.raises(StoreUnavailable, match="is another file by now"):
        enter(linked, "BUSDT")
    linked.disconnect()
    assert enter(ledger, "BUSDT") == "recorded"


def test_a_link_that_follows_a_file_that_was_moved_is_not_enough(
    ledger: PositionLedger, linked: PositionLedger, link: Path, file: Path
) -> None:
    """Whoever opens the link now has another write-ahead log, beside the new name."""
    move(file)
    lead(link, "moved.db")
    with pytest.raises(StoreUnavailable, match="is not there any more"):
        enter(linked, "BUSDT")
    file.with_name("moved.db").rename(file)
    linked.disconnect()
    assert enter(ledger, "BUSDT") == "recorded"


def test_a_file_that_is_put_back_is_appended_to_again(ledger: PositionLedger, file: Path) -> None:
    move(file)
    with pytest.raises(StoreUnavailable, match="is not there any more"):
        ledger.positions()
    file.with_name("moved.db").rename(file)
    assert enter(ledger, "BUSDT") == "recorded"


def test_a_file_that_was_emptied_is_neither_read_from_memory_nor_appended_to(
    ledger: PositionLedger, file: Path
) -> None:
    assert len(ledger.positions()) == 1
    whole = file.read_bytes()
    file.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="was emptied while it was open"):
            ledger.positions()
        with pytest.raises(StoreUnavailable, match="was emptied while it was open"):
            enter(ledger, "BUSDT")
    file.write_bytes(whole)
    assert len(ledger.positions()) == 1


def test_an_append_stays_possible_while_others_come_and_go(ledger: PositionLedger, file: Path) -> None:
    for number in range(3):
        with PositionLedger.connect(f"sqlite:///{file}") as other, other.store.snapshot():
            assert enter(other, f"O{number}USDT") == "recorded"
        assert enter(ledger, f"L{number}USDT") == "recorded"


def test_a_ledger_that_was_made_is_told_once(ledger_url: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        with PositionLedger.connect(ledger_url):
            pass
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["made a new ledger"]
    assert [record.name for record in caplog.records] == ["position_ledger"]


def test_a_ledger_in_memory_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    with memory_ledger(), PositionLedger.connect("sqlite:///:memory:"):
        assert caplog.records == []


def test_what_outlives_its_snapshot_disturbs_no_later_question(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        for symbol in ("AUSDT", "BUSDT", "CUSDT"):
            enter(ledger, symbol)
        with ledger.store.snapshot():
            log, rows = iter(ledger.store.log()), iter(ledger.store.rows())
            assert next(log).id < 2**62
            assert next(rows).cycle == 1
        enter(ledger, "DUSDT")
        assert len(ledger.positions()) == 4
        del log, rows
        assert len(ledger.positions()) == 4
        with ledger.store.snapshot():
            assert len(ledger.positions()) == 4
        assert enter(ledger, "EUSDT") == "recorded"


def test_a_relative_name_in_a_folder_that_was_deleted_is_no_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(StoreUnavailable, match=r"ledger\.db is named from the current folder, and that was deleted"):
        PositionLedger.connect("sqlite:///ledger.db")
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        assert enter(ledger, "AUSDT") == "recorded"


def test_a_connection_of_before_the_write_ahead_log_does_not_keep_what_others_had_beside_the_file(
    tmp_path: Path,
) -> None:
    def opened() -> FileConnection:
        connection = sqlite3.connect(path, factory=FileConnection)
        file.meet(connection)
        return connection

    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE t (n)")
    file = LedgerFile(str(path))
    with closing(opened()):
        for number in range(2):  # the first one makes -wal and -shm, and deletes them at its end
            with closing(opened()) as other:
                other.execute("PRAGMA journal_mode = WAL")
                other.execute("SELECT * FROM t").fetchall()
                file.require(other)
            for inode in range(20):  # the next -wal and -shm are other files
                (tmp_path / f"{number}.{inode}").touch()
