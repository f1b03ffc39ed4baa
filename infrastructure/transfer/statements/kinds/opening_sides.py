"""Whether a fill buys or sells, and opens or closes, in the answers of Bitget, MEXC and HTX.

In hedge mode `side` of Bitget's answers is the leg of a fill: `buy` for the long leg, also where the fill closes it; in
its stream `side` is the side of the fill. MEXC has both in one number. HTX has the side, and separately whether it
opens or closes.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from domain.values import Leg
from infrastructure.transfer.statements.sources.statement_row import StatementRow


class OpeningSide(NamedTuple):
    """Whether a fill buys, its leg (BOTH if not stated), and whether it closes; None where it may open or close."""

    buys: bool
    leg: Leg
    closes: bool | None
    reason: str | None = None


_OF_BITGET: Final = MappingProxyType(
    {
        **{
            f"{prefix}close_{leg.value.lower()}": OpeningSide(leg is Leg.SHORT, leg, closes=True, reason=reason)
            for leg in (Leg.LONG, Leg.SHORT)
            for prefix, reason in (
                ("", None),
                ("reduce_", "liquidation"),
                ("burst_", "liquidation"),
                ("offset_", "liquidation"),
                ("delivery_", "settlement"),
                ("dte_sys_adl_", "adl"),
            )
        },
        **{
            f"open_{leg.value.lower()}": OpeningSide(leg is Leg.LONG, leg, closes=False)
            for leg in (Leg.LONG, Leg.SHORT)
        },
        **{
            f"{prefix}{word}{mode}": OpeningSide(word == "buy", Leg.BOTH, closes, reason)
            for word in ("buy", "sell")
            for prefix, mode, closes, reason in (
                ("", "_single", None, None),
                ("reduce_", "_single", True, "liquidation"),
                ("burst_", "_single", True, "liquidation"),
                ("delivery_", "_single", True, "settlement"),
                ("dte_sys_adl_", "_in_single_side_mode", True, "adl"),
            )
        },
    }
)
"""By the values of `tradeSide` that are enough by themselves; `open` and `close` need the leg as well."""
_OF_MEXC: Final = MappingProxyType(
    {
        number: OpeningSide(buys=buys, leg=Leg.BOTH, closes=closes)
        for number, buys, closes in (("1", True, False), ("2", True, True), ("3", False, False), ("4", False, True))
    }
)
"""1 opens a long position, 2 closes a short one, 3 opens a short one, 4 closes a long one."""
_OPENS_OR_CLOSES: Final = MappingProxyType({"open": False, "close": True})
_LEGS: Final = MappingProxyType({"long": Leg.LONG, "short": Leg.SHORT})


def opening_side(exchange: str, row: StatementRow) -> OpeningSide | None:
    """What the exchange's own answer states about a fill or an order; None where it states only a side."""
    if exchange == "bitget":
        return bitget_side(row)
    if exchange == "mexc":
        return _OF_MEXC.get(row.word("side"))
    offset = row.word("offset")
    if exchange == "htx" and offset in _OPENS_OR_CLOSES:
        return OpeningSide(row.buys("direction"), Leg.BOTH, _OPENS_OR_CLOSES[offset])
    return None


def bitget_side(row: StatementRow) -> OpeningSide | None:
    """The same for Bitget."""
    trade_side = row.word("tradeSide")
    if trade_side not in _OPENS_OR_CLOSES:
        return _OF_BITGET.get(trade_side)
    leg, closes = _LEGS.get(row.word("posSide")), _OPENS_OR_CLOSES[trade_side]
    if leg is None and row.word("posMode") == "hedge_mode":
        is_of_stream = "uTime" in row.named and "enterPointSource" not in row.named
        leg = Leg.LONG if row.buys("side") is not (is_of_stream and closes) else Leg.SHORT
    return None if leg is None else OpeningSide((leg is Leg.LONG) is not closes, leg, closes)
