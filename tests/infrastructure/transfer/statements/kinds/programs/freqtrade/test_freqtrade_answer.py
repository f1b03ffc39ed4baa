"""Trades of freqtrade as its own interface answers them: they come to what its database says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_answer import FREQTRADE_ANSWER
from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_database import FREQTRADE_DATABASE
from infrastructure.transfer.statements.statement_facts import StatementFact
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of, kind_of, words
from tests.infrastructure.transfer.statements.test_samples import FOLDER, data_of

ANSWER = json.loads((FOLDER / "freqtrade-trades.json").read_text(encoding="utf-8"))
SHORT, SPOT = ANSWER["trades"]
STATUS = (FOLDER / "freqtrade-trades.status.json").read_text(encoding="utf-8")
(OPEN,) = json.loads(STATUS)
DATABASE = data_of(FOLDER / "freqtrade-database.sql")
FUNDED = ["ETHUSDT.binance#1 short closed holds 0: earned 40, net 39.438, fees 0.542, funding -0.02"]


def answer_of(*trades: dict[str, Any]) -> str:
    return json.dumps({"trades": list(trades), "trades_count": len(trades), "offset": 0, "total_trades": 9})


def books_of(*trades: dict[str, Any]) -> list[str]:
    return booked(answer_of(*trades), FREQTRADE_ANSWER, Whose())


def without_what_status_lacks(trade: dict[str, Any]) -> dict[str, Any]:
    """A trade as `/api/v1/status` and `/api/v1/trade/{id}` answer it."""
    lacks = {"funding_fee", "average", "order_date", "order_filled_date", "price", "ft_is_entry"}
    return trade | {"orders": [{key: order[key] for key in order if key not in lacks} for order in trade["orders"]]}


def funding_after(ledger: PositionLedger, kind: StatementKind, data: bytes | str) -> list[dict[str, Decimal]]:
    """What each cycle of ETHUSDT has as cash once a file is imported."""
    report = import_statement(ledger, kind.name, kind.facts(file_of(data), Whose()), confirm=True)
    assert not report.findings
    return [dict(row.cash) for row in ledger.positions() if row.symbol == "ETHUSDT"]


def without_line(facts: list[StatementFact]) -> list[str]:
    return [words(fact).partition(": ")[2] for fact in facts]


def test_they_say_what_the_database_says_under_the_same_ids() -> None:
    answers = f"{json.dumps(ANSWER)}\n{STATUS}"
    assert without_line(facts_of(answers, FREQTRADE_ANSWER, Whose())) == without_line(
        facts_of(DATABASE, FREQTRADE_DATABASE, Whose())
    )


def test_its_profit_is_that_of_freqtrade() -> None:
    assert books_of(SHORT) == FUNDED


def test_a_list_of_what_is_open_and_pages_that_overlap_are_read() -> None:
    assert kind_of(STATUS) == "freqtrade-trades"
    opened = "ADAUSDT.binance#1 long entry_placed holds 100: earned 0, net -0.025, fees 0.025"
    assert booked(STATUS, FREQTRADE_ANSWER, Whose()) == [opened]
    pages = f"{answer_of(SPOT, SHORT)}\n{answer_of(SHORT, SPOT)}"
    assert booked(pages, FREQTRADE_ANSWER, Whose()) == books_of(SPOT, SHORT)
    assert booked(answer_of(), FREQTRADE_ANSWER, Whose()) == []


def test_funding_of_an_open_trade_comes_once_it_is_over() -> None:
    running = {"is_open": True, "close_rate": None, "close_date": None, "close_timestamp": None}
    opened = without_what_status_lacks(SHORT | {"orders": SHORT["orders"][:2]} | running)
    with memory_ledger() as ledger:
        assert funding_after(ledger, FREQTRADE_ANSWER, json.dumps([opened])) == [{}]
        assert funding_after(ledger, FREQTRADE_ANSWER, answer_of(SHORT)) == [{"funding": Decimal("-0.02")}]
        assert funding_after(ledger, FREQTRADE_DATABASE, DATABASE) == [{"funding": Decimal("-0.02")}]
        assert_sound(ledger)


def test_funding_that_may_be_counted_already_is_refused() -> None:
    told = (
        r"^line 1: funding_fee of its orders is missing, so which of it is counted already is not known; save what /api"
    )
    short = without_what_status_lacks(SHORT)
    with memory_ledger() as ledger:
        with pytest.raises(StatementRefused, match=told):
            funding_after(ledger, FREQTRADE_ANSWER, json.dumps(short))
        assert funding_after(ledger, FREQTRADE_DATABASE, DATABASE) == [{"funding": Decimal("-0.02")}]
        with pytest.raises(StatementRefused, match=told):
            funding_after(ledger, FREQTRADE_ANSWER, json.dumps(short))
        assert funding_after(ledger, FREQTRADE_ANSWER, answer_of(SHORT)) == [{"funding": Decimal("-0.02")}]
    for nothing in (0, None):
        assert "funding" not in books_of(short | {"funding_fees": nothing})[0]
    unsaid = [said | {"funding_fee": None} for said in SHORT["orders"]]
    assert books_of(SHORT | {"orders": unsaid}) == FUNDED, "the database has none by order either"


def test_an_answer_that_does_not_say_which_fees_were_in_the_coin_is_refused() -> None:
    """It is of a version before 2022.5, and not taken for a backtest because of it."""
    before = SPOT | {"orders": [{key: order[key] for key in order if key != "ft_fee_base"} for order in SPOT["orders"]]}
    told = "ft_fee_base of its orders is missing, so in which currency a fee was paid is not known"
    assert kind_of(answer_of(before)) == "freqtrade-trades"
    with pytest.raises(StatementRefused, match=f"^line 1: {told}"):
        books_of(before)
    with pytest.raises(StatementRefused, match=f"^line 2: {told}"):
        books_of(SHORT, before)


def order(side: str, name: str, price: float, at: int, **more: Any) -> dict[str, Any]:
    plain = {"order_id": name, "ft_order_side": side, "safe_price": price, "average": round(price, 8), "filled": 1000.0}
    plain |= {"ft_fee_base": None, "funding_fee": None}
    return plain | {"amount": 1000.0, "is_open": False, "order_filled_timestamp": 1773739452000 + at} | more


def test_a_price_is_not_the_average_that_is_rounded_to_eight_decimals() -> None:
    orders = [order("sell", "2", 0.000012348, 5), order("buy", "1", 0.000012344, 1)]
    (told,) = books_of(SPOT | {"pair": "PEPE/USDT", "base_currency": "PEPE", "orders": orders, "fee_close": 0.0})
    assert "#1 long closed holds 0: earned 0.000004, net" in told, "1000 times 0.000000004; by averages it were nothing"


def test_an_order_that_is_open_or_filled_nothing_is_left_out() -> None:
    running = order("sell", "9", 0.6, 9, is_open=True, filled=10.0), order("buy", "8", 0.4, 1, filled=None)
    assert books_of(OPEN | {"orders": [*OPEN["orders"], *running]}) == books_of(OPEN)


def test_a_closed_trade_without_orders_has_its_rates() -> None:
    trade = SHORT | {"orders": [], "amount": 0.2, "open_rate": 2100.0, "close_rate": 1900.0, "funding_fees": 0.0}
    told = books_of(OPEN, trade)
    assert any(cycle.startswith("ETHUSDT.binance#1 short closed holds 0: earned 40, net ") for cycle in told)


def test_what_cannot_be_read_is_refused_with_its_trade() -> None:
    wrong = SHORT | {"orders": [SHORT["orders"][0] | {"order_filled_timestamp": "soon"}]}
    with pytest.raises(StatementRefused, match=r"^line 2: order_filled_timestamp 'soon' is no time"):
        books_of(OPEN, wrong)
    with pytest.raises(StatementRefused, match=r"^line 1: exchange is missing"):
        books_of(SHORT | {"exchange": None})


@pytest.mark.parametrize("said", [1, 0, "true", None])
def test_a_flag_that_is_neither_true_nor_false_is_refused(said: Any) -> None:
    with pytest.raises(StatementRefused, match=rf"^line 2: is_open '{said}' is neither true nor false"):
        books_of(SHORT, OPEN | {"is_open": said, "close_rate": 0.6})
    with pytest.raises(StatementRefused, match=rf"^line 1: is_short '{said}' is neither true nor false"):
        books_of(SHORT | {"is_short": said})
    with pytest.raises(StatementRefused, match=rf"^line 1: is_open '{said}' is neither true nor false"):
        books_of(SPOT | {"orders": [SPOT["orders"][0] | {"is_open": said}]})


def test_a_trade_has_to_say_whether_it_is_open() -> None:
    with pytest.raises(StatementRefused, match=r"^line 1: is_open 'None' is neither true nor false"):
        books_of({name: value for name, value in SHORT.items() if name != "is_open"})
    assert books_of({name: value for name, value in SPOT.items() if name != "is_short"}) == books_of(SPOT)


def test_an_order_of_an_open_trade_without_its_price_is_refused() -> None:
    with pytest.raises(StatementRefused, match=r"^line 1: average '' is not above zero"):
        books_of(OPEN | {"orders": [OPEN["orders"][0] | {"safe_price": None}]})
