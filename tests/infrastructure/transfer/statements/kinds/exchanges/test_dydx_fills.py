"""Fills and funding payments of dYdX: what is settled in USDC, what no order made, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kind_recognition import KINDS, telling_the_same
from infrastructure.transfer.statements.kinds.exchanges.dydx_fills import DYDX_FILLS, DYDX_FUNDING
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of, kind_of, words

Row = dict[str, Any]


def fill(**more: Any) -> Row:
    return {
        "id": "25c60619",
        "side": "BUY",
        "liquidity": "TAKER",
        "type": "LIMIT",
        "market": "BTC-USD",
        "marketType": "PERPETUAL",
        "price": "87540",
        "size": "0.1142",
        "fee": "4.998534",
        "affiliateRevShare": "0",
        "createdAt": "2025-12-23T22:23:22.897Z",
        "createdAtHeight": "68663717",
        "orderId": "a2e6f182",
        "clientMetadata": "3711765758",
        "subaccountNumber": 0,
        **more,
    }


def payment(**more: Any) -> Row:
    return {
        "createdAt": "2025-12-23T23:00:00.100Z",
        "createdAtHeight": "68665000",
        "perpetualId": "0",
        "ticker": "BTC-USD",
        "oraclePrice": "87600",
        "size": "0.1142",
        "side": "LONG",
        "rate": "0.0000125",
        "payment": "-0.125049",
        "subaccountNumber": "0",
        **more,
    }


def told(kind: StatementKind, *rows: Row) -> list[str]:
    return [words(fact) for fact in facts_of(json.dumps(rows), kind, Whose("dydx"))]


def test_a_fill_is_in_the_base_and_its_fee_in_what_settles() -> None:
    (fact,) = told(DYDX_FILLS, fill())
    assert fact == (
        "1: 2025-12-23T22:23:22.897000Z BTCUSDC.dydx buys 0.1142 at 87540, fee 4.998534 USDC, profit unknown, "
        "trade 25c60619 of order a2e6f182"
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"side": "SELL"}, " sells 0.1142 at"),
        ({"fee": "-1.5"}, ", fee -1.5 USDC,"),
        ({"builderFee": "0.5"}, ", fee 5.498534 USDC,"),
        ({"orderRouterFee": "0.5"}, ", fee 4.998534 USDC,"),
        ({"price": "2790.33333333333333333333"}, " at 2790.333333333333333333, "),
        ({"type": "TWAP_SUBORDER"}, " of order a2e6f182"),
        ({"type": "LIQUIDATION"}, " of order a2e6f182"),
        ({"type": "LIQUIDATED", "orderId": None}, " trade 25c60619 of order 25c60619, by liquidation"),
        ({"type": "DELEVERAGED", "orderId": None}, ", by liquidation"),
        ({"type": "OFFSETTING", "orderId": None}, ", by adl"),
    ],
)
def test_what_a_fill_says(more: Row, says: str) -> None:
    (fact,) = told(DYDX_FILLS, fill(**more))
    assert says in fact
    assert fact.endswith(says) or "type" not in more


def test_what_was_held_is_not_taken_for_true() -> None:
    """After a fill that turned a position round it counts all of that fill."""
    said = {"positionSizeBefore": "0.7972", "positionSideBefore": "LONG", "entryPriceBefore": "87561.29"}
    assert told(DYDX_FILLS, fill(**said)) == told(DYDX_FILLS, fill())


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"type": "GIFT"}, "type 'GIFT' is unknown; known are: LIMIT, MARKET, "),
        ({"marketType": "SPOT"}, "marketType 'SPOT' is unknown; known are: PERPETUAL"),
        ({"market": "BONK,RAYDIUM,DEZX-USD"}, "is not a symbol"),
        ({"size": "0"}, "size '0' is not above zero"),
        ({"subaccountNumber": 128}, "subaccountNumber '128' is another account than '0' before"),
    ],
)
def test_what_is_not_known_is_refused(more: Row, why: str) -> None:
    with pytest.raises(StatementRefused, match=f"line 2: .*{why}"):
        told(DYDX_FILLS, fill(), fill(**more))


def test_a_payment_is_paid_below_zero() -> None:
    assert told(DYDX_FUNDING, payment(), payment(payment="0"), payment(payment="2", createdAtHeight="7")) == [
        "1: 2025-12-23T23:00:00.100000Z BTCUSDC.dydx funding -0.125049 USDC, id BTCUSDC:68665000",
        "3: 2025-12-23T23:00:00.100000Z BTCUSDC.dydx funding 2 USDC, id BTCUSDC:7",
    ]
    with pytest.raises(StatementRefused, match="line 2: subaccountNumber '1' is another account"):
        told(DYDX_FUNDING, payment(), payment(subaccountNumber="1"))


@pytest.mark.parametrize(
    ("name", "row", "kind"), [("fills", fill(), "dydx-fills"), ("fundingPayments", payment(), "dydx-funding-payments")]
)
def test_an_answer_and_a_table_are_known(name: str, row: Row, kind: str) -> None:
    answer = {"pageSize": 100, "totalResults": 1, "offset": 0, name: [row]}
    table = ",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n"
    assert kind_of(json.dumps(answer)) == kind_of(table) == kind


def test_rates_that_all_were_charged_are_no_payments() -> None:
    rates = [{"ticker": "BTC-USD", "rate": "0.0000125", "price": "87600", "effectiveAt": "2025-12-23T23:00:00.100Z"}]
    assert kind_of(json.dumps({"historicalFunding": rates})) is None


def test_payments_of_ccxt_would_count_twice() -> None:
    assert telling_the_same([DYDX_FUNDING, KINDS["ccxt-funding"]]) is not None
    assert telling_the_same([DYDX_FILLS, DYDX_FUNDING]) is None
