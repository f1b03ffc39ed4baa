"""A watch that is killed between any two of its steps: every alarm is delivered, at most twice."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from random import Random
from subprocess import PIPE
from typing import Any

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import PROGRAM, run
from tests.forked_popen import ForkedPopen
from tests.infrastructure.watching.loopback import Loopback, loopback
from tests.past import before_now

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATIENCE_SECONDS = 60.0


def enter(url: str, symbol: str) -> str:
    at: dict[str, Any] = {"at": before_now(minutes=5)}
    with PositionLedger.connect(url) as ledger:
        position_id = ledger.request_entry(
            symbol=symbol, exchange="binance", side="short", quantity="61", intent_id="1", **at
        ).position_id
        ledger.record_entry_placed(position_id=position_id, exchange_order_id=symbol, filled_qty="61", avg_px="3", **at)
    return position_id


def protect(url: str, position_id: str) -> None:
    with PositionLedger.connect(url) as ledger:
        ledger.set_stop_loss(position_id=position_id, stop_price="3.3", exchange_order_id="s", activate=True)


@contextmanager
def watching(url: str, server: Loopback, *words: str) -> Iterator[ForkedPopen[bytes]]:
    command = [PROGRAM, "watch", "--webhook", server.url, "--every", "0.1", "--verify", "0", *words]
    surroundings = os.environ | {"LEDGER_DATABASE_URL": url, "LEDGER_WATCH_SECRET": SECRET}
    with ForkedPopen[bytes](command, stdout=PIPE, stderr=PIPE, env=surroundings) as process:
        drains = [threading.Thread(target=stream.read) for stream in (process.stdout, process.stderr) if stream]
        for drain in drains:
            drain.start()
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            for drain in drains:
                drain.join()


def heard(server: Loopback) -> list[dict[str, Any]]:
    return [notice for received in [*server.received] for notice in json.loads(received.body)["notices"]]


def subjects(server: Loopback, kind: str) -> Counter[str]:
    return Counter(each["subject"] for each in heard(server) if each["kind"] == kind and each["check"] == "unprotected")


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as told:
        yield told


def test_a_watch_that_is_killed_before_it_remembers_tells_it_twice_with_one_id(
    ledger_url: str, server: Loopback
) -> None:
    position_id = enter(ledger_url, "APTUSDT")
    killed = threading.Event()
    processes: list[ForkedPopen[bytes]] = []

    def kill(handler: BaseHTTPRequestHandler) -> None:
        processes[-1].send_signal(signal.SIGKILL)
        processes[-1].wait()
        killed.set()
        handler.close_connection = True

    server.answers = [kill]
    with watching(ledger_url, server) as process:
        processes.append(process)
        assert killed.wait(PATIENCE_SECONDS)
    with watching(ledger_url, server):
        until(lambda: len(server.received) >= 2)
        time.sleep(0.5)
    first, *others = (json.loads(received.body) for received in server.received)
    assert len(others) == 1
    assert sorted(each["id"] for each in first["notices"]) == sorted(each["id"] for each in others[0]["notices"])
    with watching(ledger_url, server):
        protect(ledger_url, position_id)
        until(lambda: subjects(server, "over")[position_id] == 1)
    assert subjects(server, "alarm")[position_id] == 2


def test_a_watch_that_is_killed_at_any_moment_loses_nothing(ledger_url: str, server: Loopback) -> None:
    random = Random(20_251_022)
    places = []
    for number in range(6):
        places.append(enter(ledger_url, f"A{number}USDT"))
        with watching(ledger_url, server):
            time.sleep(random.uniform(0.2, 1.6))
    with watching(ledger_url, server):
        until(lambda: subjects(server, "alarm").keys() == {*places})
        for place in places:
            protect(ledger_url, place)
        until(lambda: subjects(server, "over").keys() == {*places})
    ids = Counter(each["id"] for each in heard(server))
    assert max(ids.values()) <= 2
    assert max(Counter(subjects(server, "alarm")).values()) <= 2


def test_a_watch_that_is_ended_finishes_what_is_under_way(ledger_url: str, server: Loopback) -> None:
    enter(ledger_url, "APTUSDT")

    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.5)
        handler.send_response(200)
        handler.end_headers()

    server.answers = [slow]
    with watching(ledger_url, server) as process:
        until(lambda: len(server.received) == 1)
        process.terminate()
        assert process.wait(30) == 143
    with watching(ledger_url, server):
        time.sleep(1.5)
    assert len(server.received) == 1


def test_no_secret_is_said(ledger_url: str, server: Loopback) -> None:
    enter(ledger_url, "APTUSDT")
    server.always = 500
    token = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
    surroundings = {
        "LEDGER_WATCH_SECRET": SECRET,
        "LEDGER_WATCH_WEBHOOK": f"{server.url}/T0KEN",
        "LEDGER_TELEGRAM_TOKEN": token,
        "LEDGER_TELEGRAM_CHAT": "1",
        "LEDGER_TELEGRAM_API": f"http://127.0.0.1:{server.port}",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in surroundings.items():
            patch.setenv(name, value)
        done = run(ledger_url, "watch", "--once", "--telegram", "--verify", "0")
    assert done.returncode == 1
    assert "webhook: not delivered: 127.0.0.1 answered 500" in done.stderr
    assert "telegram: not delivered: 127.0.0.1 answered 500" in done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in (SECRET, "T0KEN", token))
    with PositionLedger.connect(ledger_url) as ledger:
        memory = ledger.store.watch_memory("watch")
    assert memory is not None
    assert not any(secret in memory.body for secret in (SECRET, "T0KEN", token))
