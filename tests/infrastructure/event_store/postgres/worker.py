"""A process that writes to a ledger, or follows it, while a test disturbs the server. Run as a program.

worker.py write URL NAME …    says `ready`, starts at the first line, prints a tally as JSON; ends by --seconds N or
                              --cycles N, or at the second line
worker.py follow URL          prints every event; ends at the nid that it is told
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import count

from domain.errors import CommandRefused, OutcomeUnknown, PositionAlreadyOpen, StoreUnavailable
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt

SHARED_EVERY = 8
"""Each eighth cycle of a writer is a race for the slot that all writers want."""

HANGS_SECONDS = 60
"""After how long it says where it stands: whoever waits for it gives up soon after."""

Send = Callable[[str], Receipt]


@dataclass
class Tally:
    """The answers of a writer, by command id."""

    acknowledged: list[str] = field(default_factory=list)
    acknowledged_at: list[float] = field(default_factory=list)
    """In seconds of the clock that all processes of the machine share."""
    unknown: list[str] = field(default_factory=list)
    not_written: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    races_lost: int = 0
    longest_seconds: float = 0.0
    messages: list[str] = field(default_factory=list)


class Writer:
    """Opens and ends cycles. A command that was not written is sent as a new one, an unknown one again unchanged."""

    def __init__(self, ledger: PositionLedger, name: str) -> None:
        self.tally = Tally()
        self._ledger, self._name = ledger, name
        self._ids = count(1)

    def cycle(self, number: int) -> None:
        symbol = "SHAREDUSDT" if number % SHARED_EVERY == 0 else f"{self._name}USDT"
        opened = self._sent(
            lambda id_: self._ledger.request_entry(
                symbol=symbol, exchange="binance", side="long", quantity="1", intent_id=id_, command_id=id_
            )
        )
        if opened is not None:
            self._sent(
                lambda id_: self._ledger.fail_entry(
                    position_id=opened.position_id, reason="end", outcome="rejected", command_id=id_
                )
            )

    def _sent(self, send: Send) -> Receipt | None:
        command_id, ask = f"{self._name}-{next(self._ids)}", self._timed
        while True:
            try:
                receipt = ask(send, command_id)
            except StoreUnavailable as error:
                self.tally.not_written.append(command_id)
                self.tally.messages.append(str(error))
                command_id = f"{self._name}-{next(self._ids)}"
                continue
            except OutcomeUnknown as error:
                self.tally.unknown.append(command_id)
                self.tally.messages.append(str(error))
                ask = self._sent_again  # which may be refused: a rival may have the slot by now
                continue
            except PositionAlreadyOpen as refusal:
                if refusal.position_id.startswith("SHARED"):
                    self.tally.races_lost += 1
                else:
                    self.tally.refused.append(f"{command_id}: {refusal}")
                return None
            except CommandRefused as refusal:
                self.tally.refused.append(f"{command_id}: {refusal}")
                return None
            self.tally.acknowledged.append(command_id)
            self.tally.acknowledged_at.append(time.monotonic())
            return receipt

    def _sent_again(self, send: Send, command_id: str) -> Receipt:
        while True:
            try:
                return self._timed(send, command_id)
            except (StoreUnavailable, OutcomeUnknown) as error:
                self.tally.messages.append(str(error))

    def _timed(self, send: Send, command_id: str) -> Receipt:
        begun = time.monotonic()
        try:
            return send(command_id)
        finally:
            self.tally.longest_seconds = max(self.tally.longest_seconds, time.monotonic() - begun)


def write(url: str, names: list[str], seconds: float | None, cycles: int | None, pause_seconds: float) -> None:
    """Write with one thread for each name, all of them through one ledger."""
    with PositionLedger.connect(url, create=False) as ledger:
        ledger.positions(open=True)
        writers = [Writer(ledger, name) for name in names]
        print("ready", flush=True)
        sys.stdin.readline()
        deadline, told = time.monotonic() + (seconds or 1e9), threading.Event()

        def stop_when_told() -> None:
            sys.stdin.readline()
            told.set()

        if seconds is None and cycles is None:
            threading.Thread(target=stop_when_told, daemon=True).start()

        def work(writer: Writer) -> None:
            for number in count(1):
                if told.is_set() or time.monotonic() > deadline or number > (cycles or 1e9):
                    break
                writer.cycle(number)
                time.sleep(pause_seconds)

        with ThreadPoolExecutor(len(writers)) as threads:
            list(threads.map(work, writers))
    print(json.dumps([asdict(writer.tally) for writer in writers]), flush=True)


def follow_to(url: str) -> None:
    """Print every event, up to the nid that stdin names."""
    with PositionLedger.connect(url, create=False) as ledger:
        seen, news = [0], ledger.subscribe()

        def stop_when_told() -> None:
            until = int(sys.stdin.readline())
            while seen[0] < until:
                time.sleep(0.02)
            news.stop()

        threading.Thread(target=stop_when_told, daemon=True).start()
        print("ready", flush=True)
        for entry in news:
            print(entry.nid, entry.event.originator_id, entry.event.originator_version)
            seen[0] = entry.nid


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["write", "follow"])
    parser.add_argument("url")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--cycles", type=int)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds after each cycle")
    asked = parser.parse_args()
    faulthandler.dump_traceback_later(HANGS_SECONDS + (asked.seconds or 0))
    if asked.task == "write":
        write(asked.url, asked.names, asked.seconds, asked.cycles, asked.pause)
    else:
        follow_to(asked.url)


if __name__ == "__main__":
    main()
