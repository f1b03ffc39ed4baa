"""`recover` on the command line: after crashes, beside bots, several at the same time, and twice."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from domain.values import utc
from infrastructure.exchanges import ccxt_live
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.apply_corrections import apply
from tests.acceptance.bot import PROGRAM, Bot
from tests.forked_popen import ForkedPopen
from tests.infrastructure.exchanges.exchange_server import Exchange, binance, served
from tests.past import before_now
from tests.scripts.program import Program, Ran

BY_HAND = ("--confirm", "--reason", "after the crash")
SIGNAL: dict[str, Any] = {"symbol": "APT/USDT:USDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
APT = {"symbol": "APT/USDT:USDT", "side": "short", "contracts": 61.0, "entry_price": 3.2295}
XMR = {"symbol": "XMR/USDT:USDT", "side": "long", "contracts": 0.5, "entry_price": 310.25}
ITS_STOP = {
    "order_id": "s1", "symbol": "APT/USDT:USDT", "type": "stop_market", "side": "buy", "status": "open",
    "amount": 61.0, "price": None, "stopPrice": 3.298, "reduceOnly": True,
}  # fmt: skip

Save = Callable[..., str]


class Recovered(Ran):
    @property
    def proposed(self) -> dict[str, str]:
        return {each["position_id"]: each["proposal"]["action"] for each in self.json["unfinished"]}


Run = Callable[..., Recovered]


@pytest.fixture
def run(tmp_path: Path, program: Program) -> Run:
    def run(*arguments: object, database: str = f"sqlite:///{tmp_path}/ledger.db") -> Recovered:
        return Recovered(*program("recover", *arguments, "--database", database))

    return run


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save a snapshot of binance, taken so many seconds ago."""

    def save(*positions: object, orders: object = (), ago: float = 5, name: str = "binance") -> str:
        path = tmp_path / f"{name}.json"
        document = {"exchange": "binance", "timestamp": before_now(ago), "positions": positions, "orders": orders}
        path.write_text(json.dumps({**document, "conditional_orders": []}))
        return str(path)

    return save


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[PositionLedger]:
    """APT placed ten minutes ago, and FLR just requested."""
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        begin(ledger)
        flr: dict[str, Any] = {"symbol": "FLRUSDT", "exchange": "bybit", "side": "long", "quantity": "300"}
        ledger.request_entry(**flr, intent_id="2", at=before_now())
        yield ledger


def begin(ledger: PositionLedger, ago: float = 600) -> None:
    ledger.request_entry(**SIGNAL, intent_id="5483266", stop_loss_percent="2", at=before_now(ago))
    ledger.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="53190368", at=before_now(ago))


@pytest.mark.usefixtures("ledger")
def test_whom_to_ask_must_be_said(run: Run) -> None:
    ran = run("--live")
    assert ran.code == 2 and "say which exchange to ask: --exchange binance or bybit" in ran.err


# -- a crash ----------------------------------------------------------------------------------------------------------


def test_a_bot_that_died_in_mid_entry_is_recovered_and_nobody_entered_meanwhile(
    ledger_url: str, run: Run, save: Save
) -> None:
    """I-09, scenario D."""
    PositionLedger.connect(ledger_url).disconnect()
    with Bot(ledger_url) as bot:
        bot.ask(command="request_entry", **SIGNAL, intent_id="5483266", stop_loss_percent="2", at=before_now(600))
        bot.ask(
            command="record_entry_placed", position_id="APTUSDT.binance#1", exchange_order_id="1", at=before_now(599)
        )
        bot.kill()
    with Bot(ledger_url) as restarted:
        refused = restarted.ask(command="request_entry", **SIGNAL, intent_id="5483299")
        assert (refused["error"], refused["position_id"]) == ("PositionAlreadyOpen", "APTUSDT.binance#1")
    listed = run("--json", database=ledger_url)
    assert (listed.code, listed.proposed) == (1, {"APTUSDT.binance#1": "wait"})
    (unfinished,) = listed.json["unfinished"]
    assert (unfinished["status"], unfinished["overdue"]) == ("entry_placed", True)
    assert unfinished["known"]["exchange_order_id"] == "1"
    assert "what of it was filled, and at what price" in unfinished["missing"]

    bare = run("--snapshot", save(APT), "--json", database=ledger_url)
    assert (bare.code, bare.proposed) == (1, {"APTUSDT.binance#1": "protect"})
    (due,) = (each["proposal"]["needs_order"] for each in bare.json["unfinished"])
    assert (due["type"], due["side"], due["quantity"], due["stop_price"]) == ("stop_market", "buy", "61", "3.29409")

    done = run("--snapshot", save(APT, orders=[ITS_STOP]), *BY_HAND, "--json", database=ledger_url)
    assert (done.code, done.json["need_attention"]) == (0, [])
    assert [each["answer"]["events"] for each in done.json["done"]] == [
        ["PositionAdjusted"],
        ["StopLossSet", "Activated"],
    ]
    with PositionLedger.connect(ledger_url) as ledger:
        (row,) = ledger.positions()
        assert (row.status.value, str(row.quantity), row.protected) == ("active", "61", True)
        recorded = [entry.event for entry in ledger.history("APTUSDT.binance#1")[2:]]
        assert {event.source.value for event in recorded} == {"recovery"}
        assert {(event.metadata or {})["reason"] for event in recorded} == {"after the crash"}
    again = run("--snapshot", save(APT, orders=[ITS_STOP]), *BY_HAND, database=ledger_url)
    assert (again.code, again.out) == (0, "0 unfinished, 0 in need of attention\n\nnothing was changed\n")


