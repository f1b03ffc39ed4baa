from __future__ import annotations

from infrastructure.legacy.logs.log_report import LogReport
from infrastructure.legacy.logs.reading.clock import timestamp
from tests.infrastructure.legacy.logs.examples import (
    DETAIL,
    PERP,
    VIOLATION,
    analysed,
    created,
    line,
    started,
    violated,
)


def keys(report: LogReport) -> list[tuple[str | None, str | None]]:
    return [(each.symbol, each.exchange) for each in report.duplicates.kept]


def test_one_incident_told_by_three_lines_is_one() -> None:
    (duplicate,) = analysed(PERP, zone="+04:00").duplicates.kept
    assert timestamp(duplicate.at) == "2025-10-21T21:35:28.556000Z"
    assert (duplicate.symbol, duplicate.exchange, duplicate.tellings) == ("PERPUSDT", "binance", 3)
    assert duplicate.symbol_from == "the key in the error"


def test_a_retry_that_fails_again_is_another_incident() -> None:
    report = analysed(
        started("10:00:00,000", "APTUSDT", 1761082525),
        violated("10:00:03,000", "APTUSDT"),
        started("10:00:04,000", "APTUSDT", 1761082529),
        violated("10:00:05,000", "APTUSDT"),
    )
    assert [timestamp(each.at)[17:19] for each in report.duplicates.kept] == ["03", "05"]


def test_two_keys_are_two_incidents() -> None:
    report = analysed(violated("10:00:03,000", "B3USDT"), violated("10:00:03,100", "B3USDT", "bybit"))
    assert keys(report) == [("B3USDT", "binance"), ("B3USDT", "bybit")]


def test_the_same_error_later_is_another_incident() -> None:
    report = analysed(
        violated("10:00:03,000", "APTUSDT"), violated("10:00:04,000", "APTUSDT"), violated("10:01:00,000", "APTUSDT")
    )
    assert [each.tellings for each in report.duplicates.kept] == [2, 1]


def test_an_error_without_its_key_takes_it_from_the_rollback_after_it() -> None:
    report = analysed(
        line("10:00:03,000", f"Atomic position creation failed: {VIOLATION}", "ERROR"),
        line("10:00:03,001", "🔄 Rolling back position for APTUSDT, state=active", "WARNING"),
    )
    (duplicate,) = report.duplicates.kept
    assert duplicate.symbol == "APTUSDT"
    assert (duplicate.symbol_from or "").startswith("the line after it: 🔄 Rolling back")


def test_an_error_without_its_key_takes_it_from_a_detail_with_a_head_of_its_own() -> None:
    report = analysed(
        line("10:00:03,000", f"Atomic position creation failed: {VIOLATION}", "ERROR"),
        line("10:00:03,001", DETAIL.format("APTUSDT", "binance"), "ERROR"),
    )
    assert keys(report) == [("APTUSDT", "binance")]


def test_an_error_without_its_key_belongs_to_the_only_entry_under_way() -> None:
    failed = line("10:00:03,000", f"Atomic position creation failed: {VIOLATION}", "ERROR")
    report = analysed(started("10:00:00,000", "APTUSDT"), failed)
    assert [(each.symbol, each.symbol_from) for each in report.duplicates.kept] == [
        ("APTUSDT", "the only entry under way")
    ]
    two = analysed(started("10:00:00,000", "APTUSDT"), started("10:00:01,000", "KASUSDT"), failed)
    assert keys(two) == [(None, None)]


def test_an_error_that_names_nobody_is_not_given_a_name() -> None:
    (duplicate,) = analysed(
        line("10:00:03,000", f"Atomic position creation failed: {VIOLATION}", "ERROR")
    ).duplicates.kept
    assert (duplicate.symbol, duplicate.exchange, duplicate.symbol_from) == (None, None, None)
    assert duplicate.scenario == "unknown"


def test_a_report_of_the_error_counts_when_the_error_itself_is_not_in_the_log() -> None:
    event = {"symbol": "APTUSDT", "exchange": "binance", "reason": VIOLATION}
    report = analysed(
        line(
            "10:00:04,000",
            f"Atomic operation failed: pos_APTUSDT_1761082525 - Position creation rolled back: {VIOLATION}",
            "ERROR",
        ),
        line("10:00:04,010", f"position_error: {event}"),
    )
    assert keys(report) == [("APTUSDT", "binance")]


def test_a_dict_may_go_on_in_the_next_lines() -> None:
    report = analysed(
        line("10:00:04,010", "position_error: {'symbol': 'APTUSDT',", "ERROR"),
        " 'exchange': 'binance',",
        f" 'reason': {VIOLATION!r}}}",
    )
    assert keys(report) == [("APTUSDT", "binance")]
    assert report.failures.count == 1


def test_the_ten_seconds_before_are_told() -> None:
    report = analysed(
        created("09:59:59,998", "APTUSDT", 1),
        created("10:00:00,000", "APTUSDT", 2),
        created("10:00:05,000", "KASUSDT", 3),
        line("10:00:06,000", "price of APT/USDT:USDT is 3.2"),
        line("10:00:07,000", "price of WAPTUSDT is 3.2"),
        violated("10:00:09,999", "APTUSDT"),
    )
    (duplicate,) = report.duplicates.kept
    assert [(moment.seconds_before, moment.event) for moment in duplicate.timeline] == [
        (9.999, "create_called"),
        (9.999, "inserted"),
        (3.999, None),
        (0.0, "violation"),
    ]


def test_a_timeline_is_bounded_and_keeps_what_is_known() -> None:
    noise = [line(f"10:00:0{n // 100},{n % 100:02}0", f"price of APTUSDT is {n}") for n in range(900)]
    (duplicate,) = analysed(
        created("09:59:59,500", "APTUSDT"), noise, violated("10:00:09,000", "APTUSDT")
    ).duplicates.kept
    assert len(duplicate.timeline) == 60
    assert [moment.event for moment in duplicate.timeline][:2] == ["create_called", "inserted"]
