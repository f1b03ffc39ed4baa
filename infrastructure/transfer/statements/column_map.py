"""The map of a CSV file of fills, in TOML: which column has which field, and in which format."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from decimal import Decimal
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from domain.values import Number
from infrastructure.timezones import zone_of
from infrastructure.transfer.transfer_errors import StatementRefused

ColumnName = Literal[
    "time",
    "date",
    "symbol",
    "side",
    "price",
    "quantity",
    "leg",
    "fee",
    "fee_currency",
    "profit",
    "trade_id",
    "order_id",
    "exchange",
]
_NEEDED = ("time", "symbol", "price", "quantity")
NUMBERS: tuple[ColumnName, ...] = ("price", "quantity", "fee", "profit")
"""Those that are written as the map says in `decimal` and `thousands`."""
_Names = Annotated[tuple[str, ...], BeforeValidator(lambda said: (said,) if isinstance(said, str) else said)]


class SideWords(BaseModel):
    """The words for the side of a fill, in any case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    buy: _Names = ("buy", "b")
    sell: _Names = ("sell", "s")


class ColumnMap(BaseModel):
    """One map."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[ColumnName, _Names] = Field(default_factory=dict)
    """The column that says each thing, by its name; of several names the first that has a value."""
    constants: dict[ColumnName, str] = Field(default_factory=dict)
    """What is the same in every line."""
    sides: SideWords = SideWords()
    symbols: dict[str, str] = Field(default_factory=dict)
    """The symbols by their names in the file."""
    leave_out: dict[str, _Names] = Field(default_factory=dict)
    """Lines that are not fills: by column, the words in such lines."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """The delimiter of columns, if the first line does not show it."""
    encoding: str | None = None
    """The encoding of the file, if it is neither UTF-8 nor UTF-16."""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    time_format: str | None = None
    """A format of `strptime`; if None, times are ISO 8601, or numbers since 1970."""
    zone: str | None = None
    """The zone of times without one; --timezone takes precedence."""
    quantity_sign: bool = False
    """Whether a quantity below zero sells and one above it buys, without a side."""
    fee_paid: Literal["positive", "negative"] = "positive"
    contract_size: Annotated[Number, Field(gt=0)] | None = None
    """The contract size, if quantities count contracts."""

    @model_validator(mode="after")
    def _says_all(self) -> Self:
        needed = (*_NEEDED, *(() if self.quantity_sign else ("side",)))
        missing = [name for name in needed if name not in self.columns and name not in self.constants]
        if missing:
            raise ValueError(f"it does not say where {', '.join(missing)} stands, in [columns] or in [constants]")
        if twice := self.columns.keys() & self.constants.keys():
            raise ValueError(f"it says {', '.join(sorted(twice))} in [columns] and in [constants]")
        for one, other in combinations(NUMBERS, 2):
            if name := _first_of_both(self.columns.get(one, ()), self.columns.get(other, ())):
                raise ValueError(f"it says {one} and {other} of one column, {name!r:.60}")
        if word := _first_of_both(self.sides.buy, self.sides.sell):
            raise ValueError(f"in [sides] {word!r:.60} says both buy and sell")
        if self.quantity_sign and ("side" in self.columns or "side" in self.constants):
            raise ValueError("it says side and quantity_sign, and one of them says what buys and what sells")
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal are both {self.decimal!r}")
        if self.zone is not None:
            zone_of(self.zone)
        if self.encoding is not None:
            _check_encoding(self.encoding)
        if self.time_format is not None:
            _check_time_format(self.time_format)
        return self

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a map. Refuses: StatementRefused, with everything that is wrong in it."""
        try:
            return cls.model_validate(tomllib.loads(text, parse_float=Decimal))
        except tomllib.TOMLDecodeError as wrong:
            raise StatementRefused(f"the map is no TOML: {wrong}") from None
        except ValidationError as wrong:
            said = "; ".join(map(_said_of, wrong.errors()))
            raise StatementRefused(f"the map cannot be used: {said}") from None


def _said_of(error: ErrorDetails) -> str:
    """One error in words."""
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        fields = SideWords.model_fields if len(error["loc"]) > 1 else ColumnMap.model_fields
        return f"{where}: is none of {', '.join(fields)}"
    what = error["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def _first_of_both(ones: Iterable[str], others: Iterable[str]) -> str | None:
    """The first of `ones` that is one of `others` as well, whatever its case."""
    there = {word.strip().lower() for word in others}
    return next((word for word in ones if word.strip().lower() in there), None)


def _check_encoding(name: str) -> None:
    try:
        "".encode(name)
    except (LookupError, UnicodeError):
        raise ValueError(f"encoding {name!r:.60} is none like cp1252") from None


def _check_time_format(text: str) -> None:
    said = text.replace("%%", "")
    if "%Z" in said:
        raise ValueError(
            f"of %Z in time_format {text!r:.60} no zone is read; write the word that stands there, like UTC, and say "
            "it in zone"
        )
    if "%I" in said and "%p" not in said:
        raise ValueError(f"%I in time_format {text!r:.60} counts to twelve, and needs %p for AM and PM; else it is %H")
