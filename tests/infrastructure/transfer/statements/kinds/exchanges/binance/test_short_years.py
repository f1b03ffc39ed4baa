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


HEADER = "Uid,Time,Symbol,Side,Price,Quantity,Amount,Fee,Realized Profit,Buyer,Maker,Trade ID,Order ID"


def line(time: str, symbol: str, trade: int) -> str:
    return f"7,{time} 09:24:12,{symbol},BUY,100,1,100,0.1USDT,0,true,false,{trade},{trade}"


@pytest.mark.parametrize("way", [1, -1])
def test_a_file_that_was_turned_round_is_refused_by_its_ids(way: int) -> None:
    """The 19th of October, and the 21st of September before it; both days may be years."""
    lines = [line("21-09-25", "BTCUSDT", 3), line("20-09-25", "ETHUSDT", 9), line("19-10-25", "BTCUSDT", 4)]
    path = Path("binance-futures-trades.csv")
    said = told("\n".join([HEADER, *lines[::way]]), path)
    assert isinstance(said, str)
    assert "of BTCUSDT have ids in another order than times; days may stand where years should" in said
    right = [line("25-09-21", "BTCUSDT", 3), line("25-09-20", "ETHUSDT", 9), line("25-10-19", "BTCUSDT", 4)]
    assert len(told("\n".join([HEADER, *right[::way]]), path)) == len(lines)
