"""Masking secrets in texts that are shown."""

from __future__ import annotations

import pytest

from infrastructure.exchanges.ccxt_live import Asked
from infrastructure.secret_words import masked


def test_a_secret_is_masked_wherever_it_stands() -> None:
    assert masked("key=abcd1 xabcd1y", ["abcd1"], "***") == "key=*** x***y"


def test_of_two_secrets_the_longer_one_is_masked_whole() -> None:
    assert masked("abcd and abcdef", ["abcd", "abcdef"], "***") == "*** and ***"


@pytest.mark.parametrize("secret", ["a", "an", "bad"])
def test_a_short_one_is_masked_where_it_stands_alone(secret: str) -> None:
    assert masked(f"a badger, an answer: {secret}", [secret], "…").endswith(": …")
    assert "badger" in masked("a badger, an answer", [secret], "…")


def test_nothing_is_no_secret() -> None:
    assert masked("words", [""], "…") == "words"


def test_a_key_of_one_letter_leaves_the_words_of_an_exchange_readable() -> None:
    asked = Asked("binance", None, {"apiKey": "e", "secret": "longer-secret"})
    assert asked.clean("the key e of longer-secret failed: /order?signature=1") == "the key … of … failed: /order?…"


def test_a_blank_key_is_a_missing_one() -> None:
    with pytest.raises(ValueError, match="set LEDGER_BINANCE_API_KEY; a key"):
        Asked.of("binance", None, {"LEDGER_BINANCE_API_KEY": " ", "LEDGER_BINANCE_SECRET": "s"})
