from __future__ import annotations

import pytest

from tests.infrastructure.legacy.logs.examples import DAY, PERP, analysed, created, joined, line, started, violated

A = joined(
    started("10:00:00,000", "KASUSDT", 1761082525),
    created("10:00:00,010", "KASUSDT", 1),
    started("10:00:00,034", "KASUSDT", 1761082525),
    created("10:00:00,044", "KASUSDT", 2),
    violated("10:00:04,000", "KASUSDT"),
)
B_LATE = joined(
    started("10:00:00,000", "APTUSDT"),
    created("10:00:00,010", "APTUSDT", 2548),
    created("10:00:03,766", "APTUSDT", 2549),
    violated("10:00:04,933", "APTUSDT"),
    line("10:00:05,000", "✅ Added missing position: APT/USDT:USDT (short 61.0 @ $3.2295, order_id=None)"),
)
B_HINT = joined(
    started("10:00:00,000", "APTUSDT"),
    created("10:00:00,010", "APTUSDT", 2548),
    line("10:00:03,756", "APTUSDT is not in the database", logger="core.position_synchronizer"),
    violated("10:00:04,933", "APTUSDT"),
)
C = joined(
    started("10:00:00,000", "APTUSDT", 1761082525),
    created("10:00:00,010", "APTUSDT", 1),
    line("10:00:02,000", "🔄 Rolling back position for APTUSDT, state=entry_placed", "WARNING"),
    started("10:00:10,000", "APTUSDT", 1761082535),
    created("10:00:10,010", "APTUSDT", 2),
    violated("10:00:13,000", "APTUSDT"),
)
D = joined(
    started("10:00:00,000", "APTUSDT", 1761082525),
    created("10:00:00,010", "APTUSDT", 1),
    line("10:00:01,000", "🛑 Received SIGTERM", logger="__main__"),
    line("10:00:21,000", "🚀 Starting trading bot", logger="__main__"),
    started("10:00:40,000", "APTUSDT", 1761082565),
    created("10:00:40,010", "APTUSDT", 2),
    violated("10:00:43,000", "APTUSDT"),
)
ONE = joined(
    started("10:00:00,000", "APTUSDT"), created("10:00:00,010", "APTUSDT", 1), violated("10:00:03,000", "APTUSDT")
)


@pytest.mark.parametrize(
    ("text", "scenario", "evidence"),
    [
        (A, "A", "two entries for it began 0.034 s apart"),
        (PERP, "B", "the synchroniser added PERPUSDT as row 2439 0.838 s after the entry began"),
        (B_LATE, "B", "the synchroniser added APTUSDT as row 2549 3.766 s after the entry began"),
        (B_HINT, "B", "the synchroniser was at work on it 1.177 s before: 'APTUSDT is not in the database'"),
        (C, "C", "an earlier attempt was rolled back 8.000 s before this one began"),
        (
            D,
            "D",
            "an entry began 1.000 s before a restart and had no end; the new one began 19.000 s after it",
        ),
        (ONE, "unknown", "the entry began 3.000 s before; nothing in the log shows who held the key"),
        (joined(violated("10:00:03,000", "APTUSDT")), "unknown", "the log does not show the entry that failed"),
    ],
)
def test_the_race_is_named_with_what_says_so(text: bytes, scenario: str, evidence: str) -> None:
    (duplicate,) = analysed(text).duplicates.kept
    assert (duplicate.scenario, duplicate.evidence) == (scenario, [evidence])


def test_an_entry_that_was_finished_before_the_restart_is_no_crash() -> None:
    finished = line("10:00:00,900", "🎉 Position APTUSDT is ACTIVE with protection")
    text = D.replace(b"2025-10-22 10:00:01", finished.encode() + b"\n2025-10-22 10:00:01", 1)
    (duplicate,) = analysed(text).duplicates.kept
    assert duplicate.scenario == "unknown"


def test_asyncio_is_not_the_synchroniser() -> None:
    text = B_HINT.replace(b"core.position_synchronizer", b"asyncio.async_manager")
    (duplicate,) = analysed(text).duplicates.kept
    assert duplicate.scenario == "unknown"


def test_a_log_without_duplicates_names_no_race() -> None:
    assert analysed(DAY).scenarios == {}
