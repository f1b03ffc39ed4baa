"""`import` of a statement: its options, on both databases."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import run

HEADER = "Date(UTC),Symbol,Side,Price,Quantity,Amount,Fee,Realized Profit,Quote Asset"
ENTRY = "2026-03-17 09:34:12,BTCUSDT,BUY,100,1,100,0.1,0,USDT"
EXIT = "2026-03-17 10:34:12,BTCUSDT,SELL,110,1,110,0.1,10,USDT"
PLAIN = "time,symbol,side,price,quantity\n2026-03-17T09:34:12Z,BTCUSDT,buy,100,1\n"


@pytest.fixture
def trades(tmp_path: Path) -> str:
    path = tmp_path / "trades.csv"
    path.write_text("\ufeff" + "\r\n".join([HEADER, EXIT, ENTRY, ""]), encoding="utf-8")
    return str(path)


def test_it_goes_into_either_database_and_adds_nothing_again(trades: str, ledger_url: str) -> None:
    PositionLedger.connect(ledger_url).disconnect()
    for before in (0, 2):
        told = run(ledger_url, "import", trades, "--confirm", "--json", "--account", "sub1")
        assert (told.returncode, json.loads(told.stdout)["fills_before"]) == (0, before), told.stderr
    with PositionLedger.connect(ledger_url) as ledger:
        (row,) = ledger.positions()
    numbers = [str(number) for number in (row.realized_pnl, row.fees, row.net_pnl)]
    assert (row.position_id, row.status.value, numbers) == ("BTCUSDT.binance.sub1#1", "closed", ["10", "0.2", "9.8"])


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (PLAIN, ["--as", "csv"], "a file of kind csv does not name its exchange; say so with --exchange"),
        (PLAIN, [], "the columns of kind csv, which does not say whose it is: add --as csv --exchange NAME"),
        (
            "what,else\n",
            ["--confirm"],
            "file.csv begins like no statement that is known (it begins with 'what, else'). Fills of any program",
        ),
        (
            "Trade #,Type,Signal,Date/Time,Price,Contracts\n",
            [],
            "tradingview-trades does not name its exchange and its symbol; say so with --exchange and --symbol",
        ),
        (HEADER, ["--strategy", "A"], "--strategy A: a file of kind binance-futures-trades has no strategies"),
        (HEADER, ["--exchange", "bybit"], "a file of kind binance-futures-trades is of binance"),
    ],
)
def test_options_that_do_not_fit_are_usage(tmp_path: Path, text: str, options: list[str], says: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    told = run(f"sqlite:///{tmp_path}/ledger.db", "import", str(path), *options)
    assert told.returncode == 2
    assert says in " ".join(told.stderr.replace("│", " ").split())


def test_columns_of_no_kind_are_read_with_a_map(tmp_path: Path) -> None:
    path, url = tmp_path / "own.csv", f"sqlite:///{tmp_path}/ledger.db"
    path.write_text("When,What,Way,At,Pieces\n2026-03-17 09:34,ETH/USDT,buy,2000,1\n", encoding="utf-8")
    PositionLedger.connect(url).disconnect()
    told = run(url, "import", str(path))
    assert (told.returncode, told.stdout) == (1, "")
    assert f"{path} begins like no file that is known (it begins with 'when, what, way, at, pieces')" in told.stderr
    assert "Fills of any program are read with --as csv --exchange NAME where their columns are called" in told.stderr
    assert "and with --map where they are called otherwise; of what `export` writes only JSON Lines" in told.stderr
    told = run(url, "import", str(path), "--as", "csv", "--exchange", "okx")
    assert told.stderr.endswith("has when, what, way, at, pieces; with --map, a map says which column says what\n")
    (tmp_path / "own.toml").write_text(
        '[columns]\ntime = "When"\nsymbol = "What"\nside = "Way"\nprice = "At"\nquantity = "Pieces"\n', encoding="utf-8"
    )
    asked = ("import", str(path), "--map", str(tmp_path / "own.toml"), "--exchange", "okx", "--timezone", "UTC")
    assert run(url, *asked).stdout.startswith("mapped-csv: 1 fill, 0 of them imported before\n")


@pytest.mark.parametrize("options", [[], ["--as", "csv", "--exchange", "okx"]])
@pytest.mark.parametrize(
    "column",
    [
        *("Executed", "Filled Qty", "filled_quantity", "Avg. Price", "average", "AvgPrice"),
        *("Avg. Filled Price", "avg_fill_price", "Average Executed Price"),
    ],
)
def test_orders_are_not_taken_for_fills(tmp_path: Path, column: str, options: list[str]) -> None:
    path, url = tmp_path / "orders.csv", f"sqlite:///{tmp_path}/ledger.db"
    path.write_text(
        f"Time,Symbol,Side,Price,Amount,{column}\n2026-03-17T09:34Z,ETHUSDT,BUY,2000,1,0\n", encoding="utf-8"
    )
    PositionLedger.connect(url).disconnect()
    told = run(url, "import", str(path), *options, "--confirm")
    assert (told.returncode, told.stdout) == (1, "")
    assert f"line 1: column {column.lower()!r} says that each line is an order, not a fill" in told.stderr


def test_an_order_that_was_not_filled_is_no_fill(tmp_path: Path) -> None:
    path, url = tmp_path / "orders.csv", f"sqlite:///{tmp_path}/ledger.db"
    header, filled = "time,symbol,side,price,quantity,status", "2026-03-17T09:34Z,ETHUSDT,buy,2000,1,Filled"
    plain = ("import", str(path), "--as", "csv", "--exchange", "okx", "--confirm")
    PositionLedger.connect(url).disconnect()
    for status in ("CANCELED", "partially_filled", "NEW"):
        path.write_text(f"{header}\n{filled}\n{filled.replace('Filled', status)}\n", encoding="utf-8")
        told = run(url, *plain)
        assert (told.returncode, told.stdout) == (1, "")
        assert f"line 3: status {status!r} is of an order that was not filled, or not all of it" in told.stderr
    path.write_text(f"{header}\n{filled}\n{filled.replace('Filled', '')}\n", encoding="utf-8")
    assert run(url, *plain).stdout.startswith("csv: 2 fills, 0 of them imported before\n")


def test_what_no_currency_is_known_of_is_found_with_what_to_define(tmp_path: Path) -> None:
    path, url = tmp_path / "stocks.csv", f"sqlite:///{tmp_path}/ledger.db"
    fills = [f"2026-03-1{day}T14:30Z,AAPL,{side},17{day},10,1 USD" for day, side in ((6, "buy"), (7, "sell"))]
    path.write_text("\n".join(["time,symbol,side,price,quantity,fee", *fills]), encoding="utf-8")
    PositionLedger.connect(url).disconnect()
    asked = ("import", str(path), "--as", "csv", "--exchange", "ibkr")
    told = run(url, *asked)
    define = "position-ledger instruments --symbol AAPL --exchange ibkr --leg BOTH --quote NAME --confirm --reason TEXT"
    assert told.returncode == 1
    assert "finding: AAPL.ibkr: which currency its prices are in is not known" in told.stdout
    assert f"define it before the import: {define}\n" in told.stdout
    assert run(url, *define.replace("NAME", "USD").split()[1:]).returncode == 0
    told = run(url, *asked, "--confirm")
    assert (told.returncode, "finding" in told.stdout) == (0, False)
    with PositionLedger.connect(url) as ledger:
        (row,) = ledger.positions()
    assert (str(row.net_pnl), row.settle_currency) == ("8", "USD")


def test_a_finding_is_exit_code_1(tmp_path: Path) -> None:
    path, url = tmp_path / "file.csv", f"sqlite:///{tmp_path}/ledger.db"
    path.write_text("\n".join([HEADER, ENTRY, EXIT.replace(",10,", ",11,")]), encoding="utf-8")
    PositionLedger.connect(url).disconnect()
    told = run(url, "import", str(path))
    assert told.returncode == 1
    assert "finding: BTCUSDT.binance#1: the file says a profit of 11, its fills come to 10" in told.stdout


def archive(path: Path, files: dict[str, str]) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return str(path)


def test_an_archive_is_the_files_in_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    PositionLedger.connect(url).disconnect()
    one = archive(tmp_path / "one.zip", {"2026/trades.csv": "\n".join([HEADER, ENTRY, EXIT])})
    assert "profit by its fills: 10 USDT\n" in run(url, "import", one).stdout
    two = archive(tmp_path / "two.zip", {"03.csv": f"{HEADER}\n{ENTRY}", "04.csv": f"{HEADER}\n{EXIT}"})
    assert "profit by its fills: 10 USDT\n" in run(url, "import", two).stdout
    assert "2 lines stand somewhere else, too, and are taken once\n" in run(url, "import", one, two).stdout


def test_what_is_no_statement_in_an_archive_is_left_out_and_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    PositionLedger.connect(url).disconnect()
    packed = archive(tmp_path / "all.zip", {"trades.csv": f"{HEADER}\n{ENTRY}", "config.json": '{"stake": 1}'})
    told = run(url, "import", packed)
    assert (told.returncode, "new: 1 order in 1 cycle" in told.stdout) == (0, True)
    assert (
        f"note: {packed}: config.json is left out, because it begins like no statement that is known\n" in told.stderr
    )
    none = archive(tmp_path / "none.zip", {"config.json": '{"stake": 1}'})
    told = run(url, "import", none, "--confirm")
    assert (told.returncode, f"{none}: config.json begins like no statement that is known" in told.stderr) == (2, True)


def test_a_database_in_an_archive_is_read_with_its_last_changes(tmp_path: Path) -> None:
    url, bot, samples = f"sqlite:///{tmp_path}/ledger.db", tmp_path / "bot.sqlite", Path(__file__).parents[3]
    PositionLedger.connect(url).disconnect()
    sample = samples / "infrastructure/transfer/statements/samples/freqtrade-database.sql"
    with closing(sqlite3.connect(bot)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(sample.read_text(encoding="utf-8"))
        with zipfile.ZipFile(tmp_path / "bot.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for name in ("bot.sqlite", "bot.sqlite-wal"):
                packed.write(tmp_path / name, f"user_data/{name}")
    told = run(url, "import", str(tmp_path / "bot.zip"))
    assert "freqtrade-database: 7 fills" in told.stdout, told.stderr
    assert "left out" not in told.stderr


def test_a_line_in_an_archive_is_named_with_its_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    PositionLedger.connect(url).disconnect()
    two = archive(tmp_path / "two.zip", {"03.csv": f"{HEADER}\n{ENTRY}", "04.csv": f"{HEADER}\n{EXIT},x"})
    assert f"StatementRefused: {two}: 04.csv: line 2: has 10 columns" in run(url, "import", two).stderr


def test_a_file_of_names_says_what_another_calls_by_numbers(tmp_path: Path) -> None:
    fill = {"coin": "@107", "px": "25", "sz": "10", "side": "B", "time": 1773739452105, "startPosition": "0"}
    fill |= {"dir": "Buy", "closedPnl": "0", "oid": 1, "tid": 1, "fee": "0.01", "feeToken": "HYPE"}
    tokens = [
        {"name": name, "index": index, "szDecimals": 2, "weiDecimals": 8, "tokenId": "0x1", "isCanonical": True}
        for index, name in ((0, "USDC"), (150, "HYPE"))
    ]
    names = {"tokens": tokens, "universe": [{"name": "@107", "index": 107, "tokens": [150, 0]}]}
    for name, content in (("fills.json", [fill]), ("names.json", names)):
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    url = f"sqlite:///{tmp_path}/ledger.db"
    PositionLedger.connect(url).disconnect()
    files = [str(tmp_path / "fills.json"), str(tmp_path / "names.json")]
    refused = run(url, "import", files[0], "--confirm")
    assert refused.returncode == 1
    assert "line 1: coin '@107' is the number of a pair on spot" in refused.stderr
    told = run(url, "import", *files, "--confirm", "--json")
    assert told.returncode == 0, told.stderr
    with PositionLedger.connect(url) as ledger:
        assert [row.position_id for row in ledger.positions()] == ["HYPEUSDC.hyperliquid:SPOT#1"]


def test_what_is_excluded_is_named_also_as_json(trades: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    PositionLedger.connect(url).disconnect()
    told = run(url, "import", trades, "--exclude", "btc/usdt:usdt.binance", "--json")
    assert (told.returncode, json.loads(told.stdout)["excluded"]) == (
        0,
        {"BTCUSDT.binance": {"fills": 2, "payments": 0}},
    )
    assert told.stderr == ""
    told = run(url, "import", trades, "--exclude", "BTCUSDT.bybit")
    assert told.returncode == 1
    assert "excluded: BTCUSDT.bybit, 0 fills and 0 payments\n" in told.stdout
    assert "finding: BTCUSDT.bybit is to be excluded, and the files have nothing of it\n" in told.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--exclude", "BTCUSDT"], "'BTCUSDT' is not a key like APTUSDT.binance"),
        (["--exclude", "BTCUSDT.binance:LONG"], "say BTCUSDT.binance for both"),
        (["--as", "legacy", "--confirm", "--exclude", "BTCUSDT.binance"], "--as legacy imports the whole table"),
    ],
)
def test_what_cannot_be_excluded_is_usage(trades: str, tmp_path: Path, options: list[str], says: str) -> None:
    told = run(f"sqlite:///{tmp_path}/ledger.db", "import", trades, *options)
    assert told.returncode == 2
    assert says in " ".join(told.stderr.replace("│", " ").split())
