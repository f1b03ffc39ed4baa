"""A key that a bot has is not imported into: all such keys are named, and what to say to import the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound
from tests.infrastructure.transfer.statements.intake.told import BTC, fill, leg, paid, take

ETH, SOL = (PositionKey.of(symbol, "binance") for symbol in ("ETHUSDT", "SOLUSDT"))


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger
        assert_sound(ledger)


def bot_enters(ledger: PositionLedger, key: PositionKey) -> None:
    ledger.request_entry(
        symbol=key.symbol,
        exchange=key.exchange,
        leg=key.leg,
        side="long",
        quantity="1",
        intent_id="s1",
        command_id=f"bot-{key.symbol}",
    )


def trip(key: PositionKey) -> list[StatementFill]:
    return [fill(0, "1", key=key), fill(60, "-1", "110", key=key)]


def test_all_keys_of_bots_are_named_with_what_to_say(ledger: PositionLedger) -> None:
    bot_enters(ledger, BTC)
    bot_enters(ledger, SOL)
    with pytest.raises(StatementRefused) as refused:
        take(ledger, [*trip(BTC), *trip(ETH), *trip(SOL)])
    assert refused.value.message == (
        "the ledger has what no statement said: BTCUSDT.binance#1 (command bot-BTCUSDT), SOLUSDT.binance#1 (command "
        "bot-SOLUSDT); a statement can only be imported into a key that has nothing but statements, because it may "
        "repeat what a bot recorded. To import all other keys, and nothing of these, add --exclude BTCUSDT.binance "
        "--exclude SOLUSDT.binance; to have all of it, import into another ledger. If the files are of another account "
        "than the bot's, say which with --account"
    )
    assert ledger.store.count_events() == 2


def test_what_they_say_takes_in_the_others_and_goes_on(ledger: PositionLedger) -> None:
    """The key was imported before its bot began, so it has both."""
    statement = Statement("one.csv", "one", [*trip(BTC), *trip(ETH)])
    import_statements(ledger, [statement], confirm=True)
    bot_enters(ledger, BTC)
    later = [fill(120, "-2", "90", key=BTC), fill(120, "2", "90", key=ETH)]
    statement = Statement("one.csv", "one", [*trip(BTC), *trip(ETH), *later])
    with pytest.raises(StatementRefused, match=r"BTCUSDT\.binance#2 \(command bot-BTCUSDT\).*--exclude BTCUSDT"):
        import_statements(ledger, [statement], confirm=True)
    for orders in (1, 0):
        report = import_statements(ledger, [statement], confirm=True, excluded=[BTC])
        assert (report.fills, report.orders, report.excluded) == (
            3,
            orders,
            {"BTCUSDT.binance": {"fills": 3, "payments": 0}},
        )
        assert report.findings == []
    rows = {row.position_id: (row.status.value, str(row.quantity)) for row in ledger.positions()}
    assert rows == {
        "BTCUSDT.binance#1": ("closed", "0"),
        "BTCUSDT.binance#2": ("pending_entry", "0"),
        "ETHUSDT.binance#1": ("closed", "0"),
        "ETHUSDT.binance#2": ("entry_placed", "2"),
    }


@pytest.mark.parametrize(
    "facts",
    [
        [paid(30, "-0.5")],  # funding of a symbol whose only leg is the bot's
        [fill(0, "1", names_leg=False), fill(60, "-1", names_leg=False)],
        [fill(0, "1", key=leg(Leg.LONG))],
    ],
)
def test_what_would_be_of_a_leg_of_a_bot_is_refused_by_the_key_without_a_leg(
    ledger: PositionLedger, facts: list[StatementFill]
) -> None:
    bot_enters(ledger, leg(Leg.LONG))
    with pytest.raises(StatementRefused, match=r"BTCUSDT\.binance:LONG#1 .* add --exclude BTCUSDT\.binance;"):
        take(ledger, facts)
    statement = Statement("one.csv", "one", facts)
    report = import_statements(ledger, [statement], confirm=True, excluded=[BTC])
    assert (report.fills, report.payments, sum(report.excluded["BTCUSDT.binance"].values())) == (0, 0, len(facts))
    assert ledger.store.count_events() == 1


def test_a_key_beside_that_of_a_bot_is_taken(ledger: PositionLedger) -> None:
    """Spot is another key, and so is the other side of a hedge where the file names it."""
    bot_enters(ledger, leg(Leg.LONG))
    beside = [fill(0, "1", key=leg(Leg.SPOT)), fill(0, "-1", key=leg(Leg.SHORT)), fill(0, "1", key=ETH)]
    assert take(ledger, beside).orders == 3
