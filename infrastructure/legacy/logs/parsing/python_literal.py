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
_OPENING: Final = frozenset("[({<")
_CLOSING: Final = frozenset("])}>")


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
    begins, depth, quoted, tokens = 0, 0, "", 0
    for token in _TOKEN.finditer(text):
        mark = token["mark"]
        if mark and mark in _CLOSING and depth:
            depth -= 1
        elif mark in ("}", ",") and not depth:
            if key is not None:
                yield key, _value(text[begins : token.start()], quoted, tokens)
            if mark == "}":
                return
            key, quoted, tokens = None, "", 0
            continue
        elif mark == ":" and not depth and key is None:
            key, begins, tokens = quoted, token.end(), 0
            continue
        elif mark and mark in _OPENING:
            depth += 1
        if not token[0].isspace():
            tokens += 1
            quoted = _unescaped(next((each for each in (token["single"], token["double"]) if each is not None), ""))
            if token["single"] is None and token["double"] is None:
                tokens += 1  # more than one string: the text as it stands
    if key is not None and text[begins:].strip():
        yield key, _value(text[begins:], quoted, tokens)


def _value(written: str, quoted: str, tokens: int) -> str | None:
    if tokens == 1:
        return quoted
    text = written.strip()
    return None if text in _NOTHING else text


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is None:
        return _ESCAPED.get(match[4], match[4])
    number = int(code, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"
