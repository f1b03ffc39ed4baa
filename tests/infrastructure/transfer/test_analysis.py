"""CSV and Parquet: every event, row and refusal, in columns that say what they mean."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from domain.errors import HistoryDamaged
from domain.rejection import Rejection
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.columnar.column_sink import ColumnSink
from infrastructure.transfer.columnar.columns import COLUMNS, EVENT_COLUMNS, ColumnKind, event_values
from infrastructure.transfer.columnar.csv_writer import CsvFile
from infrastructure.transfer.columnar.parquet_writer import ParquetFile
from infrastructure.transfer.exporting import ExportScope, export
from infrastructure.transfer.transfer_errors import ExportRefused
from position_ledger.testing import Clock
from projections.positions import COLUMNS as POSITION_COLUMNS
from tests.infrastructure.transfer.day import live_a_day
from tests.month import DOGE, ETH, INVERSE, SPOT, STRAY, live_a_month


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger._clock = Clock()
        live_a_day(ledger)
        yield ledger


def as_csv(ledger: PositionLedger, what: ExportScope) -> list[dict[str, str]]:
    out = io.BytesIO()
    export(ledger.store, what, ColumnSink(CsvFile(out, COLUMNS[what])))
    return list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))


def as_parquet(ledger: PositionLedger, what: ExportScope) -> Any:
    out = io.BytesIO()
    export(ledger.store, what, ColumnSink(ParquetFile(out, COLUMNS[what])))
    return parquet.read_table(io.BytesIO(out.getvalue()))


def test_every_column_has_its_kind() -> None:
    kinds = {column.name: column.kind for column in COLUMNS[ExportScope.POSITIONS]}
    assert tuple(kinds) == POSITION_COLUMNS
    assert {name for name, kind in kinds.items() if kind is ColumnKind.NUMBER} == {
        "quantity",
        "requested_qty",
        "filled_qty",
        "avg_px_open",
        "signal_price",
        "stop_price",
        "realized_pnl",
        "fees",
        "avg_px_close",
        "stop_quantity",
        "contract_size",
        "residual_qty",
        "net_pnl",
    }
    assert {name for name, kind in kinds.items() if kind is ColumnKind.TIME} == {
        "opened_at",
        "activated_at",
        "closed_at",
        "updated_at",
        "unprotected_since",
    }
    assert {name for name, kind in kinds.items() if kind is ColumnKind.INTEGER} == {"cycle", "version"}
    assert {name for name, kind in kinds.items() if kind is ColumnKind.FLAG} == {
        "protected",
        "stop_confirmed",
        "stop_locks_profit",
        "outcome_unknown",
        "rollback_failed",
        "late_fill",
        "inverse",
        "stray",
    }
    assert [column.name for column in COLUMNS[ExportScope.REJECTIONS]] == [field.name for field in fields(Rejection)]


def test_csv_of_events_flattens_what_many_have_and_keeps_all_in_the_payload(ledger: PositionLedger) -> None:
    rows = as_csv(ledger, ExportScope.EVENTS)
    stored = list(ledger.store.log())
    assert [(row["nid"], row["hash"], row["payload"]) for row in rows] == [
        (str(event.id), event.hash, event.state.decode()) for event in stored
    ]
    first = {
        name: value
        for name, value in rows[0].items()
        if name not in ("payload", "hash", "command_id", "client_order_id")
    }
    assert {name: value for name, value in first.items() if value} == {
        "nid": "1",
        "stream": "APTUSDT.binance",
        "symbol": "APTUSDT",
        "exchange": "binance",
        "leg": "BOTH",
        "version": "1",
        "cycle": "1",
        "position_id": "APTUSDT.binance#1",
        "type": "EntryRequested.v1",
        "ts_event": "2025-10-22T18:50:40.000000Z",
        "ts_recorded": "2025-10-22T18:50:40.000000Z",
        "source": "signal",
        "intent_id": "APTUSDT-1",
        "side": "short",
        "quantity": "61.8",
    }
    closed = next(row for row in rows if row["type"] == "PositionClosed.v1")
    assert (closed["avg_px_close"], closed["realized_pnl"], closed["exit_reason"]) == ("3.1", "8.1313", "target")
    late = rows[10]
    assert (late["position_id"], late["trade_id"], late["last_qty"]) == ("APTUSDT.binance#1", "9", "0.5")


def test_what_orders_and_money_say_stands_in_columns_that_follow_the_others(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        live_a_month(ledger)
        rows, positions, table = (as_csv(ledger, ExportScope.EVENTS), as_csv(ledger, ExportScope.POSITIONS), None)
        table = as_parquet(ledger, ExportScope.EVENTS).to_pylist()
    assert [*rows[0]].index("hash") < [*rows[0]].index("order")
    shown = {
        ("CashRecorded.v1", "kind"): "funding",
        ("CashRecorded.v1", "amount"): "-0.35",
        ("IncreaseRequested.v1", "order"): "entry.2",
        ("OrderEnded.v1", "outcome"): "filled",
        ("OrderEnded.v1", "avg_px"): "2100",
        ("TakeProfitSet.v1", "price"): "2200",
        ("ExitRequested.v1", "close_quantity"): "1",
        ("InstrumentDefined.v1", "position_id"): "",
        ("InstrumentDefined.v1", "cycle"): "0",
    }
    assert {place: next(row for row in rows if row["type"] == place[0])[place[1]] for place in shown} == shown
    closed = [(row["position_id"], row["residual_qty"]) for row in rows if row["residual_qty"]]
    assert closed == [(SPOT, "5")]
    assert [row["amount"] for row in table if row["amount"] is not None] == [Decimal("-0.35"), Decimal("0.2")]
    wanted = {
        DOGE: ("-0.35", "USDT", "1000", "bot", "false"),
        ETH: ("", "USDT", "1", "exchange", "false"),
        INVERSE: ("0.00499", "BTC", "100", "exchange", "false"),
        STRAY: ("0", "", "1", "exchange", "true"),
    }
    names = ("net_pnl", "settle_currency", "contract_size", "protection", "stray")
    told = {row["position_id"]: tuple(row[name] for name in names) for row in positions}
    assert {name: told[name] for name in wanted} == wanted


def test_csv_of_positions_and_rejections_has_a_line_each(ledger: PositionLedger) -> None:
    rows = as_csv(ledger, ExportScope.POSITIONS)
    assert [row["position_id"] for row in rows] == [row.position_id for row in ledger.positions()]
    wanted = {"status": "closed", "filled_qty": "61", "fees": "0.0788", "late_fill": "true", "account": ""}
    assert {name: rows[0][name] for name in wanted} == wanted
    refused = as_csv(ledger, ExportScope.REJECTIONS)
    assert [row["position_id"] for row in refused] == ["APTUSDT.binance#1", "龙USDT.binance#1"]


def test_parquet_has_the_same_with_types(ledger: PositionLedger) -> None:
    events = as_parquet(ledger, ExportScope.EVENTS)
    assert events.num_rows == 14
    assert events.schema.field("quantity").type == pa.decimal128(38, 18)
    assert events.schema.field("ts_event").type == pa.timestamp("us", tz="UTC")
    assert events.column("nid").to_pylist() == list(range(1, 15))
    assert events.column("hash").to_pylist() == [event.hash for event in ledger.store.log()]
    assert events.column("ts_recorded")[0].as_py() == datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC)
    positions = as_parquet(ledger, ExportScope.POSITIONS)
    assert positions.column("avg_px_open").to_pylist()[0] == Decimal("3.2333")
    assert positions.column("late_fill").to_pylist() == [row.late_fill for row in ledger.positions()]
    assert as_parquet(ledger, ExportScope.REJECTIONS).column("message").to_pylist() == [
        rejection.message for rejection in ledger.rejections()
    ]


def test_an_empty_parquet_file_has_its_columns(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        assert as_parquet(ledger, ExportScope.EVENTS).column_names == [column.name for column in EVENT_COLUMNS]


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("0.000000000000000001", "0.000000000000000001"),
        ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
        ("-0.0000000000000000025", "-0.000000000000000002"),
        ("8.131300000000000000000000", "8.1313"),
    ],
)
def test_parquet_keeps_18_decimals(number: str, kept: str) -> None:
    out = io.BytesIO()
    file = ParquetFile(
        out, [column for column in COLUMNS[ExportScope.EVENTS] if column.name in ("realized_pnl", "payload")]
    )
    file.row([Decimal(number), "x"])
    file.finish()
    assert parquet.read_table(io.BytesIO(out.getvalue())).column("realized_pnl").to_pylist() == [Decimal(kept)]


def test_what_does_not_fit_into_parquet_is_named_and_not_rounded() -> None:
    file = ParquetFile(io.BytesIO(), [COLUMNS[ExportScope.POSITIONS][0], COLUMNS[ExportScope.POSITIONS][8]])
    with pytest.raises(ExportRefused, match=r"quantity 100000000000000000000 of APTUSDT.binance#1 does not fit"):
        file.row(["APTUSDT.binance#1", Decimal(10) ** 20])
    file.finish()


def test_an_event_that_cannot_be_read_is_named(ledger: PositionLedger) -> None:
    stored = next(iter(ledger.store.log()))
    for payload in (b"[]", b"{", b"{}", b'{"ts_event":"2025-10-22T18:50:40Z","quantity":"many"}'):
        with pytest.raises(HistoryDamaged, match=r"APTUSDT.binance version 1 cannot be read as EntryRequested.v1"):
            event_values(stored._replace(state=payload))
