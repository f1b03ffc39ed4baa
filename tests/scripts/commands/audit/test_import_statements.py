"""`import` of statements by real processes, which are killed at any moment."""

from __future__ import annotations

import json
import random
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from subprocess import DEVNULL

import pytest

from infrastructure.event_store.codec import decode
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.intake.command_ids import PREFIX
from tests.acceptance.bot import PROGRAM, Bot, read, run
from tests.forked_popen import ForkedPopen

TRADES = """\
Uid,Time,Symbol,Side,Price,Quantity,Amount,Fee,Realized Profit,Buyer,Maker,Trade ID,Order ID
7,26-03-17 09:00:00,BTCUSDT,BUY,100,1,100,0.1USDT,0,true,false,1,1
7,26-03-17 10:00:00,BTCUSDT,SELL,110,1,110,0.1USDT,10,true,false,2,2
7,26-03-17 11:00:00,BTCUSDT,BUY,100,2,200,0.2USDT,0,true,false,3,3
"""
INCOME = [
    {
        "symbol": "BTCUSDT",
        "incomeType": kind,
        "income": amount,
        "asset": "USDT",
        "info": "",
        "time": 1773738000000 + 1000 * second,
        "tranId": f"{second}",
        "tradeId": trade,
    }
    for second, kind, amount, trade in (
        (1800, "FUNDING_FEE", "-0.25", ""),
        (3600, "COMMISSION", "-0.1", "2"),
        (3600, "REALIZED_PNL", "10", "2"),
    )
]
SHOWN = {"exchange": "binance", "taken_at": "2026-03-17T12:00:00Z", "positions": []}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    texts = {"trades.csv": TRADES, "income.json": json.dumps(INCOME)}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {name.partition(".")[0]: str(tmp_path / name) for name in texts}


@pytest.fixture
def url(ledger_url: str) -> str:
    PositionLedger.connect(ledger_url).disconnect()
    return ledger_url


def test_files_of_several_kinds_are_one_history(url: str, files: dict[str, str]) -> None:
    asked = ("import", files["income"], files["trades"], "--timezone", "UTC", "--confirm")
    done = run(url, *asked)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "binance-futures-income + binance-futures-trades: 3 fills, 0 of them imported before",
            "new: 3 orders in 2 cycles, 1 of them open at the end",
            "1 payment, 0 of them imported before",
            "from 2026-03-17T09:00:00.000000Z to 2026-03-17T11:00:00.000000Z",
            "profit by its fills: 10 USDT",
            "profit by the file: 10 USDT",
            "fees: 0.4 USDT",
            "funding: -0.25 USDT",
            "written",
        ],
    )
    first = read(url, "positions")[0]
    assert (first["cash"], first["fees"], first["net_pnl"]) == ({"funding": "-0.25"}, "0.2", "9.55")
    again = read(url, *asked)
    assert (again["fills_before"], again["payments_before"], again["cycles"]) == (3, 1, 0)


def test_a_line_that_cannot_be_read_is_named_with_its_file(url: str, files: dict[str, str]) -> None:
    Path(files["trades"]).write_text(TRADES.replace(",110,1,", ",11O,1,"), encoding="utf-8")
    done = run(url, "import", files["income"], files["trades"], "--timezone", "UTC", "--confirm")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"StatementRefused: {files['trades']}: line 3: price '11O' is no number")
    with PositionLedger.connect(url) as ledger:
        assert ledger.store.count_events() == 0


