"""A standby and a subscriber are read as of a settled place, and take no commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import SchemaMismatch, StoreUnavailable, UnknownPosition
from infrastructure.event_store.postgres.replication.replica_store import PostgresReplica
from infrastructure.event_store.postgres.schema import SCHEMA_VERSION
from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.event_store.vocabulary.places import AsOf
from infrastructure.integrity.anchor import check_anchor, make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.statistics_projection import statistics
from projections.metrics.statistics import MeasuredWindow
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.replication.conftest import ENTRY, Replicas
from tests.infrastructure.event_store.postgres.test_followers import Held

KINDS = ("standby", "subscriber")
both = pytest.mark.parametrize("kind", KINDS)


def place_of(ledger: PositionLedger) -> ReplicaPlace:
    with ledger.store.settled() as place:
        assert place is not None, "it is a replica"
        return place


@both
def test_without_a_follower_nothing_is_read_and_the_command_is_named(replicas: Replicas, kind: str) -> None:
    replicas.open()
    ((come_to,),) = replicas.primary.do("SELECT nid FROM projections")
    replicas.primary.do("UPDATE projections SET nid = 0")
    try:
        replicas.arrived()
        with PositionLedger.connect(replicas.of(kind).url(), create=False) as ledger:
            for ask in (ledger.positions, ledger.store.high_water_mark, lambda: place_of(ledger)):
                with pytest.raises(StoreUnavailable, match="Run `projections --follow` with the URL"):
                    ask()
    finally:
        replicas.primary.do("UPDATE projections SET nid = %s", come_to)


@both
def test_with_a_follower_it_says_what_its_primary_says(replicas: Replicas, kind: str) -> None:
    opened = replicas.open()
    replicas.ledger.record_entry_placed(position_id=opened, exchange_order_id="e-1", filled_qty="61.8", avg_px="3.2")
    replicas.follow()
    replicas.arrived()
    with PositionLedger.connect(replicas.of(kind).url(), create=False) as ledger:
        assert isinstance(ledger.store, PostgresReplica)
        assert ledger.positions() == replicas.ledger.positions()
        assert ledger.positions(open=True, unprotected=True) == replicas.ledger.positions(open=True, unprotected=True)
        assert ledger.position(opened) == replicas.ledger.position(opened)
        assert ledger.history(opened) == replicas.ledger.history(opened)
        anchor = make_anchor(ledger.store)
        assert check_anchor(replicas.ledger.store, anchor) == check_anchor(ledger.store, anchor) == []
        assert (anchor.nid, anchor.refusals) == (replicas.ledger.store.high_water_mark(), None)
        assert not verify(ledger.store).findings
        now = datetime.now(UTC)
        window = MeasuredWindow(now - timedelta(hours=1), now)
        found, expected = (statistics(each.store, window, now=now) for each in (ledger, replicas.ledger))
        assert found == expected
        place = place_of(ledger)
        assert (place.kind, place.nid, place.arrived, place.left_out) == (kind, anchor.nid, 0, 0)
        assert place.lag is not None
        assert place.lag < timedelta(seconds=60)


@both
def test_nothing_is_shown_beyond_an_event_that_is_not_committed_yet(replicas: Replicas, kind: str) -> None:
    replicas.open()
    replicas.follow()
    held = Held(replicas.primary.url(), f"LATE{kind.upper()}USDT.binance")
    try:
        later = replicas.open()
        with pytest.raises(StoreUnavailable, match="an append is unfinished"):
            replicas.follow()
        replicas.arrived()
        with PositionLedger.connect(replicas.of(kind).url(), create=False) as ledger:
            arrived = replicas.of(kind).do("SELECT max(nid) FROM ledger_events")[0][0]
            assert arrived > held.nid, "the later one is there, and the one before it is not"
            place = place_of(ledger)
            assert place.nid < held.nid
            assert place.arrived == 1
            assert later not in {row.position_id for row in ledger.positions()}
            assert max(event.id for event in ledger.store.log()) == place.nid
            assert max(event.id for event in ledger.store.log(as_of=AsOf(nid=arrived))) == place.nid
            assert [entry.nid for entry in ledger.subscribe(timeout_seconds=0)][-1] == place.nid
            assert make_anchor(ledger.store).nid == place.nid
            with pytest.raises(UnknownPosition, match=rf"nothing ever happened to {later} up to nid {place.nid}, as"):
                ledger.history(later)
            held.roll_back()
            replicas.follow()
            replicas.arrived()
            assert later in {row.position_id for row in ledger.positions()}
            assert max(event.id for event in ledger.store.log()) == arrived
    finally:
        held.connection.close()


@both
def test_all_of_one_reading_is_of_one_place(replicas: Replicas, kind: str) -> None:
    replicas.open()
    replicas.follow()
    replicas.arrived()
    with PositionLedger.connect(replicas.of(kind).url(), create=False) as ledger:
        with ledger.store.settled() as place:
            before = ledger.positions()
            replicas.open()
            replicas.follow()
            replicas.arrived()
            assert place is not None
            assert ledger.store.high_water_mark() == place.nid
            assert ledger.positions() == before
        assert len(ledger.positions()) == len(before) + 1


@both
def test_nothing_is_decided_or_written(replicas: Replicas, kind: str) -> None:
    opened = replicas.open()
    replicas.follow()
    replicas.arrived()
    before = replicas.of(kind).do("SELECT count(*), max(nid) FROM ledger_events")
    refused = rf"is a {kind}, and nothing is decided there.* nothing was written"
    with PositionLedger.connect(replicas.of(kind).url(), create=False) as ledger:
        with pytest.raises(StoreUnavailable, match=refused):
            ledger.request_entry(symbol="OTHERUSDT", intent_id="1", **ENTRY)
        with pytest.raises(StoreUnavailable, match=refused):  # a refusal of the rules would be a decision as well
            ledger.request_entry(symbol=opened.partition(".")[0], intent_id="2", **ENTRY)
        with pytest.raises(StoreUnavailable, match=refused):
            ledger.handle_many([])
        with pytest.raises(StoreUnavailable, match=refused):
            ledger.rebuild()
        with pytest.raises(StoreUnavailable, match=refused):
            ledger.store.tracking("statistics").begin()
    assert replicas.of(kind).do("SELECT count(*), max(nid) FROM ledger_events") == before


@both
def test_an_anchor_that_reaches_further_is_not_called_broken(replicas: Replicas, kind: str) -> None:
    replicas.open()
    replicas.follow()
    replicas.open()
    anchor = make_anchor(replicas.ledger.store)
    replicas.arrived()
    with (
        PositionLedger.connect(replicas.of(kind).url(), create=False) as ledger,
        pytest.raises(StoreUnavailable, match=rf"reaches to nid {anchor.nid}, and this replica is settled up to"),
    ):
        check_anchor(ledger.store, anchor)


def test_how_far_a_standby_is_behind_is_said(replicas: Replicas) -> None:
    replicas.open()
    replicas.follow()
    replicas.arrived()
    with PositionLedger.connect(replicas.standby.url(), create=False) as ledger:
        replicas.standby.do("SELECT pg_wal_replay_pause()")
        eventually(lambda: replicas.standby.do("SELECT pg_get_wal_replay_pause_state()") == [("paused",)])
        try:
            replicas.open()
            eventually(lambda: (place_of(ledger).lag or timedelta()) > timedelta(milliseconds=300))
        finally:
            replicas.standby.do("SELECT pg_wal_replay_resume()")
        eventually(lambda: place_of(ledger).lag == timedelta())


def test_how_far_a_subscriber_is_behind_is_not_known_while_nobody_sends(replicas: Replicas) -> None:
    replicas.follow()
    with PositionLedger.connect(replicas.subscriber.url(), create=False) as ledger:
        replicas.subscriber.do("ALTER SUBSCRIPTION copy DISABLE")
        try:
            eventually(lambda: place_of(ledger).lag is None)
        finally:
            replicas.subscriber.do("ALTER SUBSCRIPTION copy ENABLE")
        eventually(lambda: place_of(ledger).lag is not None)


def test_a_subscriber_that_is_not_sent_all_tables_is_refused(replicas: Replicas) -> None:
    replicas.follow()
    replicas.primary.do("ALTER PUBLICATION ledger DROP TABLE rejections")
    replicas.subscriber.do("ALTER SUBSCRIPTION copy REFRESH PUBLICATION")
    try:
        with (
            PositionLedger.connect(replicas.subscriber.url(), create=False) as ledger,
            pytest.raises(StoreUnavailable, match="as a replica: rejections did not arrive by the subscription"),
        ):
            ledger.positions()
    finally:
        replicas.primary.do("ALTER PUBLICATION ledger ADD TABLE rejections")
        replicas.subscriber.do("ALTER SUBSCRIPTION copy REFRESH PUBLICATION")
        eventually(lambda: replicas.subscriber.do("SELECT DISTINCT srsubstate FROM pg_subscription_rel") == [("r",)])


def test_a_subscriber_that_is_migrated_after_its_publisher_keeps_what_it_was_sent(replicas: Replicas) -> None:
    """What a follower of the new version made on the publisher is sent but once."""
    replicas.open()
    replicas.follow()
    replicas.arrived()
    facts = "SELECT position_id, row FROM projection_rows ORDER BY 1"
    sent, come_to = replicas.primary.do(facts), replicas.primary.do("SELECT nid FROM projections")
    replicas.subscriber.do(f"DELETE FROM ledger_schema WHERE version = {SCHEMA_VERSION}")
    PositionLedger.connect(replicas.subscriber.url()).disconnect()
    assert replicas.subscriber.do("SELECT max(version) FROM ledger_schema") == [(SCHEMA_VERSION,)]
    assert replicas.subscriber.do("SELECT nid FROM projections") == come_to
    assert replicas.subscriber.do(facts) == sent
    with PositionLedger.connect(replicas.subscriber.url(), create=False) as ledger:
        assert ledger.positions() == replicas.ledger.positions()


def test_a_subscriber_has_no_table_of_positions_to_fill(replicas: Replicas) -> None:
    """One that was made by an earlier version, and migrated since, has the table of that version still."""
    replicas.open()
    replicas.follow()
    replicas.arrived()
    replicas.subscriber.do("ALTER TABLE positions ADD COLUMN IF NOT EXISTS outdated boolean")
    with PositionLedger.connect(replicas.subscriber.url()) as ledger:
        assert ledger.positions() == replicas.ledger.positions()


def test_a_standby_of_an_earlier_version_says_that_its_primary_is_to_be_migrated(replicas: Replicas) -> None:
    """`init` on the standby, which is what others are told to run, would be refused."""
    ((name,),) = replicas.primary.do(f"DELETE FROM ledger_schema WHERE version = {SCHEMA_VERSION} RETURNING name")
    try:
        eventually(lambda: _said_by_standby(replicas, f"has schema version {SCHEMA_VERSION - 1} of {SCHEMA_VERSION}"))
    finally:
        replicas.primary.do("INSERT INTO ledger_schema (version, name) VALUES (%s, %s)", SCHEMA_VERSION, name)
    replicas.primary.do("ALTER TABLE positions ADD COLUMN outdated boolean")  # as a migration marks it
    try:
        eventually(lambda: _said_by_standby(replicas, "left to be rebuilt"))
    finally:
        replicas.primary.do("ALTER TABLE positions DROP COLUMN outdated")
        eventually(lambda: _said_by_standby(replicas, None))


def _said_by_standby(replicas: Replicas, why: str | None) -> bool:
    try:
        PositionLedger.connect(replicas.standby.url(), create=False).disconnect()
    except SchemaMismatch as refused:
        return refused.message.endswith(f"{why}; it is a standby, and has what its primary has: run `init` there")
    return why is None


def test_a_standby_that_was_promoted_is_a_primary(replicas: Replicas) -> None:
    replicas.open()
    replicas.follow()
    standby = replicas.place.standby(replicas.primary)
    with PositionLedger.connect(standby.url(), create=False) as ledger:
        assert place_of(ledger).nid == replicas.ledger.store.high_water_mark()
        standby.promote()
        eventually(lambda: standby.do("SELECT pg_is_in_recovery()") == [(False,)])
        receipt = ledger.request_entry(symbol="AFTERUSDT", intent_id="1", **ENTRY)
        assert ledger.position(receipt.position_id).status == "pending_entry"
        with ledger.store.settled() as place:
            assert place is None
        assert standby.do("SELECT max(nid) FROM ledger_events") == [(ledger.store.high_water_mark(),)]
