"""The reasons for which a simulated exchange refuses, with the error codes of the real ones."""

from __future__ import annotations

from enum import Enum

from infrastructure.trading.exchange_errors import NoAnswer, NothingToReduce, RateLimited, Refused


class Reason(Enum):
    """A reason to refuse, with its code at Binance USD-M and at Bybit v5."""

    UNLISTED = ("-1121", "10001")
    ODD_ID = ("-4015", "10001")
    NO_SIDE = ("-1117", "10001")
    NO_PRICE = ("-4001", "10001")
    OFF_TICK = ("-4014", "10001")
    OFF_STEP = ("-1111", "10001")
    TOO_SMALL = ("-4003", "10001")
    TOO_CHEAP = ("-4164", "110094")
    MARGIN = ("-2019", "110007")
    NOTHING_TO_REDUCE = ("-2022", "110017")
    CLOSED_BY_ANOTHER = ("-4130", "10001")
    AT_ONCE = ("-2021", "110092")
    ID_TAKEN = ("-4116", "110072")
    WRONG_MODE = ("-4061", "10001")
    UNSUPPORTED = ("-1106", "10001")
    ABSENT = ("-2013", "110001")
    NOT_CANCELLED = ("-2011", "110001")
    CLOSED = ("-4140", "10027")
    RATE = ("-1003", "10006")
    SILENCE = ("-1007", "10016")

    def code(self, exchange: str) -> str:
        """The code at an exchange; exchanges that are not simulated here use Binance's codes."""
        of_binance, of_bybit = self.value
        return of_bybit if exchange == "bybit" else of_binance


class IdTaken(NoAnswer):
    """The client order id is in use; `find` returns the order that has it."""

    def __init__(self, code: str, client_order_id: str) -> None:
        super().__init__(f"{code}: the client order id {client_order_id} is taken")
        self.code = code


def refused(exchange: str, reason: Reason, text: str) -> Refused:
    """The error for a reason, with the code of an exchange."""
    code = reason.code(exchange)
    if reason is Reason.RATE:
        return RateLimited(code, text, retry_seconds=1.0)
    return with_code(code, text)


def with_code(code: str, text: str) -> Refused:
    """The error for a code of an exchange."""
    return (NothingToReduce if code in Reason.NOTHING_TO_REDUCE.value else Refused)(code, text)
