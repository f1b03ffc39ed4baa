"""A fill with fees in several currencies: it carries one of them itself, and the others are cash beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFill


def other_fees(fill: StatementFill, fees: Iterable[tuple[Decimal, str | None]]) -> Iterator[StatementCash]:
    """The other fees of a fill as cash; one in `fees` is above zero when paid, and a rebate below zero."""
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
