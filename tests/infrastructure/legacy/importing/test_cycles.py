"""What is doubtful about the rows of one key together, and who keeps a slot that two of them claim."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infrastructure.legacy.importing.conflict_resolution import Holder, Resolve, settle
from infrastructure.legacy.importing.cycles import by_key, doubts
from infrastructure.legacy.importing.import_findings import ImportFinding, ImportFindingKind
from infrastructure.legacy.source.legacy_row import LegacyRow
from tests.infrastructure.legacy.examples import OPEN, raw, table

Changed = dict[str, str | None]


def at(hour: int, closed: int | None = None, **others: str | None) -> Changed:
    closed_at = None if closed is None else f"2025-10-22 {closed:02}:00:00+00"
    return {"opened_at": f"2025-10-22 {hour:02}:00:00+00", "closed_at": closed_at, "signal_id": None, **others}


def rows_of(*changed: Changed) -> list[LegacyRow]:
    rows = [raw(line, **({"id": str(line)} | each)) for line, each in enumerate(changed, start=1)]
    (group,) = by_key(table(*rows).rows)
    return group


def found(kind: ImportFindingKind, *changed: Changed) -> list[ImportFinding]:
    return [finding for finding in doubts(rows_of(*changed)) if finding.kind is kind]


def test_rows_are_in_order_of_opening_then_of_their_number_then_of_the_file() -> None:
    changed = [at(5, 6), at(4, 5, id="10"), at(4, 5, id="9"), at(4, 5, id="b"), at(4, 5, id="a"), at(3, 4, id="999")]
    assert [row.legacy_id for row in rows_of(*changed)] == ["999", "9", "10", "b", "a", "1"]


def test_keys_are_in_order_of_their_first_opening() -> None:
    rows = [raw(1, **at(5, 6)), raw(2, id="2", symbol="B", **at(4, 5)), raw(3, id="3", symbol="APT/USDT", **at(3, 4))]
    assert [[row.name for row in group] for group in by_key(table(*rows).rows)] == [["3", "1"], ["2"]]


def test_a_row_that_opens_when_the_last_one_closes_overlaps_nothing() -> None:
    assert found(ImportFindingKind.OVERLAPPING_CYCLES, at(1, 2), at(2, 3), at(3, 4), at(4) | OPEN) == []


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (at(1, 3), "row 1 was closed at 2025-10-22 03:00:00+00:00 only"),
        (at(1), "no time says since when row 1 is closed"),
        (at(1) | OPEN, "row 1 is still active"),
    ],
)
def test_a_row_that_opens_before_the_last_one_closed_overlaps_it(first: Changed, words: str) -> None:
    (finding,) = found(ImportFindingKind.OVERLAPPING_CYCLES, first, at(2, 4))
    assert (finding.ids, finding.stream) == (("1", "2"), "APTUSDT.binance")
    assert finding.message == f"row 2 was opened at 2025-10-22 02:00:00+00:00, but {words}"


def test_of_many_that_it_overlaps_a_few_are_named() -> None:
    findings = found(ImportFindingKind.OVERLAPPING_CYCLES, at(1), at(2), at(3), at(4, 9), at(5, 7), at(6, 8))
    assert [finding.ids for finding in findings][-1] == ("2", "3", "5", "4", "6")
    assert findings[-1].message.endswith("; and 1 more")


def test_a_second_row_of_one_signal_is_found_and_another_signal_is_not() -> None:
    same = [at(1, 2, signal_id="7"), at(3, 4, signal_id="8"), at(5, 6, signal_id="7"), at(7, 8, signal_id="7")]
    assert [finding.ids for finding in found(ImportFindingKind.INTENT_TWICE, *same)] == [("1", "3"), ("1", "4")]
    assert found(ImportFindingKind.INTENT_TWICE, at(1, 2), at(3, 4)) == []


def test_spellings_that_fall_together_are_named() -> None:
    (finding,) = found(
        ImportFindingKind.SPELLINGS_FALL_TOGETHER,
        at(1, 2),
        at(3, 4, symbol="APT/USDT:USDT"),
        at(5, 6, exchange="Binance"),
        at(7, 8),
    )
    assert finding.ids == ("1", "2", "3")
    assert finding.message == (
        "APTUSDT at binance (row 1), APT/USDT:USDT at binance (row 2), APTUSDT at Binance (row 3) are one key, "
        "APTUSDT.binance"
    )
    assert (
        found(ImportFindingKind.SPELLINGS_FALL_TOGETHER, at(1, 2, symbol="APT/USDT"), at(3, 4, symbol="APT/USDT")) == []
    )


def test_a_finding_is_noted_with_the_rows_that_it_is_about() -> None:
    rows = rows_of(at(1, 3, signal_id="7"), at(2, 4, signal_id="7", symbol="APT/USDT"), at(5, 6))
    doubts(rows)
    assert [[finding.kind for finding in row.findings] for row in rows] == [
        [],
        [
            ImportFindingKind.OVERLAPPING_CYCLES,
            ImportFindingKind.INTENT_TWICE,
            ImportFindingKind.SPELLINGS_FALL_TOGETHER,
        ],
        [],
    ]


def holder(hour: int) -> Holder:
    return Holder("APTUSDT.binance#7", datetime(2025, 10, 22, hour, tzinfo=UTC))


def opened(*hours: int) -> list[LegacyRow]:
    return rows_of(*(at(hour) | OPEN for hour in hours))


@pytest.mark.parametrize("resolve", list(Resolve))
@pytest.mark.parametrize(("hours", "held"), [((), None), ((1,), None), ((), 1)])
def test_where_one_is_open_nothing_is_to_be_settled(resolve: Resolve, hours: tuple[int, ...], held: int | None) -> None:
    settled = settle(opened(*hours) if hours else [], None if held is None else holder(held), resolve)
    assert (settled.superseded, settled.outcome, settled.refusal) == ({}, "", False)


@pytest.mark.parametrize(
    ("resolve", "hours", "held", "superseded", "outcome"),
    [
        (Resolve.REFUSE, (1, 2), None, None, "decide with --resolve keep-oldest or --resolve keep-newest"),
        (Resolve.REFUSE, (1,), 2, None, "decide with --resolve"),
        (Resolve.KEEP_OLDEST, (1, 2, 3), None, {"2": "row 1", "3": "row 1"}, "row 1 is kept, row 2, row 3 imported as"),
        (Resolve.KEEP_NEWEST, (1, 2, 3), None, {"1": "row 3", "2": "row 3"}, "row 3 is kept, row 1, row 2 imported as"),
        (Resolve.KEEP_OLDEST, (2,), 1, {"1": "APTUSDT.binance#7"}, "APTUSDT.binance#7 is kept, row 1 imported as"),
        (Resolve.KEEP_NEWEST, (2,), 3, {"1": "APTUSDT.binance#7"}, "APTUSDT.binance#7 is kept, row 1 imported as"),
        (Resolve.KEEP_OLDEST, (1,), 2, None, "row 1 would be kept, so close APTUSDT.binance#7 first"),
        (Resolve.KEEP_NEWEST, (2,), 1, None, "row 1 would be kept, so close APTUSDT.binance#7 first"),
        (Resolve.KEEP_OLDEST, (2,), 2, {"1": "APTUSDT.binance#7"}, "APTUSDT.binance#7 is kept"),
    ],
)
def test_the_slot_is_kept_by_the_operators_word_and_never_taken_from_the_ledger(
    resolve: Resolve, hours: tuple[int, ...], held: int | None, superseded: dict[str, str] | None, outcome: str
) -> None:
    settled = settle(opened(*hours), None if held is None else holder(held), resolve)
    assert {row.name: by for row, by in settled.superseded.items()} == (superseded or {})
    assert settled.refusal is (superseded is None)
    assert outcome in settled.outcome
