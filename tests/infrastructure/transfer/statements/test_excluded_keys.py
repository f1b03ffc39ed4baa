"""The user excludes keys: their facts are counted, and all others are taken in."""

from __future__ import annotations

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.transfer.statements.excluded_keys import ExcludedKeys, excludable
from infrastructure.transfer.statements.statement_facts import StatementFact
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.intake.told import BTC, fill, held, leg, paid

ETH = PositionKey.of("ETHUSDT", "binance")


def test_facts_of_an_excluded_key_are_counted_whatever_their_leg() -> None:
    spot = fill(2, "1", key=leg(Leg.SPOT))
    others: list[StatementFact] = [fill(3, "1", key=ETH), paid(4, "1", key=None)]
    excluding = ExcludedKeys([BTC, ETH.on(Leg.SPOT)])
    facts: list[StatementFact] = [
        fill(0, "1"),
        fill(1, "1", key=leg(Leg.LONG)),
        paid(2, "1"),
        held(2, "2"),
        spot,
        *others,
    ]
    assert list(excluding.without(facts)) == [spot, *others]
    assert excluding.counts == {BTC: {"fills": 2, "payments": 1}, ETH.on(Leg.SPOT): {"fills": 0, "payments": 0}}


def test_nothing_is_looked_at_where_nothing_is_excluded() -> None:
    facts = [fill(0, "1")]
    assert ExcludedKeys().without(facts) is facts


def test_both_sides_of_a_hedge_go_together_and_spot_apart() -> None:
    assert [excludable(BTC.on(each)) for each in (Leg.BOTH, Leg.LONG, Leg.SHORT, Leg.SPOT)] == [
        *[BTC] * 3,
        BTC.on(Leg.SPOT),
    ]


def test_what_the_files_have_nothing_of_is_a_finding() -> None:
    """It may be a slip, and what was imported stays."""
    statement = Statement("one.csv", "one", [fill(0, "1")])
    with memory_ledger() as ledger:
        report = import_statements(ledger, [statement], confirm=False, excluded=[ETH])
        assert (report.fills, report.excluded) == (1, {"ETHUSDT.binance": {"fills": 0, "payments": 0}})
        assert report.findings == ["ETHUSDT.binance is to be excluded, and the files have nothing of it"]


def test_what_is_wrong_with_an_excluded_key_keeps_nobody_from_the_others() -> None:
    """Contracts of which nobody said how much one is, and a trade that two lines tell otherwise."""
    wrong = [fill(0, "1", in_contracts=True), fill(1, "1", trade_id="2"), fill(1, "2", trade_id="2")]
    statement = Statement("one.csv", "one", [*wrong, fill(9, "1", key=ETH)])
    with memory_ledger() as ledger:
        report = import_statements(ledger, [statement], confirm=True, excluded=[BTC])
        assert (report.orders, report.excluded) == (1, {"BTCUSDT.binance": {"fills": 3, "payments": 0}})
        assert [row.position_id for row in ledger.positions()] == ["ETHUSDT.binance#1"]
