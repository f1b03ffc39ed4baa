"""Failed entries, refusals, alarms, restarts and creations: each counted once, with what the log says of it."""

from __future__ import annotations

import pytest

from infrastructure.legacy.logs.reading.clock import timestamp
from tests.infrastructure.legacy.logs.examples import DAY, analysed, created, line, started

CLOSED = 'binance {"code":-4140,"msg":"Invalid symbol status for opening position."}'
WRAPPED = f"Position creation rolled back: {CLOSED}"


def test_one_failure_told_by_several_lines_is_one() -> None:
    event = {"signal_id": 7, "symbol": "METUSDT", "exchange": "binance", "reason": WRAPPED}
    report = analysed(
        line("03:10:00,000", f"Atomic position creation failed: {CLOSED}", "ERROR"),
        line("03:10:00,001", "🔄 Rolling back position for METUSDT, state=pending_entry"),
        line("03:10:00,010", f"Atomic operation failed: pos_METUSDT_1761088199 - {WRAPPED}"),
        line("03:10:00,020", f"position_error: {event}"),
    )
    (failure,) = report.failures.kept
    assert (failure.symbol, failure.exchange, failure.code, failure.signal_id) == ("METUSDT", "binance", "-4140", "7")
    assert (failure.reason, failure.operation, len(failure.forms)) == (CLOSED, "pos_METUSDT_1761088199", 3)


def test_the_next_entry_that_fails_is_another_failure() -> None:
    def failed(time: str, unix: int) -> str:
        return line(time, f"Atomic operation failed: pos_METUSDT_{unix} - {CLOSED}", "ERROR")

    assert analysed(failed("03:10:00,000", 1761088199), failed("03:10:30,000", 1761088229)).failures.count == 2
    event = "position_error: {'symbol': 'METUSDT', 'signal_id': %d, 'reason': 'no'}"
    assert analysed(line("03:10:00,000", event % 1), line("03:10:00,500", event % 2)).failures.count == 2
    assert analysed(line("03:10:00,000", event % 1), line("03:10:00,500", event % 1)).failures.count == 1


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ('binance {"code":-2027,"msg":"Exceeded the maximum allowable position at current leverage."}', "-2027"),
        ("code \u22122021: order would immediately trigger", "-2021"),
        ('bybit {"retCode":30208,"retMsg":"price above the limit"}', "30208"),
        ("retCode=110017, reduce-only", "110017"),
        ("30209: the price is below the limit", "30209"),
        ("ErrCode: 10001", "10001"),
        ("Position not found after 20 attempts at 3.2095", None),
        ("quantity 61.8 at 10001.5", None),
    ],
)
def test_the_code_of_a_refusal_is_read(reason: str, code: str | None) -> None:
    (failure,) = analysed(
        line("03:10:00,000", f"Atomic operation failed: pos_METUSDT_1761088199 - {reason}")
    ).failures.kept
    assert (failure.code, failure.reason) == (code, reason)


def test_an_early_refusal_is_expected() -> None:
    report = analysed(DAY, zone="+04:00")
    (refusal,) = report.refusals.kept
    assert (refusal.when, refusal.symbol, refusal.position_id, refusal.status) == (
        "early",
        "APTUSDT",
        "2548",
        "entry_placed",
    )
    assert not report.has_findings


@pytest.mark.parametrize(
    "told",
    [
        ["   Symbol: APT/USDT:USDT", "   Exchange: binance", "   Existing position id: 2549", "   status: active"],
        [line("10:00:00,001", text) for text in ("  symbol=APTUSDT", "exchange=binance", "#2549", "status=active")],
        ["   APTUSDT on binance: position #2549 (status: active)"],
    ],
)
def test_a_late_refusal_is_never_expected_and_its_lines_say_whose(told: list[str]) -> None:
    report = analysed(
        line("10:00:00,000", "🔴 DUPLICATE ACTIVE POSITION DETECTED!", "ERROR"), told, line("10:00:09,000", "on")
    )
    (refusal,) = report.refusals.kept
    assert (refusal.when, refusal.symbol, refusal.exchange, refusal.position_id, refusal.status) == (
        "late",
        "APTUSDT",
        "binance",
        "2549",
        "active",
    )
    assert report.has_findings


