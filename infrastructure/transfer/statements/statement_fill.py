"""A fill as a statement of an exchange says it, whatever the kind of file."""

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
    """The file is no such statement, or does not go with what the ledger holds; nothing of it is written."""

    @classmethod
    def at(cls, line: int, why: str) -> Self:
        """Name the line of the file."""
        return cls(f"line {line:,}: {why}", line=line)

    def in_file(self, name: str) -> Self:
        """Name the file as well."""
        return type(self)(f"{name}: {self.message}", **self.details, file=name)


class StatementFill(msgspec.Struct, frozen=True, kw_only=True):
    """One fill; `profit` is what the file says was realised by it before fees, None where it says nothing.

    A struct, for there may be millions, and a dataclass takes ten times as long to make.

    Shape:   a quantity counts units, or else is `in_contracts` of a size that is not always 1: of `contract_size`,
             where the file says it. `reason` is why it happened where that is no order of the account's own:
             liquidation, adl. With the one that `is_last` a program counts its position as over: what is left on spot
             is dust. `closes` is how much of it closed what was held, and `held` what that was just before, short below
             zero, where the file says so. A file that `names_leg` False does not say whether it is of one leg or of
             two. One that `sums_up` is made up of a line that says more later: then it has another quantity or fee. On
             spot one sells what was bought, or held before the file begins; only one `on_margin` sells what was
             borrowed. A program says of one `meant_to_close` that it is to close something, which others may have
             netted away by then. `sequence` puts the fills of one moment in order, where the exchange numbers what it
             did.
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

    def split(self, quantity: Decimal) -> tuple[Self, Self]:
        """The part that closes `quantity` and the rest, which opens the other side; each with its share of the fee."""
        fee = None if self.fee is None else rounded(EXACT.divide(EXACT.multiply(self.fee, quantity), self.quantity))
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
