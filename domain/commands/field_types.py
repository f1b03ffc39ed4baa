"""The types that callers may pass for the fields of commands, for type checkers.

No float among them: money that went through one is not exact any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from domain.values import Leg, Side, Source

AnyNumber: TypeAlias = Decimal | int | str
"""A price, quantity, fee or percentage."""

AnyTime: TypeAlias = datetime | str
"""A time that names its zone: an aware datetime, or ISO 8601."""

AnyId: TypeAlias = str | int
"""Somebody's name for something; an integer is taken as its text."""

AnySide: TypeAlias = Side | Literal["long", "short", "buy", "sell"]

AnyLeg: TypeAlias = Leg | Literal["BOTH", "LONG", "SHORT", "SPOT"]

AnySource: TypeAlias = Source | Literal["signal", "sync", "operator", "recovery", "import"]

AnyJson: TypeAlias = "Mapping[str, AnyJson] | Sequence[AnyJson] | str | int | None"
"""What JSON can say without a number that has a point; such a number is sent as text."""

AnyJsonObject: TypeAlias = Mapping[str, AnyJson]

AnyFill: TypeAlias = Mapping[str, Decimal | int | str | None]
"""One fill of a proof, with the fields of `ClosingFill`."""

AnyEvidence: TypeAlias = "str | Sequence[AnyFill] | Mapping[str, AnyJson | Decimal | Sequence[AnyFill]]"
"""A note, the fills, or the fields of `Evidence` with whatever else the exchange said."""
