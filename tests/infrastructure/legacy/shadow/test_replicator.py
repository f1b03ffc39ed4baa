"""One change after the other: which commands it means, and what is told when row and ledger disagree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.values import Status
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.importing.conflict_resolution import Resolve
from infrastructure.legacy.importing.run import import_table
from infrastructure.legacy.shadow.capture.change import ChangeReader, TableChange, Unreadable
from infrastructure.legacy.shadow.divergence import Divergence, DivergenceKind
from infrastructure.legacy.shadow.replicated import ReplicatedKey
from infrastructure.legacy.shadow.replicator import Replicator
from projections.positions import PositionRow
from tests.infrastructure.legacy.examples import CLEAN, OPEN, raw, table

Row = dict[str, Any]
NEW: Row = CLEAN | OPEN | {"has_stop_loss": "f", "stop_loss_price": None, "exchange_order_id": None}
PLACED: Row = {"status": "entry_placed", "exchange_order_id": "53190368"}
COVERED: Row = {"status": "active", "has_stop_loss": "t", "stop_loss_price": "3.17"}
BEGIN = datetime(2100, 1, 1, tzinfo=UTC)


class Story:
    """A legacy table, change by change, and the ledger in its shadow."""

    def __init__(self, ledger: PositionLedger) -> None:
        self.ledger = ledger
        self.began = BEGIN
        self._reader, self._number = ChangeReader(), 0
        self._rows: dict[str, Row] = {}
        self._changes: list[TableChange] = []
        self._mirror = Replicator(ledger, self._reader, self._last_change)

    def _last_change(self, legacy_id: str, upto: int) -> TableChange | None:
        written = (change for change in reversed(self._changes) if change.row.name == legacy_id and change.id <= upto)
        return next(written, None)

    def _take(self, before: Row | None, after: Row | None) -> list[Divergence]:
        self._number += 1
        change = TableChange(
            self._number,
            self.began + timedelta(seconds=self._number),
            None if before is None else self._reader.row(before),
            None if after is None else self._reader.row(after),
        )
        self._changes.append(change)
        return list(self._mirror.take(change))

    def insert(self, row_id: int = 1, **values: Any) -> list[Divergence]:
        row = NEW | {"id": str(row_id)} | values
        self._rows[str(row_id)] = row
        return self._take(None, row)

    def update(self, row_id: int = 1, *, was: Row | None = None, **values: Any) -> list[Divergence]:
        before = was or self._rows[str(row_id)]
        self._rows[str(row_id)] = before | values
        return self._take(before, self._rows[str(row_id)])

    def delete(self, row_id: int = 1) -> list[Divergence]:
        return self._take(self._rows.pop(str(row_id)), None)

    def position(self, cycle: int = 1) -> PositionRow:
        return self.ledger.position(f"APTUSDT.binance#{cycle}")

    def active(self, row_id: int = 1) -> None:
        """A position that all agree about."""
        assert self.insert(row_id) + self.update(row_id, **PLACED) + self.update(row_id, **COVERED) == []


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        yield Story(ledger)


def kinds(found: list[Divergence]) -> list[str]:
    return [each.kind.value for each in found]


def rule(found: list[Divergence]) -> str:
    (refused,) = found
    assert refused.kind is DivergenceKind.REFUSED
    return str(refused.facts["rule"])


def test_a_row_by_a_signal_asks_for_the_slot(story: Story) -> None:
    assert story.insert() == []
    position = story.position()
    assert (position.status, position.intent_id, str(position.quantity)) == (Status.PENDING_ENTRY, "12330417", "0")
    assert position.source.value == "import"


def test_a_row_without_a_signal_and_with_an_order_opens_after_the_fact(story: Story) -> None:
    assert story.insert(signal_id=None, **PLACED) == []
    assert (story.position().status, story.position().exchange_order_id) == (Status.ENTRY_PLACED, "53190368")


def test_a_sighting_of_what_nobody_holds_is_adopted(story: Story) -> None:
    assert story.insert(signal_id=None) == []
    assert (story.position().status, str(story.position().quantity)) == (Status.ACTIVE, "61.8")


def test_a_row_that_becomes_active_is_filled_as_it_says(story: Story) -> None:
    story.active()
    position = story.position()
    assert (position.status, str(position.quantity), str(position.avg_px_open)) == (Status.ACTIVE, "61.8", "3.2333")
    assert position.protected and position.stop_order_id == "legacy-1-stop"


def test_active_without_a_stop_is_what_the_ledger_would_refuse(story: Story) -> None:
    story.insert()
    story.update(**PLACED)
    assert rule(story.update(status="active")) == "NotProtected"
    assert story.update(has_stop_loss="t", stop_loss_price="3.17") == []
    assert story.position().status is Status.ACTIVE


def test_a_stop_on_the_wrong_side_is_refused(story: Story) -> None:
    story.insert()
    story.update(**PLACED)
    assert rule(story.update(**COVERED | {"stop_loss_price": "3.3201"})) == "WrongSideStop"


def test_a_trailing_stop_may_lock_in_profit(story: Story) -> None:
    story.active()
    assert story.update(stop_loss_price="3.3", trailing_activated="true") == []
    assert story.position().stop_locks_profit


def test_a_stop_that_is_gone_is_lost(story: Story) -> None:
    story.active()
    assert story.update(has_stop_loss="f", stop_loss_price=None) == []
    assert story.position().stop_price is None


def test_a_correction_is_an_adjustment(story: Story) -> None:
    story.active()
    assert story.update(quantity="50", entry_price="3.23") == []
    assert (str(story.position().quantity), str(story.position().avg_px_open)) == ("50", "3.23")


@pytest.mark.parametrize(
    ("ends", "status"), [({"status": "canceled"}, Status.CANCELED), ({"status": "failed"}, Status.FAILED)]
)
def test_an_entry_that_came_to_nothing_fails(story: Story, ends: Row, status: Status) -> None:
    story.insert()
    assert story.update(**ends, exit_reason="30208") == []
    assert (story.position().status, story.position().exit_reason) == (status, "30208")


def test_an_entry_that_filled_cannot_have_failed(story: Story) -> None:
    story.active()
    assert rule(story.update(status="failed")) == "EntryHasFills"
    assert story.position().status is Status.ACTIVE


def test_closed_without_ever_having_been_filled_is_refused(story: Story) -> None:
    story.insert()
    assert rule(story.update(status="closed")) == "NothingToClose"


def test_the_profit_of_a_close_without_a_price_is_not_known(story: Story) -> None:
    story.active()
    assert story.update(status="closed", exit_reason="target", pnl="12") == []
    assert (story.position().realized_pnl, story.position().exit_reason) == (None, "target")


def test_a_rollback_without_proof_keeps_the_slot(story: Story) -> None:
    story.active()
    assert kinds(story.update(status="rolled_back")) == ["rollback_without_proof"]
    assert story.position().status is Status.ACTIVE
    assert kinds(story.insert(2, signal_id="99")) == ["second_row"]


def test_nothing_else_changed_is_nothing_at_all(story: Story) -> None:
    story.active()
    before = story.position().version
    assert story.update(current_price="3.3", pnl="1", leverage="5") == []
    assert story.position().version == before


def test_a_second_signal_is_refused_and_its_values_change_nothing(story: Story) -> None:
    story.active()
    (found,) = story.insert(2, signal_id="99", quantity="7")
    assert (found.kind, found.facts["answer"], found.facts["row"]["quantity"]) == (
        DivergenceKind.SECOND_ROW,
        "PositionAlreadyOpen",
        "7",
    )
    assert str(story.position().quantity) == "61.8"
    (rejection,) = story.ledger.rejections()
    assert (rejection.error, rejection.intent_id) == ("PositionAlreadyOpen", "99")


def test_a_row_beside_a_position_that_no_row_told_is_a_second_one_too(story: Story) -> None:
    story.ledger.adopt(
        symbol="APTUSDT", exchange="binance", side="long", quantity="5", avg_px_open="3", reason="by hand"
    )
    (found,) = story.insert(1, signal_id="99")
    assert "was opened beside what no row tells: APTUSDT.binance#1 is active" in found.message


def test_a_sighting_of_the_other_side_adjusts_nothing(story: Story) -> None:
    story.active()
    before = story.position().version
    assert kinds(story.insert(2, signal_id=None, side="short", quantity="7")) == ["second_row"]
    assert story.position().version == before


def test_a_position_ends_when_the_last_of_its_rows_does(story: Story) -> None:
    story.active()
    story.insert(2, signal_id=None, quantity="61")
    (found,) = story.update(2, status="closed")
    assert (found.kind, found.facts["open_rows"], story.position().status) == (
        DivergenceKind.CONTRADICTED,
        ["1"],
        Status.ACTIVE,
    )
    assert story.update(1, status="closed") == []
    assert story.position().status is Status.CLOSED


def test_a_row_that_lives_on_after_its_position_is_told_once(story: Story) -> None:
    story.began = datetime(2000, 1, 1, tzinfo=UTC)
    story.active()
    story.ledger.close(position_id="APTUSDT.binance#1", exit_reason="by hand", source="operator")
    story.began = BEGIN
    (found,) = story.update(stop_loss_price="3.1")
    assert found.facts["differences"] == {"status": {"legacy": "active", "ledger": "closed"}}
    assert story.update(stop_loss_price="3.0") == []


def test_one_signal_again_after_its_position_is_over_is_a_replay_and_taken_in(story: Story) -> None:
    story.active()
    story.update(status="closed")
    assert rule(story.insert(2)) == "replayed"
    assert (story.position(2).status, str(story.position(2).quantity)) == (Status.ACTIVE, "61.8")


def test_one_signal_again_with_other_content_is_a_mismatch(story: Story) -> None:
    story.active()
    story.update(status="closed")
    assert rule(story.insert(2, quantity="7")) == "IdempotencyMismatch"
    assert str(story.position(2).quantity) == "7"


def test_a_row_that_is_used_again_is_a_new_cycle(story: Story) -> None:
    story.active()
    story.update(status="closed")
    again: Row = {
        "status": "active",
        "signal_id": "99",
        "side": "short",
        "entry_price": "0.1185",
        "exchange_order_id": None,
    }
    assert story.update(**again, has_stop_loss="f", stop_loss_price=None) == []
    assert (story.position(2).side.value, story.position(2).intent_id) == ("short", "99")


def test_what_no_position_can_be_is_refused(story: Story) -> None:
    assert rule(story.insert(quantity="0")) == "InvalidCommand"
    assert story.ledger.positions() == []


def test_a_side_never_changes_within_a_cycle(story: Story) -> None:
    story.active()
    (found,) = story.update(side="short")
    assert (found.kind, found.facts["differences"]) == (
        DivergenceKind.DIFFERS,
        {"side": {"legacy": "short", "ledger": "long"}},
    )
    assert story.update(current_price="1") == []


def test_a_row_that_went_back_differs(story: Story) -> None:
    story.active()
    (found,) = story.update(status="entry_placed")
    assert found.facts["differences"] == {"status": {"legacy": "entry_placed", "ledger": "active"}}


def test_rows_of_one_position_that_say_different_things_differ(story: Story) -> None:
    story.active()
    story.insert(2, signal_id="99", quantity="7", entry_price="3.3")
    (found,) = story.update(2, has_stop_loss="t", stop_loss_price="3.17")
    assert found.facts["differences"] == {
        "quantity": {"legacy": "7", "ledger": "61.8"},
        "avg_px_open": {"legacy": "3.3", "ledger": "3.2333"},
    }


def test_a_stop_that_only_the_other_row_knows_differs(story: Story) -> None:
    story.active()
    story.insert(2, signal_id=None)
    (found,) = story.update(2, quantity="60")
    assert found.facts["differences"] == {"stop_price": {"legacy": None, "ledger": "3.17"}}


def test_a_row_that_is_deleted_while_it_is_open_is_told(story: Story) -> None:
    story.active()
    assert kinds(story.delete()) == ["deleted"]


def test_a_row_that_is_deleted_when_it_is_over_is_not(story: Story) -> None:
    story.active()
    story.update(status="closed")
    assert story.delete() == []


def test_a_row_that_was_over_when_it_was_inserted_is_told(story: Story) -> None:
    assert kinds(story.insert(status="closed")) == ["not_mirrored"]


def test_a_row_that_nobody_imported_is_told_and_taken_in(story: Story) -> None:
    assert kinds(story.update(was=NEW | PLACED, quantity="60")) == ["not_imported"]
    assert str(story.position().requested_qty) == "60"
    assert story.update(**COVERED) == []


def test_a_row_that_nobody_imported_and_that_is_over_now_is_told(story: Story) -> None:
    assert kinds(story.update(was=NEW | PLACED, status="closed")) == ["not_imported"]
    assert story.update(was=NEW | {"status": "closed"}, exit_reason="other") == []


def test_what_is_no_position_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="row 1 cannot be read as a position: side is 'none'"):
        ChangeReader().row(NEW | {"side": "none"})


# -- rows that were imported ------------------------------------------------------------------------------------

BEFORE: Row = CLEAN | OPEN | PLACED | {"has_stop_loss": "f", "stop_loss_price": None}
AFTER: Row = BEFORE | COVERED


def imported(story: Story, *rows: Row, resolve: Resolve = Resolve.REFUSE) -> None:
    import_table(story.ledger, table(*(raw(**row) for row in rows)), resolve)


def test_a_change_of_an_imported_row_goes_on_from_there(story: Story) -> None:
    imported(story, BEFORE)
    assert story.update(was=BEFORE, **COVERED) == []
    assert (story.position().status, story.position().legacy_id) == (Status.ACTIVE, "1")


def test_what_the_import_has_seen_is_not_mirrored_again(story: Story) -> None:
    imported(story, AFTER)
    story.began = BEGIN - timedelta(days=365 * 90)
    version = story.position().version
    assert story.insert() + story.update(**PLACED) + story.update(**COVERED) == []
    assert story.position().version == version
    assert story.update(status="closed") == []
    assert story.position().status is Status.CLOSED


def test_what_came_after_the_import_is_mirrored_even_if_the_import_took_long(story: Story) -> None:
    imported(story, AFTER)
    story.began = BEGIN - timedelta(days=365 * 90)
    assert story.update(was=AFTER, quantity="50") + story.update(quantity="40") == []
    assert str(story.position().quantity) == "40"


def test_rows_of_an_import_that_kept_one_of_them_belong_to_that_one(story: Story) -> None:
    imported(story, AFTER, AFTER | {"id": "2", "quantity": "61"}, resolve=Resolve.KEEP_OLDEST)
    assert kinds(story.update(2, was=AFTER | {"id": "2", "quantity": "61"}, status="closed")) == ["contradicted"]
    assert story.update(1, was=AFTER, status="closed") == []
    assert story.position().status is Status.CLOSED


def test_a_row_that_was_over_when_it_was_imported_keeps_its_own_position(story: Story) -> None:
    over = CLEAN | {"opened_at": "2025-10-20 08:00:00+00", "closed_at": None, "status": "closed"}
    imported(story, over, AFTER | {"id": "2"})
    known = ReplicatedKey.read(story.ledger, "APTUSDT.binance")
    assert known.positions == {"1": "APTUSDT.binance#1", "2": "APTUSDT.binance#2"}
    assert [known.was_imported_open(legacy_id) for legacy_id in ("1", "2", "3")] == [False, True, False]


def test_a_row_that_another_took_the_place_of_was_open_when_it_was_imported_whatever_its_zone(story: Story) -> None:
    naive: Row = AFTER | {"id": "2", "opened_at": "2025-10-23 18:50:40", "status": "OPEN"}
    import_table(story.ledger, table(raw(**AFTER), raw(**naive), zone="Asia/Hong_Kong"), Resolve.KEEP_OLDEST)
    known = ReplicatedKey.read(story.ledger, "APTUSDT.binance")
    assert [known.was_imported_open(legacy_id) for legacy_id in ("1", "2")] == [True, True]
    assert len({*known.positions.values()}) == 1
