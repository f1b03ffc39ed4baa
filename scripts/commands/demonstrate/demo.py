"""`demo`: replay the incident of APTUSDT with the old bot and with the ledger, and a race for one slot."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click

from domain.errors import CommandRefused, PositionAlreadyOpen
from domain.values import Side
from infrastructure.database_url import without_password
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.simulation.books.fault_plan import OrderFault
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from infrastructure.store_opening import open_store
from projections.account_snapshot import PositionReport
from projections.health.checks import history_of
from scripts.benchmarks.process_pool import side_by_side
from scripts.cli import REFUSED
from scripts.narratives.cycle_narratives import tell
from scripts.narratives.event_rows import print_history
from scripts.narratives.narrative_text import print_stories
from scripts.options.database import json_option
from scripts.output import print_json, say, show
from scripts.signals import terminable
from scripts.simulation.attempt import Attempt
from scripts.simulation.old_bot import FirstBot
from scripts.simulation.old_table import OldTable
from scripts.simulation.played_time import WaitedTime
from scripts.simulation.trade_signal import Signal, SignalStep
from scripts.simulation.trader_bot import TraderBot

RIVALS: Final = 16
_SIGNAL: Final = Signal("5483266", "APTUSDT", "binance", Side.SHORT, Decimal("61.8"), Decimal("3.2333"))
_POSITION: Final = "APTUSDT.binance#1"
_SIGNAL_AT: Final = datetime(2025, 10, 22, 18, 50, 40, 981819, UTC)
_SEEN_AFTER: Final = 3.756398
_ACTIVATED_AFTER: Final = 4.933057
"""In seconds."""


@click.command("demo")
@click.option(
    "--database", metavar="URL", help="An empty ledger for the demo.  [default: a file in a temporary folder]"
)
@json_option
def command(database: str | None, *, as_json: bool) -> None:
    """Replay a real duplicate-position incident, the old way and on the ledger; then let 16 rivals race.

    \b
    Examples:
      position-ledger demo
      position-ledger demo --database sqlite:///demo.db
    """
    url = database or f"sqlite:///{Path(tempfile.mkdtemp(prefix='position-ledger-')) / 'demo.db'}"
    settings = Settings.read(url)
    shown = url if settings.kind == "sqlite" else settings.shown
    clock = WaitedTime(_SIGNAL_AT)
    with terminable(), PositionLedger(open_store(settings), clock=clock) as ledger:  # `connect` would print a note
        if ledger.store.count_events():
            raise click.UsageError(f"{shown} is not empty; the demo plays in a ledger of its own")
        steps = _incident(ledger, clock)
        race = _race(url)
        rebuilt = ledger.rebuild()
        report = verify(ledger.store)
        if as_json:
            told = [vars(step) for step in steps]
            print_json({"incident": told, "race": race, "verified": report.as_json(), "database": shown})
        else:
            _tell(ledger, steps, race)
            show(
                "",
                f"rebuilt: {rebuilt.events} events folded into {rebuilt.rows} positions, {rebuilt.differences} rows "
                "were wrong",
                f"verified: {report.events} events, {len(report.findings)} findings",
            )
            say(f"look around: {history_of(_POSITION)} --database {shlex.quote(without_password(url))}")
    if not report.ok or len(race["won"]) != 1 or rebuilt.differences:
        raise SystemExit(REFUSED)


@dataclass(frozen=True)
class DemoStep:
    """One moment of the incident, and its effect with the old bot and with the ledger."""

    at: str
    what: str
    old_way: str
    ledger: str


def _incident(ledger: PositionLedger, clock: WaitedTime) -> list[DemoStep]:
    """I-01: a signal opens a position, and the synchroniser sees it at the exchange before the signal is handled.

    Both bots are stopped at the step at which the old one slept. The synchroniser used with the ledger gives an entry
    no time: it tries to adopt every position that it sees.
    """
    with closing(OldTable(Settings.read("sqlite:///:memory:"))) as table:
        table.create(FirstBot.covered)
        exchange = _exchange(clock)
        old = Attempt(FirstBot(table, _exchange(clock)), _SIGNAL)
        new = Attempt(TraderBot(ledger, exchange, owner="bot-1"), _SIGNAL)

        old.go_on(SignalStep.PLACED)
        new.go_on(SignalStep.CLAIMED)
        claimed = ledger.position(_POSITION).status
        new.go_on(SignalStep.PLACED)
        signal = DemoStep(
            "+0.000 s",
            "signal 5483266 sends its order",
            f"{_latest(old)} (outside the index)",
            f"{_POSITION}: {claimed}, then {ledger.position(_POSITION).status}",
        )

        clock.sleep(_SEEN_AFTER)
        old.bot.synchronise(_SIGNAL.symbol, _SIGNAL.exchange)
        (held,) = exchange.account().positions or ()
        refusal = _refusal(ledger, held)
        adjusted = ledger.adjust(
            position_id=refusal.position_id,
            quantity=held.quantity,
            avg_px_open=held.avg_px_open,
            reason="seen at the exchange",
        )
        shown = f"{held.quantity:.1f} @ {held.avg_px_open}"
        sighting = DemoStep(
            "+3.756 s",
            f"the synchroniser sees {shown}",
            f"{_latest(old)} (a second row)",
            f"no second position: {refusal.position_id} is adjusted to {shown} (version {adjusted.version})",
        )

        clock.sleep(_ACTIVATED_AFTER - _SEEN_AFTER)
        old.go_on()
        new.go_on()
        row = ledger.position(_POSITION)
        end = DemoStep(
            "+4.933 s",
            "the signal's position becomes active",
            f"{old.words}; rolled back in the table, while the position lives on at the exchange",
            f"{row.position_id} is {row.status}, protected by a stop at {row.stop_price}",
        )
        ends = DemoStep(
            "afterwards",
            "what the books say",
            " | ".join(entry.words for entry in old.bot.books()),
            f"{row.position_id}: {row.side} {row.quantity} @ {row.avg_px_open}",
        )
        return [signal, sighting, end, ends]


def _exchange(clock: WaitedTime) -> SimulatedExchange:
    """The exchange of the incident: it fills only 61.0 of the next order, at another price than that of the signal."""
    exchange = SimulatedExchange(_SIGNAL.exchange, clock=clock, sleep=clock.sleep)
    exchange.list_market("APT/USDT:USDT", "3.2295", quantity_step="0.1")
    exchange.next_order(_SIGNAL.symbol, OrderFault.REST_EXPIRES, at_once="61.0")
    return exchange


def _latest(attempt: Attempt) -> str:
    return attempt.bot.books()[-1].words


def _refusal(ledger: PositionLedger, held: PositionReport) -> PositionAlreadyOpen:
    assert held.avg_px_open is not None, "the simulated exchange says it"
    try:
        ledger.adopt(
            symbol=_SIGNAL.symbol,
            exchange=_SIGNAL.exchange,
            side=held.side,
            quantity=held.quantity,
            avg_px_open=held.avg_px_open,
            reason="seen at the exchange",
        )
    except PositionAlreadyOpen as refusal:
        return refusal
    raise AssertionError("an open position was adopted a second time")


def _race(url: str) -> dict[str, Any]:
    """Start processes that request one slot at the same time, in the spellings that bots use."""
    answers = side_by_side(_rival, [(url, number) for number in range(1, RIVALS + 1)])
    won = [answer for answer in answers if answer["ok"]]
    return {"rivals": RIVALS, "won": won, "refused": [answer for answer in answers if not answer["ok"]]}


def _rival(url: str, number: int) -> dict[str, Any]:
    symbol = ("PERP/USDT:USDT", "PERPUSDT", "perpusdt", "PERP/USDT")[number % 4]
    with PositionLedger.connect(url) as ledger:
        try:
            receipt = ledger.request_entry(
                symbol=symbol, exchange="Binance", side="long", quantity="882.2", intent_id=f"rival-{number}"
            )
        except CommandRefused as refusal:
            return {"ok": False, "rival": number, "error": type(refusal).__name__, **refusal.details}
        return {"ok": True, "rival": number, "position_id": receipt.position_id}


def _tell(ledger: PositionLedger, steps: list[DemoStep], race: dict[str, Any]) -> None:
    show("The incident of APTUSDT, 2025-10-22 18:50:40 UTC: a signal and the synchroniser, one position", "")
    for step in steps:
        show(f"{step.at}  {step.what}", f"    old way  {step.old_way}", f"    ledger   {step.ledger}")
    winner = race["won"][0]
    holders = {answer.get("position_id") for answer in race["refused"]}
    show(
        "",
        f"{RIVALS} processes ask for one slot, in four spellings: rival {winner['rival']} has it, and "
        f"{len(race['refused'])} are told that {', '.join(map(str, holders))} holds it",
        "",
    )
    print_history(ledger.history(winner["position_id"]))
    show("", f"The story of {_POSITION}", "")
    print_stories(tell(ledger, ledger.history(_POSITION)))
