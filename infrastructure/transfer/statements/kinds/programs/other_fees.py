"""A fill with fees in several currencies: it carries one of them itself, and the others are cash beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec.structs import replace

from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact

Fee = tuple[Decimal, str | None]
"""An amount, above zero when paid, and its currency."""


def with_fees(fill: StatementFill, fees: Sequence[Fee]) -> Iterator[StatementFact]:
    """The fill with one of its fees, and the others as cash.

    The fill carries the one that was paid in what it bought, because only the fee of a fill reduces what it bought;
    else the first one, and where there is none the fee that it has.
    """
    in_kind = (place for place, fee in enumerate(fees) if fill.buys and fill.key.pays_from_position(*fee))
    carried = next(in_kind, 0)
    if fees:
        fill = replace(fill, fee=fees[carried][0], fee_currency=fees[carried][1])
    yield fill
    yield from other_fees(fill, (*fees[:carried], *fees[carried + 1 :]))


def other_fees(fill: StatementFill, fees: Iterable[Fee]) -> Iterator[StatementCash]:
    """The other fees of a fill as cash; a rebate in `fees` is below zero."""
    for fee, currency in fees:
        yield StatementCash(
            line=fill.line,
            time=fill.time,
            key=fill.key,
            amount=-fee,
            currency=currency,
            kind="commission" if fee > 0 else "rebate",
            cash_id=f"{fill.order_id}:{fill.trade_id}:{currency}",
            is_apart=True,
        )
