"""When a worker process ends in any way, the caller is told, and no process is left."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from functools import partial
from multiprocessing import active_children
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from domain.errors import StoreUnavailable
from infrastructure.piped_processes import ProcessLost, piped_processes
from tests.infrastructure.event_store.postgres.load import Asked, eventually

pytestmark = pytest.mark.usefixtures("children_find_tests")

HOUR = 3600.0
KILLED = "^was ended by SIGKILL, perhaps for want of memory$"


def squared(number: int) -> int:
    time.sleep(0.01 * (number % 3))
    return number * number


def pid(_: int = 0) -> int:
    return os.getpid()


def named(folder: Path, _: int = 0) -> None:
    """Say who is at work, and stay so."""
    (folder / str(os.getpid())).touch()
    time.sleep(HOUR)


def begun(folder: Path) -> None:
    (folder / str(os.getpid())).touch()


def found(folder: Path, count: int) -> list[int]:
    eventually(lambda: len([*folder.iterdir()]) == count)
    return [int(path.name) for path in folder.iterdir()]


def refused_or_at_work(folder: Path, number: int) -> None:
    if number:
        named(folder)
    eventually(lambda: bool([*folder.iterdir()]))
    raise StoreUnavailable("there is no such database", where="here")


def killed_in_the_middle_of_an_answer(number: int) -> bytes:
    def half(pipe: Connection, answer: bytes) -> None:
        os.write(pipe.fileno(), struct.pack("!i", len(answer)) + answer[: len(answer) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    if number == 0:
        Connection._send_bytes = half  # type: ignore[attr-defined] # the way of every answer
    return b"answer" * 10_000


def test_answers_come_in_the_order_of_the_parts() -> None:
    with piped_processes(2) as processes:
        assert [*processes.each(squared, range(20))] == [number * number for number in range(20)]
        assert [*processes.each(squared, [])] == []
        assert len({*processes.each(pid, range(20))}) == 2
    assert not active_children()


def test_everyone_is_asked_at_once(tmp_path: Path) -> None:
    with piped_processes(2) as processes:
        processes.everyone(pid, HOUR)
        with pytest.raises(ProcessLost, match=r"^did not answer within 0\.5 s$"):
            processes.everyone(partial(named, tmp_path), 0.5)
    assert not active_children()


def test_each_begins_while_nobody_waits_for_it(tmp_path: Path) -> None:
    with piped_processes(2, partial(begun, tmp_path)) as processes:
        assert sorted(found(tmp_path, 2)) == sorted(child.pid or 0 for child in active_children())
        assert [*processes.each(squared, range(3))] == [0, 1, 4]


def test_what_one_refuses_ends_the_work_of_all(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreUnavailable, match=r"^there is no such database$") as refused,
        piped_processes(2) as processes,
    ):
        list(processes.each(partial(refused_or_at_work, tmp_path), range(2)))
    assert refused.value.details == {"where": "here"}
    assert not active_children()


def test_what_goes_wrong_says_where() -> None:
    with piped_processes(1) as processes, pytest.raises(ZeroDivisionError) as wrong:
        list(processes.each(partial(divmod, 1), [0]))
    assert "in _tried" in wrong.value.__notes__[0]


@pytest.mark.parametrize(("ended_by", "says"), [(signal.SIGKILL, KILLED), (signal.SIGTERM, "^was ended by SIGTERM$")])
def test_a_process_that_is_ended_at_work_is_lost(tmp_path: Path, ended_by: signal.Signals, says: str) -> None:
    with piped_processes(2) as processes:
        asked = Asked(lambda: list(processes.each(partial(named, tmp_path), range(2))))
        os.kill(found(tmp_path, 2)[1], ended_by)
        with pytest.raises(ProcessLost, match=says):
            asked.answer()
    assert not active_children()


def test_a_process_that_is_ended_before_it_has_begun_is_lost() -> None:
    with piped_processes(2) as processes:
        for child in active_children():
            child.kill()
        with pytest.raises(ProcessLost, match=KILLED):
            Asked(lambda: processes.everyone(pid, HOUR)).answer()


def test_a_process_that_is_ended_while_it_has_nothing_to_do_is_lost() -> None:
    with piped_processes(2) as processes:
        processes.everyone(pid, HOUR)
        child, _ = active_children()
        child.kill()
        child.join()
        with pytest.raises(ProcessLost, match=KILLED):
            Asked(lambda: list(processes.each(squared, range(20)))).answer()


def test_a_process_that_is_ended_in_the_middle_of_an_answer_is_lost() -> None:
    with piped_processes(2) as processes:
        asked = Asked(lambda: list(processes.each(killed_in_the_middle_of_an_answer, range(2))))
        with pytest.raises(ProcessLost, match=KILLED):
            asked.answer()


def test_a_process_that_ends_by_itself_is_lost_with_its_code() -> None:
    with piped_processes(1) as processes, pytest.raises(ProcessLost, match=r"^was ended \(exit code 7\)$"):
        list(processes.each(os._exit, [7]))


def test_processes_end_with_the_one_who_waits_for_them() -> None:
    program = (
        "from infrastructure.piped_processes import piped_processes\n"
        "from tests.infrastructure.test_piped_processes import pid\n"
        "with piped_processes(2) as processes:\n"
        "    print(*processes.each(pid, range(20)), flush=True)\n"
        "    input()\n"
    )
    waiting = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with waiting:
        assert waiting.stdout is not None
        pids = {*map(int, waiting.stdout.readline().split())}
        assert len(pids) == 2
        waiting.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
