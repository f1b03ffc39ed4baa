"""Counts and sums that a database makes itself."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from projections.positions import PositionRow


class ProfitLine(NamedTuple):
    """The profit of one cycle, or of several of one account and currency, summed up by the database.

    `realized` is before fees, over the `known` cycles among all `cycles`; `net` is over the `nets_known` ones.
    """

    exchange: str
    account: str | None
    currency: str | None
    cycles: int
    known: int
    realized: Decimal
    fees: Decimal
    nets_known: int
    net: Decimal

    @classmethod
    def of(cls, row: PositionRow) -> ProfitLine:
        """The line of one cycle."""
        realized, net = row.realized_pnl, row.net_pnl
        return cls(
            exchange=row.exchange,
            account=row.account,
            currency=row.settle_currency,
            cycles=1,
            known=int(realized is not None),
            realized=Decimal(0) if realized is None else realized,
            fees=row.fees,
            nets_known=int(net is not None),
            net=Decimal(0) if net is None else net,
        )

    def plus(self, other: ProfitLine) -> ProfitLine:
        """The sum of two lines of the same account and currency."""
        return self._replace(
            cycles=self.cycles + other.cycles,
            known=self.known + other.known,
            realized=self.realized + other.realized,
            fees=self.fees + other.fees,
            nets_known=self.nets_known + other.nets_known,
            net=self.net + other.net,
        )


class RefusalCount(NamedTuple):
    """How many duplicates of one kind were refused."""

    command: str
    error: str
    detected_by: str
    refused: int
