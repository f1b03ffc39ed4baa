"""Bybit, spot: the currency of a fee where the file does not state it."""

from __future__ import annotations

from decimal import Decimal

from domain.identifiers import PositionKey
from domain.values import plain


def spot_fee_currency(key: PositionKey, fee: Decimal | None, *, buys: bool) -> str | None:
    """The currency that is received, or for a rebate, which is below zero, the other one; None without a fee.

    Refuses: ValueError where it is not known which of the two currencies of the pair is its base.
    """
    if not fee:
        return None
    if key.settle is None:
        raise ValueError(
            f"a fee of {plain(fee)} is of a currency of {key.symbol}, and it is not known which of the two is its "
            "base; import executions that state feeCurrency instead, or only those of the other symbols"
        )
    return key.symbol.removesuffix(key.settle).rstrip("/") if buys is (fee > 0) else key.settle
