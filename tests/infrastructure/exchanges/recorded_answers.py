"""Recorded answers of exchanges: the comments beside the parsers of ccxt, read from the installed package."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any

from domain.values import Leg
from infrastructure.exchanges.contract_units import COUNTS_UNITS
from infrastructure.exchanges.document import Given, read_snapshot
from infrastructure.exchanges.raw_answers import rows
from projections.account_snapshot import AccountSnapshot, OrderKind, OrderReport, PositionReport
from projections.reconciliation.snapshot_trust import LISTS_CONDITIONAL_APART

ccxt: Any = import_module("ccxt")
TWINS = {
    "binancecoinm",
    "binanceus",
    "binanceusdm",
    "bybiteu",
    "bybitid",
    "fmfwio",
    "gateeu",
    "hitbtc",
    "kucoinfutures",
}
TWINS |= {"myokx", "okxus", "woofipro", "coinbaseadvanced", "huobi"}
"""Names of ccxt that have the parsers of another one."""
_PARSERS = {"position": ("parse_position_risk",), "order": ("parse_contract_order",)}
_CALLS = {
    "position": ("fetch_positions", "fetch_position", "fetch_positions_risk"),
    "order": ("fetch_open_orders", "fetch_orders_by_status", "fetch_order", "fetch_open_order"),
}
_NAMES = ("symbol", "instId", "contract_code")
_DECODER = json.JSONDecoder()
_AS_JSON = ((r"'", '"'), (r"\bTrue\b", "true"), (r"\bFalse\b", "false"), (r"\b(None|undefined)\b", "null"))


@dataclass(frozen=True)
class RecordedAnswer:
    """One recorded answer, and what ccxt's parser makes of it."""

    exchange: str
    raw: Any
    parsed: dict[str, Any]


@cache
def recorded(kind: str) -> tuple[RecordedAnswer, ...]:
    """Every answer beside the parser of a kind, `position` or `order`, that the parser takes."""
    found = []
    for exchange in sorted({*ccxt.exchanges} - TWINS):
        parser = _parser(exchange, kind)
        if parser is None:
            continue
        seen: list[Any] = []
        for raw in _beside(exchange, parser, kind):
            if raw in seen:
                continue
            seen.append(raw)
            for size in (1.0, None):
                parsed = _parsed(exchange, parser, raw, size)
                if parsed is not None and (size is None or _size(parsed) == 1.0):
                    found.append(RecordedAnswer(exchange, raw, parsed))
                    break
    return tuple(found)


def _parser(exchange: str, kind: str) -> str | None:
    """The parser of a kind that an exchange has of its own."""
    for name in (*_PARSERS[kind], f"parse_{kind}"):
        ours = getattr(getattr(ccxt, exchange), name, None)
        if ours is not None and ours is not getattr(ccxt.Exchange, name, None):
            return name
    return None


