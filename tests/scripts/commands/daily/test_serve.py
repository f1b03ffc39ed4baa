"""`serve` as a real process on the loopback: how it refuses to start, answers, and ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any, NamedTuple

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import PROGRAM
from tests.forked_popen import ForkedPopen
from tests.past import before_now
from tests.scripts.cases import HOSTILE, fill
from tests.scripts.commands.daily.test_status import enter
from tests.scripts.program import Program

SERVER = ["scripts.serving.web_app", "scripts.serving.web_server", "scripts.serving.page_parts"]
SECONDS_MAX = 60
TOKEN = "a-token-of-this-test"


class Served(NamedTuple):
    """A page that is kept at a port; `process` says on stderr what it says."""

    port: int
    process: subprocess.Popen[str]

    def get(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, str]:
        status, text, _ = self.answer(path, method, body, **headers)
        return status, text

    def answer(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, str, http.client.HTTPMessage]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def told(self, **headers: str) -> Iterator[dict[str, Any]]:
        """The parts that come over the stream, for a while."""
        end = time.monotonic() + SECONDS_MAX
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)) as connection:
            connection.request("GET", "/events", headers=headers)
            with connection.getresponse() as answer:
                for line in answer:
                    if time.monotonic() > end:
                        return
                    if line.startswith(b"data: "):
                        yield json.loads(line.removeprefix(b"data: "))["parts"]

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=SECONDS_MAX)
        return self.process.returncode, said


@contextmanager
def serving(url: str, *words: str, port: int = 0, **environment: str) -> Iterator[Served]:
    asked = [PROGRAM, "serve", "--database", url, "--port", str(port), *words]
    surroundings = {**os.environ, **environment}
    with serving_by(ForkedPopen[str](asked, imports=SERVER, env=surroundings, stderr=PIPE, text=True)) as served:
        yield served


@contextmanager
def serving_by(process: subprocess.Popen[str]) -> Iterator[Served]:
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r":(\d+)/ shows", said)
        assert found, said + process.stderr.read()
        yield Served(int(found[1]), process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


def test_it_shows_what_status_shows_and_each_cycle_has_its_page(url: str) -> None:
    fill(url)
    with serving(url) as page:
        status, text = page.get("/")
        assert status == 200 and "1 of 1 unprotected, 1 more needs a person" in text
        link = "/history/1000000MOGUSDT.bybit.main%231"
        assert link in text
        assert "position-ledger recover --symbol SOLUSDT --exchange binance --account &#39;&#39; --live" in text
        assert page.get(link)[0] == 200 and "<svg" in page.get(link)[1]
        assert page.get("/history/NOSUCHUSDT.binance%231")[0] == 404
        assert page.get("/history/%23%23")[0] == 400
        assert page.get("/healthz") == (200, "ok\n")
        status, figures = page.get("/metrics")
        assert status == 200 and 'position_ledger_unprotected_positions{account="main",exchange="bybit"} 1.0' in figures


def test_every_page_judges_by_the_age_that_was_asked_for(url: str) -> None:
    at = before_now(hours=2)
    with PositionLedger.connect(url) as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="1", at=at)
    late = 'position_ledger_findings{check="incomplete",severity="critical"} '
    for words, severity, critical in (((), "critical", 1), (("--age", "6"), "warning", 0)):
        with serving(url, *words) as page:
            for path in ("/", "/positions", "/history/APTUSDT.binance%231"):
                assert set(re.findall(r'<span class="badge (\w+)">', page.get(path)[1])) == {severity}, path
            assert f"{late}{critical}.0" in page.get("/metrics")[1]


def test_nothing_that_others_wrote_becomes_markup(url: str) -> None:
    fill(url)
    with serving(url) as page:
        for path in ("/", "/history/APTUSDT.binance%231", f"/history/{'%3Cscript%3Ealert(1)%3C/script%3E'}"):
            _, text = page.get(path)
            assert re.findall(r"<script[^>]*>", text) == ['<script src="/live.js" defer>'], path
            assert not re.search(r"<[^>]*\son\w+=|<style|style=|javascript:", text), path
        assert "&lt;script&gt;alert" in page.get("/history/APTUSDT.binance%231")[1]
        assert HOSTILE not in "".join(next(page.told()).values())


def test_the_past_a_day_and_a_story_are_found(url: str) -> None:
    fill(url)
    with serving(url) as page:
        for by in ("recorded", "event-time"):
            status, text = page.get(f"/positions/then?at=2025-10-22T18:50:42Z&by={by}")
            assert status == 200 and "1 of 1 unprotected" in text and "position-ledger" not in text
        (then,) = re.findall(r'href="(/history/[^"]+)"', page.get("/positions?at=2025-10-22T18:50:42Z&by=recorded")[1])
        status, text = page.get(then)
        assert status == 200 and "as of 2025-10-22T18:50:42" in text and "EntryFilled" in text
        assert "StopLossSet" not in text, "it came later"
        assert page.get("/history/APTUSDT.binance%231?at=2020-01-01T00:00:00Z")[0] == 404
        assert page.get("/history/APTUSDT.binance%231?at=soon")[0] == 400
        assert "1 of 1 unprotected, 1 more" in page.get("/positions")[1]
        assert page.get("/positions?at=yesterday")[0] == 400
        status, text = page.get("/positions?by=mine")
        assert status == 400 and "no clock; it is &#39;recorded&#39; or &#39;event-time&#39;" in text
        status, text = page.get("/positons")
        assert status == 404 and "There is no page at /positons." in text and 'href="/positions"' in text
        assert page.answer("/find?place=APTUSDT.binance%231")[2]["Location"] == "/history/APTUSDT.binance%231"
        assert page.answer("/find?place=//evil.example")[2]["Location"].startswith("/history/")
        assert page.get("/day/2025-10-22")[0] == 200 and page.get("/day/today")[0] == 400


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order_from_the_moment_at_which_it_says_where_it_is(url: str, number: signal.Signals) -> None:
    PositionLedger.connect(url).disconnect()
    words = [PROGRAM, "serve", "--database", url, "--port", "0"]
    installed = subprocess.Popen(words, stderr=PIPE, text=True)
    with serving_by(installed) as page, closing(http.client.HTTPConnection("127.0.0.1", page.port)) as connection:
        connection.request("GET", "/events")
        assert page.end(number) == (0, "stopped\n")


def test_a_browser_that_does_not_finish_what_it_asks_is_let_go_without_a_word(url: str) -> None:
    PositionLedger.connect(url).disconnect()
    with (
        serving(url, LEDGER_SERVE_TOKEN=TOKEN) as page,
        closing(socket.create_connection(("127.0.0.1", page.port), SECONDS_MAX)) as connection,
    ):
        connection.sendall(b"POST /enter HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nto")
        assert page.get("/enter")[0] == 200, "it is at work on what came before"
        assert page.end(signal.SIGTERM) == (0, "stopped\n")


def test_who_asks_for_another_protocol_is_answered_in_http_without_a_word(url: str) -> None:
    PositionLedger.connect(url).disconnect()
    with serving(url) as page, closing(http.client.HTTPConnection("127.0.0.1", page.port)) as connection:
        connection.request("GET", "/healthz", headers={"Connection": "Upgrade", "Upgrade": "websocket"})
        assert connection.getresponse().read() == b"ok\n"
        assert page.end(signal.SIGTERM) == (0, "stopped\n")


def test_an_event_comes_to_whoever_listens(url: str) -> None:
    PositionLedger.connect(url).disconnect()
    with serving(url) as page:
        told = page.told()
        assert "nothing of 0 open positions needs a person" in next(told)["status"]
        enter(url, "APTUSDT", 60, stop=False)
        assert any("APTUSDT.binance" in parts.get("positions", "") for parts in told)
        assert any("UNPROTECTED" in parts.get("status", "") for parts in page.told())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_it_is_told_to_though_somebody_listens(url: str, number: signal.Signals) -> None:
    PositionLedger.connect(url).disconnect()
    with serving(url) as page:
        told = page.told()
        next(told)
        code, said = page.end(number)
        assert (code, said) == (0, "stopped\n")


def test_an_address_that_others_reach_wants_a_token(url: str, program: Program) -> None:
    PositionLedger.connect(url).disconnect()
    for words in (("--host", "0.0.0.0"), ("--host", "::"), ("--name", "ledger.example")):
        ran = program("serve", "--database", url, *words)
        assert ran.code == 2 and "LEDGER_SERVE_TOKEN" in ran.err and "127.0.0.1" in ran.err


@pytest.mark.parametrize(
    "name", ["", "a b", "https://ledger.example", "ledger.example:8443", "ledger.example/x", "bücher"]
)
def test_a_name_that_no_browser_says_is_refused(name: str, url: str, program: Program) -> None:
    ran = program("serve", "--database", url, "--name", name)
    assert ran.code == 2 and "is no name of a host" in ran.err and "as ledger.example" in ran.err


def test_a_name_is_answered_to_however_it_was_written(url: str) -> None:
    fill(url)
    with serving(url, "--name", "Ledger.Example", LEDGER_SERVE_TOKEN=TOKEN) as page:
        assert page.get("/healthz", Host="ledger.example")[0] == 200
        assert page.get("/healthz", Host="LEDGER.example:8443")[0] == 200
        assert page.get("/healthz", Host="other.example")[0] == 421


def test_a_token_that_can_be_guessed_is_refused(
    url: str, program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEDGER_SERVE_TOKEN", "hunter2")
    ran = program("serve", "--database", url)
    assert ran.code == 2 and "16" in ran.err and "hunter2" not in ran.err
    empty = tmp_path / "token"
    empty.write_text("\n")
    assert program("serve", "--database", url, "--token-file", empty).code == 2


def test_with_a_token_nobody_looks_without_it_and_it_is_told_to_nobody(url: str) -> None:
    fill(url)
    with serving(url, "--host", "0.0.0.0", LEDGER_SERVE_TOKEN=TOKEN) as page:
        assert page.get("/")[0] == 401 and page.get("/events")[0] == 401
        assert page.get("/history/APTUSDT.binance%231")[0] == 401
        assert "MOG" in page.get("/", Authorization=f"Bearer {TOKEN}")[1]
        assert page.answer("/", Accept="text/html")[2]["Location"] == "/enter"
        assert page.get("/enter", "POST", "token=wrong")[0] == 403
        assert page.get("/enter", "POST", "token=wrong&token=wrong")[0] == 403
        assert page.get("/enter", "POST", "token=" + "x" * 10_000)[0] == 413
        status, text, headers = page.answer("/enter", "POST", f"token={TOKEN}")
        cookie = str(headers["Set-Cookie"])
        assert status == 303 and "HttpOnly" in cookie and "SameSite=strict" in cookie
        assert TOKEN not in text + str(headers)
        assert "MOG" in page.get("/", Cookie=cookie.partition(";")[0])[1]
        assert "status" in next(page.told(Cookie=cookie.partition(";")[0]))
        code, said = page.end(signal.SIGTERM)
    assert code == 0 and TOKEN not in said


def test_a_ledger_that_is_not_there_is_told_at_the_start(tmp_path: Path, program: Program) -> None:
    ran = program("serve", "--database", f"sqlite:///{tmp_path}/none.db", "--port", "0")
    assert ran.code == 3 and "init" in ran.err


def test_a_port_that_is_taken_is_named(url: str, program: Program) -> None:
    PositionLedger.connect(url).disconnect()
    with serving(url) as page:
        ran = program("serve", "--database", url, "--port", page.port)
    assert ran.code == 2 and str(page.port) in ran.err


def test_without_its_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError('No module', name='starlette')\n")
    ran = subprocess.run(
        [PROGRAM, "serve"], env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2 and "pip install 'position-ledger[serve]'" in ran.stderr


def test_a_database_that_went_away_is_never_shown_as_well(url: str) -> None:
    PositionLedger.connect(url).disconnect()
    file = Path(url.removeprefix("sqlite:///"))
    with serving(url) as page:
        elsewhere = file.rename(file.with_suffix(".elsewhere"))
        silent = next(parts for parts in page.told() if "The database does not answer" in parts.get("status", ""))
        assert "The database does not answer since" in silent["fresh"]
        status, said = page.get("/healthz")
        assert status == 503 and said.startswith("no answer from the database since")
        assert page.get("/metrics")[0] == 503
        elsewhere.rename(file)
        assert any("needs a person" in parts.get("status", "") for parts in page.told())
        until = time.monotonic() + SECONDS_MAX
        while page.get("/healthz")[0] != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
