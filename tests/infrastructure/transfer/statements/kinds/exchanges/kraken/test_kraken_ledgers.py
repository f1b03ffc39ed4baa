"""Two lines of Kraken's ledgers are a trade, of which one asset pays; what is no such two is refused."""

from __future__ import annotations

import pytest

from infrastructure.transfer.statements.kinds.exchanges.kraken.kraken_ledgers import KRAKEN_LEDGERS
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of, words

HEADER = "txid,refid,time,type,subtype,aclass,asset,amount,fee,balance\n"


def line(asset: str, amount: str, fee: str = "0", kind: str = "trade", refid: str = "T1") -> str:
    return f"L-{asset},{refid},2026-03-17 09:24:12.5,{kind},,currency,{asset},{amount},{fee},1\n"


def told(*lines: str) -> list[str]:
    facts = facts_of(HEADER + "".join(lines), KRAKEN_LEDGERS, Whose(exchange="kraken"))
    return [words(fact).partition("Z ")[2].partition(", profit")[0] for fact in facts]


@pytest.mark.parametrize(
    ("one", "other", "fill"),
    [
        (("ZEUR", "-100", "0.26"), ("XXBT", "0.002"), "BTCEUR.kraken:SPOT buys 0.002 at 50000, fee 0.26 EUR"),
        (("XETH", "-2"), ("XXBT", "0.1", "0.0002"), "ETHBTC.kraken:SPOT sells 2 at 0.05, fee 0.0002 BTC"),
        (("ETH", "-2"), ("BTC", "0.1", "0.0002"), "ETHBTC.kraken:SPOT sells 2 at 0.05, fee 0.0002 BTC"),
        (("BTC", "-0.1", "0.0002"), ("ADA", "1000"), "ADABTC.kraken:SPOT buys 1000 at 0.0001, fee 0.0002 BTC"),
        (("USDT", "100"), ("ZUSD", "-99.9"), "USDTUSD.kraken:SPOT buys 100 at 0.999, fee 0"),
        (("ZUSD", "-110"), ("ZEUR", "100"), "EURUSD.kraken:SPOT buys 100 at 1.1, fee 0"),
        (("USDC", "-10"), ("USDT", "10"), "USDCUSDT.kraken:SPOT sells 10 at 1, fee 0"),
        (("EUR.HOLD", "-50", "0.75"), ("ADA", "100"), "ADAEUR.kraken:SPOT buys 100 at 0.5, fee 0.75 EUR"),
        (("ZETA", "10", "0.1"), ("ZEUR", "-5"), "ZETAEUR.kraken:SPOT buys 10 at 0.5, fee 0.1 ZETA"),
    ],
)
def test_one_of_two_assets_pays(one: tuple[str, ...], other: tuple[str, ...], fill: str) -> None:
    assert told(line(*one), line(*other)) == told(line(*other), line(*one)) == [fill]


def test_what_is_paid_in_the_base_lessens_what_is_held_and_the_rest_is_paid_beside_it() -> None:
    lines = [line("ZEUR", "-50", "0.75", "spend"), line("ADA", "100", "0.1", "receive")]
    assert booked(HEADER + "".join(lines), KRAKEN_LEDGERS, Whose(exchange="kraken")) == [
        "ADAEUR.kraken:SPOT#1 long entry_placed holds 99.9: earned 0, net -0.75, fees 0, commission -0.75"
    ]


def test_what_a_sale_pays_in_two_assets_has_the_same_ids_in_a_file_of_the_other_order() -> None:
    lines = [line("ADA", "-100", "0.1"), line("ZEUR", "50", "0.75")]
    with memory_ledger() as ledger:
        for text in ("".join(lines), "".join(reversed(lines))):
            facts = KRAKEN_LEDGERS.facts(file_of(HEADER + text), Whose(exchange="kraken"))
            report = import_statement(ledger, KRAKEN_LEDGERS.name, facts, confirm=True)
    assert (report.fills_before, report.payments_before, report.cash) == (1, 1, {})


def test_a_fee_is_in_the_currency_that_its_column_says() -> None:
    header = HEADER.replace("balance", "balance,amountusd,feecurrency")
    lines = [
        line("BTC", "-0.002", "0.26").replace(",1\n", ",1,110,ZEUR\n"),
        line("ZEUR", "100").replace(",1\n", ",1,110,\n"),
    ]
    (fill,) = facts_of(header + "".join(lines), KRAKEN_LEDGERS, Whose(exchange="kraken"))
    assert words(fill).partition("Z ")[2].partition(", profit")[0] == (
        "BTCEUR.kraken:SPOT sells 0.002 at 50000, fee 0.26 EUR"
    )


