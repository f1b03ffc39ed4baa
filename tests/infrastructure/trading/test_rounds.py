"""`run` of a trader: rounds that go on when the ledger answers again, and end when it is told to stop."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from infrastructure.event_store.opener import OpenedElsewhere, Opener
from position_ledger import AsyncPositionLedger, PositionLedger, SchemaMismatch, StoreError, StoreUnavailable
from position_ledger.testing import Clock, OrderTicket, SimulatedExchange, TicketKind
from position_ledger.trading import AsyncTrader, Trader

ROUND_SECONDS = 0.02


def exchange_with_an_orphan(clock: Clock) -> SimulatedExchange:
    exchange = SimulatedExchange("binance", clock=clock)
    exchange.set_price("APT/USDT:USDT", "3.2295")
    exchange.place(
        OrderTicket(
            symbol="APTUSDT", side="buy", kind=TicketKind.MARKET, client_order_id="by-hand", quantity=Decimal(10)
        )
    )
    return exchange


def eventually(happened: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_rounds_go_on_when_the_ledger_answers_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, file, elsewhere = Clock(datetime.now(UTC)), tmp_path / "ledger.db", tmp_path / "moved.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        trader = Trader(ledger, exchange_with_an_orphan(clock), clock=clock, sleep=clock.tick)
        file.rename(elsewhere)
        rounds = threading.Thread(target=trader.run, kwargs={"every": ROUND_SECONDS})
        rounds.start()
        try:
            eventually(lambda: "the next round tries again" in caplog.text)
            elsewhere.rename(file)
            eventually(lambda: ledger.positions(open=True))
        finally:
            trader.stop()
            rounds.join(30)
        assert not rounds.is_alive()


def test_so_they_do_on_asyncio(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, file, elsewhere = Clock(datetime.now(UTC)), tmp_path / "ledger.db", tmp_path / "moved.db"

    async def nap(seconds: float) -> None:
        clock.tick(seconds)
        await asyncio.sleep(0)

    async def day() -> None:
        async with AsyncPositionLedger.connect(f"sqlite:///{file}") as ledger:
            trader = AsyncTrader(ledger, exchange_with_an_orphan(clock), clock=clock, sleep=nap)
            file.rename(elsewhere)
            rounds = asyncio.create_task(trader.run(every=0))
            await asyncio.to_thread(eventually, lambda: "the next round tries again" in caplog.text)
            elsewhere.rename(file)
            while not await ledger.positions(open=True):
                assert not rounds.done()
            rounds.cancel()
            with pytest.raises(asyncio.CancelledError):
                await rounds

    asyncio.run(asyncio.wait_for(day(), 30))


def later_version(_: PositionLedger, file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 99")


def disconnected(ledger: PositionLedger, _: Path) -> None:
    ledger.disconnect()


@pytest.mark.parametrize(("happened", "error"), [(later_version, SchemaMismatch), (disconnected, StoreUnavailable)])
def test_what_no_later_round_can_mend_ends_them(
    tmp_path: Path, happened: Callable[[PositionLedger, Path], None], error: type[StoreError]
) -> None:
    clock, file = Clock(datetime.now(UTC)), tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        trader = Trader(ledger, exchange_with_an_orphan(clock), clock=clock, sleep=clock.tick)
        happened(ledger, file)
        with pytest.raises(error):
            trader.run()


def test_nor_can_it_where_this_process_is_a_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(datetime.now(UTC))
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        trader = Trader(ledger, exchange_with_an_orphan(clock), clock=clock, sleep=clock.tick)
        with monkeypatch.context() as forked:
            forked.setattr(Opener, "here", -1)
            with pytest.raises(OpenedElsewhere):
                trader.run()
