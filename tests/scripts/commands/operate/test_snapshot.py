"""`snapshot` on the command line: the other commands can read the files that it writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.infrastructure.exchanges.exchange_server import Exchange, binance, served
from tests.scripts.program import Program

KEY, SECRET = "the-key-of-a-bot", "the-secret-of-a-bot"


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    with served(binance()) as exchange:
        exchange.answers["/api/v3/account"] = {"balances": [{"asset": "UNFI", "free": "1.2", "locked": "0.1"}]}
        for name, value in (("API_KEY", KEY), ("SECRET", SECRET), ("URL", exchange.url)):
            monkeypatch.setenv(f"LEDGER_BINANCE_{name}", value)
        yield exchange


def test_what_it_writes_is_what_reconcile_reads(program: Program, exchange: Exchange, tmp_path: Path) -> None:
    path, url = tmp_path / "binance.json", f"sqlite:///{tmp_path}/ledger.db"
    with PositionLedger.connect(url) as ledger:
        ledger.adopt(
            symbol="UNFI/USDT", exchange="binance", side="long", quantity="1.4", avg_px_open="4", leg="SPOT", reason="x"
        )
    code, out, err = program("snapshot", "--exchange", "binance", "--output", path)
    assert (code, out) == (0, "")
    assert err == "binance: 1 positions, 2 orders (1 stops), 1 balances\n"
    assert (KEY in path.read_text(), SECRET in path.read_text(), len(exchange.asked)) == (False, False, 5)
    code, out, err = program("reconcile", "--snapshot", path, "--json", "--database", url)
    found = json.loads(out)
    assert [each["key"] for each in found["orphans"]] == ["APTUSDT.binance"]
    assert (found["protection_judged"], found["unprotected"]) == (True, [])
    assert [each["message"] for each in found["spot_shortfalls"]] == [
        "the ledger holds 1.4 UNFI, the account 1.3: 0.1 less"
    ]


def test_it_goes_to_stdout_and_leaves_balances_out(program: Program, exchange: Exchange) -> None:
    code, out, _ = program("snapshot", "--exchange", "Binance", "--account", "SUB1", "--no-balances")
    document = json.loads(out)
    assert (code, document["exchange"], document["account"]) == (0, "binance", "sub1")
    assert "balances" not in document
    assert not any(target.endswith("/account") for target, _ in exchange.asked)


def test_half_an_answer_writes_nothing(program: Program, exchange: Exchange, tmp_path: Path) -> None:
    exchange.answers["/fapi/v1/openAlgoOrders"] = (401, {"code": -2015, "msg": "Invalid API-key."})
    code, out, err = program("snapshot", "--exchange", "binance", "--output", tmp_path / "binance.json")
    assert (code, out, list(tmp_path.iterdir())) == (3, "", [])
    assert "so nothing is known" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing option '--exchange'"),
        (["--exchange", "kraken"], "can be asked, not kraken"),
        (["--exchange", "okx"], "set LEDGER_OKX_API_KEY"),
        (["--exchange", "b!"], "is not a name like 'binance'"),
        (["--exchange", "binance", "--no-balances", "--output", "nowhere/binance.json"], "cannot be written"),
    ],
)
def test_a_wrong_word_is_usage(program: Program, exchange: Exchange, arguments: list[str], words: str) -> None:
    del exchange
    code, out, err = program("snapshot", *arguments)
    assert (code, out) == (2, "")
    assert words in " ".join(err.split())
