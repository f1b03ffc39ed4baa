"""A Telegram chat, reached through the Bot API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infrastructure.watching.sinks.http_post import PostAddress, PostAnswer, post, require_taken
from infrastructure.watching.sinks.sink import NoticeBatch

TOKEN_VARIABLE: Final = "LEDGER_TELEGRAM_TOKEN"  # noqa: S105 - the name of a variable, not its value
CHAT_VARIABLE: Final = "LEDGER_TELEGRAM_CHAT"
API_VARIABLE: Final = "LEDGER_TELEGRAM_API"
API: Final = "https://api.telegram.org"
_TOKEN: Final = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}", re.ASCII)
_TEXT_MAX: Final = 4_096
"""How many characters a message may have."""


@dataclass(frozen=True)
class TelegramChat:
    """A chat that a Telegram bot writes to."""

    address: PostAddress = field(repr=False)
    chat: str
    name: str = "telegram"
    notices_max: int = 10

    @classmethod
    def named_by(cls, environment: Mapping[str, str]) -> TelegramChat:
        """The chat that environment variables name. Refuses: ValueError, whose message does not repeat the token."""
        token, chat = environment.get(TOKEN_VARIABLE, ""), environment.get(CHAT_VARIABLE, "")
        api = environment.get(API_VARIABLE, API)
        if not _TOKEN.fullmatch(token):
            what = "is no token of a bot" if token else "is not set: name the token of a bot"
            raise ValueError(f"{TOKEN_VARIABLE} {what}, as BotFather hands them out: 123456:ABC…")
        if not chat.strip():
            raise ValueError(f"{CHAT_VARIABLE} is not set: name the chat, by its number or as @channel")
        return cls(PostAddress.read(f"{api.rstrip('/')}/bot{token}/sendMessage"), chat.strip())

    def send(self, batch: NoticeBatch) -> None:
        """Deliver a batch as one message. Refuses: DeliveryFailed."""
        text = batch.in_words
        cut = text if len(text) <= _TEXT_MAX else f"{text[: _TEXT_MAX - 1]}…"
        body = json.dumps({"chat_id": self.chat, "text": cut, "disable_web_page_preview": True}).encode()
        answer = post(self.address, body, {"Content-Type": "application/json"})
        require_taken(self.address, answer, _asked_to_wait(answer))


def _asked_to_wait(answer: PostAnswer) -> float | None:
    """The seconds that Telegram asks to wait, from the body of its answer."""
    try:
        body: Any = json.loads(answer.body)
    except ValueError:
        return None
    parameters = body.get("parameters") if isinstance(body, dict) else None
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(seconds) if isinstance(seconds, int) and seconds >= 0 else None