def test_what_is_open_is_compared_with_a_snapshot(url: str, files: dict[str, str], tmp_path: Path) -> None:
    shown = tmp_path / "now.json"
    position = {"symbol": "BTC/USDT:USDT", "side": "long", "contracts": 2, "contractSize": 1, "entryPrice": 100}
    shown.write_text(json.dumps(SHOWN | {"positions": [position]}), encoding="utf-8")
    asked = ("import", files["trades"], "--timezone", "UTC", "--snapshot", str(shown))
    assert run(url, *asked).returncode == 0
    shown.write_text(json.dumps(SHOWN | {"positions": [position | {"contracts": 3}]}), encoding="utf-8")
    done = run(url, *asked, "--confirm")
    assert done.returncode == 1
    (finding,) = [line for line in done.stdout.splitlines() if line.startswith("finding")]
    assert finding.startswith("finding: BTCUSDT.binance#2: ")
    assert done.stdout.endswith("written\n")


def test_an_empty_snapshot_is_believed_only_when_that_is_said(url: str, files: dict[str, str], tmp_path: Path) -> None:
    shown = tmp_path / "now.json"
    shown.write_text(json.dumps({"exchange": "binance", "positions": []}), encoding="utf-8")
    asked = ("import", files["trades"], "--timezone", "UTC", "--snapshot", str(shown))
    timed = (*asked, "--taken-at", "2026-03-17T12:00Z")
    why, unjudged = _findings(run(url, *timed))
    assert why.endswith("it shows no positions at all while the ledger holds 1; if that is so, say --trust-empty")
    assert unjudged == "BTCUSDT.binance#2: the exchange does not show it, and the snapshot is not reliable"
    assert "say it with --taken-at" in _findings(run(url, *asked, "--trust-empty"))[0]
    assert _findings(run(url, *timed, "--trust-empty", "--confirm")) == [
        "BTCUSDT.binance#2: the ledger holds long 2, the exchange nothing"
    ]
    assert [row["status"] for row in read(url, "positions", "--open")] == ["entry_placed"], "nothing closed it"


def test_an_empty_snapshot_agrees_with_what_is_flat(url: str, files: dict[str, str], tmp_path: Path) -> None:
    shown = tmp_path / "now.json"
    shown.write_text(json.dumps(SHOWN), encoding="utf-8")
    Path(files["trades"]).write_text("".join(TRADES.splitlines(keepends=True)[:3]), encoding="utf-8")
    assert run(url, "import", files["trades"], "--timezone", "UTC", "--snapshot", str(shown)).returncode == 0


def test_a_snapshot_of_no_exchange_is_asked_whose_it_is(url: str, tmp_path: Path) -> None:
    shown, fills = tmp_path / "now.json", tmp_path / "fills.csv"
    shown.write_text("[]", encoding="utf-8")
    fills.write_text("T,S,P,Q,D,E\n1773738000,BTCUSDT,100,1,buy,okx\n", encoding="utf-8")
    columns = 'time = "T"\nsymbol = "S"\nprice = "P"\nquantity = "Q"\nside = "D"\nexchange = "E"\n'
    (tmp_path / "map.toml").write_text(f"[columns]\n{columns}", encoding="utf-8")
    asked = ("import", str(fills), "--map", str(tmp_path / "map.toml"), "--snapshot", str(shown))
    assert _findings(run(url, *asked))[0] == (
        "the snapshot is not reliable: it does not say of which exchange it is: name it with --exchange"
    )


def test_what_says_nothing_is_noted(url: str, files: dict[str, str]) -> None:
    Path(files["trades"]).write_text(TRADES.splitlines(keepends=True)[0], encoding="utf-8")
    done = run(url, "import", files["trades"], "--timezone", "UTC")
    assert (done.returncode, "note: no fill and no payment stands in what was given\n" in done.stderr) == (0, True)
    done = run(url, "import", files["income"])
    assert "note: no fill" not in done.stderr


def test_what_is_said_of_a_snapshot_needs_one(url: str, files: dict[str, str]) -> None:
    for said, why in (
        (["--trust-empty"], "--trust-empty is for --snapshot and --live"),
        (["--taken-at", "2026-03-17T12:00Z"], "--taken-at is for one --snapshot"),
    ):
        done = run(url, "import", files["trades"], "--timezone", "UTC", *said)
        assert (done.returncode, why in done.stderr) == (2, True)


