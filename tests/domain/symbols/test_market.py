"""The characters that the name of an asset may have: one class of characters in every form of a symbol."""

from __future__ import annotations

import re
from typing import Final

import pytest

from domain.symbols.market import ASSET, fits

SPELLED_OUT: Final = re.compile("[A-Z0-9\u4e00-\u9fff]")
EVERY_CHARACTER: Final = range(0x1_1000)
"""All of the first plane, and some beyond it."""


def test_an_asset_is_of_latin_capitals_digits_and_chinese_characters() -> None:
    pattern = re.compile(ASSET, re.ASCII)
    fitting = {character for character in map(chr, EVERY_CHARACTER) if fits(pattern, character)}
    assert fitting == {character for character in map(chr, EVERY_CHARACTER) if SPELLED_OUT.fullmatch(character)}


@pytest.mark.parametrize("text", ["BTC", "币安人生", "1000币"])
def test_a_name_of_them_fits(text: str) -> None:
    assert fits(re.compile(f"{ASSET}+", re.ASCII), text)


@pytest.mark.parametrize("text", ["", "btc", "B TC", "\u0412\u0422\u0421", "BTC\n", "币é", "\uff21"])
def test_any_other_does_not(text: str) -> None:
    assert fits(re.compile(f"{ASSET}+", re.ASCII), text) is None
