"""What statements state, for every kind of file: fills, payments, positions, and profits of fills in other files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Self, TypeAlias

import msgspec
from msgspec.structs import replace

from domain.identifiers import PositionKey
from domain.values import EXACT, CashKind, rounded


class StatementFill(msgspec.Struct, frozen=True, kw_only=True):
    """One fill; `fee` is above zero when paid, and `profit` is before fees: None where the file does not state them.

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
    trade_id: str
    order_id: str
    fee: Decimal | None = None
    fee_currency: str | None = None
    profit: Decimal | None = None
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
    def is_fee_in_kind(self) -> bool:
        """Whether the fee was paid in what it buys."""
        return self.buys and self.key.pays_from_position(self.fee, self.fee_currency)

    def covering(self) -> Self:
        """The fill as it closes a short position: what was paid of the bought asset as a fee covers nothing."""
        if self.fee is None or not self.is_fee_in_kind or self.fee >= self.quantity:
            return self
        return replace(self, quantity=EXACT.subtract(self.quantity, self.fee))

    def split(self, quantity: Decimal) -> tuple[Self, Self]:
        """The part of `quantity`, which closes, and the rest, which opens the other side; the fee is shared.

        A fee that `covering` took off the quantity is of the part alone, or it would be taken off the rest again.
        """
        fee = None if self.fee is None else rounded(EXACT.divide(EXACT.multiply(self.fee, quantity), self.quantity))
        fee = self.fee if self.is_fee_in_kind else fee
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementCash:
    """What an account received (above zero) or paid (below zero).

    Shape:   `key` is None where the file names no symbol, and its leg is BOTH where the file names no leg. `cash_id`
             is the same in every file of its kind that has the line. `trade_id` is the fill whose commission it is,
             where the file states it; that fill may have its fee as well, in the same file or in another. `is_apart` is
             a commission that was paid in addition to the fee of a fill, and that no fill has.
    """

    line: int
    time: datetime
    key: PositionKey | None
    amount: Decimal
    currency: str | None
    kind: CashKind
    cash_id: str
    trade_id: str | None = None
    is_apart: bool = False

    @property
    def may_be_fee_of_fill(self) -> bool:
        """Whether fills may say it as their fees, so that it must not be counted with them."""
        return self.kind == "commission" and not self.is_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPosition:
    """The position of one key after everything until `time`: above zero is long, below zero is short, zero is flat.

    Shape: one that `begins` becomes the beginning of the first cycle of its key, if there is nothing else of the key;
           any other is not recorded.
    """

    line: int
    time: datetime
    key: PositionKey
    quantity: Decimal
    avg_px: Decimal | None
    begins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementProfit:
    """Profit before fees of what was closed; `trade_id` is that of the closing fill, None where it is not stated.

    Shape:   `profit_id` is the same in every line with the same profit, None where lines have no id.
    """

    line: int
    time: datetime
    key: PositionKey
    profit: Decimal
    currency: str | None
    trade_id: str | None
    profit_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementOmission:
    """A line of a trade that its kind of file does not say enough of; `instead` is the kind, or are the kinds, that do.

    Shape: `what` are such trades, in the plural.
    """

    line: int
    what: str
    instead: str


StatementFact: TypeAlias = StatementFill | StatementCash | StatementPosition | StatementProfit
StatementLine: TypeAlias = StatementFact | StatementOmission
"""What a reader makes of a line."""