@pytest.mark.parametrize("last", range(3))
def test_what_was_sold_out_of_two_wallets_is_one_trade(last: int) -> None:
    """The second wallet's line was taken for the other side, and refused the file."""
    lines = [line("ETH", "-29.5", "0.1"), line("ETH", "-1.5"), line("EUR", "62000", "15.5")]
    lines = [*lines[:last], *lines[last + 1 :], lines[last]]
    (sold, paid) = told(*lines)
    assert sold == "ETHEUR.kraken:SPOT sells 31 at 2000, fee 0.1 ETH"
    assert paid.startswith("ETHEUR.kraken:SPOT commission -15.5 EUR")


def test_what_comes_and_goes_again_within_a_trade_is_no_part_of_it() -> None:
    settled = [line("USD", "60"), line("USD", "-60")]
    lines = [line("AAPLX", "-0.5"), *settled, line("EUR", "52", "0.1")]
    assert told(*lines) == told(*reversed(lines)) == ["AAPLXEUR.kraken:SPOT sells 0.5 at 104, fee 0.1 EUR"]


def test_a_fee_in_another_currency_has_a_line_of_its_own() -> None:
    lines = [line("XXBT", "0.005"), line("ZUSD", "-41.5"), line("KFEE", "0", "11.2")]
    for told_first in range(3):
        assert told(*lines[told_first:], *lines[:told_first]) == [
            "BTCUSD.kraken:SPOT buys 0.005 at 8300, fee 11.2 KFEE"
        ]


def test_trades_are_read_before_all_of_their_lines_are_there() -> None:
    lines = [line(asset, amount, refid=f"T{n}") for n in range(200) for asset, amount in (("ADA", "1"), ("EUR", "-2"))]
    assert len(told(*lines)) == 200
    cut = file_of(HEADER + "".join(lines[:-1]))
    first = next(iter(KRAKEN_LEDGERS.facts(cut, Whose(exchange="kraken"))))
    assert first.line == 2


def test_the_lines_of_a_trade_may_be_far_apart() -> None:
    """A file that was sorted by asset was refused."""
    lines = [line(asset, amount, refid=f"T{n}") for asset, amount in (("ADA", "1"), ("EUR", "-2")) for n in range(200)]
    assert len(told(*lines)) == 200


def test_what_was_received_for_dust_that_is_no_trade_is_told() -> None:
    swept = [
        line(*each, kind="spend").replace(",spend,,", ",spend,dustsweeping,")
        for each in (("XTZ", "-0.00004"), ("ADA", "-0.1"))
    ]
    received = line("EUR", "0.03", kind="receive").replace(",receive,,", ",receive,dustsweeping,")
    assert told(*swept, received) == ["no symbol correction 0.03 EUR, id L-EUR"]
    assert told(swept[1], received) == ["ADAEUR.kraken:SPOT sells 0.1 at 0.3, fee 0"]
    assert told(swept[1], received.replace("EUR", "SOL")) == ["no symbol correction 0.03 SOL, id L-SOL"]


@pytest.mark.parametrize("kind", ["deposit", "withdrawal", "transfer", "earn", "staking"])
def test_what_is_no_trade_is_left_out(kind: str) -> None:
    assert told(line("ADA", "100", kind=kind)) == []


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([line("ZEUR", "-100")], "line 2: refid 'T1' lacks the line of what was received, or of what was paid"),
        ([line("ZEUR", "-100"), line("ADA", "-5")], "were both received, or both paid"),
        ([line("DOT", "-100"), line("ADA", "5")], "assets ADA, DOT were exchanged for each other, and it is not known"),
        ([line("ZEUR", "0", "0.1", "margin")], "line 2: type 'margin' of T1 is of a trade on margin"),
        ([line("ZEUR", "0", "0.1", "rollover")], "line 2: type 'rollover' of T1 is of a trade on margin"),
    ],
)
def test_what_is_no_such_two_lines_is_refused(lines: list[str], why: str) -> None:
    with pytest.raises(StatementRefused, match=why):
        told(*lines)
