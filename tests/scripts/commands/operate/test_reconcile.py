"""`reconcile` on the command line: its output, its corrections, and its exit codes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.values import timestamp_text
from infrastructure.exchanges import ccxt_live
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.apply_corrections import apply
from tests.infrastructure.exchanges.exchange_server import Exchange, binance, served
from tests.past import before_now
from tests.scripts.program import Program, Ran

SAMPLE = Path(__file__).parents[3] / "samples_snapshots" / "binance.json"
LISTS = (
    "matched", "phantoms", "orphans", "side_mismatches", "quantity_mismatches", "unprotected", "zombie_orders",
    "duplicate_stops",
)  # fmt: skip


class Compared(Ran):
    @property
    def named(self) -> dict[str, list[str]]:
        """Every list of the report that is not empty, by the ids of what is in it."""
        lists = {name: found for name, found in self.json.items() if isinstance(found, list) and name not in _OTHER}
        return {name: [each["position_id"] or each["key"] for each in found] for name, found in lists.items() if found}


_OTHER = {"doubts", "notes", "corrections", "applied"}
Run = Callable[..., Compared]
Save = Callable[..., Path]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def run(url: str, program: Program) -> Run:
    def run(*arguments: object, database: str = url) -> Compared:
        return Compared(*program("reconcile", *arguments, "--database", database))

    return run


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save a snapshot of binance, taken so many seconds ago."""

    def save(
        positions: object, orders: object = (), *, ago: float = 5, name: str = "snapshot", **fields: object
    ) -> Path:
        path = tmp_path / f"{name}.json"
        taken_at = before_now(ago)
        document = {"exchange": "binance", "timestamp": taken_at, "positions": positions, "orders": orders}
        path.write_text(json.dumps({**document, **fields}))
        return path

    return save


def seen(symbol: str, side: str, contracts: float, price: float) -> dict[str, object]:
    return {"symbol": f"{symbol}/USDT:USDT", "side": side, "contracts": contracts, "entry_price": price}


def its_stop(symbol: str, side: str, amount: float | None, price: float | None, order_id: str) -> dict[str, object]:
    return {
        "order_id": order_id,
        "symbol": f"{symbol}/USDT:USDT",
        "type": "stop_market",
        "side": side,
        "status": "open",
        "amount": amount,
        "price": None,
        "stopPrice": price,
        "reduceOnly": True,
    }


