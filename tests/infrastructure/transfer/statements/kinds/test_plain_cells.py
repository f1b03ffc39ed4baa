"""Cells that are read fast are read as they are read with care; what may be odd is left to that."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infrastructure.transfer.statements.kinds.csv_fills import CsvFills
from infrastructure.transfer.statements.kinds.plain_csv import PLAIN_COLUMNS, PLAIN_CSV
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_kind import Whose
from tests.infrastructure.transfer.statements.statement_text import fills_of, words

PLAIN = {
    "time": "2026-03-17 09:34:12",
    "symbol": "BTCUSDT",
    "side": "BUY",
    "price": "100.50",
    "quantity": "3",
    "leg": "",
    "fee": "0.30USDT",
    "fee_currency": "",
    "profit": "-1.20",
    "trade_id": "4",
    "order_id": "A-4",
}
NOTHING = st.sampled_from(["", "-", " ", "nan", "None", "NULL", "N/A", "--"])
NUMBERS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.from_regex(r"[+-]?0{0,2}[0-9]{0,20}[.,]?[0-9]{0,20}([eE][+-]?[0-9]{1,2})?", fullmatch=True),
    st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,3})? ?E?[A-Z0-9]{0,4}", fullmatch=True),
)
WORDS = st.sampled_from(
    [
        "BTC/USDT",
        "btcusdt",
        " BTCUSDT",
        "BTCUSDT ",
        "BTC.P",
        "LONG",
        "short",
        "BOTH",
        "sell",
        "SELL",
        "Bid",
        "b",
        "1",
        "ä",
    ]
) | st.text(max_size=4)
TIMES = st.sampled_from(
    [
        "26-03-17 09:34:12",
        "2026-03-17 09:34:00",
        "2026-03-17T09:34:59",
        "2026-03-17 09:34:60",
        "2026-03-17 09:34+04:00",
        "2026-03-29 01:59:59",
        "2026-03-29 02:00:01",
        "2026-10-25 02:30:10",
        "1773740053000",
        "2026-03-17T09:34:12.5Z",
        "2026-13-01",
        "2026-13-01 09:34:12",
    ]
)
CELL = NOTHING | NUMBERS | WORDS | TIMES


def carefully(reader: CsvFills, row: StatementRow) -> StatementFill | str:
    try:
        return reader._fill(row)
    except ValueError as wrong:
        return str(wrong)


def as_it_comes(reader: CsvFills, row: StatementRow) -> StatementFill | str:
    try:
        return next(reader._fills(row))
    except ValueError as wrong:
        return str(wrong)


@given(
    st.lists(
        st.dictionaries(st.sampled_from([*PLAIN]), CELL, max_size=3)
        | st.fixed_dictionaries({"time": TIMES, "order_id": st.just("A-4")}),
        min_size=1,
        max_size=4,
    ),
    st.sets(st.sampled_from(["leg", "fee", "fee_currency", "profit", "trade_id", "order_id"])),
    st.sampled_from([UTC, None, ZoneInfo("Europe/Berlin")]),
)
@example([{"fee": "0.5E5"}, {"fee": "0.5 E5"}, {"fee": "5EUR"}, {"profit": "-0.00"}, {"price": "0.0"}], set(), UTC)
@example([{"symbol": "nan"}, {"symbol": " BTCUSDT"}, {"leg": "long", "trade_id": "none"}], set(), UTC)
def test_a_row_is_read_as_it_is_with_care(
    changes: list[dict[str, str]], without: set[str], zone: ZoneInfo | None
) -> None:
    fast, careful = (CsvFills(PLAIN_COLUMNS, Whose(exchange="binance", zone=zone)) for _ in range(2))
    for line, changed in enumerate(changes):
        row = StatementRow(line, {name: cell for name, cell in (PLAIN | changed).items() if name not in without})
        assert repr(as_it_comes(fast, row)) == repr(carefully(careful, row))


@pytest.mark.parametrize("changed", [{"price": "1e2"}, {"side": "Buy"}, {"date": "2026-03-17"}, {}])
@pytest.mark.parametrize("without", [(), ("trade_id", "order_id")], ids=["named", "unnamed"])
def test_what_is_plain_is_not_read_with_care(
    changed: dict[str, str], without: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, careful = (CsvFills(PLAIN_COLUMNS, Whose(exchange="binance", zone=UTC)) for _ in range(2))
    row = StatementRow(2, {name: cell for name, cell in (PLAIN | changed).items() if name not in without})
    expected = careful._fill(row)
    with monkeypatch.context() as patch:
        patch.setattr(reader, "_fill", lambda _: None)
        assert next(reader._fills(row)) == (None if changed else expected)


def test_words_of_a_name_may_stand_apart() -> None:
    text = "Time,Symbol,Side,Price,Quantity,Fee,Fee Coin,Trade ID,Order ID,Position Side,Realized PnL\n"
    text += "2026-03-17T09:34:12Z,BTCUSDT,buy,100,1,0.5,BNB,t1,o1,LONG,3\n"
    (fill,) = fills_of(text, PLAIN_CSV, Whose(exchange="binance"))
    assert words(fill) == (
        "2: 2026-03-17T09:34:12.000000Z BTCUSDT.binance:LONG buys 1 at 100, fee 0.5 BNB, profit 3, trade t1 of order o1"
    )
