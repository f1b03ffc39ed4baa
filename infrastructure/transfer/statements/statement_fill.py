"""A fill as a statement has it, for every kind of file."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Self

import msgspec
from msgspec.structs import replace

from domain.errors import LedgerError
from domain.identifiers import PositionKey
from domain.values import EXACT, rounded


class StatementRefused(LedgerError):
    """The file is no such statement, or contradicts what is in the ledger; nothing of it is written."""

    @classmethod
    def at(cls, line: int, why: str) -> Self:
        """Name the line of the file."""
        return cls(f"line {line:,}: {why}", line=line)

    def in_file(self, name: str) -> Self:
        """Name the file as well."""
        return type(self)(f"{name}: {self.message}", **self.details, file=name)


class StatementFill(msgspec.Struct, frozen=True, kw_only=True):
    """One fill; `profit` is the profit that the file states for it, before fees, None where it states none.

    It is a struct, because there may be millions, and a dataclass takes ten times as long to create.

    Shape:   the quantity counts units, or contracts if `in_contracts`; `contract_size` is their size, None where the
             file does not state it. `reason` is why the fill happened if the account did not order it: liquidation,
             adl. `is_last` is the fill with which a program counts its position as closed: what is left on spot is
             dust. `closes` is how much of the fill closed the position, and `held` the position just before it, short
             below zero; both None where the file does not state them. `names_leg` is False where the file does not
             state whether the account has one leg or two. `sums_up` marks a fill that is made from a line which may
             have another quantity or fee later. On spot a fill sells what was bought, or held before the file begins;
             only a fill `on_margin` may sell what was borrowed. `meant_to_close` is a fill that a program means as a
             close, although other fills may have netted the position by then. `sequence` orders the fills of one
             moment, where the exchange numbers them.
    """

    line: int
    time: datetime
    key: PositionKey
    buys: bool
    quantity: Decimal
    price: Decimal
    fee: Decimal | None
    fee_currency: str | None
    profit: Decimal | None
    trade_id: str
    order_id: str
    in_contracts: bool = False
    contract_size: Decimal | None = None
    reason: str | None = None
    is_last: bool = False
    closes: Decimal | None = None
    held: Decimal | None = None
    names_leg: bool = True
    sums_up: bool = False
    on_margin: bool = False
    sequence: int | None = None
    meant_to_close: bool = False

    @property
    def _is_fee_in_kind(self) -> bool:
        return self.buys and self.key.pays_from_position(self.fee, self.fee_currency)

    def covering(self) -> Self:
        """The fill as it closes a short position: what was paid of the bought asset as a fee covers nothing."""
        if self.fee is None or not self._is_fee_in_kind or self.fee >= self.quantity:
            return self
        return replace(self, quantity=EXACT.subtract(self.quantity, self.fee))

    def split(self, quantity: Decimal) -> tuple[Self, Self]:
        """The part of `quantity`, which closes, and the rest, which opens the other side; the fee is shared.

        A fee that `covering` took off the quantity is of the part alone, or it would be taken off the rest again.
        """
        fee = None if self.fee is None else rounded(EXACT.divide(EXACT.multiply(self.fee, quantity), self.quantity))
        fee = self.fee if self._is_fee_in_kind else fee
        left = None if self.fee is None or fee is None else EXACT.subtract(self.fee, fee)
        rest = replace(
            self,
            quantity=EXACT.subtract(self.quantity, quantity),
            fee=left,
            profit=Decimal(0),
            closes=None,
            held=None,
        )
        return replace(self, quantity=quantity, fee=fee, closes=None, held=None), rest
