"""Access to the live page: the host name, the token, and the security headers of every answer."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from scripts.serving.gate import COOKIE, LOOPBACK, AccessToken, Gate
from tests.scripts.serving.asgi import asked, scope

SECRET = "0123456789abcdef"
INSIDE = PlainTextResponse("inside")
NEAR = Gate(INSIDE, LOOPBACK, None)
FAR = Gate(INSIDE, None, AccessToken(SECRET))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8377", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8377"])
def test_a_name_of_loopback_is_answered(host: str) -> None:
    assert asked(NEAR, host=host).body == "inside"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8377", "127.0.0.1.evil.example", "", "localhost:1:2"])
def test_no_other_name_is_answered_on_loopback(host: str) -> None:
    answer = asked(NEAR, host=host)
    assert (answer.status, "inside" in answer.body) == (421, False)


def test_without_the_token_nothing_is_shown() -> None:
    assert asked(FAR).status == 401
    assert asked(FAR, accept="text/html").headers["location"] == "/enter"
    assert asked(FAR, "/events", accept="text/html").status == 401
    for wrong in (SECRET[:-1], SECRET + "0", "", "é" * 16):
        assert asked(FAR, authorization=f"Bearer {wrong}").status == 401
        assert asked(FAR, cookie=f"{COOKIE}={wrong}").status == 401
    assert asked(FAR, authorization=f"Basic {SECRET}").status == 401
    assert asked(FAR, cookie=f"{COOKIE}={SECRET}").status == 401, "the cookie is not the token"
    assert asked(FAR, cookie="\x01=;;=").status == 401


def test_whoever_has_the_token_or_its_cookie_may_look() -> None:
    assert asked(FAR, host="ledger.example", authorization=f"Bearer {SECRET}").body == "inside"
    assert asked(FAR, cookie=f"a=b; {COOKIE}={AccessToken(SECRET).cookie}").body == "inside"
    assert SECRET not in AccessToken(SECRET).cookie


@pytest.mark.parametrize("path", ["/enter", "/healthz", "/page.css", "/live.js"])
def test_what_says_nothing_of_a_ledger_is_open(path: str) -> None:
    assert asked(FAR, path).body == "inside"


@pytest.mark.parametrize("secret", ["", "short", "0123456789abcde", "0123456789 abcdef", "0123456789abcdeé"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="token"):
        AccessToken(secret)


def test_every_answer_forbids_what_a_page_does_not_need() -> None:
    for answer in (asked(NEAR), asked(NEAR, host="evil.example"), asked(FAR)):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'") and "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_nobody_listens_to_the_world_without_a_token() -> None:
    with pytest.raises(AssertionError):
        Gate(INSIDE, None, None)


def test_who_waits_for_an_answer_when_the_server_is_stopped_may_ask_again() -> None:
    """The web server cancels what takes longer than its end, and would call that an error of the server: 500."""
    sent: list[Message] = []

    async def slow(_: Scope, __: Receive, ___: Send) -> None:
        await asyncio.sleep(60)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def stopped() -> None:
        waiting = asyncio.ensure_future(Gate(slow, LOOPBACK, None)(scope(), receive, send))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(stopped())
    assert sent[0]["status"] == 503 and (b"retry-after", b"5") in sent[0]["headers"]
    assert sent[1]["body"] == b"the server is stopped; ask again\n"
