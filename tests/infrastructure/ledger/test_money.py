"""Money that users of bots reported: cash, fees, contracts and dust, each with the right value, on both databases."""

from __future__ import annotations

from typing import Any

from domain.errors import CommandRefused, IdempotencyMismatch
from tests.infrastructure.ledger.told import BTC, INVERSE, Told


def test_funding_is_cash_and_is_taken_once(told: Told) -> None:
    place = {"symbol": "DOT/USDT:USDT", "exchange": "binance"}
    told.send("adopt", **place, side="short", quantity="100", avg_px_open="5", reason="x")
    funding = {"kind": "funding", "amount": "-0.35", "cash_id": "funding-1", "currency": "USDT"}
    told.send("record_cash", **funding)
    assert told.send("record_cash", **funding).outcome == "replayed"
    told.refused(IdempotencyMismatch, "record_cash", **funding | {"amount": "-0.36"})
    told.says(quantity="100", cash={"funding": "-0.35"}, net_pnl="-0.35")
    told.send("close", exit_reason="x", avg_px_close="4.9", fee="0.5")
    told.says(realized_pnl="10", net_pnl="9.15")
    told.send("record_cash", kind="rebate", amount="0.05", cash_id="r1")
    told.says(net_pnl="9.2", status="closed")


def test_a_fee_that_comes_later_is_added_to_its_fill_once(told: Told) -> None:
    told.send("request_entry", **BTC, quantity="1", intent_id="s1")
    fill = {"trade_id": "a.1", "last_qty": "1", "last_px": "6000.25"}
    told.send("record_entry_fill", **fill)
    told.send("record_entry_fill", **fill, fee="2.25", fee_currency="USDT")
    assert told.send("record_entry_fill", **fill, fee="2.25", fee_currency="USDT").outcome == "replayed"
    told.refused(IdempotencyMismatch, "record_entry_fill", **fill, fee="2.26", fee_currency="USDT")
    told.refused(IdempotencyMismatch, "record_cash", kind="commission", amount="-9", cash_id="c", trade_id="a.1")
    told.says(fees="2.25", quantity="1")


def test_an_instrument_says_what_a_contract_is_worth(told: Told) -> None:
    place = {"symbol": "DOGE/USDT:USDT", "exchange": "okx"}
    told.send("define_instrument", **place, contract_size="1000")
    told.restart()
    told.send("adopt", **place, side="long", quantity="2", avg_px_open="0.06367", reason="contracts")
    told.send("close", exit_reason="target", avg_px_close="0.08176", fee="0.14543", fee_currency="USDT")
    told.says(realized_pnl="36.18", net_pnl="36.03457", contract_size="1000", settle_currency="USDT")


def test_a_definition_changes_no_cycle_of_the_past_and_is_known_after_a_restart(told: Told) -> None:
    place = {"symbol": "DOGE/USDT:USDT", "exchange": "okx"}
    told.send("adopt", **place, side="long", quantity="2", avg_px_open="1", reason="x")
    told.refused(CommandRefused, "define_instrument", **place, contract_size="10")
    told.position_id = "DOGEUSDT.okx#1"
    told.send("close", exit_reason="x", avg_px_close="2")
    told.send("define_instrument", **place, contract_size="10")
    told.restart()
    told.send("adopt", **place, side="long", quantity="2", avg_px_open="1", reason="x")
    told.restart()
    told.send("close", exit_reason="x", avg_px_close="2")
    told.says("DOGEUSDT.okx#1", realized_pnl="2", contract_size="1")
    told.says("DOGEUSDT.okx#2", realized_pnl="20", contract_size="10")


def test_an_inverse_contract_is_counted_in_what_it_is_settled_in(told: Told) -> None:
    told.send("request_entry", **INVERSE, side="long", quantity="20000", intent_id="s1")
    fee = {"fee_currency": "BTC"}
    told.send("record_entry_fill", trade_id="t1", last_qty="10000", last_px="50000", fee="0.00011", **fee)
    told.send("record_entry_fill", trade_id="t2", last_qty="10000", last_px="25000", fee="0.00022", **fee)
    told.says(avg_px_open="33333.333333333333333333")
    told.send("close", exit_reason="target", avg_px_close="40000")
    told.says(realized_pnl="0.1", fees="0.00033", net_pnl="0.09967", settle_currency="BTC")


def test_an_inverse_short_loses_when_the_price_rises(told: Told) -> None:
    told.send("adopt", **INVERSE, side="short", quantity="100000", avg_px_open="10000", reason="x")
    told.send("close", exit_reason="x", avg_px_close="11000")
    told.says(realized_pnl="-0.909090909090909091")


def test_what_expired_worthless_was_closed_at_zero(told: Told) -> None:
    option = {"symbol": "BTC/USD:BTC-260130-120000-C", "exchange": "deribit"}
    told.send("adopt", **option, side="long", quantity="2", avg_px_open="0.02", reason="x")
    told.send("close", exit_reason="expired worthless", avg_px_close="0")
    told.says(realized_pnl="-0.04", settle_currency="BTC")


def test_a_fee_in_what_was_bought_shrinks_a_spot_position_and_dust_stays_at_cost(told: Told) -> None:
    spot = {"symbol": "SHIB/USDT", "exchange": "binance", "leg": "spot"}
    told.send("request_entry", **spot, side="long", quantity="60864", intent_id="s1")
    fee = {"fee": "60.864", "fee_currency": "SHIB"}
    told.send("record_entry_fill", trade_id="t1", last_qty="60864", last_px="0.000025", **fee)
    told.says(quantity="60803.136", fees="0", fees_other={})
    told.send("reduce", trade_id="x1", last_qty="60803", last_px="0.000026")
    told.send("close", exit_reason="target")
    row = told.row()
    assert (row["status"], row["residual_qty"], row["quantity"]) == ("closed", "0.136", "0")
    assert row["realized_pnl"].startswith("0.05928140")
    assert told.send("request_entry", **spot, side="long", quantity="1", intent_id="s2").outcome == "recorded"


def test_dust_may_be_left_wherever_it_is_said(told: Told) -> None:
    place = {"symbol": "DNT/BTC", "exchange": "binance", "side": "long"}
    told.send("adopt", **place, quantity="51.30696933", avg_px_open="0.00000442", reason="x")
    told.send("reduce", trade_id="x1", last_qty="51", last_px="0.00000443")
    told.send("close", exit_reason="sold, dust is kept", dust=True)
    told.says(realized_pnl="0.00000051", residual_qty="0.30696933", quantity="0", settle_currency="BTC")


def test_spot_and_its_swap_are_two_slots(told: Told) -> None:
    pair: dict[str, Any] = {"exchange": "binance", "quantity": "1.3"}
    told.send("request_entry", symbol="UNFI/USDT", side="long", leg="spot", intent_id="a", **pair)
    swap = told.send("request_entry", symbol="UNFI/USDT:USDT", side="short", intent_id="b", **pair)
    assert swap.outcome == "recorded"


def test_the_quote_of_a_pair_is_kept_so_that_a_fee_in_it_is_known(told: Told) -> None:
    told.send("request_entry", symbol="XRP/RLUSD", exchange="kraken", side="long", quantity="1", intent_id="s1")
    told.send("record_entry_fill", trade_id="1", last_qty="1", last_px="2", fee="0.01", fee_currency="RLUSD")
    told.says(fees="0.01", fees_other={}, settle_currency="RLUSD")
