"""Made-up trade histories in the shape of the real ones become cycles with exactly these profits and fees."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import StoreUnavailable
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_trades import BINANCE_TRADES
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_executions import BYBIT_EXECUTIONS
from infrastructure.transfer.statements.kinds.plain_csv import PLAIN_CSV
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.statements.statement_report import StatementReport
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import file_of, fills_of

TODAY = "Uid,Time,Symbol,Side,Price,Quantity,Amount,Fee,Realized Profit,Buyer,Maker,Trade ID,Order ID"
BEFORE = "Date(UTC),Symbol,Side,Price,Quantity,Amount,Fee,Realized Profit,Quote Asset"
TURNS = [
    "7,26-03-17 09:34:13,BTCUSDT,BUY,100,3,300,0.3USDT,30,true,false,4,4",
    "7,26-03-17 09:34:12,BTCUSDT,SELL,110,1,110,0.1USDT,0,true,false,3,2",
    "7,26-03-17 09:34:12,BTCUSDT,SELL,110,3,330,0.3 USDT,10,true,false,2,2",
    "7,26-03-17 09:34:12,BTCUSDT,BUY,100,1,100,0.001 BNB,0,true,false,1,1",
]
"""A long that is turned into a short within a second, the newest line first."""


def taken(
    ledger: PositionLedger,
    *lines: str,
    header: str = TODAY,
    kind: StatementKind = BINANCE_TRADES,
    zone: tzinfo | None = UTC,
    confirm: bool = True,
) -> StatementReport:
    fills = fills_of("\n".join([header, *lines]), kind, Whose("binance", None, zone))
    return import_statement(ledger, kind.name, fills, confirm=confirm)


def told(ledger: PositionLedger) -> list[str]:
    return [
        f"{row.position_id} {row.side} {row.status} {row.quantity} {row.realized_pnl} {row.fees} {row.fees_other}"
        for row in ledger.positions()
    ]


def refusal(*lines: str, header: str = TODAY, zone: tzinfo | None = UTC) -> str:
    with memory_ledger() as ledger:
        with pytest.raises(StatementRefused) as refused:
            taken(ledger, *lines, header=header, zone=zone)
        assert not ledger.positions(), "nothing is half imported"
    return refused.value.message


def test_a_fill_that_turns_the_position_ends_a_cycle_and_opens_another() -> None:
    with memory_ledger() as ledger:
        report = taken(ledger, *TURNS)
        assert report.profit_ledger == report.profit_file == {"USDT": Decimal(40)}
        assert report.fees == {"BNB": Decimal("0.001"), "USDT": Decimal("0.7")}
        assert (report.fills, report.orders, report.cycles, report.open, report.findings) == (4, 3, 2, 0, [])
        assert told(ledger) == [
            "BTCUSDT.binance#1 long closed 0 10 0.1 {'BNB': Decimal('0.001')}",
            "BTCUSDT.binance#2 short closed 0 30 0.6 {}",
        ]


def test_an_amount_keeps_all_of_its_digits_where_its_sign_is_turned_and_where_it_is_added() -> None:
    """A context of Python rounds to 28 digits where nobody says otherwise; so many do not hold this payment."""
    execution, total = {"symbol": "BTCUSDT", "side": "Buy", "orderId": "1"}, "-12345678901.123456789012345679"
    rows = [
        execution | {"execId": at, "execType": kind, "execFee": fee, "execQty": "1", "execPrice": "100", "execTime": at}
        for kind, fee, at in (
            ("Trade", "0", "1773740052000"),
            ("Funding", "12345678901.123456789012345678", "1773740053000"),
            ("Funding", "0.000000000000000001", "1773740054000"),
        )
    ]
    with memory_ledger() as ledger:
        facts = BYBIT_EXECUTIONS.facts(file_of(json.dumps(rows)), Whose("bybit"))
        report = import_statement(ledger, BYBIT_EXECUTIONS.name, facts, confirm=True)
        assert report.cash == {"funding USDT": Decimal(total)}
        assert ledger.positions()[0].cash == {"funding": Decimal(total)}


def test_without_confirmation_nothing_is_written() -> None:
    with memory_ledger() as ledger:
        report = taken(ledger, *TURNS, confirm=False)
        assert (report.confirmed, report.cycles, ledger.positions()) == (False, 2, [])


def test_what_was_taken_in_is_left_out_and_what_follows_is_added() -> None:
    with memory_ledger() as ledger:
        taken(ledger, *TURNS[2:])
        assert [row.quantity for row in ledger.positions(open=True)] == [2]
        report = taken(ledger, *TURNS)
        assert (report.fills_before, report.cycles, report.profit_file) == (2, 1, {"USDT": Decimal(30)})
        end = told(ledger)
        assert taken(ledger, *TURNS).fills_before == 4
        assert told(ledger) == end


@pytest.mark.parametrize("transactions", range(5))
def test_stopped_anywhere_it_goes_on_where_it_stopped(transactions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with memory_ledger() as ledger:
        taken(ledger, *TURNS)
        whole = told(ledger)
    monkeypatch.setattr("infrastructure.transfer.statements.intake.decided_events.EVENTS_MAX", 1)
    monkeypatch.setattr("infrastructure.transfer.statements.intake.key_intake.FACTS_AT_ONCE", 1)
    with memory_ledger() as ledger:
        with monkeypatch.context() as stopped, suppress(StoreUnavailable):
            stopped.setattr(ledger.store, "append_ready", _only(transactions, ledger.store.append_ready))
            taken(ledger, *TURNS)
        assert ledger.store.count_events() >= transactions
        taken(ledger, *TURNS)
        assert told(ledger) == whole
        assert_sound(ledger)


def _only(transactions: int, insert: Callable[..., None]) -> Callable[..., None]:
    left = iter(range(transactions))

    def inserting(*args: Any, **kwargs: Any) -> None:
        if next(left, None) is None:
            raise StoreUnavailable("the process was killed here")
        insert(*args, **kwargs)

    return inserting


def test_a_file_that_begins_in_the_middle_says_at_what_price_it_was_opened() -> None:
    with memory_ledger() as ledger:
        report = taken(
            ledger,
            "2026-03-17 09:34:12,BTCUSDT,SELL,110,1,110,0.1,10,USDT",
            "2026-03-17 09:34:12,BTCUSDT,SELL,110,1,110,0.1,10,USDT",
            "2026-03-17 09:34:12,BTCUSDT,BUY,90,1,90,0.1,0,USDT",
            header=BEFORE,
            zone=None,
        )
        held = ledger.positions()[0]
        assert told(ledger)[0] == "BTCUSDT.binance#1 long closed 0 20 0.2 {}"
        assert held.avg_px_open == 100
        assert b"held before the file begins" in ledger.history(held.position_id)[0].payload
        assert told(ledger)[1] == "BTCUSDT.binance#2 long entry_placed 1 0 0.1 {}"
        (finding,) = report.findings
        assert finding.startswith("BTCUSDT.binance#1: held before the file begins")


def test_a_profit_that_the_fills_do_not_come_to_is_named_with_both() -> None:
    with memory_ledger() as ledger:
        report = taken(ledger, TURNS[0].replace(",30,", ",31,"), *TURNS[1:])
        assert report.findings == ["BTCUSDT.binance#2: the file says a profit of 31, its fills come to 30"]


def test_legs_are_positions_of_their_own() -> None:
    header = "Time(UTC),Symbol,Side,Position Side,Order Type,Price,Quantity,Amount,Fee,Realized Profit"
    with memory_ledger() as ledger:
        taken(
            ledger,
            "2026-03-17 09:34:12,BTCUSDT,BUY,LONG,MARKET,100,1,100,0.1 USDT,0",
            "2026-03-17 09:34:13,BTCUSDT,SELL,SHORT,MARKET,110,1,110,0.1 USDT,0",
            header=header,
        )
        assert [row.stream for row in ledger.positions(open=True)] == ["BTCUSDT.binance:LONG", "BTCUSDT.binance:SHORT"]


def test_times_are_read_in_the_zone_that_was_said() -> None:
    with memory_ledger() as ledger:
        report = taken(ledger, *TURNS, zone=timezone(timedelta(hours=4)))
        assert report.as_json()["first"] == "2026-03-17T05:34:12.000000Z"


def test_a_plain_file_says_no_profit_and_none_is_compared() -> None:
    with memory_ledger() as ledger:
        lines = ["2026-03-17T09:34:12Z,ETH/USDT:USDT,buy,2000,1", "2026-03-17T09:35:12Z,ETH/USDT:USDT,sell,2100,1"]
        report = taken(ledger, *lines, header="time,pair,side,price,qty", kind=PLAIN_CSV)
        assert (report.profit_ledger, report.profit_file, report.findings) == ({"USDT": Decimal(100)}, {}, [])


@pytest.mark.parametrize(
    ("exchange", "says"),
    [
        ("binace", ["no exchange is known as binace, but binance is near it; as two names they are two slots"]),
        ("binance", []),
        ("nowhere", []),
    ],
)
def test_an_exchange_that_may_be_mistyped_is_found_before_it_is_written(exchange: str, says: list[str]) -> None:
    fills = fills_of("time,pair,side,price,qty\n2026-03-17T09:34:12Z,ETHUSDT,buy,2000,1\n", PLAIN_CSV, Whose(exchange))
    with memory_ledger() as ledger:
        assert import_statement(ledger, PLAIN_CSV.name, fills, confirm=False).findings == says


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (TURNS[3].replace(",100,1,", ",100,-1,"), "line 2: quantity '-1' is not above zero"),
        (TURNS[3].replace(",100,1,", ",1OO,1,"), "line 2: price '1OO' is no number"),
        (TURNS[3].replace("BUY", "HOLD"), "line 2: side 'HOLD' is neither BUY nor SELL"),
        (TURNS[3].replace("26-03-17", "26-13-17"), "line 2: time '26-13-17 09:34:12' is no time"),
        (
            TURNS[3].replace("26-03-17", "99-03-17"),
            "line 2: 2099-03-17T09:34:12.000000Z is yet to come",
        ),
        (TURNS[3].replace("26-03-17", "1926-03-17"), "line 2: 1926-03-17T09:34:12.000000Z is long ago; look how"),
        (TURNS[3] + ",x", "line 2: has 14 columns; the first line has 13"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_value(line: str, says: str) -> None:
    assert refusal(line).startswith(says)


def test_a_time_without_a_zone_is_not_guessed() -> None:
    assert "names no zone; say with --timezone" in refusal(TURNS[3], zone=None)


def test_a_trade_that_stands_there_twice_is_taken_once() -> None:
    with memory_ledger() as ledger:
        report = taken(ledger, *TURNS, TURNS[3])
        assert (report.repeated, report.fills, report.findings) == (1, 4, [])
        assert taken(ledger, *TURNS).fills_before == 4


def test_a_trade_that_stands_there_twice_otherwise_is_refused() -> None:
    assert "stands on line 2 already" in refusal(TURNS[3], TURNS[3].replace(",100,1,", ",101,1,"))


def test_columns_that_are_missing_are_named() -> None:
    header = TODAY.replace("Fee,", "")
    assert refusal(header=header).startswith("line 1: binance-futures-trades needs fee; this file has uid,")


def test_a_key_that_a_bot_has_used_is_left_alone() -> None:
    with memory_ledger() as ledger:
        ledger.request_entry(symbol="BTCUSDT", exchange="binance", side="long", quantity="1", intent_id="s1")
        with pytest.raises(StatementRefused, match=r"BTCUSDT\.binance#1 \(command "):
            taken(ledger, *TURNS)


def test_what_is_older_than_the_ledger_is_not_put_behind_it() -> None:
    with memory_ledger() as ledger:
        taken(ledger, TURNS[0])
        with pytest.raises(StatementRefused, match="what is older has to be imported first"):
            taken(ledger, *TURNS)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_file_is_refused_in_words_or_read(seed: int) -> None:
    chance = random.Random(seed)
    text = list("\n".join([TODAY, *TURNS]))
    for _ in range(chance.randint(1, 6)):
        text[chance.randrange(len(text))] = chance.choice(["", ",", '"', "\x00", "9", "-", "é", "\n", "٣"])
    header, *lines = "".join(text).split("\n")
    with memory_ledger() as ledger:
        try:
            taken(ledger, *lines, header=header)
        except StatementRefused as refused:
            said = refused.message
        else:
            return
        assert said.startswith("line ")
        assert not ledger.positions()


PLAIN = "time,symbol,side,price,quantity,fee"


def test_fees_that_are_all_received_are_found() -> None:
    bought, sold = "2026-03-17T09:00Z,BTCUSDT,buy,100,1,{}", "2026-03-17T10:00Z,BTCUSDT,sell,110,1,{}"

    def findings(*fees: str, kind: StatementKind = PLAIN_CSV) -> list[str]:
        with memory_ledger() as ledger:
            lines = [line.format(fee) for line, fee in zip((bought, sold), fees, strict=True)]
            return taken(ledger, *lines, header=PLAIN, kind=kind).findings

    (found,) = findings("-0.1", "-0.2")
    assert found.startswith("no fee is paid, and 2 fills received one; where that is the wrong way round, ")
    assert findings("0.1", "-0.2") == findings("0.1", "0.2") == findings("", "") == []


def test_an_exchange_may_pay_for_every_fill() -> None:
    with memory_ledger() as ledger:
        assert taken(ledger, TURNS[3].replace("0.001 BNB", "-0.001 BNB")).findings == []
