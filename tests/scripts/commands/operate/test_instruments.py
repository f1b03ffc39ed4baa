"""`instruments` on the command line: by options, by a file, and with the real ccxt client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.infrastructure.exchanges.exchange_server import Exchange, binance, bybit, served
from tests.scripts.program import Program

WHY = ("--confirm", "--reason", "its list of markets")


@pytest.fixture
def url(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LEDGER_DATABASE_URL", ledger_url)
    with PositionLedger.connect(ledger_url) as ledger:
        for symbol, exchange in (("APTUSDT", "binance"), ("HNTUSDT", "bybit"), ("BTC/USD:BTC", "okx")):
            sent = ledger.request_entry(symbol=symbol, exchange=exchange, side="long", quantity="1", intent_id="i")
            if exchange != "okx":
                ledger.fail_entry(position_id=sent.position_id, outcome="rejected", reason="x")
    return ledger_url


@pytest.fixture(params=[("binance", binance), ("bybit", bybit)], ids=["binance", "bybit"])
def exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Exchange]]:
    name, make = request.param
    with served(make()) as exchange:
        monkeypatch.setenv(f"LEDGER_{name.upper()}_URL", exchange.url)
        yield name, exchange


def test_live_defines_what_the_ledger_has_and_asks_without_a_key(
    program: Program, url: str, exchange: tuple[str, Exchange]
) -> None:
    del url
    name, asked = exchange
    ask = ("instruments", "--exchange", name, "--live")
    symbol, step = ("APTUSDT", "0.1") if name == "binance" else ("HNTUSDT", "1")
    ran = program(*ask, "--json")
    (found,) = ran.json["instruments"]
    assert (ran.code, found["key"], found["outcome"], found["recorded"]) == (1, f"{symbol}.{name}", "new", False)
    after = found["after"]
    assert (after["contract_size"], after["inverse"], after["settle"]) == ("1", False, "USDT")
    assert (after["price_tick"], after["quantity_step"]) == ("0.0001", step)
    assert program(*ask, *WHY).code == 0
    code, out, _ = program(*ask, *WHY)
    assert (code, out.splitlines()[0]) == (0, "unchanged:")
    assert not any("signature" in query for _, query in asked.asked)
    assert not any("api" in header.lower() for each in asked.headers for header in each)
    (listed,) = program("instruments", "--exchange", name, "--json").json["instruments"]
    assert (listed["key"], listed["source"], listed["reason"]) == (f"{symbol}.{name}", "operator", WHY[-1])


def test_live_that_does_not_answer_is_3(program: Program, url: str, exchange: tuple[str, Exchange]) -> None:
    del url
    exchange[1].answers.clear()
    code, out, err = program("instruments", "--exchange", exchange[0], "--live")
    assert (code, out) == (3, "")
    assert "so nothing is known" in err


def test_a_file_is_read_and_its_bad_rows_named(program: Program, url: str, tmp_path: Path) -> None:
    path = tmp_path / "markets.json"
    row = {"swap": True, "linear": False, "inverse": True, "contractSize": 100.0}
    path.write_text(json.dumps([{"symbol": "BTC/USD:BTC", **row}, {"symbol": "Д"}]))
    code, out, _ = program("instruments", "--from", path, "--exchange", "okx", *WHY)
    assert (code, out.splitlines()[0]) == (1, "left:")
    assert "the rest is read without it: number 2 of its markets cannot be read: symbol 'Д'" in out
    code, out, _ = program("instruments", "--from", path, "--exchange", "okx", *WHY, "--force")
    assert "contract_size 1 -> 100" in out
    with PositionLedger.connect(url) as ledger:
        ledger.fail_entry(position_id="BTC/USD:BTC.okx#1", outcome="rejected", reason="x")
        ledger.request_entry(symbol="BTC/USD:BTC", exchange="okx", side="long", quantity="1", intent_id="j")
        assert ledger.position("BTC/USD:BTC.okx#2").contract_size == Decimal(100)


def test_a_symbol_that_is_named_is_that_of_the_keys_that_there_are(program: Program, url: str, tmp_path: Path) -> None:
    path = tmp_path / "markets.json"
    path.write_text(json.dumps([{"symbol": "APT/USDT:USDT", "swap": True, "linear": True, "inverse": False}]))
    with PositionLedger.connect(url) as ledger:
        for leg in ("LONG", "SHORT"):
            ledger.define_instrument(symbol="APTUSDT", exchange="bybit", account="sub1", leg=leg, contract_size="1")

    def named(*words: str) -> list[str]:
        found = program("instruments", "--from", path, "--symbol", "APT/USDT", "--exchange", *words, "--json").json
        return [each["key"] for each in found["instruments"]]

    assert named("bybit") == ["APTUSDT.bybit.sub1:LONG", "APTUSDT.bybit.sub1:SHORT"]
    assert named("bybit", "--leg", "short") == ["APTUSDT.bybit.sub1:SHORT"]
    assert named("bybit", "--account", "sub2") == ["APTUSDT.bybit.sub2"]
    assert named("okx") == ["APTUSDT.okx"]


def test_a_list_of_which_the_ledger_has_no_key_defines_nothing_and_says_so(
    program: Program, url: str, tmp_path: Path
) -> None:
    del url
    path = tmp_path / "markets.json"
    path.write_text(json.dumps([{"symbol": "APT/USDT:USDT", "swap": True, "linear": True, "inverse": False}]))
    ran = program("instruments", "--from", path, "--exchange", "krakenfutures")
    assert (ran.code, ran.out) == (0, "the ledger has no such key; name one with --symbol\n")


def test_what_is_not_known_is_told_by_symbol_and_by_snapshot(program: Program, url: str, tmp_path: Path) -> None:
    with PositionLedger.connect(url) as ledger:
        ledger.adopt(symbol="DOGEUSDT", exchange="okx", side="long", quantity="3", avg_px_open="2", reason="x")
    code, out, _ = program("instruments")
    assert (code, "BTC/USD:BTC.okx#1: not known" in out, "DOGE" in out) == (1, True, False)
    path = tmp_path / "okx.json"
    doge = {"symbol": "DOGE/USDT:USDT", "side": "long", "contracts": 3, "contractSize": 1000, "entryPrice": 0.1}
    path.write_text(json.dumps({"exchange": "okx", "timestamp": "2025-10-22T18:55:00Z", "positions": [doge]}))
    unknown = program("instruments", "--snapshot", path, "--json").json["unknown"]
    assert [each["position_id"] for each in unknown] == ["BTC/USD:BTC.okx#1", "DOGEUSDT.okx#1"]
    assert "the exchange counts contracts of 1000" in unknown[1]["message"]
    assert program("instruments", "--exchange", "bybit").code == 0


def test_one_is_defined_by_its_terms(program: Program, url: str) -> None:
    del url
    define = ("instruments", "--symbol", "XAU/USD", "--exchange", "oanda", "--contract-size", "100", "--linear")
    planned = program(*define, "--price-may-be-negative")
    assert planned.code == 1 and planned.out.splitlines()[0] == "new:"
    assert "contract_size 100, price_may_be_negative true\nfrom the next cycle on, a quantity is one of " in planned.out
    assert planned.out.endswith("\nrun it again with --confirm --reason TEXT to define them\n")
    assert "from the next cycle on" not in program(*define[:-2], "1").out
    assert program("instruments", "--exchange", "oanda").out.startswith("no instrument is defined")
    done = program(*define, "--price-tick", "0.01", *WHY)
    assert done.code == 0 and "run it again" not in done.out
    (found,) = program("instruments", "--exchange", "oanda", "--json").json["instruments"]
    assert (found["key"], found["contract_size"], found["price_tick"]) == ("XAUUSD.oanda", "100", "0.01")
    assert program(*define, "--json").json["instruments"][0]["outcome"] == "unchanged"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--contract-size", "10"], "say what to define: --symbol SYMBOL and --exchange NAME"),
        (["--contract-size", "x"], "is not a finite number"),
        (["--live"], "say whose markets these are: --exchange NAME"),
        (["--live", "--base", "APT"], "choose one"),
        (["--exchange", "kraken", "--live"], "can be asked, not kraken; name a file with --from"),
        (["--confirm", "--reason", "x"], "need what to define"),
        (["--exchange", "okx", "--live", "--force"], "--force is for --confirm"),
        (["--exchange", "okx", "--live", "--confirm"], "--confirm needs --reason TEXT"),
        (["--leg", "UP"], "is not one of BOTH, LONG, SHORT, SPOT"),
    ],
)
def test_a_wrong_word_is_usage(program: Program, arguments: list[str], words: str) -> None:
    code, out, err = program("instruments", *arguments)
    assert (code, out) == (2, "")
    assert words in " ".join(err.split())


def test_a_file_that_is_no_list_is_usage(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "markets.json"
    path.write_text("7")
    code, _, err = program("instruments", "--from", path, "--exchange", "okx")
    assert (code, "it is no list of markets" in err) == (2, True)


@pytest.mark.parametrize(
    ("content", "named", "code", "words"),
    [
        (
            "# HELP a metric\n",
            (),
            2,
            "it is not a JSON document: Expecting value: line 1 column 1 (char 0); name it with",
        ),
        ("# HELP a metric\n", ("--exchange", "bybit"), 1, "nothing is known: it is not a JSON document"),
        ('{"exchange": "bybit", "positions": null}', (), 1, "nothing is known: it has no list of positions"),
        ('{"exchange": "bybit", "positions": [{"symbol": "Д"}]}', (), 1, "cannot be read: it says no quantity"),
        ('{"exchange": "bybit", "positions": []}', (), 0, ""),
    ],
)
def test_a_snapshot_that_cannot_be_read_is_not_all_is_known(
    program: Program, url: str, tmp_path: Path, *, content: str, named: tuple[str, ...], code: int, words: str
) -> None:
    with PositionLedger.connect(url) as ledger:
        ledger.fail_entry(position_id="BTC/USD:BTC.okx#1", outcome="rejected", reason="x")
    path = tmp_path / "seen.json"
    path.write_text(content)
    for more in ((), ("--json",)):
        ran = program("instruments", "--snapshot", path, *named, *more)
        assert ran.code == code and words in ran.err and bool(words) == bool(ran.err)
