"""The options of a list are checked before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.cases import fill
from tests.scripts.program import Program

LISTS = {"status": "how", "positions": "position", "pnl": "day", "report": "how"}


@pytest.mark.parametrize("command", LISTS)
@pytest.mark.parametrize("is_filled", [True, False], ids=["filled", "empty"])
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["table", "json"])
def test_a_column_that_is_none_is_refused_before_anything_is_printed(
    command: str, more: tuple[str, ...], tmp_path: Path, program: Program, *, is_filled: bool
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    if is_filled:
        fill(url)
    else:
        PositionLedger.connect(url).disconnect()
    ran = program(command, "--columns", f"{LISTS[command]},colour", *more, "--database", url)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1].startswith(f"Error: --columns colour: there are {LISTS[command]}, ")
    assert program(command, "--columns", LISTS[command], *more, "--database", url).code in (0, 1)


def test_the_columns_of_sums_follow_what_is_summed_up(tmp_path: Path, program: Program) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    fill(url)
    assert program("pnl", "--by", "symbol", "--columns", "symbol,net", "--database", url).code == 0
    assert program("pnl", "--by", "symbol", "--columns", "day,net", "--database", url).code == 2