def test_what_is_no_statement_is_not_put_together_with_one(url: str, files: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    done = run(url, "import", files["trades"], str(other), "--timezone", "UTC")
    assert (done.returncode, "other.csv begins like no statement (it begins with 'a, b')" in done.stderr) == (2, True)
    other.write_text("", encoding="utf-8")
    assert f"{other} is empty: nothing stands in it" in run(url, "import", files["trades"], str(other)).stderr


def test_kinds_that_would_be_counted_twice_are_usage(url: str) -> None:
    samples = Path(__file__).parents[3] / "infrastructure/transfer/statements/samples"
    fills, positions = str(samples / "nautilus-fills.csv"), str(samples / "nautilus-positions.csv")
    done = run(url, "import", positions, fills)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert f"{fills} is of kind nautilus-fills and {positions} of kind nautilus-positions, which tell of" in said


def test_the_old_table_is_imported_by_the_same_command(url: str, tmp_path: Path) -> None:
    dump = tmp_path / "positions.csv"
    dump.write_text(
        "id,symbol,exchange,side,status,quantity,entry_price,created_at\n"
        "1,BTCUSDT,binance,long,active,1,100,2026-03-17 09:00:00+00\n",
        encoding="utf-8",
    )
    refused = run(url, "import", "--as", "legacy", str(dump))
    assert (refused.returncode, "say --confirm" in refused.stderr) == (2, True)
    done = run(url, "import", "--as", "legacy", str(dump), "--confirm")
    direct = run(url, "import-legacy", "--dump", str(dump))
    assert done.stdout.startswith("1 rows: 1 imported, 0 imported before")
    assert direct.stdout.startswith("1 rows: 0 imported, 1 imported before")


def test_killed_at_any_moment_it_goes_on(url: str, tmp_path: Path) -> None:
    chance = random.Random(1)
    file = tmp_path / "many.csv"
    file.write_text(_many(3_000), encoding="utf-8")
    asked = [PROGRAM, "import", str(file), "--timezone", "UTC", "--confirm", "--database", url]
    with PositionLedger.connect(url) as ledger:
        for _ in range(3):
            before, process = ledger.store.count_events(), ForkedPopen[bytes](asked, stdout=DEVNULL)
            deadline = time.monotonic() + 60
            while process.poll() is None and ledger.store.count_events() == before and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.1))
            process.kill()
            process.wait()
            assert verify(ledger.store).ok, "whole transactions"
        assert run(url, *asked[1:-2]).returncode == 0
        assert ledger.store.count_events() == 3_000 * 2
        assert verify(ledger.store).ok
        rows = ledger.positions()
        assert (len(rows), sum(row.realized_pnl or 0 for row in rows)) == (1_500, Decimal(1_500))