def test_the_lines_of_others_do_not_say_whose_a_late_refusal_is() -> None:
    report = analysed(
        line("10:00:00,000", "🔴 DUPLICATE ACTIVE POSITION DETECTED!", "ERROR"),
        line("10:00:00,001", "price of KASUSDT", logger="core.prices"),
        line("10:00:05,001", "symbol: BIDUSDT"),
    )
    assert [refusal.symbol for refusal in report.refusals.kept] == [None]


def alarm(time: str, seconds: int, symbol: str = "HNTUSDT") -> str:
    return line(time, f"🚨 CRITICAL ALERT: Position {symbol} WITHOUT STOP LOSS for {seconds} seconds!", "CRITICAL")


def test_alarms_are_one_as_long_as_the_position_stays_bare() -> None:
    report = analysed(
        alarm("10:00:31,000", 31),
        alarm("10:02:31,000", 151),
        alarm("10:02:32,000", 40, "B3USDT"),
        alarm("11:29:31,000", 5371),
        alarm("12:00:00,000", 31),
    )
    assert [(each.symbol, each.seconds, each.alarms) for each in report.episodes.kept] == [
        ("HNTUSDT", 5371, 3),
        ("B3USDT", 40, 1),
        ("HNTUSDT", 31, 1),
    ]
    assert report.statistics()["alarms"] == 5


def test_a_restart_is_told_by_its_lines() -> None:
    (restart,) = analysed(DAY, zone="+04:00").restarts.kept
    assert timestamp(restart.at) == "2025-10-21T20:00:31.250000Z"
    assert restart.down_seconds == 30.25
    assert restart.evidence == [
        "🛑 Received SIGTERM, shutting down",
        "🚀 Starting trading bot",
        "✅ Trading bot started",
    ]


def test_a_bot_that_stops_after_it_started_restarts_again() -> None:
    texts = ["Starting trading bot", "Received SIGINT", "Starting trading bot"]
    report = analysed(line(f"10:00:{n}0,000", text, logger="__main__") for n, text in enumerate(texts))
    assert [each.down_seconds for each in report.restarts.kept] == [None, 10.0]


def test_a_silence_alone_is_no_restart() -> None:
    assert analysed(line("10:00:00,000", "on"), line("14:00:00,000", "on")).restarts.count == 0


def test_creations_close_together_are_found() -> None:
    report = analysed(
        created("10:00:00,000", "KASUSDT", 1),
        created("10:00:04,999", "KASUSDT", 2),
        created("10:00:10,000", "KASUSDT", 3),
    )
    (pair,) = report.pairs.kept
    assert (pair.first.position_id, pair.second.position_id, pair.apart) == ("1", "2", 4_999_000)


def test_the_lines_of_one_creation_are_not_two() -> None:
    report = analysed(
        started("10:00:00,000", "KASUSDT"), created("10:00:00,010", "KASUSDT"), created("10:00:00,010", "BIDUSDT")
    )
    assert report.pairs.count == 0


def test_creations_at_two_exchanges_are_not_of_one_key() -> None:
    called = "create_position() called for B3USDT, exchange={}"
    both = [line("10:00:00,000", called.format("binance")), line("10:00:01,000", called.format("bybit"))]
    assert analysed(both).pairs.count == 0
    assert analysed(both[:1] * 2).pairs.count == 1


def test_a_creation_that_was_refused_says_so() -> None:
    called = line("10:00:01,000", "create_position() called for KASUSDT")
    refused = line(
        "10:00:01,002", "Position KASUSDT already exists in DB (id=1, status=entry_placed). Returning existing"
    )
    (pair,) = analysed(created("10:00:00,000", "KASUSDT", 1), called, refused).pairs.kept
    assert (pair.first.is_refused, pair.second.is_refused) == (False, True)
