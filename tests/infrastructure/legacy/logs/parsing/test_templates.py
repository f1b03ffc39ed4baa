from __future__ import annotations

import pytest

from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind
from infrastructure.legacy.logs.parsing.templates import WORDS, facts_of
from infrastructure.legacy.logs.reading.record import Record
from tests.infrastructure.legacy.logs.examples import DETAIL, VIOLATION


def facts(text: str, logger: str = "core.x") -> list[Fact]:
    return list(facts_of(Record(0, 0, logger, "ERROR", text)))


@pytest.mark.parametrize(
    ("text", "kind", "symbol"),
    [
        ("🔄 Starting atomic operation: pos_PERPUSDT_1761082525", FactKind.OPERATION_STARTED, "PERPUSDT"),
        ("🔍 REPO DEBUG: create_position() called for PERPUSDT", FactKind.CREATE_CALLED, "PERPUSDT"),
        ("🔍 REPO DEBUG: INSERT completed, returned position_id=2438 for PERPUSDT", FactKind.INSERTED, "PERPUSDT"),
        ("📊 Placing entry order for PERPUSDT", FactKind.ENTRY_SENT, "PERPUSDT"),
        ("✅ Entry order placed: 24233906", FactKind.ENTRY_PLACED, None),
        ("🛡️ Placing stop-loss for PERPUSDT at 0.2222", FactKind.STOP_SENT, "PERPUSDT"),
        ("🎉 Position PERPUSDT is ACTIVE with protection", FactKind.ACTIVATED, "PERPUSDT"),
        ("🔄 Rolling back position for PERPUSDT, state=active", FactKind.ROLLBACK, "PERPUSDT"),
        ("❌ Position WAVESUSDT not found after 20 attempts!", FactKind.NOT_FOUND, "WAVESUSDT"),
        ("✅ Added missing position: ORBS/USDT:USDT (short 200.0 @ $0.0150)", FactKind.ADDED_MISSING, "ORBSUSDT"),
        ("🗑️ SXPUSDT: PHANTOM position (not on exchange)", FactKind.PHANTOM, "SXPUSDT"),
        ("⚠️ 1000PEPEUSDT: Quantity mismatch - DB: 1, Exchange: 2", FactKind.QUANTITY_MISMATCH, "1000PEPEUSDT"),
        ("🚨 CRITICAL ALERT: Position HNTUSDT WITHOUT STOP LOSS for 31 seconds!", FactKind.UNPROTECTED, "HNTUSDT"),
        ("🔴 DUPLICATE ACTIVE POSITION DETECTED!", FactKind.REFUSED_LATE, None),
        ("⚠️ Position APTUSDT already exists in DB (id=2, status=active). Returning", FactKind.REFUSED_EARLY, "APTUSDT"),
        ("🚀 Starting trading bot", FactKind.BOT_STARTED, None),
        ("Trading bot started successfully", FactKind.BOT_STARTED, None),
        ("bot_started: {'mode': 'live'}", FactKind.BOT_STARTED, None),
        ("✅ Bot initialized", FactKind.BOT_STARTED, None),
        ("Received signal 15, stopping", FactKind.BOT_STOPPED, None),
        ("🛑 Received SIGTERM", FactKind.BOT_STOPPED, None),
        ("Shutting down...", FactKind.BOT_STOPPED, None),
        (f"❌ Error: {VIOLATION}", FactKind.VIOLATION, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mangle", [str, lambda text: text.encode("ascii", "ignore").decode().strip()])
def test_a_template_is_known_with_its_emoji_and_without(
    text: str, kind: FactKind, symbol: str | None, mangle: type[str]
) -> None:
    written = mangle(text)
    (fact,) = facts(written)
    assert (fact.kind, fact.symbol) == (kind, symbol)
    if kind not in (FactKind.ENTRY_SENT, FactKind.ENTRY_PLACED, FactKind.STOP_SENT):  # of these only timelines speak
        assert any(word in written.lower().encode() for word in WORDS), "else the record is never looked at"


@pytest.mark.parametrize(
    "text",
    [
        "📊 Position update: PERP/USDT:USDT → PERPUSDT, mark_price=0.2267",
        "Starting sync of 14 positions",
        "Position HNTUSDT has stop loss at 1.61",
        "WebSocket started for binance",
        "✅ Position PERPUSDT already has a stop",
        "",
    ],
)
def test_what_says_nothing_of_interest_stays_quiet(text: str) -> None:
    assert facts(text) == []


def test_the_details_of_a_message_are_read() -> None:
    (refused,) = facts("Position APTUSDT already exists in DB (id=2548, status=entry_placed). Returning existing")
    assert (refused.position_id, refused.status) == ("2548", "entry_placed")
    (alarm,) = facts("Position HNT/USDT:USDT WITHOUT STOP LOSS for 5400.7 seconds!")
    assert (alarm.symbol, alarm.seconds) == ("HNTUSDT", 5400)


@pytest.mark.parametrize(
    "detail",
    [
        DETAIL.format("PERPUSDT", "binance"),
        "48211-" + DETAIL.format("PERPUSDT", "binance"),
        "DETAIL:  Key (exchange, symbol)=(binance, PERPUSDT) already exists.",
        'DETAIL: Key ("symbol", exchange)=(PERP/USDT:USDT, Binance) already exists',
    ],
)
def test_the_key_of_a_violation_stands_in_its_detail(detail: str) -> None:
    violation, failure = facts(f"❌ Atomic position creation failed: {VIOLATION}\n{detail}")
    assert (violation.kind, violation.symbol, violation.exchange) == (FactKind.VIOLATION, "PERPUSDT", "binance")
    assert violation.constraint == "idx_unique_active_position"
    assert (failure.kind, failure.symbol, failure.exchange) == (FactKind.ENTRY_FAILED, "PERPUSDT", "binance")


def test_a_violation_is_seen_in_a_traceback() -> None:
    text = (
        'Error while opening\nTraceback (most recent call last):\n  File "x.py", line 1, in f\n    await g()\n'
        f"asyncpg.exceptions.UniqueViolationError: {VIOLATION}\n{DETAIL.format('BIDUSDT', 'bybit')}"
    )
    (violation,) = facts(text)
    assert (violation.symbol, violation.exchange) == ("BIDUSDT", "bybit")


@pytest.mark.parametrize(
    "text",
    [
        'duplicate key value violates unique constraint "orders_pkey"\nDETAIL:  Key (id)=(17) already exists.',
        'duplicate key value violates unique constraint "positions_pkey"',
        'duplicate key value violates unique constraint "signals_unique"',
    ],
)
def test_a_violation_of_another_rule_is_no_duplicate_position(text: str) -> None:
    assert [fact.kind for fact in facts(text)] == [FactKind.OTHER_VIOLATION]


def test_a_failure_says_whose_and_why() -> None:
    (failure,) = facts(
        "position_error: {'status': 'failed', 'signal_id': 5371200, 'symbol': 'MET/USDT:USDT', 'exchange': 'Binance', "
        "'qty': Decimal('3'), 'reason': 'Position creation rolled back: no stop'}"
    )
    assert (failure.symbol, failure.exchange, failure.signal_id, failure.reason) == (
        "METUSDT",
        "binance",
        "5371200",
        "no stop",
    )
    (failure,) = facts("❌ Atomic operation failed: pos_METUSDT_1761088199 - Position creation rolled back: no stop")
    assert (failure.symbol, failure.operation, failure.reason) == ("METUSDT", "pos_METUSDT_1761088199", "no stop")


def test_the_exchange_is_read_from_the_error_of_its_client() -> None:
    (failure,) = facts('Atomic operation failed: pos_METUSDT_1761088199 - bybit {"retCode":30208}')
    assert failure.exchange == "bybit"