@pytest.fixture
def ledger(url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(url) as ledger:
        fill(ledger)
        yield ledger


def fill(ledger: PositionLedger) -> None:
    """APT as in I-01, protected; AVL beside it."""
    apt: dict[str, Any] = {"position_id": "APTUSDT.binance#1", "at": before_now(580)}
    entry: dict[str, Any] = {"side": "short", "quantity": "61.8", "intent_id": "5483266", "at": before_now(600)}
    ledger.request_entry(symbol="APTUSDT", exchange="binance", **entry)
    ledger.record_entry_placed(exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333", **apt)
    ledger.set_stop_loss(stop_price="3.298", exchange_order_id="s1", activate=True, **apt)
    ledger.adopt(
        symbol="AVLUSDT",
        exchange="binance",
        side="long",
        quantity="43",
        avg_px_open="0.1358",
        reason="seen",
        at=before_now(600),
    )


AS_IS = [seen("APT", "short", 61.8, 3.2333), seen("AVL", "long", 43.0, 0.1358)]
STOPS = [its_stop("APT", "buy", 61.8, 3.298, "s1"), its_stop("AVL", "sell", None, None, "s2")]
BY_HAND = ("--confirm", "--reason", "checked by hand")


def events(ledger: PositionLedger, key: str) -> list[str]:
    return [type(entry.event).__name__ for entry in ledger.history(key)]


# -- what is found ----------------------------------------------------------------------------------------------


def test_nothing_found_is_exit_0_and_says_so(run: Run, save: Save, ledger: PositionLedger) -> None:
    ran = run("--snapshot", save(AS_IS, STOPS))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("binance at ")
    assert "UTC: 2 match, 0 to look at\n\nunpriced stops (under a stop at a price that is not said):" in ran.out
    assert "AVLUSDT.binance#1  order s2 is a stop, and at which price it stands the exchange does not say" in ran.out
    assert ledger.store.count_events() == 5


def test_the_sample_beside_an_empty_ledger(run: Run, url: str) -> None:
    PositionLedger.connect(url).disconnect()
    ran = run("--snapshot", SAMPLE, "--timezone", "+04:00", "--json")
    assert ran.code == 1
    assert ran.named == {
        "orphans": ["APTUSDT.binance", "PERPUSDT.binance", "XMRUSDT.binance"],
        "unprotected": ["XMRUSDT.binance"],
        "duplicate_stops": ["PERPUSDT.binance"],
        "zombie_orders": ["SXPUSDT.binance"],
    }
    report = ran.json
    assert report["snapshot_reliable"] is True
    assert report["taken_at"] == "2025-10-22T18:55:00.000000Z"
    assert all(isinstance(report[name], list) for name in LISTS)
    assert report["corrections"] == report["applied"] == []
    assert "--max-age" in report["notes"][0]


@pytest.mark.usefixtures("ledger")
def test_a_report_for_people_names_what_is_wrong_and_what_to_run(run: Run, save: Save) -> None:
    ran = run("--snapshot", save([seen("APT", "short", 61.0, 3.2295), AS_IS[1]], STOPS))
    assert ran.code == 1
    assert "quantity mismatches (of different quantity):" in ran.out
    assert "APTUSDT.binance#1  61.8 in the ledger, 61 at the exchange" in ran.out
    assert "\nto be done:\n  adjust APTUSDT.binance#1 to 61 at 3.2295\n" in ran.out
    assert ran.out.endswith("run it again with --confirm --reason TEXT to do it\n")


@pytest.mark.usefixtures("ledger")
def test_only_what_is_asked_for_is_compared(run: Run, save: Save) -> None:
    path = save([AS_IS[1]], STOPS)
    assert run("--snapshot", path, "--symbol", "AVL/USDT:USDT").code == 0
    assert run("--snapshot", path, "--symbol", "apt/usdt", "--json").named == {
        "phantoms": ["APTUSDT.binance#1"],
        "zombie_orders": ["APTUSDT.binance"],
    }
    other = run("--snapshot", path, "--account", "sub1", "--json")
    assert (other.json["account"], other.named["orphans"]) == ("sub1", ["AVLUSDT.binance.sub1"])


@pytest.mark.usefixtures("ledger")
def test_a_row_that_cannot_be_read_is_told_and_all_is_not_well(run: Run, save: Save) -> None:
    ran = run("--snapshot", save([*AS_IS, {"symbol": "XMR/USDT:USDT"}], STOPS))
    assert "2 match, 0 to look at\nthe rest is judged without it: number 3 of its positions" in ran.out
    assert ran.code == 1


@pytest.mark.usefixtures("ledger")
def test_what_to_compare_with_must_be_said(run: Run) -> None:
    ran = run()
    assert ran.code == 2 and "--snapshot FILE, or whom to ask: --exchange NAME" in ran.err


# -- what is done -----------------------------------------------------------------------------------------------


def test_a_dry_run_changes_nothing(run: Run, save: Save, ledger: PositionLedger) -> None:
    before = ledger.store.count_events()
    run("--snapshot", save([], STOPS), "--trust-empty", "--confirmations", 1)
    run("--snapshot", save([seen("XMR", "long", 0.5, 310.25)]))
    assert ledger.store.count_events() == before


def test_what_is_applied_is_an_event_that_says_why(run: Run, save: Save, ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        fill(ledger)
        shown = [seen("APT", "short", 61.0, 3.2295), seen("XMR", "long", 0.5, 310.25), AS_IS[1]]
        earlier = ("--snapshot", save(shown, STOPS[1:], ago=60, name="earlier"))
        path = save(shown, STOPS[1:])
        first = run("--snapshot", path, *earlier, *BY_HAND, "--json", database=ledger_url)
        assert [each["answer"]["events"] for each in first.json["applied"]] == [
            ["PositionAdjusted"],
            ["StopLossLost"],
            ["PositionAdopted"],
        ]
        assert (first.code, first.json["left"]) == (1, 2), "APT and XMR are without a stop"
        adjusted = ledger.history("APTUSDT.binance#1")[4].event
        taken_at = json.loads(path.read_text())["timestamp"]
        assert (adjusted.source.value, timestamp_text(adjusted.ts_event)) == ("sync", taken_at)
        assert "checked by hand (binance: 61.8 in the ledger, 61 at the exchange)" in str(adjusted)
        assert (adjusted.metadata or {})["snapshot"]
        rows = {row.symbol: row for row in ledger.positions()}
        assert (str(rows["APTUSDT"].quantity), rows["APTUSDT"].stop_price) == ("61", None)
        events = ledger.store.count_events()
        again = run("--snapshot", path, *earlier, *BY_HAND, database=ledger_url)
        assert again.out.endswith("\nnothing was changed\n")
        assert ledger.store.count_events() == events, "the same snapshot twice is quiet"


def test_a_phantom_is_closed_by_two_snapshots_of_different_times(run: Run, save: Save, ledger: PositionLedger) -> None:
    first, second = save([AS_IS[0]], STOPS[:1], ago=60, name="1"), save([AS_IS[0]], STOPS[:1], name="2")
    once = run("--snapshot", second, "--snapshot", second, *BY_HAND)
    assert "(1 of 2 confirmations)" in once.out
    assert "what is gone is noted when 2 snapshots agree, taken 10 s apart or more" in once.out
    assert events(ledger, "AVLUSDT.binance") == ["PositionAdopted"]
    both = run("--snapshot", first, "--snapshot", second, *BY_HAND, "--json")
    assert (both.code, both.json["left"]) == (0, 0)
    assert events(ledger, "AVLUSDT.binance") == ["PositionAdopted", "PositionClosed"]
    closed = ledger.position("AVLUSDT.binance#1")
    assert (closed.avg_px_close, closed.realized_pnl) == (None, None)
    assert run("--snapshot", first, "--snapshot", second, *BY_HAND).code == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"positions": []}, "no positions at all while the ledger holds 2"),
        ({"positions_count": 2}, "positions_count is 2, and there are 1"),
        ({"positions": None}, "that is not zero"),
        ({"positions": {"code": -1021, "msg": "Timestamp"}}, "no list"),
        ({"error": "timeout"}, "a call that failed"),
        ({"timestamp": before_now(700)}, "stale"),
        ({"timestamp": before_now(-7200)}, "yet to come"),
        ({"timestamp": None}, "--taken-at"),
    ],
)
def test_an_unreliable_snapshot_closes_nothing(
    run: Run, save: Save, ledger: PositionLedger, fields: dict[str, object], words: str
) -> None:
    """I-29."""
    path, before = save(**{"positions": AS_IS[:1], **fields}), ledger.store.count_events()
    ran = run("--snapshot", path, "--json", "--confirmations", 1)
    assert (ran.code, ran.json["snapshot_reliable"], ran.json["phantoms"]) == (1, False, [])
    assert words in " ".join(ran.json["doubts"])
    applied = run("--snapshot", path, "--confirmations", 1, *BY_HAND)
    assert applied.code in {1, 2}
    assert ledger.store.count_events() == before
    assert "NOT RELIABLE" in run("--snapshot", path).out