def test_a_bot_that_trades_what_is_imported_has_its_cycle_alone(url: str, tmp_path: Path) -> None:
    """While it is written, and once it was killed: what the bot wrote is the last of its key."""
    file = tmp_path / "many.csv"
    file.write_text(_many(3_000), encoding="utf-8")
    asked = ("import", str(file), "--timezone", "UTC", "--confirm")
    entry = {"command": "request_entry", "exchange": "binance", "side": "long", "quantity": "5"}
    filled = {"command": "record_entry_fill", "exchange_order_id": "B", "trade_id": "B", "last_qty": "5"}
    with PositionLedger.connect(url) as ledger, Bot(url) as bot:
        process = ForkedPopen[bytes]([PROGRAM, *asked, "--database", url], stdout=DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and ledger.store.count_events() == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        for intent, symbol in (("s1", "SCUSDT"), ("s2", "SAUSDT")):
            receipt = bot.ask(symbol=symbol, intent_id=intent, **entry)
            assert bot.ask(position_id=receipt["position_id"], last_px="77", **filled)["ok"]
            process.kill()
            process.wait()
        count, refused = ledger.store.count_events(), run(url, *asked)
        assert refused.returncode == 1
        assert "the ledger has what no statement said: SAUSDT.binance#" in refused.stderr
        assert "add --exclude SAUSDT.binance --exclude SCUSDT.binance;" in refused.stderr
        assert ledger.store.count_events() == count
        without = ("--exclude", "SAUSDT.binance", "--exclude", "SCUSDT.binance")
        for _ in range(2):
            done = run(url, *asked, *without)
            assert (done.returncode, done.stdout.splitlines()[-3:]) == (
                0,
                [
                    "excluded: SAUSDT.binance, 1,000 fills and 0 payments",
                    "excluded: SCUSDT.binance, 1,000 fills and 0 payments",
                    "written",
                ],
            ), done.stderr
        assert done.stdout.startswith("binance-futures-trades: 1,000 fills, 1,000 of them imported before\n")
        assert len(ledger.positions(symbol="SBUSDT")) == 500
        assert verify(ledger.store).ok
        for symbol in ("SAUSDT", "SCUSDT"):
            history = ledger.store.history(f"{symbol}.binance")
            by_bot = [not decode(event).command_id.startswith(PREFIX) for event in history]
            assert (by_bot, by_bot.count(True)) == (sorted(by_bot), 2)
            (row,) = ledger.positions(open=True, symbol=symbol)
            assert (row.quantity, row.avg_px_open) == (Decimal(5), Decimal(77))


def _findings(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.removeprefix("finding: ") for line in done.stdout.splitlines() if line.startswith("finding: ")]


def _many(fills: int) -> str:
    """Of three symbols in turn, cycles of two fills that earn 1; the newest line first."""
    lines = []
    for number in range(fills):
        hour, minute = divmod(number // 60, 60)
        closes = number // 3 % 2
        side = "SELL" if closes else "BUY"
        lines.append(
            f"7,26-03-17 {hour:02}:{minute:02}:{number % 60:02},S{'ABC'[number % 3]}USDT,{side},{100 + closes},1,100,0,"
            f"{closes},true,false,{number},{number}"
        )
    return "\n".join([TRADES.splitlines()[0], *reversed(lines)]) + "\n"


@pytest.mark.parametrize("answer", ["[]", '{"code":"0","msg":"","data":[]}', '{"retCode":0,"result":{"list":[]}}'])
def test_an_answer_in_which_nothing_stands_is_left_out(
    url: str, files: dict[str, str], tmp_path: Path, answer: str
) -> None:
    """As of a month without a payment, or of the page behind the last one."""
    empty = tmp_path / "empty.json"
    empty.write_text(answer, encoding="utf-8")
    done = run(url, "import", str(empty), files["trades"], "--timezone", "UTC")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "binance-futures-trades: 3 fills, 0 of them imported before",
    )
    assert f"note: {empty} is left out, because it is an answer in which nothing stands" in done.stderr
    alone = run(url, "import", str(empty))
    assert alone.returncode == 1
    assert "nothing stands in what was given" in alone.stderr
    said = run(url, "import", str(empty), "--as", "okx-bills")
    assert (said.returncode, said.stdout.splitlines()[0]) == (0, "okx-bills: 0 fills, 0 of them imported before")


def test_the_answer_of_a_call_that_failed_is_not_left_out(url: str, files: dict[str, str], tmp_path: Path) -> None:
    failed = tmp_path / "failed.json"
    failed.write_text('{"code":"50011","msg":"Too Many Requests","data":[]}', encoding="utf-8")
    done = run(url, "import", str(failed), files["trades"], "--timezone", "UTC")
    assert done.returncode != 0
    why = "is no statement: it is of a call that failed: code '50011' Too Many Requests; ask the exchange again"
    assert f"StatementRefused: {failed} {why}" in done.stderr
