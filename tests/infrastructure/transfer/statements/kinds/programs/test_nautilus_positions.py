"""The positions report of nautilus_trader: what was earned and paid is what it says, however a position came about."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest

from domain.values import Leg
from infrastructure.transfer.statements.kinds.programs.nautilus_fills import NAUTILUS_FILLS
from infrastructure.transfer.statements.kinds.programs.nautilus_positions import NAUTILUS_POSITIONS
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of, kind_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER

OPENED, CLOSED = "2026-03-17 09:{}:00+00:00", "2026-03-17 10:{}:00+00:00"


def position(name: str, **said: Any) -> dict[str, Any]:
    """A long of 2 at 100 that was closed at 110, for 1 USDT."""
    return {
        "position_id": name,
        "instrument_id": "BTCUSDT-PERP.BINANCE",
        "opening_order_id": f"{name}-a",
        "closing_order_id": f"{name}-b",
        "entry": "BUY",
        "quantity": "0",
        "peak_qty": "2",
        "ts_opened": OPENED.format("00"),
        "ts_last": CLOSED.format("00"),
        "ts_closed": CLOSED.format("00"),
        "avg_px_open": 100.0,
        "avg_px_close": 110.0,
        "commissions": "['1 USDT']",
        "realized_pnl": "19 USDT",
    } | said


def csv_of(*lines: dict[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def books_of(*lines: dict[str, Any]) -> list[str]:
    return booked(csv_of(*lines), NAUTILUS_POSITIONS, Whose())


def test_what_its_averages_come_to_is_what_it_earned() -> None:
    assert books_of(position("P-1")) == ["BTCUSDT.binance#1 long closed holds 0: earned 20, net 19, fees 1"]


def test_what_was_added_to_after_some_was_closed_earned_what_the_line_says() -> None:
    whole, partly = position("P-1", realized_pnl="34 USDT"), position("P-1", quantity="1.5", realized_pnl="-7 USDT")
    assert books_of(whole) == ["BTCUSDT.binance#1 long closed holds 0: earned 35, net 34, fees 1"]
    assert books_of(partly) == ["BTCUSDT.binance#1 long entry_placed holds 1.5: earned -6, net -7, fees 1"]
    short = position("P-1", entry="SELL", realized_pnl="-30.4 USDT")
    assert books_of(short) == ["BTCUSDT.binance#1 short closed holds 0: earned -29.4, net -30.4, fees 1"]


def test_what_is_held_as_much_as_ever_and_earned_something_was_closed_and_added_to() -> None:
    assert books_of(position("P-1", quantity="2", ts_closed="", realized_pnl="6 USDT")) == [
        "BTCUSDT.binance#1 long entry_placed holds 2: earned 7, net 6, fees 1"
    ]


def test_what_is_open_paid_for_its_opening() -> None:
    said = {"ts_closed": "", "avg_px_close": "", "realized_pnl": "-1 USDT"}
    assert books_of(position("P-1", quantity="2", **said)) == [
        "BTCUSDT.binance#1 long entry_placed holds 2: earned 0, net -1, fees 1"
    ]


@pytest.mark.parametrize("earned", ["199 USDT", "-0.8 USDT", "99 USDT"])
def test_contracts_that_are_no_units_are_refused(earned: str) -> None:
    with pytest.raises(StatementRefused, match=r"line 2: profit .* its contracts are not units"):
        books_of(position("P-1", realized_pnl=earned))


def test_what_would_be_closed_below_zero_is_refused() -> None:
    with pytest.raises(StatementRefused, match=r"would mean a closing price of -25\.25; import the report of fills"):
        books_of(position("P-1", realized_pnl="-251.5 USDT"))


def test_several_at_a_time_are_what_they_come_to_together() -> None:
    hedge = position(
        "P-2",
        entry="SELL",
        peak_qty="3",
        ts_opened=OPENED.format("30"),
        avg_px_open=105.0,
        avg_px_close=104.0,
        realized_pnl="2 USDT",
        ts_closed=CLOSED.format("30"),
    )
    assert books_of(position("P-1"), hedge) == [
        "BTCUSDT.binance#1 long closed holds 0: earned 10, net 10, fees 0",
        "BTCUSDT.binance#2 short closed holds 0: earned 13, net 11, fees 2",
    ], "23 in all, and nothing was held before the file begins"
    later = hedge | {"ts_opened": CLOSED.format("00")}
    assert books_of(position("P-1"), later)[1] == "BTCUSDT.binance#2 short closed holds 0: earned 3, net 2, fees 1"


def test_both_sides_of_an_account_are_on_their_legs() -> None:
    name = "BTCUSDT-PERP.BINANCE-{}"
    short = position(name.format("SHORT"), entry="SELL", realized_pnl="-21 USDT", ts_opened=OPENED.format("10"))
    assert books_of(position(name.format("LONG")), short) == [
        "BTCUSDT.binance:LONG#1 long closed holds 0: earned 20, net 19, fees 1",
        "BTCUSDT.binance:SHORT#1 short closed holds 0: earned -20, net -21, fees 1",
    ]


def test_what_was_paid_in_the_base_of_spot_is_not_held() -> None:
    said = {"commissions": "['0.002 BTC', '0.5 USDT']", "realized_pnl": "19.5 USDT"}
    assert books_of(position("P-1", instrument_id="BTCUSDT.BINANCE", **said)) == [
        "BTCUSDT.binance:SPOT#1 long closed holds 0: earned 19.8, net 19.3, fees 0.5"
    ]


def test_what_is_open_paid_for_its_opening_in_every_currency() -> None:
    said = {"quantity": "2", "ts_closed": "", "avg_px_close": "", "commissions": "['0.002 BTC', '0.5 USDT', '1 BNB']"}
    (spot,) = books_of(position("P-1", instrument_id="BTCUSDT.BINANCE", realized_pnl="-0.5 USDT", **said))
    assert spot.startswith("BTCUSDT.binance:SPOT#1 long entry_placed holds 2: earned 0, net unknown, fees 0")
    assert spot.endswith(", commission -0.5, commission BNB -1")
    assert books_of(position("P-1", realized_pnl="-0.5 USDT", **said | {"commissions": "['0.5 USDT', '1 BNB']"})) == [
        "BTCUSDT.binance#1 long entry_placed holds 2: earned 0, net unknown, fees 0.5, commission BNB -1"
    ]


def test_json_says_the_same_as_csv_in_rows_and_in_columns() -> None:
    lines = [position("P-1"), position("P-2", ts_opened=CLOSED.format("01"), ts_closed=CLOSED.format("02"))]
    wanted = books_of(*lines)
    times = {CLOSED.format("01"): 1773741660000, OPENED.format("00"): 1773738000000}
    for line in lines:
        line |= {"commissions": ["1 USDT"], "ts_opened": times[line["ts_opened"]], "is_snapshot": False}
    names = [line["position_id"] for line in lines]
    columns = {name: dict(zip(names, [line[name] for line in lines], strict=True)) for name in lines[0]}
    del columns["position_id"]
    for text in (json.dumps(lines), "\n".join(map(json.dumps, lines)), json.dumps(columns)):
        assert kind_of(text) == "nautilus-positions"
        assert booked(text, NAUTILUS_POSITIONS, Whose()) == wanted
    with memory_ledger() as ledger:
        for text in (csv_of(position("P-1"), position("P-2", ts_opened=CLOSED.format("01"))), json.dumps(lines)):
            facts = NAUTILUS_POSITIONS.facts(file_of(text), Whose())
            report = import_statement(ledger, "nautilus-positions", facts, confirm=True)
        assert (report.fills, report.fills_before) == (4, 4)


def test_a_line_that_grew_since_it_was_imported_is_refused() -> None:
    opened = position("P-1", quantity="2", ts_closed="", avg_px_close="", realized_pnl="-1 USDT")
    with memory_ledger() as ledger:

        def take(line: dict[str, Any]) -> int:
            facts = NAUTILUS_POSITIONS.facts(file_of(csv_of(line)), Whose())
            return import_statement(ledger, "nautilus-positions", facts, confirm=True).fills_before

        assert [take(opened), take(opened)] == [0, 1]
        with pytest.raises(StatementRefused, match="is in the ledger with a fee of 1, and here it has 0"):
            take(position("P-1"))
        with pytest.raises(StatementRefused, match=r"is in the ledger with a fee of 1, and here it has 1\.5"):
            take(opened | {"commissions": "['1.5 USDT']", "realized_pnl": "-1.5 USDT"})


@pytest.mark.parametrize(
    ("instrument", "key"),
    [
        ("BTC-USDT-SWAP.OKX", "BTCUSDT.okx"),
        ("BTC-USDT.OKX", "BTCUSDT.okx:SPOT"),
        ("BTC/USD.KRAKEN", "BTCUSD.kraken:SPOT"),
        ("PF_XBTUSD.KRAKEN", "BTCUSD.kraken"),
        ("BTC-USD.COINBASE", "BTCUSD.coinbase:SPOT"),
        ("BTCUSDT-LINEAR.BYBIT", "BTCUSDT.bybit"),
        ("BTCUSDT-SPOT.BYBIT", "BTCUSDT.bybit:SPOT"),
        ("AUD/USD.SIM", "AUDUSD.sim"),
    ],
)
def test_contracts_are_told_from_spot_as_their_venue_names_them(instrument: str, key: str) -> None:
    facts = facts_of(csv_of(position("P-1", instrument_id=instrument)), NAUTILUS_POSITIONS, Whose())
    assert {fact.key.stream for fact in facts if fact.key is not None} == {key}


def test_contracts_of_a_size_that_nobody_defined_are_refused() -> None:
    line = position("P-1", instrument_id="BTC-USDT-SWAP.OKX", realized_pnl="-0.8 USDT")
    with pytest.raises(StatementRefused, match=r"its quantity 2 counts contracts of BTCUSDT\.okx"):
        books_of(line)
    with memory_ledger() as ledger:
        ledger.define_instrument(symbol="BTCUSDT", exchange="okx", leg=Leg.BOTH, contract_size="0.01")
        facts = NAUTILUS_POSITIONS.facts(file_of(csv_of(line)), Whose())
        report = import_statement(ledger, "nautilus-positions", facts, confirm=True)
    assert (report.profit_ledger, report.findings) == ({"USDT": Decimal("0.2")}, [])


def test_fills_are_read_out_of_json_as_out_of_csv() -> None:
    text = (FOLDER / "nautilus-fills.csv").read_text(encoding="utf-8")
    told = json.dumps(list(csv.DictReader(io.StringIO(text))))
    assert kind_of(told) == "nautilus-fills"
    assert booked(told, NAUTILUS_FILLS, Whose()) == booked(text, NAUTILUS_FILLS, Whose())
