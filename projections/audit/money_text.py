"""The earnings of a cycle in words: every amount with its currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain.values import EXACT, WIDE, money, plain, total_of
from projections.formatting import average, signed
from projections.positions import PositionRow

_CENT: Final = Decimal("0.01")


def earned(row: PositionRow) -> str:
    """The profit, fees and cash of a cycle, and what is left after them."""
    currency = row.settle_currency
    profit = "profit unknown" if row.realized_pnl is None else f"profit {money(row.realized_pnl, currency)}"
    fees = [money(row.fees, currency)] if row.fees else []
    fees += [money(amount, other) for other, amount in sorted(row.fees_other.items())]
    cash = [received(name, amount, currency) for name, amount in sorted(row.cash.items())]
    beside = [f"fees of {' and '.join(fees)}"] * bool(fees) + cash
    if not beside:
        return profit
    words = f"{profit} before {' and '.join(beside)}"
    own_cash = [amount for name, amount in row.cash.items() if " " not in name]
    if row.realized_pnl is None or not (row.fees or own_cash):
        return words
    left = EXACT.subtract(EXACT.add(row.realized_pnl, total_of(own_cash)), row.fees)
    is_all = row.net_pnl is not None
    return f"{words}, {money(left, currency)} after {'them' if is_all else 'those in its own currency'}"


def brought(row: PositionRow) -> str | None:
    """The result of a cycle in short: `+10.74 USDT (+1.19 %)`; None if it is not known.

    It is the net profit, or if that is not known the profit before fees, with those words; the share is relative to
    the cost of the entries.
    """
    amount = row.realized_pnl if row.net_pnl is None else row.net_pnl
    if amount is None or not row.filled_qty:
        return None
    words = signed(amount, row.settle_currency)
    worth = None if row.avg_px_open is None else row.terms.recorded_worth(row.filled_qty, row.avg_px_open)
    if worth:
        share = EXACT.divide(EXACT.multiply(amount, Decimal(100)), worth.copy_abs()).quantize(_CENT, context=WIDE)
        words += f" ({'+' if share > 0 else ''}{share:.2f} %)"
    return words if row.net_pnl is not None else f"{words} before fees"


def received(name: str, amount: Decimal, settle_currency: str | None) -> str:
    """An amount of cash with its kind; `name` includes the currency if that is not the position's."""
    kind, _, other = name.partition(" ")
    return f"{kind} of {money(amount, other or settle_currency)}"


def dust(row: PositionRow) -> str:
    """The dust that was left when a cycle was closed, and its price."""
    return f"{plain(row.residual_qty)} is left as dust, kept at {average(row.avg_px_open)}"
