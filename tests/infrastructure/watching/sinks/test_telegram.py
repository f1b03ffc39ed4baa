"""The sink for Telegram: one message for each batch, within the allowed length, and no message shows the token."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler

import pytest

from infrastructure.watching.sinks.sink import DeliveryFailed
from infrastructure.watching.sinks.telegram import TelegramChat
from tests.infrastructure.watching.batches import batch
from tests.infrastructure.watching.loopback import Loopback

TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"


def chat(server: Loopback) -> TelegramChat:
    api = f"http://127.0.0.1:{server.port}"
    return TelegramChat.named_by(
        {"LEDGER_TELEGRAM_TOKEN": TOKEN, "LEDGER_TELEGRAM_CHAT": "-100", "LEDGER_TELEGRAM_API": api}
    )


def test_a_batch_is_one_message(server: Loopback) -> None:
    chat(server).send(batch(2))
    (received,) = server.received
    assert received.path == f"/bot{TOKEN}/sendMessage"
    said = json.loads(received.body)
    assert said["chat_id"] == "-100"
    assert said["text"].splitlines()[1] == (
        "critical: APTUSDT.binance#1: unprotected: short 61 without a confirmed stop for 45 s; next: recover"
    )


def test_a_message_is_as_long_as_one_may_be(server: Loopback) -> None:
    chat(server).send(batch(10, "x" * 1_000))
    text = json.loads(server.received[0].body)["text"]
    assert (len(text), text[-1]) == (4_096, "…")


def test_a_message_that_just_fits_is_sent_whole(server: Loopback) -> None:
    told = batch(1, "x" * (4_096 - len(batch(1, "").in_words)))
    chat(server).send(told)
    text = json.loads(server.received[0].body)["text"]
    assert (len(text), text) == (4_096, told.in_words)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (b'{"ok": false, "parameters": {"retry_after": 31}}', 31.0),
        (b'{"ok": false, "parameters": {"retry_after": 0}}', 0.0),
        (b'{"ok": false, "parameters": {"retry_after": 86400}}', 3_600.0),
        (b'{"ok": false, "parameters": {"retry_after": "31"}}', 7.0),
        (b'{"ok": false, "parameters": {"retry_after": -1}}', 7.0),
        (b'{"ok": false, "parameters": [31]}', 7.0),
        (b"[31]", 7.0),
        (b"too many requests", 7.0),
    ],
)
def test_telegram_says_how_long_it_wants_to_be_left_alone(server: Loopback, body: bytes, seconds: float) -> None:
    def busy(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(429)
        handler.send_header("Retry-After", "7")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    server.answers = [busy]
    with pytest.raises(DeliveryFailed) as failed:
        chat(server).send(batch())
    assert failed.value.retry_after == seconds


def test_no_failure_names_the_token(server: Loopback) -> None:
    server.always = 401
    with pytest.raises(DeliveryFailed) as failed:
        chat(server).send(batch())
    assert TOKEN not in f"{failed.value}{chat(server)!r}"


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"LEDGER_TELEGRAM_CHAT": "1"}, "LEDGER_TELEGRAM_TOKEN is not set"),
        ({"LEDGER_TELEGRAM_CHAT": "1", "LEDGER_TELEGRAM_TOKEN": "a secret"}, "LEDGER_TELEGRAM_TOKEN is no token"),
        ({"LEDGER_TELEGRAM_TOKEN": TOKEN}, "LEDGER_TELEGRAM_CHAT is not set"),
    ],
)
def test_what_is_missing_is_named_and_no_secret_repeated(environment: dict[str, str], missing: str) -> None:
    with pytest.raises(ValueError, match=missing) as refused:
        TelegramChat.named_by(environment)
    assert not any(value in str(refused.value) for value in ("a secret", TOKEN))
