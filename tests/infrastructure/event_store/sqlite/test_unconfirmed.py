"""A disk that fails when a commit is to be synced: the kernel refuses fsync and fdatasync to a thread or process."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import OutcomeUnknown, StoreUnavailable
from infrastructure.event_store.codec import encode
from infrastructure.event_store.records import EventRecord
from infrastructure.event_store.sqlite.store import SQLiteStore
from infrastructure.event_store.vocabulary.append_conflicts import AppendInDoubt, VersionTaken
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import memory_ledger

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
_SYNCS = {"x86_64": (74, 75), "aarch64": (82, 83)}
_NO_NEW_PRIVILEGES, _SECCOMP, _BY_FILTER = 38, 22, 2
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_FAIL, _ALLOW = 0x00050000, 0x7FFF0000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def break_disk() -> None:
    """Let fsync and fdatasync fail in this thread from now on, as a dying disk lets them."""
    fsync, fdatasync = _SYNCS[platform.machine()]
    steps = (
        (_LOAD, 0, 0, 0),  # the number of the call
        (_EQUAL, 1, 0, fsync),
        (_EQUAL, 0, 1, fdatasync),
        (_RETURN, 0, 0, _FAIL | errno.EIO),
        (_RETURN, 0, 0, _ALLOW),
    )
    program = _Program(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
    kernel = ctypes.CDLL(None, use_errno=True)
    assert kernel.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    assert kernel.prctl(_SECCOMP, _BY_FILTER, ctypes.byref(program), 0, 0) == 0, os.strerror(ctypes.get_errno())


def beside_a_broken_disk(work: Callable[[], object]) -> BaseException | None:
    """What a thread raises whose disk is broken."""
    raised: list[BaseException] = []

    def run() -> None:
        break_disk()
        try:
            work()
        except (AppendInDoubt, OutcomeUnknown, StoreUnavailable) as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def killed_beside_a_broken_disk(file: str) -> None:
    """Record, lose the disk, say what is answered then, and die."""
    ledger = PositionLedger.connect(f"sqlite:///{file}?timeout=1")
    ledger.request_entry(**ENTRY, intent_id="1", command_id="first")
    break_disk()
    try:
        ledger.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="2", command_id="second")
    except (OutcomeUnknown, StoreUnavailable) as error:
        print(type(error).__name__, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_the_disk_did_not_confirm_is_unknown_for_it_may_be_there_after_a_crash(tmp_path: Path) -> None:
    """It was said not to be written, and was there for the next process."""
    file = tmp_path / "ledger.db"
    program = f"from {__name__} import killed_beside_a_broken_disk as run; run({str(file)!r})"
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "OutcomeUnknown\n"), killed.stderr
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        again = ledger.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="2", command_id="second")
        assert again.may_order is (again.outcome == "recorded")
        assert [event.columns.command_id for event in ledger.store.log()] == ["first", "second"]
        assert verify(ledger.store).ok


def test_it_is_recorded_once_when_it_is_sent_again_and_the_disk_is_back(tmp_path: Path) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db?timeout=1") as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")

        def second() -> str:
            return ledger.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="2", command_id="second").outcome

        unknown = beside_a_broken_disk(second)
        assert isinstance(unknown, OutcomeUnknown) and unknown.details["command_id"] == "second"
        assert second() == "recorded"
        assert second() == "replayed"
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        assert len(list(ledger.store.log())) == 2 and verify(ledger.store).ok


def an_append() -> list[EventRecord]:
    with memory_ledger() as donor:
        donor.request_entry(**ENTRY, intent_id="1", command_id="first")
        return [encode(entry.event) for entry in donor.history("APTUSDT.binance#1")]


def test_it_is_not_made_once_another_commit_is_confirmed(tmp_path: Path) -> None:
    records = an_append()
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db?timeout=1") as ledger:
        store = ledger.store
        assert isinstance(store, SQLiteStore)
        doubt = beside_a_broken_disk(lambda: store.insert_events(records))
        assert isinstance(doubt, AppendInDoubt)
        assert isinstance(beside_a_broken_disk(lambda: store.settle(doubt.unsettled[0], 1)), StoreUnavailable)
        assert store.settle(doubt.unsettled[0], 1) is False
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        assert list(ledger.store.log()) == []


def test_its_place_is_taken_once_somebody_else_wrote_there(tmp_path: Path) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        in_doubt = AppendInDoubt(an_append(), None, 1, "the disk did not confirm the commit").unsettled[0]
        assert ledger.store.settle(in_doubt, 1) is False
        ledger.request_entry(**ENTRY, intent_id="2", command_id="second")
        with pytest.raises(VersionTaken, match=r"APTUSDT\.binance version 1"):
            ledger.store.settle(in_doubt, 1)
        assert ledger.store.settle(in_doubt._replace(command_id="second"), 1) is True


def test_what_is_no_append_says_that_it_is_not_known(tmp_path: Path) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        met = beside_a_broken_disk(ledger.rebuild)
        assert isinstance(met, StoreUnavailable)
        assert "whether it was written is not known. Look at the disk" in met.message
        assert "nothing was written" not in met.message


@pytest.mark.parametrize("count", [1, 12])
def test_a_disk_that_is_well_confirms_every_append(tmp_path: Path, count: int) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        for number in range(count):
            assert ledger.request_entry(**ENTRY | {"symbol": f"A{number}USDT"}, intent_id="1").outcome == "recorded"
