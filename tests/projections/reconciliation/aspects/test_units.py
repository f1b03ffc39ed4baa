"""The units of a ledger: an undefined contract size is reported, and a defined one is used."""

from __future__ import annotations

import json
from decimal import Decimal

from domain.commands.order_requests import DefineInstrument
from domain.commands.requests import Adopt
from domain.events import InstrumentDefined
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.compare import reconcile
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from projections.reconciliation.result import Reconciliation
from tests.projections.seen import LATER, held, seen, stop
from tests.spec import Story, given, second

DEFINED = DefineInstrument.of(symbol="APTUSDT", exchange="binance", contract_size="1000")


def adopted(quantity: str) -> Adopt:
    return Adopt.of(symbol="APTUSDT", exchange="binance", side="long", quantity=quantity, avg_px_open="3", reason="x")


def shown(quantity: str, size: str = "1000", covered: str | None = None) -> AccountSnapshot:
    orders = [stop("APTUSDT", "sell", "s", "2", covered)] if covered else []
    return seen(held("APTUSDT", "long", quantity, "3", contract_size=size), orders=orders)


def beside(story: Story | None, snapshot: AccountSnapshot) -> Reconciliation:
    defined = [event for event in story.history if isinstance(event, InstrumentDefined)] if story else []
    rows = list(story.rows.values()) if story else []
    return reconcile(rows, [snapshot], now=second(LATER + 1), defined=defined)


def kinds(found: Reconciliation) -> list[DiscrepancyKind]:
    return [each.kind for each in found.findings if each.kind is not DiscrepancyKind.UNPROTECTED]


def test_units_that_agree_match_and_how_to_define_them_is_told() -> None:
    found = beside(given(adopted("2000")), shown("2000"))
    assert kinds(found) == [DiscrepancyKind.MATCHED, DiscrepancyKind.UNIT]
    assert DiscrepancyKind.UNIT.is_quiet


def test_a_quantity_of_an_unknown_unit_is_not_corrected() -> None:
    for ours in ("2", "3", "1999"):
        found = beside(given(adopted(ours)), shown("2000"))
        assert kinds(found) == [DiscrepancyKind.QUANTITY, DiscrepancyKind.UNIT]
        assert corrections(found) == []


def test_what_agrees_in_an_unknown_unit_is_corrected_in_its_price() -> None:
    dearer = seen(held("APTUSDT", "long", "2000", "3.1", contract_size="1000"))
    assert [each.command.verb for each in corrections(beside(given(adopted("2000")), dearer))] == ["adjust"]


def test_the_command_that_is_told_is_one_that_the_ledger_takes() -> None:
    story = given(adopted("2"))
    (unit,) = beside(story, shown("2000")).of(DiscrepancyKind.UNIT)
    said = json.loads(unit.message[unit.message.index("{") : unit.message.index("}") + 1])
    assert said.pop("command") == DefineInstrument.verb
    story.when(DefineInstrument.of(**said)).then(InstrumentDefined)


def test_what_was_defined_is_counted_in_stops_and_all() -> None:
    found = beside(given(DEFINED, adopted("2")), shown("2000", covered="2000"))
    assert kinds(found) == [DiscrepancyKind.MATCHED, DiscrepancyKind.MOVED_STOP]
    assert found.of(DiscrepancyKind.MOVED_STOP)[0].orders[0].quantity == Decimal(2)
    assert [each.command.verb for each in corrections(found)] == ["set_stop_loss"]


def test_what_is_adopted_counts_as_the_next_cycle_will() -> None:
    (adopt,) = corrections(beside(given(DEFINED), shown("2000")))
    assert isinstance(adopt.command, Adopt)
    assert adopt.command.quantity == Decimal(2)
    assert adopt.command.expected_version == 1, "a definition moves the version of its stream on"


def test_what_takes_the_place_of_a_cycle_counts_as_it_was_defined_meanwhile() -> None:
    forced = DefineInstrument.of(
        symbol="APTUSDT", exchange="binance", contract_size="1000", force=True, reason="contracts"
    )
    story = given(adopted("2000"), forced)
    other = held("APTUSDT", "short", "2000", "3", contract_size="1000")
    defined = [event for event in story.history if isinstance(event, InstrumentDefined)]
    looks = [seen(other, at=at) for at in (LATER, LATER + 60)]
    found = reconcile([*story.rows.values()], looks, now=second(LATER + 61), defined=defined)
    close, adopt = corrections(found)
    assert (close.command.verb, adopt.command.verb) == ("close", "adopt")
    assert isinstance(adopt.command, Adopt)
    assert adopt.command.quantity == Decimal(2)


def test_a_size_of_one_needs_no_words() -> None:
    assert kinds(beside(given(adopted("2000")), shown("2000", "1"))) == [DiscrepancyKind.MATCHED]
    one = DefineInstrument.of(symbol="APTUSDT", exchange="binance", contract_size="1")
    found = beside(given(one, adopted("1999")), shown("2000"))
    assert kinds(found) == [DiscrepancyKind.QUANTITY]
    assert [each.command.verb for each in corrections(found)] == ["adjust"]
