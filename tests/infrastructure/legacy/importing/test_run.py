"""Rows become cycles, each once; whoever else is there, and whatever was imported before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from domain.events import PositionImported
from domain.values import Status, plain, utc
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.importing.conflict_resolution import Resolve
from infrastructure.legacy.importing.import_findings import FindingSeverity, ImportFindingKind
from infrastructure.legacy.importing.import_report import ImportReport
from infrastructure.legacy.importing.run import import_table
from infrastructure.legacy.source.raw import RawRow
from projections.positions import PositionRow
from tests.infrastructure.legacy.examples import CLEAN, OPEN, raw, sample, table

SIDES = {"buy": "long", "sell": "short"}
BATCH = 4
"""So that every test crosses the border of one."""
EARLY: dict[str, str | None] = {"opened_at": "2025-10-20 08:00:00+00", "closed_at": "2025-10-20 09:00:00+00"}


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger
        assert verify(ledger.store).findings == ()


def load(ledger: PositionLedger, *rows: RawRow, resolve: Resolve = Resolve.REFUSE) -> ImportReport:
    report = import_table(ledger, table(*rows), resolve, batch_commands=BATCH)
    assert report.rows == len(rows) == report.imported + report.already_imported + report.refused
    return report


def imported(ledger: PositionLedger) -> dict[str | None, PositionRow]:
    return {row.legacy_id: row for row in ledger.positions()}


def event_of(ledger: PositionLedger, row: PositionRow) -> PositionImported:
    (entry,) = ledger.history(row.position_id)
    assert isinstance(entry.event, PositionImported)
    return entry.event


def found(report: ImportReport, kind: ImportFindingKind) -> list[tuple[str, ...]]:
    return [finding.ids for finding in report.findings if finding.kind is kind]


def open_natively(ledger: PositionLedger, **fields: Any) -> str:
    entry = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "5", "intent_id": "native"}
    return ledger.request_entry(**entry | fields).position_id


# -- the sample ---------------------------------------------------------------------------------------------------


def test_the_sample_row_for_row(ledger: PositionLedger) -> None:
    report = load(ledger, *sample(), resolve=Resolve.KEEP_NEWEST)
    assert (report.imported, report.refused, report.streams, report.open) == (18, 0, 11, 9)
    positions = imported(ledger)
    for original in sample():
        legacy = original.as_dict()
        row = positions[legacy["id"]]
        event = event_of(ledger, row)
        superseded = legacy["id"] in {"277", "410"}
        assert event.row == legacy
        assert row.side.value == SIDES.get(legacy["side"] or "", legacy["side"])
        assert row.status.value == ("closed" if superseded else legacy["status"])
        assert row.requested_qty == event.quantity and f"{event.quantity:.8f}" == legacy["quantity"]
        assert row.quantity == (event.quantity if row.status is Status.ACTIVE else 0)
        assert f"{row.avg_px_open:.8f}" == legacy["entry_price"]
        assert (row.stop_price and f"{row.stop_price:.8f}") == legacy["stop_loss_price"]
        assert row.opened_at == utc(legacy["opened_at"])
        assert row.closed_at == (legacy["closed_at"] and utc(legacy["closed_at"]))
        assert superseded or row.exit_reason == legacy["exit_reason"]
        assert (row.intent_id, row.exchange_order_id) == (legacy["signal_id"], legacy["exchange_order_id"])
        if row.status is Status.CLOSED:
            assert (row.realized_pnl is not None and f"{row.realized_pnl:.8f}") == (legacy["pnl"] or False)
        assert (row.symbol, row.exchange) == (
            (legacy["symbol"] or "").replace("/USDT:USDT", "USDT"),
            row.exchange.lower(),
        )
    assert {row.position_id for row in positions.values() if row.protected} == {
        "PERPUSDT.binance#2",
        "APTUSDT.binance#2",
        "KASUSDT.bybit#2",
        "BIDUSDT.bybit#2",
        "POWRUSDT.binance#2",
    }


def test_the_older_open_row_is_cycle_1_and_holds_the_slot(ledger: PositionLedger) -> None:
    load(ledger, *sample())
    rows = imported(ledger)
    assert (rows["583"].position_id, rows["583"].status) == ("TAGUSDT.binance#1", Status.ACTIVE)
    assert (rows["589"].position_id, rows["589"].status) == ("TAGUSDT.binance#2", Status.CLOSED)
    ledger.close(position_id="TAGUSDT.binance#1", exit_reason="flat at the exchange")
    assert open_natively(ledger, symbol="TAGUSDT") == "TAGUSDT.binance#3"


def test_every_doubtful_value_of_the_sample_is_named(ledger: PositionLedger) -> None:
    report = load(ledger, *sample())
    assert {kind.value: found(report, kind) for kind in report.counts} == {
        "naive_time": [()],
        "two_open_rows": [("277", "278"), ("410", "411")],
        "overlapping_cycles": [
            ("275", "276"),
            ("277", "278"),
            ("410", "411"),
            ("583", "589"),
            ("2438", "2439"),
            ("2548", "2549"),
        ],
        "intent_twice": [("275", "276"), ("277", "278")],
        "spellings_fall_together": [("410", "411")],
        "wrong_side_stop": [("31",)],
        "long_decimal": [("2549",)],
        "closed_without_time": [("589",)],
        "closed_without_reason": [("589",)],
    }
    rows = imported(ledger)
    assert [note.partition(":")[0] for note in event_of(ledger, rows["589"]).findings] == [
        "closed_without_time",
        "closed_without_reason",
        "overlapping_cycles",
    ]
    assert "3.3201 stands above the entry of a long at 3.257" in event_of(ledger, rows["31"]).findings[0]
    assert event_of(ledger, rows["301"]).findings == ()


@pytest.mark.parametrize("resolve", list(Resolve))
def test_a_second_import_adds_nothing(ledger: PositionLedger, resolve: Resolve) -> None:
    first = load(ledger, *sample(), resolve=resolve)
    before = ledger.store.count_events()
    second = load(ledger, *sample(), resolve=resolve)
    assert ledger.store.count_events() == before
    assert (second.imported, second.already_imported, second.refused) == (0, first.imported, first.refused)
    assert (second.counts, second.open) == (first.counts, first.open)
    assert ledger.rejections() == []


@pytest.mark.parametrize(
    ("resolve", "fxs", "bid"),
    [
        (Resolve.REFUSE, {}, {}),
        (Resolve.KEEP_OLDEST, {"410": "active", "411": "closed"}, {"277": "active", "278": "closed"}),
        (Resolve.KEEP_NEWEST, {"410": "closed", "411": "active"}, {"277": "closed", "278": "active"}),
    ],
)
def test_two_open_rows_are_settled_by_the_operators_word(
    ledger: PositionLedger, resolve: Resolve, fxs: dict[str, str], bid: dict[str, str]
) -> None:
    report = load(ledger, *sample(), resolve=resolve)
    rows = imported(ledger)
    for expected, stream in ((fxs, "FXSUSDT.binance"), (bid, "BIDUSDT.bybit")):
        of_key = {row.legacy_id: row for row in rows.values() if row.stream == stream}
        assert {name: row.status.value for name, row in of_key.items()} == expected
        assert [row.cycle for row in of_key.values()] == ([1, 2] if expected else [])
        for row in of_key.values():
            kept = next(name for name, status in expected.items() if status == "active")
            if row.status is Status.CLOSED:
                assert row.exit_reason == f"import: superseded by row {kept} (two open rows of one key)"
                assert row.closed_at is None and row.quantity == 0
            assert any(note.startswith("two_open_rows") for note in event_of(ledger, row).findings)
    assert found(report, ImportFindingKind.TWO_OPEN_ROWS) == [("277", "278"), ("410", "411")]
    assert report.refused == (4 if resolve is Resolve.REFUSE else 0)


def test_what_was_refused_first_can_be_settled_later(ledger: PositionLedger) -> None:
    load(ledger, *sample())
    report = load(ledger, *sample(), resolve=Resolve.KEEP_OLDEST)
    assert (report.imported, report.already_imported, report.open) == (4, 14, 9)


# -- imported before ----------------------------------------------------------------------------------------------


def test_a_row_that_says_something_else_now_is_not_imported_again(ledger: PositionLedger) -> None:
    load(ledger, raw(**OPEN))
    report = load(ledger, raw())
    (finding,) = report.findings
    assert (finding.kind, finding.severity, report.refused) == (
        ImportFindingKind.CHANGED_SINCE_IMPORT,
        FindingSeverity.ERROR,
        1,
    )
    assert "status was 'active' and is 'closed'" in finding.message
    assert "APTUSDT.binance#1" in finding.message
    assert [row.status for row in ledger.positions()] == [Status.ACTIVE]


def test_the_same_row_spelled_differently_is_the_same(ledger: PositionLedger) -> None:
    load(ledger, raw())
    again = raw(opened_at="2025-10-22 21:50:40.981819+03", quantity="61.8", has_stop_loss="true", new_column="1")
    report = load(ledger, again)
    assert (report.already_imported, report.findings) == (1, [])


def test_an_id_that_was_restarted_is_another_row(ledger: PositionLedger) -> None:
    load(ledger, raw(**EARLY, signal_id="1"))
    assert load(ledger, raw()).imported == 1
    assert [(row.position_id, row.legacy_id) for row in ledger.positions()] == [
        ("APTUSDT.binance#1", "1"),
        ("APTUSDT.binance#2", "1"),
    ]


def test_a_row_that_is_there_twice_is_imported_once(ledger: PositionLedger) -> None:
    rows = [raw(1, **OPEN), raw(2, **OPEN)]
    report = load(ledger, *rows)
    assert (report.imported, report.already_imported) == (1, 1)
    assert [finding.message for finding in report.findings] == ["line 2 repeats line 1"]
    assert load(ledger, *rows).already_imported == 2


def test_two_rows_of_one_identity_are_both_kept(ledger: PositionLedger) -> None:
    rows = [raw(1), raw(2, exit_reason="stop", signal_id=None)]
    assert found(load(ledger, *rows), ImportFindingKind.SAME_IDENTITY) == [("1",)]
    assert [row.exit_reason for row in ledger.positions()] == ["target", "stop"]
    assert load(ledger, *rows).already_imported == 2


def test_rows_without_ids_are_imported_once_each(ledger: PositionLedger) -> None:
    rows = [raw(1, id=None), raw(2, id=None, symbol="BUSDT")]
    assert found(load(ledger, *rows), ImportFindingKind.MISSING_ID) == [("line 1",), ("line 2",)]
    assert load(ledger, *rows).already_imported == 2
    assert [row.legacy_id for row in ledger.positions()] == [None, None]


def test_an_import_that_was_stopped_is_finished_by_the_next(ledger: PositionLedger) -> None:
    rows = [raw(n, id=str(n), symbol=f"C{n}USDT") for n in range(1, BATCH + 3)]

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_table(ledger, table(*rows), progress=stop, batch_commands=BATCH)
    assert ledger.store.count_events() == BATCH
    report = load(ledger, *rows)
    assert (report.imported, report.already_imported, report.findings) == (2, BATCH, [])


# -- beside what the bots do --------------------------------------------------------------------------------------


def test_an_older_row_follows_what_was_imported_before_and_says_so(ledger: PositionLedger) -> None:
    load(ledger, raw())
    report = load(ledger, raw(id="2", signal_id="2", **EARLY))
    assert found(report, ImportFindingKind.OLDER_THAN_LEDGER) == [("2",)]
    row = imported(ledger)["2"]
    assert row.position_id == "APTUSDT.binance#2"
    assert event_of(ledger, row).findings[0].startswith("older_than_ledger: opened before APTUSDT.binance#1")


def test_a_row_of_the_same_moment_is_not_older(ledger: PositionLedger) -> None:
    load(ledger, raw())
    assert load(ledger, raw(id="2", signal_id="2")).findings == []


def test_rows_beside_native_cycles_are_imported_and_named(ledger: PositionLedger) -> None:
    native = open_natively(ledger)
    report = load(ledger, raw())
    assert (report.imported, report.open) == (1, 1)
    assert list(report.counts) == [ImportFindingKind.OLDER_THAN_LEDGER, ImportFindingKind.NATIVE_CYCLES]
    assert imported(ledger)["1"].position_id == "APTUSDT.binance#2"
    assert ledger.position(native).status is Status.PENDING_ENTRY
    ledger.fail_entry(position_id=native, reason="no", outcome="rejected")


@pytest.mark.parametrize(
    ("resolve", "status"), [(Resolve.REFUSE, None), (Resolve.KEEP_OLDEST, None), (Resolve.KEEP_NEWEST, "closed")]
)
def test_an_open_row_never_takes_the_slot_of_a_position_in_the_ledger(
    ledger: PositionLedger, resolve: Resolve, status: str | None
) -> None:
    native = open_natively(ledger)
    report = load(ledger, raw(**OPEN), resolve=resolve)
    assert found(report, ImportFindingKind.TWO_OPEN_ROWS) == [("1",)]
    assert native in next(f.message for f in report.findings if f.kind is ImportFindingKind.TWO_OPEN_ROWS)
    assert [row.position_id for row in ledger.positions(open=True)] == [native]
    assert [row.status.value for row in ledger.positions() if row.legacy_id] == ([status] if status else [])
    assert ledger.rejections() == []


def test_a_signal_opens_one_cycle_only_and_later_ones_are_named(ledger: PositionLedger) -> None:
    rows = [raw(1, **EARLY), raw(2, id="2")]
    report = load(ledger, *rows)
    assert found(report, ImportFindingKind.INTENT_TWICE) == [("1", "2")]
    assert [event_of(ledger, row).claims_intent for row in ledger.positions()] == [True, False]
    third = raw(id="3", opened_at="2025-10-23 08:00:00+00", closed_at="2025-10-23 09:00:00+00")
    assert found(load(ledger, third), ImportFindingKind.INTENT_TWICE) == [("3",)]
    assert found(load(ledger, *rows, third), ImportFindingKind.INTENT_TWICE) == [("1", "2"), ("1", "3")]
    assert ledger.store.cycle_of_intent("APTUSDT.binance", "12330417") == 1


def test_a_signal_that_a_bot_opened_is_not_claimed_again(ledger: PositionLedger) -> None:
    native = open_natively(ledger, intent_id="12330417")
    ledger.fail_entry(position_id=native, reason="no", outcome="rejected")
    report = load(ledger, raw(**OPEN))
    assert found(report, ImportFindingKind.INTENT_TWICE) == [("1",)]
    assert event_of(ledger, imported(ledger)["1"]).claims_intent is False


@pytest.mark.parametrize(
    ("intent", "outcome", "last", "kind"),
    [
        ("12330417", "rejected", OPEN, None),
        ("other", None, OPEN, ImportFindingKind.TWO_OPEN_ROWS),
        ("12330417", None, OPEN, ImportFindingKind.REFUSED_BY_LEDGER),
        ("12330417", None, {}, None),
    ],
)
def test_a_bot_that_is_at_work_meanwhile_is_not_in_the_way(
    ledger: PositionLedger,
    intent: str,
    outcome: Literal["rejected"] | None,
    last: dict[str, str | None],
    kind: ImportFindingKind | None,
) -> None:
    """The last row is of a later batch, and while the first is counted a bot enters at its key."""
    rows = [raw(n, **EARLY | {"id": str(n), "symbol": f"C{n}USDT", "signal_id": None}) for n in range(BATCH)]
    entered: list[str] = []

    def enter(_: int) -> None:
        if not entered:
            entered.append(open_natively(ledger, intent_id=intent))
            if outcome is not None:
                ledger.fail_entry(position_id=entered[0], reason="no", outcome=outcome)

    report = import_table(ledger, table(*rows, raw(9999, id="last", **last)), progress=enter, batch_commands=BATCH)
    assert list(report.counts) == ([] if kind is None else [kind])
    assert (report.imported, report.refused) == (BATCH + (kind is None), int(kind is not None))
    if kind is None:
        assert event_of(ledger, imported(ledger)["last"]).claims_intent is False


# -- large and strange --------------------------------------------------------------------------------------------


def test_a_key_with_more_rows_than_a_batch_keeps_its_order(ledger: PositionLedger) -> None:
    count = 3 * BATCH + 1
    rows = [
        raw(
            count - n,
            id=str(n),
            signal_id=None,
            opened_at=f"2025-10-20 {n:02}:00:00+00",
            closed_at=f"2025-10-20 {n:02}:30:00+00",
        )
        for n in range(count)
    ]
    assert load(ledger, *reversed(rows)).findings == []
    assert [(row.cycle, row.legacy_id) for row in ledger.positions()] == [(n + 1, str(n)) for n in range(count)]


def test_symbols_of_every_kind_have_a_key_or_a_finding(ledger: PositionLedger) -> None:
    symbols = ["1000PEPEUSDT", "币安人生USDT", "BTC/USD:BTC", "BTCUSDT_251226", "Ünïcode", "'; DROP TABLE positions;--"]
    report = load(ledger, *(raw(n, id=str(n), symbol=symbol) for n, symbol in enumerate(symbols)))
    assert found(report, ImportFindingKind.UNUSABLE_ROW) == [("4",), ("5",)]
    assert [row.symbol for row in ledger.positions()] == [
        "1000PEPEUSDT",
        "BTC/USD:BTC",
        "BTCUSDT-251226",
        "币安人生USDT",
    ]


def test_an_empty_table_is_imported(ledger: PositionLedger) -> None:
    assert load(ledger).as_json() == {
        "rows": 0,
        "imported": 0,
        "already_imported": 0,
        "refused": 0,
        "streams": 0,
        "open": 0,
        "counts": {},
        "findings": [],
    }


def test_the_values_of_a_row_survive_whatever_they_are(ledger: PositionLedger) -> None:
    strange = raw(exit_reason="é\u2028 \t\n\\N ' \" {}", extra="\x01\x7f" * 1000, unrealized_pnl="9" * 100)
    load(ledger, strange)
    row = imported(ledger)["1"]
    assert event_of(ledger, row).row == strange.as_dict()
    assert row.exit_reason == strange.as_dict()["exit_reason"]


def test_the_numbers_of_an_event_are_written_plainly(ledger: PositionLedger) -> None:
    load(ledger, raw(quantity="1E+2", entry_price="0.0000000000000000015", stop_loss_price=None, has_stop_loss="f"))
    event = event_of(ledger, imported(ledger)["1"])
    assert (plain(event.quantity), event.avg_px_open and plain(event.avg_px_open)) == ("100", "0.000000000000000002")
    assert CLEAN["quantity"] != event.row["quantity"] == "1E+2"
