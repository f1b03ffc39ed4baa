"""The webhook sink: its body, its signature, and its error when a server does not accept a batch."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from http.server import BaseHTTPRequestHandler

import pytest

from infrastructure.watching.sinks.http_post import PostAddress, post
from infrastructure.watching.sinks.sink import DeliveryFailed
from infrastructure.watching.sinks.webhook import Webhook, key_of
from tests.infrastructure.watching.batches import batch
from tests.infrastructure.watching.loopback import Loopback

KEY = b"a key of thirty-two bytes, no less"[:32]
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


def hook(server: Loopback, key: bytes | None = None) -> Webhook:
    return Webhook(PostAddress.read(server.url), key)


def test_a_batch_is_sent_as_json(server: Loopback) -> None:
    hook(server).send(batch(2))
    (received,) = server.received
    body = json.loads(received.body)
    assert list(body) == ["id", "ledger", "watch", "at", "notices"]
    assert [notice["subject"] for notice in body["notices"]] == ["APTUSDT.binance#1", "APTUSDT.binance#2"]
    assert received.headers["Content-Type"] == "application/json"
    assert "webhook-signature" not in received.headers


def test_it_is_signed_as_the_standard_says(server: Loopback) -> None:
    hook(server, key_of(SECRET)).send(batch())
    (received,) = server.received
    said = {name.lower(): value for name, value in received.headers.items()}
    assert abs(int(said["webhook-timestamp"]) - time.time()) < 60
    assert said["webhook-id"] == json.loads(received.body)["id"]
    signed = f"{said['webhook-id']}.{said['webhook-timestamp']}.".encode() + received.body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert said["webhook-signature"] == f"v1,{expected}"


def test_the_same_notices_have_the_same_id_when_they_are_sent_again(server: Loopback) -> None:
    for _ in range(2):
        hook(server).send(batch())
    first, second = server.received
    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]


@pytest.mark.parametrize("secret", ["whsec_c2hvcnQ=", "whsec_", SECRET.removeprefix("whsec_"), "whsec_not base64!"])
def test_what_is_no_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="LEDGER_WATCH_SECRET is no secret") as refused:
        key_of(secret)
    assert secret.removeprefix("whsec_") not in str(refused.value) or secret == "whsec_"


@pytest.mark.parametrize("length", [24, 64])
def test_the_shortest_and_the_longest_key_are_taken_and_those_beside_them_are_not(length: int) -> None:
    def secret(length: int) -> str:
        return f"whsec_{base64.b64encode(b'k' * length).decode()}"

    assert key_of(secret(length)) == b"k" * length
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        key_of(secret({24: 23, 64: 65}[length]))


@pytest.mark.parametrize("status", [200, 204, 299])
def test_every_answer_of_2xx_has_taken_it(server: Loopback, status: int) -> None:
    server.always = status
    hook(server).send(batch())
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_whoever_answers_otherwise_has_not_taken_it(server: Loopback, status: int) -> None:
    server.always = status
    with pytest.raises(DeliveryFailed, match=f"127.0.0.1 answered {status}"):
        hook(server).send(batch())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(server: Loopback, status: int) -> None:
    server.always = status
    with pytest.raises(DeliveryFailed, match="a redirect, and none is followed"):
        hook(server).send(batch())
    assert len(server.received) == 1


def test_a_server_may_ask_to_be_left_alone(server: Loopback) -> None:
    server.always = 429
    with pytest.raises(DeliveryFailed) as failed:
        hook(server).send(batch())
    assert failed.value.retry_after == 7.0


@pytest.mark.parametrize(
    ("said", "seconds"), [("86400", 3_600.0), ("Wed, 22 Oct 2025 18:50:40 GMT", None), ("-1", None), ("", None)]
)
def test_it_is_left_alone_for_an_hour_at_most_and_for_nothing_but_seconds(
    server: Loopback, said: str, seconds: float | None
) -> None:
    def busy(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(503)
        handler.send_header("Retry-After", said)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.answers = [busy]
    with pytest.raises(DeliveryFailed) as failed:
        hook(server).send(batch())
    assert failed.value.retry_after == seconds


@pytest.mark.parametrize("how", ["hang", "trickle"])
def test_a_server_that_comes_to_no_end_is_given_up(server: Loopback, how: str) -> None:
    server.always = getattr(server, how)
    started = time.monotonic()
    with pytest.raises(DeliveryFailed, match=r"127\.0\.0\.1: (no whole answer in 0\.5 s|TimeoutError)"):
        post(PostAddress.read(server.url), b"{}", {}, seconds=0.5)
    assert time.monotonic() - started < 20


def test_nobody_at_the_port_is_said_without_the_path(server: Loopback) -> None:
    address = PostAddress.read(f"{server.url}/a-token-of-somebody")
    server.over.set()
    unused = PostAddress(is_tls=False, host="127.0.0.1", port=1, path=address.path)
    with pytest.raises(DeliveryFailed) as failed:
        post(unused, b"{}", {})
    assert "token" not in f"{failed.value}{address!r}"


def test_without_tls_nobody_but_this_machine_is_reached() -> None:
    with pytest.raises(ValueError, match=r"http://alarms\.example is another machine"):
        PostAddress.read("http://alarms.example/hook/token")
    assert PostAddress.read("http://localhost:8080") == PostAddress(is_tls=False, host="localhost", port=8080, path="/")
    assert PostAddress.read("http://[::1]/x") == PostAddress(is_tls=False, host="::1", port=80, path="/x")


def test_an_address_keeps_its_query_and_has_the_usual_port() -> None:
    assert PostAddress.read("https://alarms.example/hook?a=b") == PostAddress(
        is_tls=True, host="alarms.example", port=443, path="/hook?a=b"
    )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://alarms.example",
        "alarms.example",
        "https://",
        "https://me:pass@alarms.example",
        "https://pass@alarms.example",
        "https://me:pass@\u2100/hook",
        "https://me:pass/hook",
        "https://a.b/\r\nx",
        "https://a.b/a b",
        "https://a.b/é",
        "https://a.b/\x7f",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as refused:
        PostAddress.read(url)
    assert "pass" not in str(refused.value).replace("password", "")


def test_a_certificate_that_nobody_vouches_for_is_refused(server: Loopback) -> None:
    plain = PostAddress.read(server.url)
    with pytest.raises(DeliveryFailed, match="SSL"):
        post(PostAddress(is_tls=True, host=plain.host, port=plain.port, path="/"), b"{}", {})
