"""A fill with fees in several currencies: it carries one of them itself, and the others are cash beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec.structs import replace

from domain.values import EXACT
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill

Fee = tuple[Decimal, str | None]
"""An amount, above zero when it was paid and below zero when it was received, and its currency."""


def by_currency(fees: Iterable[Fee]) -> list[Fee]:
    """The sum of each currency; those of zero only where there are no others."""
    paid: dict[str | None, Decimal] = {}
    for fee, currency in fees:
        paid[currency] = EXACT.add(paid.get(currency, Decimal(0)), fee)
    listed = [(fee, currency) for currency, fee in paid.items()]
    return [fee for fee in listed if fee[0]] or listed[:1]


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
    """Fees that a fill has beside its own, as cash."""
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
