"""The refusal that there is nothing to reduce is told apart from every other refusal of an exchange."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from infrastructure.ccxt_trading.call_failures import Absent, failure
from infrastructure.ccxt_trading.ccxt_exchange import CONVENTIONS
from infrastructure.trading.exchange_errors import NoAnswer, NothingToReduce, RateLimited, Refused

NOTHING = {
    "binanceusdm": 'binanceusdm {"code":-2022,"msg":"ReduceOnly Order is rejected."}',
    "bybit": 'bybit {"retCode":110017,"retMsg":"current position is zero, cannot fix reduce-only order qty"}',
    "okx": 'okx {"code":"1","data":[{"sCode":"51169","sMsg":"you have no positions in this direction to close"}]}',
    "hyperliquid": "hyperliquid Reduce only order would increase position. asset=0",
}
MARGIN = {
    "binanceusdm": 'binanceusdm {"code":-2019,"msg":"Margin is insufficient."}',
    "bybit": 'bybit {"retCode":110007,"retMsg":"ab not enough for new order"}',
    "okx": 'okx {"code":"1","data":[{"sCode":"51008","sMsg":"Insufficient margin"}]}',
    "hyperliquid": "hyperliquid Insufficient margin to place order. asset=0",
}


def became(name: str, words: str) -> Any:
    return failure(ccxt.InvalidOrder(words), CONVENTIONS[name], getattr(ccxt, name)())


@pytest.mark.parametrize("name", CONVENTIONS)
def test_nothing_to_reduce_is_told_apart(name: str) -> None:
    assert isinstance(became(name, NOTHING[name]), NothingToReduce)
    refused = became(name, MARGIN[name])
    assert isinstance(refused, Refused) and not isinstance(refused, NothingToReduce)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_code_has_one_meaning_and_is_found_in_the_words_of_ccxt(name: str) -> None:
    conventions = CONVENTIONS[name]
    every = [code for codes in conventions.codes.values() for code in codes]
    assert len(every) == len({*every})
    said = {"binanceusdm": '"code":{}', "bybit": '"retCode":{}', "okx": '"sCode":"{}"', "hyperliquid": ""}[name]
    found = [conventions.code.search(said.format(code)) for code in every] if conventions.code is not None else []
    assert [match and match[1] for match in found] == every


def test_what_is_understood_already_stays_as_it_is() -> None:
    """Our own refusal, made while ccxt signed a call, must not become a call whose outcome nobody knows."""
    refused = Refused(None, "nothing was sent")
    assert failure(refused, CONVENTIONS["bybit"], ccxt.bybit()) is refused


def test_the_words_of_a_refusal_are_cut_and_those_of_an_unknown_error_begin_with_its_class() -> None:
    assert became("bybit", f'bybit {{"retCode":110007,"retMsg":"{"x" * 500}"}}').text == "x" * 400
    unknown = failure(RuntimeError("a page of html"), CONVENTIONS["bybit"], ccxt.bybit())
    assert isinstance(unknown, NoAnswer) and str(unknown) == "RuntimeError: a page of html"


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (ccxt.OrderNotFound("gone"), Absent),
        (ccxt.InsufficientFunds("margin"), Refused),
        (ccxt.ExchangeError("a word that nobody knows"), NoAnswer),
        (ccxt.DDoSProtection("slow"), RateLimited),
        (ccxt.DuplicateOrderId("twice"), NoAnswer),
        (ccxt.RequestTimeout("late"), NoAnswer),
    ],
    ids=lambda each: type(each).__name__,
)
def test_without_a_code_the_class_of_ccxt_decides(wrong: Exception, kind: type[Exception]) -> None:
    assert type(failure(wrong, CONVENTIONS["bybit"], ccxt.bybit())) is kind


BANNED = 'binanceusdm 418 {"code":-1003,"msg":"Way too many requests; IP banned until 1600000090500."}'
RESET = {"X-Bapi-Limit-Reset-Timestamp": "1600000090500"}


@pytest.mark.parametrize(
    ("name", "said", "headers", "seconds"),
    [
        ("binanceusdm", BANNED, {"Date": "Sun, 13 Sep 2020 12:26:40 GMT"}, 90.5),
        ("binanceusdm", BANNED, {"Date": "Sun, 13 Sep 2020 12:29:00 GMT"}, 0.0),
        ("binanceusdm", BANNED, {"Date": "yesterday"}, None),
        ("binanceusdm", BANNED, {}, None),
        ("binanceusdm", BANNED, {"Retry-After": "7", "Date": "Sun, 13 Sep 2020 12:26:40 GMT"}, 7.0),
        (
            "bybit",
            'bybit {"retCode":10006,"retMsg":"Too many visits!"}',
            RESET | {"date": "Sun, 13 Sep 2020 12:26:40 GMT"},
            90.5,
        ),
    ],
)
def test_how_long_a_ban_lasts_is_counted_on_the_clock_of_the_exchange(
    name: str, said: str, headers: dict[str, str], seconds: float | None
) -> None:
    client = getattr(ccxt, name)()
    client.last_response_headers = headers
    limited = failure(ccxt.RateLimitExceeded(said), CONVENTIONS[name], client)
    assert isinstance(limited, RateLimited)
    assert limited.retry_seconds == seconds
