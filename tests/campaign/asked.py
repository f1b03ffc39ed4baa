"""Every command of the command line about one ledger, asked in this process, all of them at the same moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from functools import cache
from typing import Any

import pytest
from click.testing import CliRunner

from infrastructure import ledger_clock
from infrastructure.ledger.ledger import PositionLedger
from scripts.cli import cli


class Asked:
    """What the commands answer, each asked once."""

    def __init__(self, url: str, now: datetime) -> None:
        self.url, self.now = url, now
        self.text = cache(self._run)

    def json(self, *words: str) -> Any:
        return json.loads(self.text(*words, "--json"))

    def _run(self, *words: str) -> str:
        with stopped_clock(self.now):
            done = CliRunner().invoke(cli, ["--database", self.url, *words])
        assert done.exit_code in (0, 1) and isinstance(done.exception, SystemExit | None), (words, done.output)
        return done.stdout

    @contextmanager
    def ledger(self) -> Iterator[PositionLedger]:
        with stopped_clock(self.now), PositionLedger.connect(self.url, create=False) as ledger:
            yield ledger


@contextmanager
def stopped_clock(now: datetime) -> Iterator[None]:
    """Let it be one time for all that asks the clock of this machine."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # it has always a zone
            return now.astimezone(tz)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger_clock, "datetime", Stopped)
        yield
