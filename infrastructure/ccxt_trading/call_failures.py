"""What a failed call of a ccxt client means for an order: refused, absent, rate limited, or not known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any, Final

from infrastructure.ccxt_trading.trading_conventions import Meaning, TradingConventions
from infrastructure.exchanges.ccxt_live import Asked
from infrastructure.trading.exchange_errors import ExchangeError, NoAnswer, NothingToReduce, RateLimited, Refused

_KEYS: Final = ("apiKey", "secret", "password", "uid", "token", "twofa", "walletAddress", "privateKey")
_ABSENT: Final = frozenset({"OrderNotFound"})
_TAKEN: Final = frozenset({"DuplicateOrderId"})
_RATE_LIMITED: Final = frozenset({"RateLimitExceeded", "DDoSProtection"})
_REFUSED: Final = frozenset(
    {
        "ArgumentsRequired",
        "AuthenticationError",
        "BadRequest",
        "InsufficientFunds",
        "InvalidOrder",
        "NotSupported",
        "OperationRejected",
    }
)
"""ccxt's errors for a refusal by the exchange, or by ccxt before it sent anything; any other error is no answer."""
_RESETS: Final = "x-bapi-limit-reset-timestamp"
_BANNED: Final = re.compile(r"banned until (\d{13})")
_TEXTS: Final = ("sMsg", "retMsg", "msg", "error")
_SAID: Final = re.compile(rf'"({"|".join(_TEXTS)})":\s*"((?:[^"\\]|\\.)+)"')
_WORDS_MAX: Final = 400


class Absent(Refused):
    """The exchange says that there is no such order."""


def failure(wrong: Exception, conventions: TradingConventions, client: Any) -> ExchangeError:
    """Translate an error of a client's call; the message is without keys, signatures and queries.

    The exchange's own code decides if the table has it, else ccxt's class of error; an error that neither knows is no
    answer.
    """
    if isinstance(wrong, ExchangeError):
        return wrong
    said = str(wrong)
    match = conventions.code.search(said) if conventions.code is not None else None
    code = match[1] if match is not None else None
    text = without_secrets(_words(wrong), conventions, client)
    meaning = conventions.meaning_of(code, said) or _by_class(wrong)
    if meaning is Meaning.RATE_LIMITED:
        return RateLimited(code, text, _retry_seconds(said, client.last_response_headers or {}))
    if meaning is Meaning.TAKEN:
        return NoAnswer(f"an order of this client id was taken before, and is to be looked up: {text}")
    kinds = {Meaning.REFUSED: Refused, Meaning.NOTHING_TO_REDUCE: NothingToReduce, Meaning.ABSENT: Absent}
    return kinds[meaning](code, text) if meaning in kinds else NoAnswer(text)


def without_secrets(words: str, conventions: TradingConventions, client: Any) -> str:
    """A message of ccxt that may be shown, cut to a length."""
    private = {name: str(value) for name in _KEYS if (value := getattr(client, name, None))}
    return Asked(conventions.exchange, None, private).clean(words)[:_WORDS_MAX]


def _words(wrong: Exception) -> str:
    """The message of the exchange, about the order rather than about the call; else that of ccxt."""
    said = dict(_SAID.findall(str(wrong)))
    return next((said[name] for name in _TEXTS if name in said), f"{type(wrong).__name__}: {wrong}")


def _by_class(wrong: Exception) -> Meaning:
    """The meaning by the names of an error's classes: the client comes from the user, with any version of ccxt."""
    names = {kind.__name__ for kind in type(wrong).__mro__}
    kinds = {
        Meaning.ABSENT: _ABSENT,
        Meaning.TAKEN: _TAKEN,
        Meaning.RATE_LIMITED: _RATE_LIMITED,
        Meaning.REFUSED: _REFUSED,
    }
    return next((meaning for meaning, classes in kinds.items() if names & classes), Meaning.NO_ANSWER)


def _retry_seconds(said: str, headers: Mapping[str, str]) -> float | None:
    """How long to wait; None if the answer does not say.

    A moment is counted from that of the answer (`Date`): both are of the exchange's clock, and ours may be set.
    """
    named = {name.lower(): value for name, value in headers.items()}
    if (after := named.get("retry-after", "")).isdigit():
        return float(after)
    banned = _BANNED.search(said)
    until = banned[1] if banned is not None else named.get(_RESETS, "")
    answered_at = parsedate_tz(named.get("date"))
    if not until.isdigit() or answered_at is None:
        return None
    return max(0.0, int(until) / 1000 - mktime_tz(answered_at))
