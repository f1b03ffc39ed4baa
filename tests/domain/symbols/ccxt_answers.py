"""The examples of exchanges' answers in the comments of ccxt's parsers: the id of a market, and ccxt's symbol for it.

They are read out of the installed package; none is copied here.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from domain.identifiers import PositionKey

ccxt: Any = import_module("ccxt")  # it has no types

_OF_MARKETS = re.compile("(parse|fetch)_.*(market|instrument|contract|option)")
_PARSER = re.compile(r"parse_(\w+_)?market")
_LISTING = re.compile(r"fetch_(\w*market\w*|contracts|instruments)")
_CALL = re.compile(r"self\.(\w*(?:[pP]ublic|[pP]rivate|[gG]et|[pP]ost)\w*[A-Z]\w*)\(")
_FAR = 25
"""How many lines below a call its answer stands."""
_KINDS = ("spot", "swap", "future", "option")


class Listed(NamedTuple):
    """A market as the exchange and as ccxt write it."""

    written: str
    unified: str


def read_as(exchange: str, market: Listed) -> str:
    """What became of a market: read right, a key of its own, or wrong."""
    written, unified = (PositionKey(name, exchange) for name in market)
    if written == unified:
        return "right"
    return "of its own" if written.symbol == market.written.upper() else "wrong"


def listed(exchange: str) -> frozenset[Listed]:
    """Every market that ccxt reads out of its recorded answers of an exchange; none of one that it has left out."""
    return frozenset(markets(exchange))


@cache
def markets(exchange: str) -> Mapping[Listed, dict[str, Any]]:
    """The same markets, with all that ccxt says of each."""
    if exchange not in ccxt.exchanges:
        return {}
    kind = getattr(ccxt, exchange)
    names = [
        name
        for name in dir(kind)
        if _OF_MARKETS.match(name)
        and inspect.isfunction(function := getattr(kind, name))
        and not function.__qualname__.startswith("Exchange.")
    ]
    sources = {name: inspect.getsource(getattr(kind, name)).splitlines() for name in names}
    found: dict[Listed, dict[str, Any]] = {}
    parsing = _offline(kind)
    for parser in (getattr(parsing, name) for name in names if _PARSER.fullmatch(name)):
        for source in sources.values():
            for answer in _answers(source):
                for entry in _objects(answer):
                    found |= _markets(parser, entry)
    answering = _offline(kind)
    for source in sources.values():
        for call, answer in _answered(source):
            setattr(answering, call, lambda *_, _answer=answer, **__: _answer)
    listers = [name for name in names if _LISTING.fullmatch(name)]
    for lister in (getattr(answering, name) for name in listers):
        for arguments in _arguments(lister):
            found |= _markets(lister, *arguments)
    return found or _wherever_it_was_asked(kind, listers, sources.values())


def _wherever_it_was_asked(
    kind: Callable[[], Any], listers: list[str], sources: Iterable[list[str]]
) -> dict[Listed, dict[str, Any]]:
    """Of an answer that stands away from its call: whatever is asked is answered by it, or by a list of it."""
    found: dict[Listed, dict[str, Any]] = {}
    for answer in [answer for source in sources for answer in _answers(source)]:
        for said in (answer, [answer], {"data": [answer]}):
            answering = kind()
            answering.request = lambda *_, _said=said, **__: _said
            for lister in (getattr(answering, name) for name in listers):
                for arguments in _arguments(lister):
                    found |= _markets(lister, *arguments)
    return found


def _arguments(lister: Callable[..., Any]) -> list[tuple[Any, ...]]:
    """What a lister is asked with: which kind of market, if it wants to know."""
    return [(kind, {}) for kind in _KINDS] if "type" in inspect.signature(lister).parameters else [({},)]


def _offline(kind: Callable[[], Any]) -> Any:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise ValueError("nothing is asked of an exchange here")

    exchange = kind()
    exchange.fetch = exchange.fetch2 = exchange.request = refuse
    return exchange


def _markets(read: Callable[..., Any], *arguments: Any) -> dict[Listed, dict[str, Any]]:
    """What comes out; a parser is handed whatever looks like an answer, and most of that is of other calls."""
    try:
        result = read(*arguments)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, ccxt.BaseError):
        return {}
    return {
        Listed(str(each["id"]), each["symbol"]): each
        for each in (result if isinstance(result, list) else [result])
        if isinstance(each, dict)
        and all(each.get(name) for name in ("id", "symbol", "base", "quote"))
        and each.get("type") in ("spot", "swap", "future", "option")
    }


def _comments(source: list[str]) -> Iterator[tuple[int, str]]:
    """Every run of comment lines, and where it begins."""
    run: list[str] = []
    for number, line in enumerate([*source, ""]):
        if (text := line.strip()).startswith("#"):
            run.append(text[1:])
        elif run:
            yield number - len(run), "\n".join(run)
            run = []


def _answers(source: list[str]) -> Iterator[Any]:
    for _, text in _comments(source):
        yield from _decoded(text)


def _answered(source: list[str]) -> Iterator[tuple[str, Any]]:
    """Every call, and the answer below it."""
    comments = list(_comments(source))
    for number, line in enumerate(source):
        for call in _CALL.findall(line):
            text = next((text for begin, text in comments if number < begin < number + _FAR), "")
            for answer in _decoded(text):
                yield call, answer
                break


def _decoded(text: str) -> Iterator[Any]:
    """The JSON in a comment, whose writers leave out commas and put dots and remarks in."""
    text = re.sub(r"(?<!:)//[^\n\"]*$", "", text, flags=re.MULTILINE).replace("...", "").replace("'", '"')
    for word, json_word in (("True", "true"), ("False", "false"), ("None", "null")):
        text = re.sub(rf"\b{word}\b", json_word, text)
    text = re.sub(r",(\s*[}\]])", r"\1", text)
    text = re.sub(r"([}\]\"])\s*\n(\s*[\"{\[])", r"\1,\n\2", text)
    place, decoder = 0, json.JSONDecoder()
    while begin := re.compile(r"[\[{]").search(text, place):
        try:
            answer, place = decoder.raw_decode(text, begin.start())
        except ValueError:
            place = begin.start() + 1
        else:
            yield answer


def _objects(answer: Any) -> Iterator[dict[str, Any]]:
    if isinstance(answer, dict):
        yield answer
    for inner in answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ():
        yield from _objects(inner)
