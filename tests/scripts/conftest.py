from __future__ import annotations

import sys

import pytest

from scripts.cli import main
from tests.scripts.program import Program, Ran


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["position-ledger", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ran(ended.value.code, *capsys.readouterr())

    return run
