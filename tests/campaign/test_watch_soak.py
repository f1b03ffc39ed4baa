"""A watch beside four writers, for as long as is wanted: memory flat, no alarm lost, none doubled within its interval.

`make soak MINUTES=10` runs it for ten minutes; `make test` for some seconds. The server takes nothing now and then.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from domain.values import utc
from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import PROGRAM
from tests.infrastructure.watching.loopback import Loopback, loopback
from tests.past import before_now

SECONDS = 60 * float(os.environ.get("LEDGER_SOAK_MINUTES", "0.15"))
AGAIN = timedelta(seconds=3)
WRITERS = 4
HEARD_SECONDS = 60.0
"""Within so long every alarm is heard, however busy the machine is."""
GROWTH_MAX_KB = 8_192


class Heard:
    """What the server took, by position and in order."""

    def __init__(self, server: Loopback) -> None:
        self._server, self._read = server, 0
        self._lock = threading.Lock()
        self.notices: defaultdict[tuple[str, str], list[tuple[str, datetime, str]]] = defaultdict(list)

    def now(self) -> dict[tuple[str, str], list[tuple[str, datetime, str]]]:
        with self._lock:
            for received in self._server.received[self._read :]:
                self._read += 1
                if received.answered == 200:
                    batch = json.loads(received.body)
                    for each in batch["notices"]:
                        told = (each["kind"], utc(batch["at"]), each["id"])
                        self.notices[each["check"], each["subject"]].append(told)
                received.body = b""
        return self.notices

    def kinds(self, position_id: str) -> list[str]:
        return [kind for kind, _, _ in self.now().get(("unprotected", position_id), [])]


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + HEARD_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def bare(ledger: PositionLedger, symbol: str) -> str:
    at: dict[str, Any] = {"at": before_now(minutes=5)}
    position_id = ledger.request_entry(
        symbol=symbol, exchange="binance", side="long", quantity="10", intent_id="1", **at
    ).position_id
    ledger.record_entry_placed(position_id=position_id, exchange_order_id=symbol, filled_qty="10", avg_px="10", **at)
    return position_id


def written(url: str, writer: int, heard: Heard, end: float) -> list[str]:
    """What a bot does that dies now and then: enter, be bare until somebody hears of it, be protected, and close."""
    done: list[str] = []
    with PositionLedger.connect(url, create=False) as ledger:
        while time.monotonic() < end or not done:
            position_id = bare(ledger, f"W{writer}N{len(done)}USDT")
            until(lambda place=position_id: heard.kinds(place) != [], f"nobody heard of {position_id}")  # type: ignore[misc] # bound now
            ledger.set_stop_loss(position_id=position_id, stop_price="9", exchange_order_id="s", activate=True)
            done.append(position_id)
            until(lambda place=position_id: "over" in heard.kinds(place), f"{position_id} is not over")  # type: ignore[misc] # bound now
            ledger.close(position_id=position_id, avg_px_close="11", exit_reason="take profit")
    return done


def resident_kb(pid: int) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if line[:6] == "VmRSS:"]
    return int(line.split()[1])


def test_a_watch_beside_four_writers(ledger_url: str) -> None:
    moods = random.Random(20_251_022)
    with PositionLedger.connect(ledger_url) as ledger, loopback() as server:
        standing = bare(ledger, "STANDINGUSDT")
        heard = Heard(server)
        words = ["--webhook", server.url, "--every", "0.2", "--again", str(AGAIN / timedelta(minutes=1))]
        command = [PROGRAM, "watch", *words, "--verify", "0.05"]
        surroundings = os.environ | {"LEDGER_DATABASE_URL": ledger_url}
        with (
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=surroundings) as watch,
            ThreadPoolExecutor(WRITERS) as pool,
        ):
            try:
                until(lambda: heard.kinds(standing) != [], "it does not begin")
                end = time.monotonic() + SECONDS
                writers = [pool.submit(written, ledger_url, number, heard, end) for number in range(WRITERS)]
                sizes = []
                while not all(writer.done() for writer in writers):
                    sizes.append(resident_kb(watch.pid))
                    server.always = 500 if moods.random() < 0.1 else 200
                    time.sleep(0.25)
                server.always = 200
                places = [place for writer in writers for place in writer.result()]
                assert watch.poll() is None
            finally:
                watch.terminate()
            assert watch.wait(60) == 143
    told = heard.now()
    for place in places:
        assert [kind for kind in heard.kinds(place) if kind in {"alarm", "over"}] == ["alarm", "over"]
    for notices in told.values():
        ids = [notice_id for _, _, notice_id in notices]
        assert len(ids) == len(set(ids))
        rings = [(kind, at) for kind, at, _ in notices]
        assert all(later - at >= AGAIN for (_, at), (kind, later) in pairwise(rings) if kind == "again")
    assert heard.kinds(standing).count("alarm") == 1
    assert heard.kinds(standing).count("again") >= min(1, SECONDS // (10 * AGAIN.total_seconds()))
    fifth = max(1, len(sizes) // 5)
    fifths = [int(statistics.median(sizes[number * fifth : (number + 1) * fifth] or sizes)) for number in range(5)]
    print(f"{len(places)} alarms, {sum(map(len, told.values()))} notices; by fifths of the time {fifths} kB")
    # While the ledger has less than a batch of events, what is read at once grows with it.
    assert fifths[4] - fifths[2] < GROWTH_MAX_KB
