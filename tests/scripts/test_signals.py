"""SIGTERM ends a command once for certain: also when the exception of its handler is lost, and not in its clean-up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

import pytest
from pydantic import BaseModel, PlainSerializer

from domain.writing import written
from scripts.signals import terminable

ENDED = 128 + signal.SIGTERM
WAIT_MAX = 10.0


class _Finalised:
    """Whose finaliser gets the signal."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        _until(lambda: False, 0.01)


def _until(is_there: Callable[[], bool], seconds: float = WAIT_MAX) -> None:
    ends = time.monotonic() + seconds
    while not is_there() and time.monotonic() < ends:
        time.sleep(0.001)


def _lost_in_a_finaliser(number: signal.Signals) -> None:
    _Finalised(number)


def _swallowed(number: signal.Signals) -> None:
    with suppress(BaseException):
        os.kill(os.getpid(), number)
        _until(lambda: False, 0.01)


@pytest.fixture(autouse=True)
def unraised(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be passed on is let go of, as Python does; pytest would keep it."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)


@pytest.mark.parametrize("lose", [_lost_in_a_finaliser, _swallowed])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(("number", "raised"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_an_exception_that_is_lost_is_raised_again(
    lose: Callable[[signal.Signals], None], times: int, number: signal.Signals, raised: type[BaseException]
) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)]
    cleaned: list[str] = []

    def work() -> None:
        try:
            for _ in range(times):
                lose(number)
            _until(lambda: False)
        finally:
            cleaned.append("all")

    with pytest.raises(raised) as ended, terminable():
        work()
    assert cleaned == ["all"]
    assert getattr(ended.value, "code", ENDED) == ENDED
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_one_that_is_lost_at_the_very_end_is_raised_there() -> None:
    with pytest.raises(SystemExit) as ended, terminable():
        _lost_in_a_finaliser(signal.SIGTERM)
    assert ended.value.code == ENDED


def test_a_second_signal_at_the_very_end_leaves_no_timer_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    handled: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: handled.append(number))
    set_timer = signal.setitimer

    def set_timer_and_ask(which: int, seconds: float, interval: float = 0.0) -> None:
        set_timer(which, seconds, interval)
        if not seconds:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(signal, "setitimer", set_timer_and_ask)

    def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        _until(lambda: False)

    try:
        with pytest.raises(SystemExit), terminable():
            work()
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert handled == [signal.SIGTERM]
    finally:
        set_timer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, before)


def test_a_clean_up_is_not_interrupted_by_what_it_cleans_up_for() -> None:
    cleaned: list[str] = []

    def clean_up() -> None:
        _until(lambda: False, 0.5)
        cleaned.append("all")

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            _until(lambda: False)
        except BaseException as cause:
            clean_up()
            raise ValueError("what was half done") from cause
        finally:
            clean_up()

    with pytest.raises(ValueError, match="half done"), terminable():
        work()
    assert cleaned == ["all"] * 2


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_one_that_comes_while_a_model_is_written_ends_the_command_and_no_clean_up(
    number: signal.Signals, raised: type[BaseException]
) -> None:
    """Pydantic raises an error of its own instead, in which only the name of the other is told."""
    cleaned: list[str] = []

    def got(value: int) -> int:
        os.kill(os.getpid(), number)
        _until(lambda: False, 0.01)
        return value

    class Model(BaseModel):
        number: Annotated[int, PlainSerializer(got)]

    def work() -> None:
        try:
            written(Model.__pydantic_serializer__, Model(number=7))
        finally:
            _until(lambda: False, 0.5)
            cleaned.append("all")

    with pytest.raises(raised) as ended, terminable():
        work()
    assert cleaned == ["all"]
    assert getattr(ended.value, "code", ENDED) == ENDED


def test_without_a_signal_nothing_is_raised() -> None:
    with terminable():
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_process_ends_whenever_the_signal_comes() -> None:
    program = """
from scripts.signals import terminable
class Slow:
    def __del__(self):
        for _ in range(200): pass
with terminable():
    print("ready", flush=True)
    while True:
        Slow()
"""
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as started:
            assert started.stdout is not None
            assert started.stdout.readline() == b"ready\n"
            started.terminate()
            try:
                assert started.wait(WAIT_MAX) == ENDED
            finally:
                started.kill()