@pytest.mark.usefixtures("ledger")
def test_a_truncated_file_is_an_unreliable_snapshot(run: Run, save: Save, tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text(save(AS_IS).read_text()[:-9])
    ran = run("--snapshot", path, "--json")
    assert (ran.code, ran.json["snapshot_reliable"]) == (1, False)
    assert "not a JSON document" in ran.json["doubts"][0]


def test_an_empty_snapshot_is_believed_when_that_is_said(run: Run, save: Save, ledger: PositionLedger) -> None:
    ran = run("--snapshot", save([], ago=60, name="1"), "--snapshot", save([]), "--trust-empty", *BY_HAND)
    assert ran.code == 0
    assert ledger.positions(open=True) == []


def test_a_fill_that_arrives_meanwhile_wins(
    run: Run, save: Save, ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*arguments: Any) -> Any:
        ledger.reduce(position_id="APTUSDT.binance#1", trade_id="t1", last_qty="0.5", last_px="3.2")
        return apply(*arguments)

    monkeypatch.setattr("infrastructure.operations.account_correction.apply", late)
    positions = [seen("APT", "short", 61.0, 3.2295), seen("AVL", "long", 40.0, 0.1358)]
    files = ("--snapshot", save(positions, STOPS[1:], ago=60, name="1"), "--snapshot", save(positions, STOPS[1:]))
    ran = run(*files, *BY_HAND)
    assert ran.code == 1
    assert "not done: adjust APTUSDT.binance#1 to 61 at 3.2295: it changed meanwhile; compare again" in ran.out
    assert "done:\n  adjust AVLUSDT.binance#1 to 40 at 0.1358" in ran.out
    assert "not done: note that the stop of APTUSDT.binance#1 is lost: it changed meanwhile" in ran.out
    assert [str(row.quantity) for row in ledger.positions(open=True)] == ["61.3", "40"]
    assert ledger.position("APTUSDT.binance#1").stop_order_id == "s1"


@pytest.mark.usefixtures("ledger")
def test_a_snapshot_may_come_through_a_pipe(run: Run, save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(save(AS_IS, STOPS).read_bytes())))
    assert run("--snapshot", "-").code == 0


