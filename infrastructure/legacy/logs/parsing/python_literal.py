"""The Python dict at the end of an event's line: read as text, token by token, and never evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

DICT_CHARACTERS_MAX: Final = 65_536
_TOKEN: Final = re.compile(
    r"""[bru]{0,2}'(?P<single>(?:[^'\\]|\\.)*)'|[bru]{0,2}"(?P<double>(?:[^"\\]|\\.)*)"|(?P<mark>[\[\](){}<>,:])|(?P<word>[^\[\](){}<>,:'"\s]+|.)""",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r"}
_NOTHING: Final = {"None", "null", "nan", "NaN"}
_OPENING: Final = ("[", "(", "{", "<")
_CLOSING: Final = ("]", ")", "}", ">")


def read_dict(text: str) -> dict[str, str | None]:
    """The entries of the first dict in a text, each value as text, whatever is written there.

    Shape:   strings without their quotes, everything else (numbers, `Decimal('1.5')`, `<Status.ACTIVE: 'active'>`,
             lists) as it stands; None for `None`. JSON is read as well. A dict that is cut off gives what is there.
    Refuses: nothing; an empty dict for a text that holds none.
    """
    begins = text.find("{")
    if begins < 0:
        return {}
    found: dict[str, str | None] = {}
    for key, value in _entries(text[begins + 1 : begins + DICT_CHARACTERS_MAX]):
        found.setdefault(key, value)
    return found


def _entries(text: str) -> Iterator[tuple[str, str | None]]:
    key: str | None = None
    begins, depth = 0, 0
    tokens: list[re.Match[str]] = []
    for token in _TOKEN.finditer(text):
        mark = token["mark"]
        if not depth and mark == ":" and key is None:
            key, begins, tokens = (_string(tokens[-1]) or "" if tokens else ""), token.end(), []
            continue
        if not depth and mark in ("}", ","):
            if key is not None:
                yield key, _value(text[begins : token.start()], tokens)
            if mark == "}":
                return
            key, tokens = None, []
            continue
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING and depth:
            depth -= 1
        if not token[0].isspace():
            tokens.append(token)
    if key is not None and text[begins:].strip():
        yield key, _value(text[begins:], tokens)


def _value(written: str, tokens: list[re.Match[str]]) -> str | None:
    """One string without its quotes; anything else, several strings among it, as it stands."""
    if len(tokens) == 1 and (string := _string(tokens[0])) is not None:
        return string
    text = written.strip()
    return None if text in _NOTHING else text


def _string(token: re.Match[str]) -> str | None:
    """The text of a token that is a string."""
    quoted = token["double"] if token["single"] is None else token["single"]
    return None if quoted is None else _unescaped(quoted)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is None:
        return _ESCAPED.get(match[4], match[4])
    number = int(code, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"
