"""The log as a sink: one line for each notice; a full disk is a failure, and a closed pipe ends the watch."""

from __future__ import annotations

import errno
import os

import pytest

from infrastructure.watching.sinks.line_log import LineLog
from infrastructure.watching.sinks.sink import DeliveryFailed
from projections.health.alarm import Notice
from tests.infrastructure.watching.batches import batch


def failing(error: OSError) -> LineLog:
    def write(_: Notice) -> None:
        raise error

    return LineLog(write)


def test_each_notice_is_written() -> None:
    written: list[Notice] = []
    told = batch(2)
    LineLog(written.append).send(told)
    assert written == [*told.notices]


def test_a_disk_that_is_full_has_not_taken_it() -> None:
    with pytest.raises(DeliveryFailed, match=r"^No space left on device$"):
        failing(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))).send(batch())


def test_a_pipe_that_nobody_reads_is_no_failure_to_try_again() -> None:
    with pytest.raises(BrokenPipeError):
        failing(BrokenPipeError()).send(batch())
