"""Which way a fill goes where only what it opens or closes says so: Bitget, MEXC and HTX.

In hedge mode Bitget's answers say under `side` which leg a fill is of, `buy` for the long one, also where it closes it;
its stream says which way it goes. MEXC says both in one number. HTX says the way, and beside it what that does.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from domain.values import Leg
from infrastructure.transfer.statements.sources.statement_row import StatementRow


class OpeningSide(NamedTuple):
    """Whether a fill buys, on which leg if that is said, and whether it closes something; None where it may be both."""

    buys: bool
    leg: Leg
    closes: bool | None
    reason: str | None = None


_OF_BITGET: Final = MappingProxyType(
    {
        **{
            f"{why}close_{leg.value.lower()}": OpeningSide(leg is Leg.SHORT, leg, closes=True, reason=reason)
            for leg in (Leg.LONG, Leg.SHORT)
            for why, reason in (
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
            f"{why}{word}{mode}": OpeningSide(word == "buy", Leg.BOTH, closes, reason)
            for word in ("buy", "sell")
            for why, mode, closes, reason in (
                ("", "_single", None, None),
                ("reduce_", "_single", True, "liquidation"),
                ("burst_", "_single", True, "liquidation"),
                ("delivery_", "_single", True, "settlement"),
                ("dte_sys_adl_", "_in_single_side_mode", True, "adl"),
            )
        },
    }
)
"""What `tradeSide` says by itself; `open` and `close` do with the leg alone."""
_OF_MEXC: Final = MappingProxyType(
    {
        number: OpeningSide(buys=buys, leg=Leg.BOTH, closes=closes)
        for number, buys, closes in (("1", True, False), ("2", True, True), ("3", False, False), ("4", False, True))
    }
)
"""To open a long position, to close a short one, to open a short one, to close a long one."""
_OPENS_OR_CLOSES: Final = MappingProxyType({"open": False, "close": True})
_LEGS: Final = MappingProxyType({"long": Leg.LONG, "short": Leg.SHORT})


def opening_side(exchange: str, row: StatementRow) -> OpeningSide | None:
    """What the exchange's own answer says of a fill or an order; None where that is no more than its side."""
    if exchange == "bitget":
        return bitget_side(row)
    if exchange == "mexc":
        return _OF_MEXC.get(row.word("side"))
    offset = row.word("offset")
    if exchange == "htx" and offset in _OPENS_OR_CLOSES:
        return OpeningSide(row.buys("direction"), Leg.BOTH, _OPENS_OR_CLOSES[offset])
    return None


def bitget_side(row: StatementRow) -> OpeningSide | None:
    """What Bitget says; None where it says no more than a side."""
    said = row.word("tradeSide")
    if said not in _OPENS_OR_CLOSES:
        return _OF_BITGET.get(said)
    leg, closes = _LEGS.get(row.word("posSide")), _OPENS_OR_CLOSES[said]
    if leg is None and row.word("posMode") == "hedge_mode":
        is_of_stream = "uTime" in row.named and "enterPointSource" not in row.named
        leg = Leg.LONG if row.buys("side") is not (is_of_stream and closes) else Leg.SHORT
    return None if leg is None else OpeningSide((leg is Leg.LONG) is not closes, leg, closes)