# -- usage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--snapshot FILE, or whom to ask: --exchange NAME"),
        (["--exchange", "kraken"], "krakenfutures and hyperliquid can be asked, not kraken"),
        (["--exchange", "binance"], "set LEDGER_BINANCE_API_KEY and LEDGER_BINANCE_SECRET"),
        (["--snapshot", "nowhere.json"], "'nowhere.json' does not exist"),
        (["--snapshot", SAMPLE, "--exchange", "bybit"], "it is a snapshot of binance, not of bybit"),
        (["--snapshot", SAMPLE, "--confirm"], "--confirm needs --reason"),
        (["--snapshot", SAMPLE, "--apply"], "--apply needs --reason"),
        (["--snapshot", SAMPLE, "--reason", "x"], "--reason is for --confirm"),
        (["--snapshot", SAMPLE, *BY_HAND], "names no zone, so it is read as the earliest that it can mean; --timezone"),
        (["--snapshot", SAMPLE, "--timezone", "Mars/Olympus"], "'Mars/Olympus' is not a time zone"),
        (["--snapshot", SAMPLE, "--taken-at", "2025-10-22"], "names no zone"),
        (["--snapshot", SAMPLE, "--snapshot", SAMPLE, "--taken-at", before_now(0)], "--taken-at is for one --snapshot"),
        (["--exchange", "binance", "--taken-at", before_now(0)], "--taken-at is for one --snapshot"),
        (["--exchange", "binance", "--timezone", "UTC"], "--timezone is for --snapshot"),
        (["--snapshot", SAMPLE, "--snapshot", SAMPLE.parent / "bybit.json"], "of several accounts (binance, bybit)"),
        (["--snapshot", SAMPLE, "--confirmations", "0"], "--confirmations"),
    ],
)
def test_a_wrong_word_is_usage(run: Run, ledger: PositionLedger, arguments: list[object], words: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in " ".join(ran.err.split())
    assert ledger.store.count_events() == 5


def test_without_a_ledger_there_is_nothing_to_compare(run: Run, tmp_path: Path) -> None:
    ran = run("--snapshot", SAMPLE)
    assert (ran.code, ran.out) == (3, "")
    assert "position-ledger init" in ran.err
    assert list(tmp_path.iterdir()) == []


# -- the exchange itself ----------------------------------------------------------------------------------------

KEY, SECRET = "the-key-of-a-bot", "the-secret-of-a-bot"


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    with served(binance()) as exchange:
        for name, value in (("API_KEY", KEY), ("SECRET", SECRET), ("URL", exchange.url)):
            monkeypatch.setenv(f"LEDGER_BINANCE_{name}", value)
        yield exchange


@pytest.mark.usefixtures("exchange")
def test_the_exchange_is_asked_when_no_file_is_named(run: Run, ledger: PositionLedger) -> None:
    ran = run("--exchange", "Binance", "--json")
    assert ran.named == {
        "phantoms": ["AVLUSDT.binance#1"],
        "quantity_mismatches": ["APTUSDT.binance#1"],
        "price_mismatches": ["APTUSDT.binance#1"],
        "moved_stops": ["APTUSDT.binance#1"],
        "zombie_orders": ["SXPUSDT.binance"],
    }
    applied = run("--exchange", "binance", "--symbol", "APTUSDT", *BY_HAND)
    assert "adjust APTUSDT.binance#1 to 61 at 3.2295" in applied.out
    row = ledger.position("APTUSDT.binance#1")
    assert (str(row.quantity), row.stop_order_id, str(row.stop_price), row.protected) == (
        "61",
        "53190401",
        "3.2941",
        True,
    )
    assert run("--exchange", "binance", "--symbol", "APTUSDT").code == 0
    assert not any(private in str(ran) for private in (KEY, SECRET))


def test_a_phantom_is_confirmed_by_asking_again(
    run: Run, ledger: PositionLedger, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([datetime.now(UTC) - timedelta(seconds=ago) for ago in (30, 15)])
    waited: list[float] = []
    monkeypatch.setattr(ccxt_live, "now", lambda: next(clock))
    monkeypatch.setattr("time.sleep", waited.append)
    ran = run("--exchange", "binance", "--symbol", "AVLUSDT", "--interval", "15", *BY_HAND)
    assert (ran.code, waited) == (0, [15])
    assert ran.err == "asking again in 15 s, to confirm what is missing\n"
    assert ledger.position("AVLUSDT.binance#1").status.value == "closed"
    assert sum(path.endswith("positionRisk") for path, _ in exchange.asked) == 2


def test_an_exchange_that_fails_is_exit_3_and_changes_nothing(
    run: Run, ledger: PositionLedger, exchange: Exchange
) -> None:
    exchange.answers["/fapi/v3/positionRisk"] = (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions."})
    ran = run("--exchange", "binance", *BY_HAND)
    assert (ran.code, ran.out) == (3, "")
    assert "ExchangeUnavailable: binance could not be asked, so nothing is known" in ran.err
    assert not any(private in ran.err for private in (KEY, SECRET, "signature="))
    assert ledger.store.count_events() == 5
