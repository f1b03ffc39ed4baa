"""What a file does not say is no zero: a payment is refused, and the fee of a fill is told to be unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from infrastructure.transfer.statements.kind_recognition import KINDS
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of, fills_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER

PAYMENTS = {
    "binance-futures-events": "bc",
    "binance-futures-income": "income",
    "bitget-futures-bills": "amount",
    "bitmex-executions": "execComm",
    "bybit-executions": "execFee",
    "bybit-transaction-log": "funding",
    "bybit-transaction-log-csv": "funding",
    "ccxt-funding": "amount",
    "deribit-transaction-log": "interest_pl",
    "dydx-funding-payments": "payment",
    "hyperliquid-funding": "usdc",
    "kraken-ledgers-csv": "fee",
    "kucoin-futures-funding": "funding",
    "okx-bills": "balChg",
    "okx-history-csv": "balance change",
    "phemex-contract-trades": "execFeeEv",
    "phemex-futures-trades": "execFeeRv",
}


def without(value: Any, name: str) -> Any:
    """The same with nothing under a name, wherever that stands."""
    if isinstance(value, list):
        return [without(inner, name) for inner in value]
    if not isinstance(value, Mapping):
        return value
    return {key: None if key == name else without(inner, name) for key, inner in value.items()}


def rows_of(kind: str) -> list[dict[str, Any]]:
    path = next(path for end in ("json", "jsonl", "csv") if (path := FOLDER / f"{kind}.{end}").exists())
    return [dict(row.named) for row in file_of(path.read_bytes()).rows()]


def written(kind: str, rows: list[dict[str, Any]]) -> str:
    """Rows in the form that a kind is written in."""
    if not kind.endswith("csv"):
        return json.dumps(rows, default=float)
    names = [name for name in rows[0] if name != "time zone"]
    lines = [",".join(str(row[name] or "") for name in names) for row in rows]
    return "\n".join([",".join(names), *lines])


@pytest.mark.parametrize(("kind", "name"), PAYMENTS.items(), ids=list(PAYMENTS))
def test_an_unknown_amount_is_no_zero(kind: str, name: str) -> None:
    text = written(kind, [without(row, name) for row in rows_of(kind)])
    with pytest.raises(StatementRefused, match="is empty, so how much"):
        facts_of(text, KINDS[kind], Whose(KINDS[kind].exchange or "binance", zone=UTC))


FEES = {
    "binance-futures-user-trades": "commission",
    "bybit-executions": "execFee",
    "bybit-transaction-log": "fee",
    "bybit-transaction-log-csv": "fee paid",
    "kraken-futures-log": "fee",
    "kraken-futures-log-csv": "fee",
    "okx-bills": "fee",
    "okx-fills": "fee",
    "okx-history-csv": "fee",
}


@pytest.mark.parametrize(("kind", "name"), FEES.items(), ids=list(FEES))
def test_the_fee_of_a_fill_that_is_empty_is_not_known(kind: str, name: str) -> None:
    rows = [row for row in rows_of(kind) if str(row.get("execType")).lower() != "funding"]
    whose = Whose(KINDS[kind].exchange, zone=UTC)
    fills = [*fills_of(written(kind, [without(row, name) for row in rows]), KINDS[kind], whose)]
    assert {fill.fee for fill in fills} == {None}
    before = [*fills_of(written(kind, rows), KINDS[kind], whose)]
    assert any(fill.fee for fill in before)


def test_a_fee_that_is_missing_among_others_is_found() -> None:
    kind = KINDS["bybit-transaction-log"]
    facts = facts_of((FOLDER / "bybit-transaction-log.json").read_bytes(), kind, Whose("bybit"))
    fills = [fact for fact in facts if isinstance(fact, StatementFill)]
    with memory_ledger() as ledger:
        told = import_statement(ledger, kind.name, fills, confirm=False)
        some = import_statement(ledger, kind.name, [_without_fee(fills[0]), *fills[1:]], confirm=False)
        none = import_statement(ledger, kind.name, map(_without_fee, fills), confirm=False)
    assert (told.fees_unknown, told.findings) == (0, [])
    why = "is not said, as it is for others; it is not known, and missing in what was earned net"
    assert (some.fees_unknown, some.findings) == (1, [f"XRPUSDT.bybit: what was paid for 1 fill {why}"])
    assert (none.fees_unknown, none.fees, none.findings) == (len(fills), {}, [])


def _without_fee(fill: StatementFill) -> StatementFill:
    return replace(fill, fee=None)


def test_a_commission_that_binance_does_not_send_is_none() -> None:
    rows = rows_of("binance-futures-events")
    fills = [row for row in rows if row["e"] == "ORDER_TRADE_UPDATE"]
    for row in fills:
        row["o"] = {name: value for name, value in row["o"].items() if name not in {"n", "N"}}
    kind = KINDS["binance-futures-events"]
    assert {fill.fee for fill in fills_of(json.dumps(fills), kind, Whose("binance"))} == {Decimal(0)}
