"""Binance's website may write years with two digits: such a file says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infrastructure.transfer.statements.test_rewritten_samples import told
from tests.infrastructure.transfer.statements.test_samples import SAMPLES

TABLES = [path for path in SAMPLES if path.name.startswith("binance-") and path.suffix == ".csv"]


@pytest.mark.parametrize("path", TABLES, ids=[path.name for path in TABLES])
def test_a_year_of_two_digits_is_of_this_century(path: Path) -> None:
    short = path.read_text(encoding="utf-8").replace("2026-", "26-")
    assert "26-03-" in short
    assert told(short, path) == told(short.replace("26-03-", "2026-03-"), path)
