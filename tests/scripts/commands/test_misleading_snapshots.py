"""Misleading snapshots: no command that reads them damages the records of healthy positions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.past import before_now
from tests.scripts.program import Program, Ran

Say = Callable[..., Ran]
APPLIED = {
    "reconcile": ("--confirm", "--reason", "x"),
    "recover": ("--confirm", "--reason", "x"),
    "cleanup": ("--mode", "all", "--confirm", "--reason", "x"),
}


@pytest.fixture
def say(program: Program, ledger_url: str, tmp_path: Path) -> Say:
    """Run a command of APPLIED beside snapshots: (seconds ago, symbols, orders)."""

    def say(verb: str, *snapshots: tuple[float, Sequence[str], Sequence[Any]], **fields: object) -> Ran:
        files: list[object] = []
        for ago, symbols, orders in snapshots:
            path = tmp_path / f"{len(files)}.json"
            rows = [{"symbol": each, "side": "long", "contracts": "10", "entry_price": "10"} for each in symbols]
            document = {
                "exchange": "binance",
                "timestamp": before_now(ago),
                "positions": rows,
                "orders": orders,
                **fields,
            }
            path.write_text(json.dumps(document))
            files += ["--snapshot", path]
        return program(verb, *files, *APPLIED[verb], "--database", ledger_url)

    return say


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        for symbol in ("AUSDT", "BUSDT"):
            hold(ledger, symbol)
        yield ledger


def hold(ledger: PositionLedger, symbol: str, *, account: str | None = None) -> None:
    ledger.adopt(
        symbol=symbol,
        exchange="binance",
        account=account,
        side="long",
        quantity="10",
        avg_px_open="10",
        reason="seen",
        at=before_now(86_400),
    )


def protect(ledger: PositionLedger, symbol: str) -> dict[str, object]:
    ledger.set_stop_loss(
        position_id=f"{symbol}.binance#1", stop_price="9", exchange_order_id=f"s{symbol}", at=before_now(86_000)
    )
    return {"id": f"s{symbol}", "symbol": symbol, "type": "stop_market", "side": "sell", "stopPrice": "9"}


def statuses(ledger: PositionLedger) -> dict[str, str]:
    return {row.position_id: row.status.value for row in ledger.positions()}


@pytest.mark.parametrize("verb", APPLIED)
def test_what_was_seen_in_between_is_not_gone(say: Say, ledger: PositionLedger, verb: str) -> None:
    say(verb, (300, ["AUSDT"], ()), (200, ["AUSDT", "BUSDT"], ()), (100, ["AUSDT"], ()))
    assert statuses(ledger) == {"AUSDT.binance#1": "active", "BUSDT.binance#1": "active"}
    say("reconcile", (300, ["AUSDT", "BUSDT"], ()), (200, ["AUSDT"], ()), (100, ["AUSDT"], ()))
    assert statuses(ledger) == {"AUSDT.binance#1": "active", "BUSDT.binance#1": "closed"}


@pytest.mark.parametrize("verb", APPLIED)
def test_an_entry_whose_order_was_seen_in_between_has_not_failed(say: Say, ledger: PositionLedger, verb: str) -> None:
    p = ledger.request_entry(
        symbol="CUSDT", exchange="binance", side="long", quantity="1", intent_id="i", at=before_now(86_400)
    ).position_id
    resting = [{"id": "7", "symbol": "CUSDT", "type": "limit", "side": "buy", "price": "1"}]
    here = ["AUSDT", "BUSDT"]
    say(verb, (300, here, ()), (200, here, resting), (100, here, ()), conditional_orders=[])
    assert statuses(ledger)[p] == "pending_entry"
    say("recover", (300, here, ()), (100, here, ()), conditional_orders=[])
    assert statuses(ledger)[p] == "failed"


@pytest.mark.parametrize("verb", APPLIED)
def test_what_is_of_somebody_else_closes_and_adopts_nothing(say: Say, ledger: PositionLedger, verb: str) -> None:
    say(verb, (300, ["ZUSDT"], ()), (100, ["ZUSDT"], ()))
    assert statuses(ledger) == {"AUSDT.binance#1": "active", "BUSDT.binance#1": "active"}


@pytest.mark.parametrize("verb", APPLIED)
def test_what_names_no_account_is_not_laid_beside_one_of_several(say: Say, ledger: PositionLedger, verb: str) -> None:
    hold(ledger, "SUSDT", account="sub1")
    before = statuses(ledger)
    say(verb, (300, ["AUSDT"], ()), (100, ["AUSDT"], ()))
    assert statuses(ledger) == before
    ran = say("reconcile", (300, ["AUSDT"], ()), (100, ["AUSDT"], ()), account=None)
    assert (ran.code, statuses(ledger)["BUSDT.binance#1"]) == (1, "closed"), "the file says that it is of no name"


def test_a_list_without_conditional_orders_loses_no_stop(say: Say, ledger: PositionLedger) -> None:
    stops = [protect(ledger, symbol) for symbol in ("AUSDT", "BUSDT")]
    here = ["AUSDT", "BUSDT"]
    target = {"id": "t", "symbol": "AUSDT", "type": "limit", "side": "sell", "price": "12", "reduceOnly": True}
    for orders in ((), (target,)):
        for verb in APPLIED:
            ran = say(verb, (300, here, orders), (100, here, orders))
            assert [row.stop_order_id for row in ledger.positions()] == ["sAUSDT", "sBUSDT"]
            assert (ran.code == 1) == (verb == "reconcile")
    assert (
        "no stop can be judged by it: its orders (0) show a stop for none of 2" in say("reconcile", (100, here, ())).out
    )
    say("reconcile", (300, here, stops[:1]), (200, here, stops), (100, here, stops[:1]))
    assert [row.stop_order_id for row in ledger.positions()] == ["sAUSDT", "sBUSDT"]
    say("reconcile", (300, here, stops[:1]), (100, here, stops[:1]))
    assert [row.stop_order_id for row in ledger.positions()] == ["sAUSDT", None]


@pytest.mark.parametrize("verb", APPLIED)
def test_what_is_of_somebody_else_does_not_end_the_only_position_either(
    say: Say, ledger: PositionLedger, verb: str
) -> None:
    ledger.close(position_id="BUSDT.binance#1", exit_reason="target")
    say(verb, (300, ["ZUSDT"], ()), (100, ["ZUSDT"], ()))
    assert statuses(ledger) == {"AUSDT.binance#1": "active", "BUSDT.binance#1": "closed"}


@pytest.mark.usefixtures("ledger")
def test_no_second_stop_is_asked_for_by_a_list_without_conditional_orders(say: Say) -> None:
    here = ["AUSDT", "BUSDT"]
    ran = say("recover", (300, here, ()), (100, here, ()))
    assert "needs" not in ran.out
    assert "AUSDT.binance#1: binance holds it, and does not say enough to call it done" in ran.out
    assert "its orders (0) hold no conditional one, which binance lists apart" in say("reconcile", (100, here, ())).out
    assert "needs" in say("recover", (300, here, ()), (100, here, ()), conditional_orders=[]).out


def test_a_snapshot_a_little_ahead_of_our_clock_is_recorded_as_of_now(say: Say, ledger: PositionLedger) -> None:
    ran = say("reconcile", (-45, ["AUSDT", "BUSDT", "ZUSDT"], ()))
    assert "adopt ZUSDT.binance: long 10 at 10" in ran.out.partition("done:")[2]
    (adopted,) = ledger.history("ZUSDT.binance")
    assert adopted.event.ts_event <= adopted.event.ts_recorded
