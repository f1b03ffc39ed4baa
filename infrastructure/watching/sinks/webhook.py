"""A webhook: JSON by POST, signed as Standard Webhooks (standardwebhooks.com) says, whose libraries check it."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Final

from infrastructure.watching.sinks.http_post import PostAddress, post, require_taken
from infrastructure.watching.sinks.sink import NoticeBatch

SECRET_VARIABLE: Final = "LEDGER_WATCH_SECRET"  # noqa: S105 - the name of a variable, not its value
URL_VARIABLE: Final = "LEDGER_WATCH_WEBHOOK"
_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)


def key_of(secret: str) -> bytes:
    """The key that a secret encodes. Refuses: ValueError, whose message does not repeat the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
        raise ValueError(
            f"{SECRET_VARIABLE} is no secret of a webhook, which is {_PREFIX} and 24 to 64 bytes in base64; make one "
            f'with: echo "{_PREFIX}$(openssl rand -base64 32)"'
        )
    return key


@dataclass(frozen=True)
class Webhook:
    """A webhook at a URL; without a key nothing is signed."""

    address: PostAddress
    key: bytes | None = field(repr=False)
    name: str = "webhook"
    notices_max: int = 50

    def send(self, batch: NoticeBatch) -> None:
        """Deliver a batch; an answer with 2xx says that it was taken. Refuses: DeliveryFailed."""
        body = json.dumps(batch.as_json(), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **self._signed(batch.id, int(time.time()), body)}
        require_taken(self.address, post(self.address, body, headers))

    def _signed(self, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
        if self.key is not None:
            signed = hmac.digest(self.key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
            headers["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
        return headers
