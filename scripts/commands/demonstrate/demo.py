"""`demo`: the incident of APTUSDT, the old way and on the ledger, and a race for one slot."""

from __future__ import annotations

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click

from domain.errors import CommandRefused, PositionAlreadyOpen
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from scripts.cli import REFUSED
from scripts.commands.daily.history import print_history, print_stories, tell
from scripts.options.database import json_option
from scripts.output import print_json, say, show
from scripts.simulation.old_table import OVER_ACTIVE, IndexViolation, OldRow, OldTable

RIVALS: Final = 16
_KEY: Final[dict[str, Any]] = {"symbol": "APT/USDT:USDT", "exchange": "binance"}
_POSITION: Final = "APTUSDT.binance#1"
_SIGNAL_AT: Final = "2025-10-22T18:50:40.981819Z"
_SEEN_AT: Final = "2025-10-22T18:50:44.738217Z"
_ACTIVATED_AT: Final = "2025-10-22T18:50:45.914876Z"


@click.command("demo")
@click.option("--database", metavar="URL", help="An empty ledger to play in.  [default: a file in a temporary folder]")
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
    with PositionLedger(open_store(settings)) as ledger:  # that it is made is no news here
        if ledger.store.count_events():
            raise click.UsageError(f"{shown} is not empty; the demo plays in a ledger of its own")
        steps = [*_incident(ledger)]
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
            say(f"look around: position-ledger history {_POSITION} --database {shown}")
    if not report.ok or len(race["won"]) != 1 or rebuilt.differences:
        raise SystemExit(REFUSED)


@dataclass(frozen=True)
class DemoStep:
    """One moment of the incident: what each way of working made of it."""

    at: str
    what: str
    old_way: str
    ledger: str


def _incident(ledger: PositionLedger) -> list[DemoStep]:
    """I-01: a signal opens a position, and the synchroniser sees it at the exchange before the signal is done."""
    with OldTable(Settings.read("sqlite:///:memory:")) as table:
        table.create(OVER_ACTIVE)
        mine = _inserted(
            table,
            signal_id="5483266",
            quantity=Decimal("61.8"),
            entry_price=Decimal("3.2333"),
            status="entry_placed",
            exchange_order_id="53190368",
        )
        requested = ledger.request_entry(
            **_KEY,
            side="short",
            quantity="61.8",
            signal_price="3.2333",
            stop_loss_percent="2",
            intent_id="5483266",
            at=_SIGNAL_AT,
        )
        placed = ledger.record_entry_placed(
            position_id=_POSITION, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2333", at=_SIGNAL_AT
        )
        signal = DemoStep(
            "+0.000 s",
            "signal 5483266 sends its order",
            f"{mine} (outside the index)",
            f"{requested.position_id}: {requested.status}, then {placed.status}",
        )

        seen = _inserted(table, quantity=Decimal("61.0"), entry_price=Decimal("3.2295"), status="active")
        refusal = _refusal(ledger, side="short", quantity="61.0", avg_px_open="3.2295", reason="seen", at=_SEEN_AT)
        adjusted = ledger.adjust(
            position_id=refusal.position_id,
            quantity="61.0",
            avg_px_open="3.2295",
            reason="seen at the exchange",
            at=_SEEN_AT,
        )
        sighting = DemoStep(
            "+3.756 s",
            "the synchroniser sees 61.0 @ 3.2295",
            f"{seen} (a second row)",
            f"no second position: {refusal.position_id} is adjusted to 61.0 @ 3.2295 (version {adjusted.version})",
        )

        complaint = _complaint(table, mine)
        active = ledger.set_stop_loss(
            position_id=_POSITION, stop_price="3.2941", exchange_order_id="53190370", activate=True, at=_ACTIVATED_AT
        )
        end = DemoStep(
            "+4.933 s",
            "the signal's position becomes active",
            f"{complaint}; rolled back in the table, while the position lives on at the exchange",
            f"{active.position_id} is {active.status}, protected by a stop at 3.2941",
        )
        books = " | ".join(map(str, table.rows()))
        row = ledger.position(_POSITION)
        ends = DemoStep(
            "afterwards",
            "what the books say",
            books,
            f"{row.position_id}: {row.side} {row.quantity} @ {row.avg_px_open}",
        )
        return [signal, sighting, end, ends]


def _inserted(table: OldTable, **columns: Any) -> OldRow:
    row = OldRow(symbol="APTUSDT", exchange="binance", side="short", **columns)
    return replace(row, id=table.insert(row))


def _complaint(table: OldTable, row: OldRow) -> str:
    """What the index says when the row is to become active; the row is then rolled back, as it was."""
    assert row.id is not None, "inserted"
    try:
        table.update(row.id, "active")
    except IndexViolation as violation:
        table.update(row.id, "rolled_back", exit_reason=str(violation))
        return str(violation)
    raise AssertionError("two rows of one key became active")


def _refusal(ledger: PositionLedger, **sighting: Any) -> PositionAlreadyOpen:
    try:
        ledger.adopt(**_KEY, **sighting)
    except PositionAlreadyOpen as refusal:
        return refusal
    raise AssertionError("an open position was adopted a second time")


def _race(url: str) -> dict[str, Any]:
    """Let processes of their own ask for one slot at the same time, in the spellings that bots use."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    processes = multiprocessing.get_context(method)
    processes.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(max_workers=RIVALS, mp_context=processes) as pool:
        answers = list(pool.map(_rival, [(url, number) for number in range(1, RIVALS + 1)]))
    won = [answer for answer in answers if answer["ok"]]
    return {"rivals": RIVALS, "won": won, "refused": [answer for answer in answers if not answer["ok"]]}


def _rival(task: tuple[str, int]) -> dict[str, Any]:
    url, number = task
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
