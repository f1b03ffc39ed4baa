"""A row is understood as it stands; each doubtful value is named, and none is where nothing is doubtful."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import Side, Status
from infrastructure.legacy.importing.import_findings import FindingSeverity, ImportFinding, ImportFindingKind
from infrastructure.legacy.source.layout import missing
from infrastructure.legacy.source.raw import UnreadableDump
from tests.infrastructure.legacy.examples import CLEAN, OPEN, kinds, raw, row, table, without

NAIVE = "2025-10-22 21:50:40"


def only(**changed: str | None) -> ImportFinding:
    (finding,) = row(raw(**changed)).findings
    return finding


def test_a_clean_row_is_understood_and_nothing_is_found() -> None:
    clean = row(raw())
    assert table(raw()).findings == []
    assert (clean.stream, clean.legacy_id, clean.status, clean.side) == (
        "APTUSDT.binance",
        "1",
        Status.CLOSED,
        Side.LONG,
    )
    assert (clean.quantity, clean.avg_px_open) == (Decimal("61.8"), Decimal("3.2333"))
    assert (clean.stop_price, clean.stop_confirmed, clean.realized_pnl) == (Decimal("3.17"), True, Decimal("1.25"))
    assert (clean.exit_reason, clean.exchange_order_id, clean.intent_id) == ("target", "53190368", "12330417")
    assert clean.opened_at == datetime(2025, 10, 22, 18, 50, 40, 981819, UTC)
    assert clean.closed_at == datetime(2025, 10, 22, 19, 50, 40, tzinfo=UTC)
    assert clean.raw.as_dict() == CLEAN


@pytest.mark.parametrize(
    ("text", "side", "stop"),
    [("buy", Side.LONG, "3"), (" LONG ", Side.LONG, "3"), ("Sell", Side.SHORT, "4"), ("short", Side.SHORT, "4")],
)
def test_both_words_for_a_side_are_understood(text: str, side: Side, stop: str) -> None:
    understood = row(raw(side=text, stop_loss_price=stop))
    assert (understood.side, understood.findings) == (side, [])


@pytest.mark.parametrize(
    "status", ["active", "closed", "entry_placed", "pending_entry", "pending_sl", "rolled_back", "canceled", "failed"]
)
def test_a_known_status_is_taken_as_it_is_in_any_case(status: str) -> None:
    closed_at = None if status in {"active", "entry_placed", "pending_entry", "pending_sl"} else CLEAN["closed_at"]
    understood = row(raw(status=f" {status.upper()} ", closed_at=closed_at))
    assert (understood.status.value, understood.findings) == (status, [])


@pytest.mark.parametrize(
    ("changed", "status", "kind"),
    [
        (OPEN | {"status": "OPEN"}, Status.ACTIVE, ImportFindingKind.STATUS_OPEN),
        (OPEN | {"status": "open"}, Status.ACTIVE, ImportFindingKind.STATUS_OPEN),
        (OPEN | {"status": "zombie"}, Status.ACTIVE, ImportFindingKind.UNKNOWN_STATUS),
        (OPEN | {"status": None}, Status.ACTIVE, ImportFindingKind.UNKNOWN_STATUS),
        (OPEN | {"status": "rolling_back"}, Status.ACTIVE, ImportFindingKind.UNKNOWN_STATUS),
        ({"status": "done"}, Status.CLOSED, ImportFindingKind.UNKNOWN_STATUS),
        ({"status": "Cancelled"}, Status.CANCELED, ImportFindingKind.UNKNOWN_STATUS),
    ],
)
def test_another_status_is_taken_by_its_closing_time_and_named(
    changed: dict[str, str | None], status: Status, kind: ImportFindingKind
) -> None:
    understood = row(raw(**changed))
    assert (understood.status, kinds(understood.findings)) == (status, [kind])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"side": "none"}, "side is 'none', neither long (buy) nor short (sell)"),
        ({"side": None}, "side is NULL"),
        ({"symbol": None}, "its symbol is not known"),
        ({"symbol": " "}, "its symbol is not known"),
        ({"exchange": ""}, "its exchange is not known"),
        ({"symbol": "A\u0420TUSDT"}, "is not a symbol"),
        ({"exchange": "bi nance"}, "is not a name like 'binance'"),
        ({"quantity": None}, "its quantity is not known"),
        ({"quantity": "many"}, "its quantity is not known"),
        ({"quantity": "NaN"}, "its quantity is not known"),
        ({"opened_at": None, "created_at": None}, "no time says when it was opened"),
        ({"exit_reason": "a\0b"}, r"it contains the character '\x00', which cannot be stored"),
        ({"a column of no use": "\0"}, r"it contains the character '\x00', which cannot be stored"),
        ({"opened_at": "infinity", "created_at": "yesterday"}, "no time says when it was opened"),
    ],
)
def test_a_row_that_cannot_be_a_position_is_kept_whole_in_the_findings(
    changed: dict[str, str | None], words: str
) -> None:
    found = table(raw(**changed))
    last = found.findings[-1]
    assert (found.rows, found.unusable) == ([], 1)
    assert (last.kind, last.severity, last.ids, last.row) == (
        ImportFindingKind.UNUSABLE_ROW,
        FindingSeverity.ERROR,
        ("1",),
        CLEAN | changed,
    )
    assert words in last.message


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        (
            {"stop_loss_price": "3.32"},
            ImportFindingKind.WRONG_SIDE_STOP,
            "stop_loss_price 3.32 stands above the entry of a long",
        ),
        ({"stop_loss_price": "3.2333"}, ImportFindingKind.WRONG_SIDE_STOP, "stands at the entry of a long at 3.2333"),
        ({"side": "sell"}, ImportFindingKind.WRONG_SIDE_STOP, "3.17 stands below the entry of a short"),
        (
            {"stop_loss_price": "4", "trailing_activated": "t"},
            ImportFindingKind.WRONG_SIDE_STOP,
            "its trailing stop was at work",
        ),
        (
            {"stop_loss_price": None},
            ImportFindingKind.STOP_WITHOUT_PRICE,
            "has_stop_loss is true, but there is no price",
        ),
        ({"has_stop_loss": "perhaps"}, ImportFindingKind.UNREADABLE_VALUE, "has_stop_loss is 'perhaps'"),
        ({"entry_price": None}, ImportFindingKind.MISSING_PRICE, "entry_price is not known"),
        ({"entry_price": "0.00000000"}, ImportFindingKind.ZERO_PRICE, "entry_price is 0"),
        ({"entry_price": "-1"}, ImportFindingKind.NEGATIVE_PRICE, "entry_price is -1"),
        ({"entry_price": "NaN"}, ImportFindingKind.NOT_FINITE, "entry_price is 'NaN'"),
        ({"entry_price": "1e30"}, ImportFindingKind.UNREADABLE_NUMBER, "entry_price is '1e30'"),
        ({"stop_loss_price": "0", "has_stop_loss": "f"}, ImportFindingKind.ZERO_PRICE, "stop_loss_price is 0"),
        ({"quantity": "0.00"}, ImportFindingKind.ZERO_QUANTITY, "quantity is 0"),
        ({"quantity": "-61.8"}, ImportFindingKind.NEGATIVE_QUANTITY, "quantity is -61.8"),
        ({"pnl": "0.1234567890123456785"}, ImportFindingKind.LONG_DECIMAL, "rounded to 0.123456789012345678"),
        ({"unrealized_pnl": "0.1234567890123456785"}, ImportFindingKind.LONG_DECIMAL, "unrealized_pnl is '0.123"),
        ({"current_price": "Infinity"}, ImportFindingKind.NOT_FINITE, "current_price is 'Infinity'"),
        ({"closed_at": "2025-10-22 18:50:40+00"}, ImportFindingKind.CLOSED_BEFORE_OPENED, "is before its opening"),
        ({"closed_at": None}, ImportFindingKind.CLOSED_WITHOUT_TIME, "it is closed, but no time says since when"),
        (
            {"closed_at": None, "status": "failed", "exit_reason": None},
            ImportFindingKind.CLOSED_WITHOUT_TIME,
            "it is failed",
        ),
        ({"exit_reason": None}, ImportFindingKind.CLOSED_WITHOUT_REASON, "it is closed, but nothing says why"),
        ({"exit_reason": " ", "status": "rolled_back"}, ImportFindingKind.CLOSED_WITHOUT_REASON, "it is rolled_back"),
        (
            {"status": "active"},
            ImportFindingKind.OPEN_WITH_CLOSE_TIME,
            "it is active, and was closed at 2025-10-22 19:50:40+00:00",
        ),
        ({"opened_at": None}, ImportFindingKind.OPENED_AT_MISSING, "opened_at is not known; created_at is taken"),
        ({"id": None}, ImportFindingKind.MISSING_ID, "it has no id"),
        ({"id": "x" * 201}, ImportFindingKind.MISSING_ID, "it has no id that could be used"),
        ({"exchange_order_id": "a\x07b"}, ImportFindingKind.UNREADABLE_VALUE, r"exchange_order_id is 'a\x07b'"),
        ({"signal_id": "x" * 201}, ImportFindingKind.UNREADABLE_VALUE, "which cannot be an id"),
    ],
)
def test_a_doubtful_value_is_named(changed: dict[str, str | None], kind: ImportFindingKind, words: str) -> None:
    finding = only(**changed)
    assert (finding.kind, finding.severity, finding.stream) == (kind, FindingSeverity.WARNING, "APTUSDT.binance")
    assert words in finding.message


def test_a_doubtful_value_is_left_out_and_stays_in_the_raw_row() -> None:
    understood = row(
        raw(
            entry_price="0",
            stop_loss_price="-0.0",
            exit_reason=" ",
            exchange_order_id="\n\x01",
            quantity="-2",
            pnl="NaN",
        )
    )
    assert (understood.avg_px_open, understood.stop_price, understood.stop_confirmed) == (None, None, False)
    assert (understood.exit_reason, understood.exchange_order_id, understood.realized_pnl) == (None, None, None)
    assert understood.quantity == 2
    assert understood.raw.as_dict()["exchange_order_id"] == "\n\x01"


def test_a_stop_on_the_wrong_side_is_kept() -> None:
    understood = row(raw(stop_loss_price="3.32"))
    assert (understood.stop_price, understood.stop_confirmed) == (Decimal("3.32"), True)


def test_a_number_that_is_used_is_named_once() -> None:
    long = "3.17000000000000000001"
    assert kinds(row(raw(stop_loss_price=long)).findings) == [ImportFindingKind.LONG_DECIMAL]


def test_the_profit_of_what_is_not_closed_is_not_read() -> None:
    assert row(raw(status="rolled_back")).realized_pnl is None


def test_the_other_stop_column_is_read_when_the_first_is_null() -> None:
    fields = {name: value for name, value in CLEAN.items() if name != "stop_loss_price"}
    both = raw(stop_loss_price=None, stop_loss="3.1")
    assert row(both).stop_price == Decimal("3.1")
    assert row(raw(stop_loss="3.1")).stop_price == Decimal("3.17")
    assert "stop_loss_price" in fields or row(without("stop_loss_price", "has_stop_loss")).stop_price is None


def test_a_signal_is_a_trade_id_only_where_there_is_no_signal_column() -> None:
    assert row(raw(signal_id=None, trade_id="7")).intent_id is None
    renamed = without("signal_id")
    with_trade = type(renamed)(1, (*renamed.columns, "trade_id"), (*renamed.values, "7"))
    assert row(with_trade).intent_id == "7"


def test_a_column_whose_name_cannot_be_kept_is_refused() -> None:
    with pytest.raises(UnreadableDump, match=r"a column is named 'a\\x00b'; rename it"):
        table(raw(**{"a\0b": "1"}))


def test_a_few_columns_are_enough_in_any_case() -> None:
    columns = ("Symbol", "EXCHANGE", "side", "qty", "Status", "Created_At")
    values = ("FXS/USDT:USDT", "Binance", "sell", "123", "active", "2025-10-22 18:50:40Z")
    understood = row(type(raw())(9, columns, values))
    assert (understood.stream, understood.name) == ("FXSUSDT.binance", "line 9")
    assert kinds(understood.findings) == [
        ImportFindingKind.OPENED_AT_MISSING,
        ImportFindingKind.MISSING_PRICE,
        ImportFindingKind.MISSING_ID,
    ]


def test_the_columns_that_are_needed_are_named() -> None:
    assert missing(tuple(CLEAN)) == []
    assert missing(("id", "Symbol", "SIDE", "amount")) == ["exchange", "status", "opened_at"]


@pytest.mark.parametrize("name", ["opened_at", "closed_at"])
def test_a_naive_time_that_is_needed_needs_a_zone(name: str) -> None:
    found = table(raw(**{name: NAIVE}))
    (finding,) = found.findings
    assert (found.rows, found.unusable) == ([], 1)
    assert (finding.kind, finding.severity) == (ImportFindingKind.NAIVE_TIME, FindingSeverity.ERROR)
    assert f"{name} {NAIVE} names no zone; pass --timezone" in finding.message


def test_with_a_zone_a_naive_time_is_no_finding() -> None:
    understood = row(raw(opened_at=NAIVE, closed_at="2025-10-22 22:50:40", created_at=NAIVE), zone="Europe/Moscow")
    assert understood.opened_at == datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC)
    assert understood.closed_at == datetime(2025, 10, 22, 19, 50, 40, tzinfo=UTC)
    assert understood.findings == []


def test_the_zone_does_not_change_who_a_row_is() -> None:
    here, there = (row(raw(opened_at=NAIVE), zone=zone) for zone in ("+03:00", "+04:00"))
    assert here.opened_at != there.opened_at
    assert here.command_id(1) == there.command_id(1)


def test_who_a_row_is_does_not_hang_on_the_spelling_of_its_time() -> None:
    first = row(raw())
    assert row(raw(opened_at="2025-10-22 21:50:40.981819+03")).command_id(1) == first.command_id(1)
    others = [raw(id="2"), raw(symbol="APT"), raw(opened_at="2025-10-22 18:50:40.981818+00")]
    assert len({row(other).command_id(1) for other in others} | {first.command_id(1), first.command_id(2)}) == 5


def test_naive_times_that_are_not_needed_are_one_note_a_column() -> None:
    rows = [raw(n, id=str(n), created_at=NAIVE, updated_at=NAIVE if n > 1 else None) for n in (1, 2, 3)]
    notes = table(*rows).findings
    assert [(note.kind, note.severity, note.ids) for note in notes] == [
        (ImportFindingKind.NAIVE_TIME, FindingSeverity.NOTE, ())
    ] * 2
    assert [note.message.partition(";")[0] for note in notes] == [
        "created_at names no zone in 3 rows",
        "updated_at names no zone in 2 rows",
    ]
    assert table(*rows, zone="UTC").findings == []


def test_a_creation_time_that_is_needed_is_no_note() -> None:
    assert [finding.severity for finding in table(raw(opened_at=None, created_at=NAIVE)).findings] == [
        FindingSeverity.WARNING,
        FindingSeverity.ERROR,
    ]


def test_a_time_that_was_on_the_clocks_twice_is_named() -> None:
    twice = {"opened_at": "2025-10-26 02:30:00", "closed_at": None, **OPEN}
    assert kinds(row(raw(**twice), zone="Europe/Berlin").findings) == [ImportFindingKind.AMBIGUOUS_TIME]
    assert kinds(row(raw(**twice), zone="Europe/Moscow").findings) == []


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HOSTILE = st.sampled_from(["", "0", "-1", "NaN", "1e400", "1" * 60, "0." + "9" * 60, "x" * 300, "\0", "t", NAIVE, "'"])


@given(
    st.dictionaries(st.sampled_from(list(CLEAN)), WORDS | HOSTILE | st.none()), st.sampled_from([None, "Europe/Berlin"])
)
def test_whatever_stands_in_a_row_it_becomes_a_command_or_a_finding(
    changed: dict[str, str | None], zone: str | None
) -> None:
    found = table(raw(**changed), zone=zone)
    assert len(found.rows) + found.unusable == 1
    for understood in found.rows:
        command = understood.command(understood.command_id(1), claims_intent=understood.intent_id is not None)
        assert command.row == CLEAN | changed
        assert len(command.findings) == len(understood.findings)
    if not found.rows:
        assert [finding.severity for finding in found.findings].count(FindingSeverity.ERROR) == 1
