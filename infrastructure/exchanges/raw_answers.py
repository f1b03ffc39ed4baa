"""Reading an exchange's own answer, and taking the list of rows out of it, which each exchange wraps in its own way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from infrastructure.amounts import read_amount

_WRAPPED: Final = ("assetPositions", "openPositions", "openOrders", "list", "data", "result")
"""The fields with the rows: of Hyperliquid, Kraken futures, Bybit, OKX."""
_WELL: Final = {"0", "200", "00000", "200000", "success", "ok", "none", "", "[]"}
_FAILURES: Final = ("retCode", "code", "error", "status")
_OF_BALANCE: Final = frozenset({"free", "used", "total"})


def read_answer(data: bytes) -> Any:
    """Read a JSON document, numbers exactly, and NaN as None: some libraries write it for an unknown value.

    Refuses: ValueError for anything else, and for an object that says something twice, and not the same.
    """
    try:
        return json.loads(data, parse_float=Decimal, parse_constant=lambda _: None, object_pairs_hook=each_once)
    except (ValueError, RecursionError) as wrong:
        raise ValueError(f"it is not a JSON document: {wrong}") from None


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a JSON object. Refuses: ValueError when one of them is there twice, and not the same."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        for name, value in pairs:
            if value != fields[name]:
                raise ValueError(f"{name!r:.80} is there twice, and nothing tells which is true")
    return fields


def rows(answer: Any) -> Any:
    """The rows of an answer; a failed one, or anything that is no answer of an exchange, is returned unchanged."""
    if not isinstance(answer, Mapping) or errors(answer):
        return answer
    for name in _WRAPPED:
        if name in answer:
            return rows(answer[name])
    return answer


def errors(answer: Any) -> list[str]:
    """The failures that an exchange's own answer states."""
    if not isinstance(answer, Mapping):
        return []
    said = [(name, answer[name]) for name in _FAILURES if name in answer]
    words = answer.get("retMsg") or answer.get("msg") or ""
    return [
        f"it is of a call that failed: {name} {value!r:.60} {words!s:.120}".rstrip()
        for name, value in said
        if str(value).lower() not in _WELL
    ]


def balances(answer: Any) -> tuple[dict[str, Decimal | None] | None, tuple[str, ...]]:
    """The total of every asset in ccxt's `fetch_balance`, and doubts about those that cannot be read.

    Shape: None for a total that is not stated or cannot be read, which is not zero.
    """
    if not isinstance(answer, Mapping):
        return None, () if answer is None else (f"its balances are no object but {answer!r:.60}",)
    totals = answer.get("total")
    if not isinstance(totals, Mapping):
        totals = {
            asset: each.get("total")
            for asset, each in answer.items()
            if isinstance(each, Mapping) and not _OF_BALANCE.isdisjoint(each)
        }
    said = {str(asset).upper(): total for asset, total in totals.items()}
    known = {asset: read_amount(str(total)).number for asset, total in said.items()}
    unread = (asset for asset, total in said.items() if total is not None and known[asset] is None)
    return known, tuple(f"its balance of {asset} is no number" for asset in unread)
