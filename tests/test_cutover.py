"""The runbook of the cut-over, followed exactly on a real PostgreSQL while an old bot disturbs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import PositionAlreadyOpen
from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import PROGRAM
from tests.forked_popen import fork_server
from tests.forked_program import put_into
from tests.infrastructure.event_store.postgres.server import programs, servers
from tests.infrastructure.legacy.shadow.old_bot import OldBot
from tests.infrastructure.legacy.shadow.test_incidents import signal_against_synchroniser
from tests.pages import TOP
from tests.test_docs import STEP, blocks, run_steps

PAGE = TOP / "docs" / "cutover.md"


@pytest.fixture
def database() -> Iterator[str]:
    """A server of our own: the runbook makes a role, and asks who else is connected."""
    with servers() as place:
        server = place.server()
        server.do("CREATE DATABASE trading")
        yield server.url("trading")


def a_table_with_a_past(bot: OldBot) -> None:
    link = {"symbol": "LINKUSDT", "exchange": "binance", "side": "buy", "quantity": "12.5", "entry_price": "17.42"}
    bid = {"exchange": "bybit", "side": "buy", "quantity": "800", "entry_price": "0.0551", "signal_id": 12330424}
    bot.make_table()
    bot.insert(
        301,
        symbol="POWRUSDT",
        exchange="binance",
        side="sell",
        quantity="1700",
        entry_price="0.1163",
        status="closed",
        exit_reason="PHANTOM_CLEANUP",
        opened_at="2025-10-20 08:00:00+00",
        closed_at="2025-10-20 09:10:00+00",
    )
    bot.insert(
        2101,
        **link,
        signal_id=4410001,
        status="active",
        has_stop_loss=True,
        stop_loss_price="17.07",
        exchange_order_id="87001",
        opened_at="2025-10-21 21:00:00+00",
    )
    bot.insert(
        2310,
        **bid,
        symbol="BIDUSDT",
        status="active",
        has_stop_loss=True,
        stop_loss_price="0.054",
        exchange_order_id="b-1",
        opened_at="2025-10-21 22:00:00+00",
    )
    bot.insert(2311, **bid, symbol="BID/USDT:USDT", status="active", opened_at="2025-10-21 22:00:00.307+00")
    perp = {"symbol": "PERPUSDT", "exchange": "binance", "side": "long", "quantity": "882.2", "entry_price": "0.2267"}
    opened_at = datetime.now(UTC) - timedelta(hours=2)
    bot.insert(2438, **perp, status="rolled_back", exit_reason="duplicate key value", opened_at=opened_at)
    bot.insert(2439, **perp, status="closed", exit_reason="stop", opened_at=opened_at + timedelta(seconds=1))


def a_day_in_the_shadow(bot: OldBot) -> None:
    signal_against_synchroniser(bot)
    bot.update(2101, current_price="17.5", unrealized_pnl="1")
    bot.opens(
        2550, 5483300, "53190500", symbol="FLRUSDT", exchange="bybit", side="long", quantity="300", entry_price="0.02"
    )
    bot.protects(2550, "0.0196")


def the_new_bot_trades(url: str) -> None:
    """As a bot, with the rights of a bot."""
    with PositionLedger.connect(url, create=False) as ledger:
        ledger.close(position_id="LINKUSDT.binance#1", exit_reason="target", avg_px_close="18.1")
        ledger.request_entry(
            symbol="HNTUSDT", exchange="binance", side="long", quantity="60", signal_price="1.75", intent_id="5490001"
        )
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(symbol="HNT/USDT", exchange="binance", side="long", quantity="60", intent_id="5490002")
        ledger.record_entry_placed(
            position_id="HNTUSDT.binance#1", exchange_order_id="61000001", filled_qty="60", avg_px="1.7515"
        )
        ledger.set_stop_loss(
            position_id="HNTUSDT.binance#1", stop_price="1.71", exchange_order_id="61000002", activate=True
        )


Act = Callable[[], None]


@pytest.fixture
def acts(database: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> dict[str, Act]:
    """What others do, each before the first command that begins like this."""
    with OldBot(database) as bot:
        a_table_with_a_past(bot)
    urls = {
        "LEGACY": database,
        "SHADOW": f"{database}?schema=shadow",
        "LEDGER_DATABASE_URL": f"{database}?schema=ledger",
    }
    urls["BOT"] = urls["LEDGER_DATABASE_URL"].replace("postgres@", "ledger_bot@")
    for name, url in urls.items():
        monkeypatch.setenv(name, url)
    forking = tmp_path_factory.mktemp("programs")
    put_into(forking, fork_server(), PROGRAM)
    monkeypatch.setenv("PATH", os.pathsep.join([str(forking), str(programs()), os.environ["PATH"]]))

    def old_bot() -> None:
        with OldBot(database) as bot:
            a_day_in_the_shadow(bot)

    return {
        'position-ledger shadow --from "$LEGACY" --database "$SHADOW" --until-idle': old_bot,
        "position-ledger positions --unprotected": lambda: the_new_bot_trades(urls["BOT"]),
    }


def test_the_runbook_works_from_the_first_command_to_the_last(acts: dict[str, Act], tmp_path: Path) -> None:
    for language, text in blocks(PAGE):
        if language == "sql":
            (tmp_path / text.partition("\n")[0].removeprefix("-- ")).write_text(text)
        for step in STEP.finditer(text if language == "console" else ""):
            for beginning in [each for each in acts if step["command"].startswith(each)]:
                acts.pop(beginning)()
            run_steps(step[0], tmp_path)
    assert acts == {}, "somebody never had his turn"
