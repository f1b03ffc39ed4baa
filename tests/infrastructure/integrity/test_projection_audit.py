"""The audit of a projection: a forged row is found, and nothing else is reported."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from domain.events import PositionEvent
from infrastructure.integrity import projection_audit
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from infrastructure.settings import Settings
from projections.metrics.cycle_metrics import CycleFacts, fold
from projections.projection import STATISTICS
from tests.acceptance.bot import run
from tests.infrastructure.roles import as_role, made_role

NOW = datetime(2025, 11, 1, tzinfo=UTC)
Forge = Callable[[str], None]


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    """Two cycles in the statistics, and an event of a third that is not in them yet."""
    with PositionLedger.connect(ledger_url) as ledger:
        for symbol in ("APTUSDT", "PERPUSDT"):
            position_id = ledger.request_entry(
                symbol=symbol, exchange="binance", side="short", quantity="61.8", intent_id=f"{symbol}-1"
            ).position_id
            ledger.record_entry_placed(
                position_id=position_id, exchange_order_id="1", filled_qty="61.8", avg_px="3.2333"
            )
        ledger.close(position_id="APTUSDT.binance#1", exit_reason="target", avg_px_close="3.1")
        Projector(ledger.store, STATISTICS).catch_up()
        ledger.close(position_id="PERPUSDT.binance#1", exit_reason="target", avg_px_close="3.1")
        ledger.request_entry(symbol="XMRUSDT", exchange="binance", side="short", quantity="1", intent_id="x")
        yield ledger


@pytest.fixture(params=["owner", "run-time role"])
def forge(request: pytest.FixtureRequest, ledger_url: str, ledger: PositionLedger) -> Iterator[Forge]:
    """Change what is stored as the owner, or as the role of a bot that was taken over."""
    del ledger
    settings = Settings.read(ledger_url)
    if settings.kind == "sqlite":

        def on_file(statement: str) -> None:
            with closing(sqlite3.connect(settings.where)) as connection, connection:
                connection.execute(statement)

        yield on_file
        return

    def on_server(statement: str) -> None:
        with psycopg.connect(where) as connection:
            connection.execute(statement.encode())

    with made_role(settings.where) as role:
        run(ledger_url, "init", "--runtime-role", role)
        where = settings.where if request.param == "owner" else as_role(settings.where, role)
        yield on_server


def found(ledger: PositionLedger) -> list[tuple[str, str]]:
    return [(each.kind, each.where) for each in verify(ledger.store).findings]


def test_rows_that_follow_hold_as_far_as_they_have_come(ledger: PositionLedger) -> None:
    assert Projector(ledger.store, STATISTICS).status().behind == 2
    assert verify(ledger.store).ok
    assert verify(ledger.store, processes=2).ok
    Projector(ledger.store, STATISTICS).rebuild()
    assert verify(ledger.store).ok


FOREIGN_ROW = (
    "INSERT INTO projection_rows (projection, generation, position_id, ended_at, row)"
    " SELECT projection, generation, 'ZECUSDT.binance#1', ended_at, row FROM projection_rows LIMIT 1"
)


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE projection_rows SET row = replace(row, '3.2333', '3.1') WHERE position_id LIKE 'APT%'", "APTUSDT"),
        ("UPDATE projection_rows SET row = 'no facts' WHERE position_id LIKE 'PERP%'", "PERPUSDT"),
        ("UPDATE projection_rows SET ended_at = '2020-01-01T00:00:00.000000Z' WHERE position_id LIKE 'PERP%'",
         "PERPUSDT"),
        ("UPDATE projection_rows SET ended_at = NULL", "APTUSDT"),
        ("UPDATE projection_rows SET position_id = 'BTCUSDT.binance#1' WHERE position_id LIKE 'APT%'",
         "APTUSDT BTCUSDT"),
        (FOREIGN_ROW, "ZECUSDT"),
    ],
)  # fmt: skip
def test_a_forged_row_is_named(ledger: PositionLedger, forge: Forge, statement: str, where: str) -> None:
    forge(statement)
    assert found(ledger) == [("projection", f"{symbol}.binance#1") for symbol in where.split()]
    assert all("statistics" in each.message for each in verify(ledger.store).findings)
    Projector(ledger.store, STATISTICS).rebuild()
    assert verify(ledger.store).ok


def test_no_event_is_folded_twice_for_its_row_and_its_facts(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection_audit, "project", None)
    assert verify(ledger.store).ok
    Projector(ledger.store, STATISTICS).catch_up()
    assert verify(ledger.store).ok


def test_a_cursor_that_was_moved_is_named(ledger: PositionLedger, forge: Forge) -> None:
    forge("UPDATE projections SET nid = nid + 2")
    assert found(ledger) == [("projection", "PERPUSDT.binance#1"), ("projection", "XMRUSDT.binance#1")]
    forge("UPDATE projections SET nid = 900")
    assert ("projection", "statistics") in found(ledger)
    Projector(ledger.store, STATISTICS).rebuild()
    assert verify(ledger.store).ok


def test_a_cursor_that_is_gone_is_named_and_the_rest_is_looked_at(
    ledger: PositionLedger, forge: Forge, ledger_url: str
) -> None:
    forge("UPDATE projections SET is_read = " + ("false" if ledger.store.is_remote else "0"))
    forge("UPDATE positions SET symbol = 'X' WHERE symbol = 'XMRUSDT'")
    assert found(ledger) == [("row", "XMRUSDT.binance#1"), ("projection", "statistics")]
    said = run(ledger_url, "diagnose")
    assert "no generation of projection statistics is the one that is read" in said.stdout
    assert "Traceback" not in said.stderr


def test_what_was_left_out_is_not_missed_and_may_be_taken_in_by_a_rebuild(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Projector(ledger.store, STATISTICS)

    def cannot(facts: CycleFacts | None, event: PositionEvent) -> CycleFacts:
        if event.originator_id == "XMRUSDT.binance":
            raise ValueError("a build that cannot")
        return fold(facts, event)

    with monkeypatch.context() as earlier:
        earlier.setattr(follower, "_projection", STATISTICS.__class__(**vars(STATISTICS) | {"fold": cannot}))
        with pytest.raises(Exception, match="a build that cannot"):
            follower.catch_up()
        follower.skip(7, reason="x", skipped_by="y", now=NOW, confirm=True)
        assert follower.catch_up() == 0
    assert verify(ledger.store).ok, "it is not in the rows"
    Projector(ledger.store, STATISTICS).rebuild()
    assert Projector(ledger.store, STATISTICS).status().skips
    assert verify(ledger.store).ok, "it is in the rows"
