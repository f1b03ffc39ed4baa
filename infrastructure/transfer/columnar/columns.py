"""The columns of exports for analysis, of five types: for events, positions and refused duplicates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, get_type_hints

from msgspec.structs import astuple

from domain.errors import HistoryDamaged
from domain.identifiers import PositionKey
from domain.rejection import Rejection
from domain.values import Instant, Number, utc
from infrastructure.event_store.records import RecordedEvent
from infrastructure.transfer.exporting import ExportScope
from projections.positions import PositionRow, fees_text, orders_text


class ColumnKind(StrEnum):
    """The type of a column."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TIME = "time"
    FLAG = "flag"


Value = str | int | Decimal | datetime | bool | None


@dataclass(frozen=True)
class Column:
    """One column."""

    name: str
    kind: ColumnKind


def _columns(kind: ColumnKind, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name in names)


_TEXTS: Final = (
    "source", "command_id", "intent_id", "side", "exchange_order_id", "client_order_id", "trade_id", "fee_currency",
    "reason", "exit_reason",
)  # fmt: skip
_NUMBERS: Final = (
    "quantity",
    "signal_price",
    "stop_price",
    "last_qty",
    "last_px",
    "fee",
    "pnl",
    "avg_px_close",
    "realized_pnl",
)
_LATER_TEXTS: Final = ("order", "kind", "currency", "cash_id", "outcome")
_LATER_NUMBERS: Final = ("amount", "cost", "price", "filled_qty", "avg_px", "close_quantity", "residual_qty")
"""Fields of events about orders and money; they come last, because programs may rely on the order of the others."""
EVENT_COLUMNS: Final = (
    *_columns(ColumnKind.INTEGER, "nid"),
    *_columns(ColumnKind.TEXT, "stream", "symbol", "exchange", "account", "leg"),
    *_columns(ColumnKind.INTEGER, "version", "cycle"),
    *_columns(ColumnKind.TEXT, "position_id", "type"),
    *_columns(ColumnKind.TIME, "ts_event", "ts_recorded"),
    *_columns(ColumnKind.TEXT, *_TEXTS),
    *_columns(ColumnKind.NUMBER, *_NUMBERS),
    *_columns(ColumnKind.TEXT, "payload", "hash"),
    *_columns(ColumnKind.TEXT, *_LATER_TEXTS),
    *_columns(ColumnKind.NUMBER, *_LATER_NUMBERS),
)
"""What every event has, and the fields that many events have; the payload has all fields."""

_KINDS: Final[Mapping[Any, ColumnKind]] = {
    int: ColumnKind.INTEGER,
    bool: ColumnKind.FLAG,
    Number: ColumnKind.NUMBER,
    Number | None: ColumnKind.NUMBER,
    Instant: ColumnKind.TIME,
    Instant | None: ColumnKind.TIME,
    datetime: ColumnKind.TIME,
}
"""By annotation of a field; a field with any other annotation is written as text."""


def _columns_of(model: type[Any]) -> tuple[Column, ...]:
    hints = get_type_hints(model, include_extras=True)
    return tuple(Column(field.name, _KINDS.get(hints[field.name], ColumnKind.TEXT)) for field in fields(model))


COLUMNS: Final[Mapping[ExportScope, tuple[Column, ...]]] = {
    ExportScope.EVENTS: EVENT_COLUMNS,
    ExportScope.POSITIONS: _columns_of(PositionRow),
    ExportScope.REJECTIONS: _columns_of(Rejection),
}


def event_values(event: RecordedEvent) -> list[Value]:
    """An event in the order of its columns. Refuses: HistoryDamaged for a payload that cannot be read."""
    nid, stream, version, topic, state, hashed = event[:6]
    try:
        payload = state.decode()
        fields_of_event = json.loads(payload)
        key = PositionKey.parse(stream)
        texts, later_texts = ([fields_of_event.get(name) for name in names] for names in (_TEXTS, _LATER_TEXTS))
        numbers, later_numbers = (_numbers(fields_of_event, names) for names in (_NUMBERS, _LATER_NUMBERS))
        times = [utc(fields_of_event["ts_event"]), utc(event.ts_recorded)]
    except (ValueError, TypeError, AttributeError, KeyError, ArithmeticError) as cause:
        raise HistoryDamaged(f"{stream} version {version} cannot be read as {topic}: {cause!r}") from cause
    return [
        nid,
        stream,
        key.symbol,
        key.exchange,
        key.account,
        key.leg.value,
        version,
        event.cycle,
        f"{stream}#{event.cycle}" if event.cycle else None,
        topic,
        *times,
        *texts,
        *numbers,
        payload,
        hashed,
        *later_texts,
        *later_numbers,
    ]


def _numbers(fields_of_event: Mapping[str, str], names: Sequence[str]) -> list[Decimal | None]:
    return [None if (text := fields_of_event.get(name)) is None else Decimal(text) for name in names]


def position_values(row: PositionRow) -> list[Value]:
    """A row in the order of its columns."""
    *values, orders = astuple(row)
    return [*(fees_text(value) if isinstance(value, dict) else value for value in values), orders_text(orders)]


def rejection_values(rejection: Rejection) -> list[Value]:
    """A refused duplicate in the order of its columns."""
    return list(vars(rejection).values())