@pytest.fixture
def recovering(ledger_url: str, save: Save) -> Iterator[Callable[..., ForkedPopen[bytes]]]:
    """Start `recover --confirm` processes."""
    started: list[ForkedPopen[bytes]] = []

    def start(ago: float) -> ForkedPopen[bytes]:
        path = save(APT, orders=[ITS_STOP], ago=ago, name=f"taken {ago}")
        words, surroundings = [PROGRAM, "recover", "--snapshot", path, *BY_HAND], {"LEDGER_DATABASE_URL": ledger_url}
        process = ForkedPopen[bytes](words, env=os.environ | surroundings, stdout=PIPE, stderr=PIPE)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("agos", [(5, 5), (5, 6, 7)], ids=["one snapshot", "three snapshots"])
def test_of_several_that_recover_at_once_together_they_do_it_once(
    ledger_url: str, recovering: Callable[..., ForkedPopen[bytes]], agos: tuple[float, ...]
) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        begin(ledger)
        processes = [recovering(ago) for ago in agos]
        said = [process.communicate(timeout=60) for process in processes]
        codes = [process.returncode for process in processes]
        assert (0 in codes, set(codes) <= {0, 1}) == (True, True), said
        assert [type(entry.event).__name__ for entry in ledger.history("APTUSDT.binance")[2:]] == [
            "PositionAdjusted",
            "StopLossSet",
            "Activated",
        ]
        assert verify(ledger.store).ok


def test_beside_a_bot_that_goes_on_nothing_is_doubled(
    ledger_url: str, recovering: Callable[..., ForkedPopen[bytes]]
) -> None:
    position_id = "APTUSDT.binance#1"
    with PositionLedger.connect(ledger_url) as ledger, Bot(ledger_url) as bot:
        begin(ledger)
        bot.ask(command="activate", position_id="NONEUSDT.binance#1")  # it is up
        process = recovering(5)
        bot.send(command="record_entry_fill", position_id=position_id, trade_id="t1", last_qty="61", last_px="3.2295")
        bot.send(command="set_stop_loss", position_id=position_id, stop_price="3.298", exchange_order_id="s1")
        bot.send(command="activate", position_id=position_id)
        for _ in range(3):
            bot.answer()
        process.communicate(timeout=60)
        (row,) = ledger.positions()
        assert (str(row.quantity), str(row.filled_qty), row.status.value, row.protected) == ("61", "61", "active", True)
        counted = Counter(type(entry.event).__name__ for entry in ledger.history(position_id))
        assert counted["Activated"] == 1
        assert verify(ledger.store).ok


def test_what_changes_meanwhile_is_left_alone(
    run: Run, save: Save, ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*arguments: Any) -> Any:
        ledger.record_entry_fill(position_id="APTUSDT.binance#1", trade_id="t1", last_qty="61.8", last_px="3.2333")
        return apply(*arguments)

    monkeypatch.setattr("scripts.commands.operate.recover.apply", late)
    ran = run("--snapshot", save(APT, orders=[ITS_STOP]), *BY_HAND)
    assert ran.code == 1
    assert "not done: adjust APTUSDT.binance#1 to 61 at 3.2295: it changed meanwhile, and was left alone" in ran.out
    stop = "3.298, order s1, for 61"
    assert f"not done: activate APTUSDT.binance#1 under the stop at {stop}: it changed meanwhile" in ran.out
    assert "left: APTUSDT.binance#1: the snapshot of binance is not to be relied on" in ran.out
    row = ledger.position("APTUSDT.binance#1")
    assert (str(row.quantity), row.status.value) == ("61.8", "entry_placed")


# -- what is said -----------------------------------------------------------------------------------------------------


