"""A position as a saved snapshot, ccxt, Binance or Bybit writes it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, Side, exact, rounded
from infrastructure.exchanges.fields import ReportFields
from projections.account_snapshot import PositionReport

_SIDES: Final = {"long": Side.LONG, "buy": Side.LONG, "short": Side.SHORT, "sell": Side.SHORT}
_SIGNED: Final = ("positionAmt", "contracts", "size", "quantity", "qty", "amount")


def read_position(value: object, exchange: str, account: str | None) -> PositionReport | None:
    """Read one position; None when it is flat, for exchanges list those as well.

    Units:   contracts times their size, where that is said.
    Refuses: ValueError when symbol, quantity or side cannot be read.
    """
    entry = ReportFields.of(value)
    amount = entry.number(*_SIGNED)
    if amount is None:
        raise ValueError("it says no quantity (contracts)")
    if not amount:
        return None
    side = _side(entry, amount)
    leg = entry.leg(side)
    if leg not in (Leg.BOTH, Leg[side.name]):
        raise ValueError(f"a {side.value} cannot be held on leg {leg.value}")
    contract_size = entry.above_zero("contractSize", "contract_size") or Decimal(1)
    return PositionReport(
        key=PositionKey(entry.text("symbol") or "", exchange, account, leg),
        side=side,
        quantity=exact(rounded(EXACT.multiply(amount.copy_abs(), contract_size))),
        avg_px_open=entry.above_zero("entry_price", "entryPrice", "avgPrice", "avgEntryPrice", "avg_px_open"),
        mark_price=entry.above_zero("mark_price", "markPrice"),
        stop_price=entry.above_zero("stopLossPrice", "stopLoss", "stop_loss"),
    )


def _side(entry: ReportFields, amount: Decimal) -> Side:
    word = entry.word("side")
    if word in _SIDES:
        return _SIDES[word]
    signed = entry.number("positionAmt") or amount
    if signed < 0:
        return Side.SHORT
    if entry.number("positionAmt") is not None:
        return Side.LONG
    raise ValueError(f"its side is {word or 'not said'}: neither long nor short")