def _parsed(exchange: str, parser: str, raw: Any, size: float | None) -> dict[str, Any] | None:
    """By a market of which only the size of a contract matters; None for what the parser does not take as one."""
    try:
        if size is None:
            size = _size(_by_market(exchange, parser, raw, 1.0))
        parsed = _by_market(exchange, parser, raw, size)
    except (ccxt.BaseError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None
    if not isinstance(parsed, dict) or ("order" in parser and not parsed.get("id")):
        return None
    return dict(json.loads(json.dumps(parsed, default=str)))


def _by_market(exchange: str, parser: str, raw: Any, size: float) -> Any:
    client = getattr(ccxt, exchange)()
    market = _market(client, raw, size)
    client.set_markets([market])
    return getattr(client, parser)(raw, market)


def _named(raw: Any) -> tuple[str, str, str]:
    """The exchange's name of the market, its base and quote, as far as the answer says them."""
    said = [raw.get(each) for each in _NAMES] if isinstance(raw, dict) else []
    name = next((each for each in said if isinstance(each, str)), "")
    found = re.match(r"([A-Z]+?)[-_/]?(USDT|USDC|USD)", name)
    return (name, found[1], found[2]) if found else (name or "BTCUSDT", "BTC", "USDT")


def _market(client: Any, raw: Any, size: float) -> Any:
    name, base, quote = _named(raw)
    names = {"id": name, "symbol": f"{base}/{quote}:{quote}", "base": base, "quote": quote, "settle": quote}
    kinds = {"type": "swap", "spot": False, "swap": True, "contract": True, "linear": True, "inverse": False}
    return client.safe_market_structure(
        {**names, **kinds, "contractSize": size, "precision": {"amount": 0.001, "price": 0.01}}
    )


def _size(parsed: dict[str, Any]) -> float:
    """The size of its contracts, by what it says it is worth: recorded answers come without their market."""
    if parsed.get("contractSize") not in (1, 1.0, "1"):
        return 1.0
    worth, count = parsed.get("notional"), parsed.get("contracts")
    for price in (parsed.get("entryPrice"), parsed.get("markPrice")):
        if worth and count and price:
            ratio = abs(float(worth) / float(count) / float(price))
            size = float(f"{ratio:.0e}")
            if abs(ratio - size) < size / 50:
                return size
    return 1.0


def _beside(exchange: str, parser: str, kind: str) -> Iterator[Any]:
    """The comments of the parser, and of the calls whose answers it is given."""
    for name in (parser, *_CALLS[kind]):
        method = getattr(getattr(ccxt, exchange), name, None)
        if method is not None and method is not getattr(ccxt.Exchange, name, None):
            yield from _answers(inspect.getsource(method))


def _answers(source: str) -> Iterator[Any]:
    """Every JSON object (or list) that begins a line of a comment."""
    for block in re.findall(r"(?:^[ \t]*#.*\n)+", source, re.MULTILINE):
        lines = (line.strip().removeprefix("#") for line in block.splitlines())
        text = "\n".join(re.sub(r"(?<=[\s,\]}\"\d])//.*$", "", line) for line in lines)
        text = re.sub(r",(\s*[\]}])", r"\1", text)
        end = 0
        for match in re.finditer(r"^\s*([{\[])", text, re.MULTILINE):
            if match.start(1) >= end:
                for written in (text[match.start(1) :], _as_json(text[match.start(1) :])):
                    try:
                        answer, length = _DECODER.raw_decode(written)
                    except ValueError:
                        continue
                    end = match.start(1) + length
                    yield from _unwrapped(answer)
                    break


def _unwrapped(answer: Any) -> Iterator[Any]:
    """Out of what an exchange puts around it, where that is the whole of a reply."""
    entries = rows(answer)
    yield from entries if isinstance(entries, list) and any(isinstance(each, dict) for each in entries) else [answer]


def _as_json(text: str) -> str:
    for written, meant in _AS_JSON:
        text = re.sub(written, meant, text)
    return text


class Verdict(StrEnum):
    """How one answer was read, beside what ccxt made of it."""

    RIGHT = "right"
    REFUSED = "refused"
    WRONG = "wrong"


def read(answer: RecordedAnswer, kind: str) -> AccountSnapshot:
    """Ours, of ccxt's structure as a snapshot has it."""
    lists: dict[str, list[Any]] = {"positions": [], "orders": []} | {f"{kind}s": [answer.parsed]}
    document = {"exchange": answer.exchange, "timestamp": "2025-10-22T18:55:00Z", **lists}
    return read_snapshot(json.dumps(document).encode(), Given(answer.exchange))


def verdict(answer: RecordedAnswer, kind: str) -> Verdict:
    """Read right, refused in words, or wrong: ccxt's own fields say what is right."""
    found = read(answer, kind)
    if found.row_doubts:
        return Verdict.REFUSED
    if kind == "position":
        is_right = _is_position(answer, next(iter(found.positions or ()), None))
    else:
        is_right = _is_order(answer, next(iter(found.orders or ()), None))
    return Verdict.RIGHT if is_right else Verdict.WRONG


def _is_position(answer: RecordedAnswer, found: PositionReport | None) -> bool:
    said = answer.parsed
    contracts = said["contracts"] if said["contracts"] is not None else answer.raw.get("amount")
    if found is None:
        return contracts is not None and not float(contracts)
    size = float(said.get("contractSize") or 1)
    size = 1.0 if abs(size - 1) < 0.05 or answer.exchange in COUNTS_UNITS else size
    entry = float(said.get("entryPrice") or 0)
    is_entry = (
        _near(found.avg_px_open, entry) if entry else (found.avg_px_open is None or found.price_basis is not None)
    )
    return said["side"] in {None, found.side.value} and _near(found.quantity, float(contracts) * size) and is_entry


def _is_order(answer: RecordedAnswer, found: OrderReport | None) -> bool:
    said = answer.parsed
    if found is None:
        is_filled = bool(said["amount"]) and said["filled"] == said["amount"]
        return is_filled or said["status"] in {"closed", "canceled", "cancelled", "expired", "rejected"}
    prices = [said.get(name) for name in ("triggerPrice", "stopLossPrice", "takeProfitPrice")]
    is_price = (
        found.trigger_price is None or not any(prices) or any(_near(found.trigger_price, each) for each in prices)
    )
    is_amount = found.quantity is None or not said["amount"] or _near(found.quantity, said["amount"])
    is_side = said["side"] not in {"buy", "sell"} or found.side == said["side"]
    return found.order_id == str(said["id"]) and is_price and is_amount and is_side


def _near(ours: Decimal | None, theirs: Any) -> bool:
    return ours is not None and theirs is not None and abs(float(ours) - float(theirs)) <= 1e-6 * abs(float(theirs))


def shown_by_exchange() -> dict[str, list[str]]:
    """One row an exchange: how its recorded answers are read, and what is known of how it shows an account."""
    answers = {kind: recorded(kind) for kind in ("position", "order")}
    names = sorted({answer.exchange for kind in answers.values() for answer in kind})
    return {
        name: [
            *(_counted([verdict(each, kind) for each in answers[kind] if each.exchange == name]) for kind in answers),
            "units" if name in COUNTS_UNITS else "contracts",
            *_seen([read(each, kind) for kind in answers for each in answers[kind] if each.exchange == name]),
            "apart" if name in LISTS_CONDITIONAL_APART else "with the others",
        ]
        for name in names
    }


def _seen(shown: list[AccountSnapshot]) -> tuple[str, str]:
    """The legs that are said, and the kinds of orders that wait for a price."""
    orders = [order for each in shown for order in each.orders or ()]
    held = [position for each in shown for position in each.positions or ()]
    legs = ({each.key.leg for each in orders} | {each.key.leg for each in held}) - {Leg.BOTH}
    kinds = {order.kind for order in orders} - {OrderKind.OTHER}
    return ", ".join(sorted(legs)), ", ".join(sorted(kind.replace("_", " ") for kind in kinds))


def _counted(verdicts: list[Verdict]) -> str:
    return ", ".join(f"{verdicts.count(each)} {each.value}" for each in Verdict if each in verdicts)