def test_a_dry_run_changes_nothing_and_says_what_it_would_do(run: Run, save: Save, ledger: PositionLedger) -> None:
    before = ledger.store.count_events()
    ran = run("--snapshot", save(APT, orders=[ITS_STOP]))
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("2 unfinished, 1 in need of attention\n\nAPTUSDT.binance#1: entry_placed for 10 min")
    assert "  known      short 61.8 since " in ran.out
    assert "             the exchange has it as order 53190368\n" in ran.out
    assert "  finish     it is at the exchange, under a stop at 3.298, order s1\n" in ran.out
    assert "             adjust APTUSDT.binance#1 to 61 at 3.2295\n" in ran.out
    assert "FLRUSDT.bybit#1: pending_entry for " in ran.out
    assert "  leave      its bot may be at work on it until " in ran.out
    assert ran.out.endswith("\nrun it again with --confirm --reason TEXT to do it\n")
    assert ledger.store.count_events() == before


@pytest.mark.usefixtures("ledger")
def test_only_what_is_asked_for_is_listed(run: Run) -> None:
    assert run("--symbol", "flr/usdt").code == 0
    assert list(run("--exchange", "Binance", "--json").proposed) == ["APTUSDT.binance#1"]
    assert run("--account", "sub1", "--json").proposed == {}


@pytest.mark.usefixtures("ledger")
def test_a_limit_shows_fewer_and_counts_the_others(run: Run) -> None:
    whole, few = run(), run("--limit", "1")
    listed = [line for line in whole.out.splitlines() if "#1: " in line]
    assert [line for line in few.out.splitlines() if "#1: " in line] == listed[:1] != listed
    in_need = int(whole.out.split(" unfinished, ")[1].split()[0]) - 1
    assert f"\nand {len(listed) - 1} more, {in_need} of them in need of attention: --limit {len(listed)}\n" in few.out
    assert few.code == whole.code == 1
    assert run("--limit", "1", "--json").proposed == run("--json").proposed
    assert "more, " not in run("--limit", str(len(listed))).out


def test_an_order_that_is_due_stays_due(run: Run, save: Save, ledger: PositionLedger) -> None:
    ran = run("--snapshot", save(APT), *BY_HAND)
    assert ran.code == 1
    assert "done:\n  adjust APTUSDT.binance#1 to 61 at 3.2295\n" in ran.out
    assert ran.out.endswith("left: APTUSDT.binance#1: stop to buy 61 APTUSDT at 3.29409, reduce-only\n")
    assert not ledger.position("APTUSDT.binance#1").protected
    count = ledger.store.count_events()
    assert run("--snapshot", save(APT), *BY_HAND).code == 1
    assert ledger.store.count_events() == count


def test_a_correction_that_begins_its_time_anew_hides_no_order_that_is_due(
    run: Run, save: Save, ledger: PositionLedger
) -> None:
    stop = {**ITS_STOP, "amount": 40.0}
    apt: dict[str, Any] = {"position_id": "APTUSDT.binance#1", "at": before_now(500)}
    ledger.record_entry_fill(**apt, trade_id="1", last_qty="40", last_px="3.2295")
    ledger.set_stop_loss(**apt, stop_price="3.298", exchange_order_id="s1", quantity="40", activate=True)
    more = ledger.request_increase(**apt, quantity="21", intent_id="more")
    assert more.may_order  # it was sent and filled, and nobody told of it
    ran = run("--snapshot", save(APT, orders=[stop]), *BY_HAND)
    assert ran.out.endswith("left: APTUSDT.binance#1: stop to buy 21 APTUSDT at 3.29409, reduce-only\n")
    assert ran.code == 1 and not ledger.position("APTUSDT.binance#1").protected


def test_what_was_closed_by_its_fills_went_at_a_price_that_is_known(
    run: Run, save: Save, ledger: PositionLedger
) -> None:
    apt: dict[str, Any] = {"position_id": "APTUSDT.binance#1", "at": before_now(500)}
    ledger.record_entry_fill(**apt, trade_id="1", last_qty="61", last_px="3.2295")
    ledger.set_stop_loss(**apt, stop_price="3.298", exchange_order_id="s1", activate=True)
    ledger.reduce(**apt, trade_id="2", last_qty="61", last_px="3.1")
    ran = run("--snapshot", save(XMR, ago=40, name="1"), "--snapshot", save(XMR, name="2"), *BY_HAND)
    assert "not known" not in ran.out and "all of it was closed" in ran.out
    row = ledger.position("APTUSDT.binance#1")
    assert (row.status.value, str(row.realized_pnl)) == ("closed", "7.8995")


