"""nautilus_trader: what its reports have in common, saved as CSV or as JSON.

A commission that is paid is above zero. Times are UTC. Contracts are told from spot by how a venue names them. No
report has the size of the contracts of OKX, nor of those of Binance that are settled in their base. Where an account
holds both sides, the id of a position ends in its leg.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_kind import Whose

_MONEY: Final = re.compile(r"(?P<amount>[+-]?[\d_]+(?:\.\d+)?) (?P<currency>[A-Z0-9]+)", re.ASCII)
_BYBIT: Final = re.compile(r"(?P<symbol>.+)-(?P<product>LINEAR|INVERSE|SPOT|OPTION)")
_CONTRACTS: Final = MappingProxyType(
    {
        "BINANCE": re.compile(r".+(?:-PERP|_PERP|_\d{6})"),
        "OKX": re.compile(r".+-(?:SWAP|\d{6}(?:-.+)?)"),
        "COINBASE": re.compile(r".+-PERP(?:-.+)?"),
        "KRAKEN": re.compile(r"[A-Z]{2}_.+"),
    }
)
"""The names of contracts at venues that also have spot; every other name there is spot."""
_LEG: Final = re.compile(r".+-(?P<leg>LONG|SHORT)")


def reported(rows: Iterable[StatementRow], index: str) -> Iterator[StatementRow]:
    """The rows of a report; JSON may have it by columns, whose keys are the values of the column `index`."""
    for row in rows:
        columns = {name: value for name, value in row.named.items() if isinstance(value, dict)}
        if "instrument_id" not in columns:
            yield row
            continue
        for line, name in enumerate(columns["instrument_id"], start=1):
            values = {column: value.get(name) for column, value in columns.items()}
            yield StatementRow(line, {index: name, **values})


def key_of(whose: Whose, row: StatementRow) -> PositionKey:
    """The key of an instrument. Refuses: ValueError for a name that is none of nautilus_trader."""
    instrument = row.needed("instrument_id")
    symbol, dot, venue = instrument.rpartition(".")
    if not dot:
        raise ValueError(f"instrument_id {instrument!r:.60} is not like BTCUSDT-PERP.BINANCE")
    is_spot = venue in _CONTRACTS and _CONTRACTS[venue].fullmatch(symbol) is None
    if venue == "BYBIT" and (match := _BYBIT.fullmatch(symbol)):
        symbol, is_spot = match["symbol"], match["product"] == "SPOT"
    held = _LEG.fullmatch(row.text("position_id") or "")
    return whose.key(symbol, Leg.SPOT if is_spot else Leg(held["leg"]) if held else Leg.BOTH, venue)


def counts_contracts(key: PositionKey) -> bool:
    """Whether a quantity of a key counts contracts instead of units."""
    return key.leg is not Leg.SPOT and (key.exchange == "okx" or (key.exchange == "binance" and key.is_inverse))


def money_of(row: StatementRow, name: str) -> dict[str, Decimal]:
    """Amounts by currency: one, or a list of them, in JSON or as a Python literal."""
    value = row.named.get(name)
    text = "; ".join(map(str, value)) if isinstance(value, list) else row.text(name) or ""
    found: dict[str, Decimal] = {}
    for match in _MONEY.finditer(text):
        amount = StatementRow(row.line, {name: match["amount"].replace("_", "")}).number(name)
        found[match["currency"]] = EXACT.add(found.get(match["currency"], Decimal(0)), amount or Decimal(0))
    if text and not found and text != "[]":
        raise ValueError(f"{name} {text!r:.60} is not an amount like 0.05 USDT")
    return found
