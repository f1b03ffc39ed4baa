"""Every example answer in ccxt, read by its parser and ours: the result is right or refused, never wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from projections.account_snapshot import OrderKind
from tests.infrastructure.exchanges.recorded_answers import RecordedAnswer, Verdict, read, recorded, verdict

FEWEST = {"position": (110, 65, 44), "order": (280, 270, 75)}
"""Of each kind how many answers there are at least, how many are read, and of how many exchanges."""
CONDITIONAL = {
    ("apex", "1234"): OrderKind.STOP,
    ("aster", "1917641"): OrderKind.TRAILING_STOP,
    ("binance", "3645916"): OrderKind.STOP,
    ("binance", "1423462"): OrderKind.STOP,
    ("binance", "1423501"): OrderKind.STOP,
    ("binance", "3358"): OrderKind.STOP,
    ("binance", "4084339"): OrderKind.STOP,
    ("bingx", "1709036527545438208"): OrderKind.STOP,
    ("bingx", "1792461744476422144"): OrderKind.STOP,
    ("bitget", "1111503385931620352"): OrderKind.STOP,
    ("bitget", "1111491399869075457"): OrderKind.STOP,
    ("bitget", "1330984742276198400"): OrderKind.STOP,
    ("coinbaseinternational", "ETH-SLIS-12"): OrderKind.STOP,
    ("cryptomus", "01JFFG72CBRDP68K179KC9DSTG"): OrderKind.STOP,
    ("deepcoin", "1001442305797142"): OrderKind.STOP,
    ("delta", "123"): OrderKind.STOP,
    ("gate", "71639298"): OrderKind.STOP,
    ("gate", "126393906"): OrderKind.STOP,
    ("gate", "8449909"): OrderKind.STOP,
    ("htx", "1512871666507657216"): OrderKind.TARGET,
    ("htx", "1512889773167009792"): OrderKind.TRAILING_STOP,
    ("hyperliquid", "8670487141"): OrderKind.STOP,
    ("krakenfutures", "1abfd3c6-af93-4b30-91cc-e4a93797f3f5"): OrderKind.STOP,
    ("mexc", "265557643326564352"): OrderKind.STOP,
    ("htx", "1513832307038027776"): OrderKind.TARGET,
    ("modetrade", "1578938"): OrderKind.STOP,
    ("okx", "431375349042380800"): OrderKind.STOP,
    ("poloniex", "21934611974062080"): OrderKind.STOP,
    ("weex", "737074389748547944"): OrderKind.STOP,
    ("whitebit", "105687928629"): OrderKind.STOP,
    ("woo", "1578938"): OrderKind.STOP,
    ("woo", "10399260"): OrderKind.TARGET,
    ("xt", "216300248132756992"): OrderKind.STOP,
    ("xt", "216306213226230400"): OrderKind.STOP,
}
"""What the resting ones among the recorded orders are, by what each exchange documents; all others are plain orders."""


@pytest.mark.parametrize("kind", ["position", "order"])
def test_no_recorded_answer_is_read_wrong(kind: str) -> None:
    answers = recorded(kind)
    verdicts = {id(answer): verdict(answer, kind) for answer in answers}
    wrong = [_shown(answer, kind) for answer in answers if verdicts[id(answer)] is Verdict.WRONG]
    assert wrong == []
    right = Counter(verdicts.values())[Verdict.RIGHT]
    exchanges = len({answer.exchange for answer in answers})
    assert all(found >= fewest for found, fewest in zip((len(answers), right, exchanges), FEWEST[kind], strict=True)), (
        len(answers),
        right,
        exchanges,
    )


def test_what_waits_for_a_price_is_known_for_what_it_is() -> None:
    found = {
        (answer.exchange, order.order_id): order.kind
        for answer in recorded("order")
        for order in read(answer, "order").orders or ()
        if order.kind is not OrderKind.OTHER
    }
    assert found == CONDITIONAL


def _shown(answer: RecordedAnswer, kind: str) -> tuple[object, ...]:
    seen = read(answer, kind)
    return answer.exchange, answer.parsed, seen.positions, seen.orders