def test_an_entry_that_came_to_nothing_frees_its_slot(run: Run, save: Save, ledger: PositionLedger) -> None:
    first, second = save(XMR, ago=40, name="1"), save(XMR, name="2")
    assert run("--snapshot", second, *BY_HAND).code == 1
    assert ledger.position("APTUSDT.binance#1").status.is_open
    assert run("--snapshot", first, "--snapshot", second, *BY_HAND).code == 0
    row = ledger.position("APTUSDT.binance#1")
    assert (row.status.value, row.exit_reason) == (
        "failed",
        "after the crash (binance shows neither a position nor an order of it)",
    )
    ledger.request_entry(**SIGNAL, intent_id="5483299")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--confirm"], "--confirm needs --reason"),
        (["--confirm", "--reason", " "], "it says nothing"),
        (["--reason", "x"], "--reason is for --confirm"),
        ([*BY_HAND], "--confirm needs --snapshot FILE or --live"),
        (["--live"], "say which exchange to ask"),
        (["--live", "--exchange", "kraken"], "krakenfutures and hyperliquid can be asked, not kraken"),
        (["--snapshot", "nowhere.json"], "'nowhere.json' does not exist"),
        (["--taken-at", before_now(0)], "--taken-at is for one --snapshot"),
        (["--timezone", "UTC"], "--timezone is for --snapshot"),
        (["--confirmations", "0"], "--confirmations"),
    ],
)
def test_a_wrong_word_is_usage(run: Run, ledger: PositionLedger, arguments: list[str], words: str) -> None:
    before = ledger.store.count_events()
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in " ".join(ran.err.split())
    assert ledger.store.count_events() == before


def test_a_file_or_the_exchange_but_not_both(run: Run, save: Save) -> None:
    ran = run("--snapshot", save(APT), "--live", "--exchange", "binance")
    assert (ran.code, "choose one" in ran.err) == (2, True)


def test_a_time_that_may_mean_several_changes_nothing(run: Run, tmp_path: Path, ledger: PositionLedger) -> None:
    path = tmp_path / "naive.json"
    naive = {"exchange": "binance", "timestamp": before_now(5).rstrip("Z"), "positions": [APT], "orders": [ITS_STOP]}
    path.write_text(json.dumps(naive))
    before = ledger.store.count_events()
    assert run("--snapshot", path).code == 1
    assert run("--snapshot", path, *BY_HAND).code == 2
    assert ledger.store.count_events() == before
    assert run("--snapshot", path, "--timezone", "UTC", *BY_HAND).code == 0


def test_without_a_ledger_there_is_nothing_to_recover(run: Run, tmp_path: Path) -> None:
    ran = run()
    assert (ran.code, ran.out) == (3, "")
    assert list(tmp_path.iterdir()) == []


# -- the exchange itself ----------------------------------------------------------------------------------------------


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    with served(binance()) as exchange:
        for name, value in (("API_KEY", "a key"), ("SECRET", "a secret"), ("URL", exchange.url)):
            monkeypatch.setenv(f"LEDGER_BINANCE_{name}", value)
        yield exchange


@pytest.mark.usefixtures("exchange")
def test_the_exchange_is_asked_when_that_is_said(run: Run, ledger: PositionLedger) -> None:
    ran = run("--exchange", "binance", "--live", *BY_HAND)
    assert (ran.code, ran.err) == (0, "")
    row = ledger.position("APTUSDT.binance#1")
    assert (row.status.value, str(row.quantity), str(row.stop_price)) == ("active", "61", "3.2941")


def test_what_is_missing_is_confirmed_by_asking_again(
    run: Run, ledger: PositionLedger, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    avl: dict[str, Any] = {"symbol": "AVLUSDT", "exchange": "binance", "side": "long", "quantity": "43"}
    ledger.request_entry(**avl, intent_id="3", at=before_now(600))
    clock = iter([utc(before_now(ago)) for ago in (45, 30, 15)])
    waited: list[float] = []
    monkeypatch.setattr(ccxt_live, "now", lambda: next(clock))
    monkeypatch.setattr("time.sleep", waited.append)
    only = ("--exchange", "binance", "--symbol", "AVLUSDT", "--live")
    assert (run(*only).code, waited) == (1, []), "a dry run waits for nothing"
    ran = run(*only, "--interval", "20", *BY_HAND)
    assert (ran.code, waited) == (0, [20])
    assert ledger.position("AVLUSDT.binance#1").status.value == "failed"
    assert sum(path.endswith("positionRisk") for path, _ in exchange.asked) == 3


def test_an_exchange_that_fails_is_exit_3_and_changes_nothing(
    run: Run, ledger: PositionLedger, exchange: Exchange
) -> None:
    exchange.answers["/fapi/v3/positionRisk"] = (401, {"code": -2015, "msg": "Invalid API-key."})
    before = ledger.store.count_events()
    ran = run("--exchange", "binance", "--live", *BY_HAND)
    assert (ran.code, ran.out) == (3, "")
    assert ledger.store.count_events() == before
