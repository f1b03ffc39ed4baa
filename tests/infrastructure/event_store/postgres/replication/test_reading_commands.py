"""Commands that read on a standby and on a subscriber, while a follower runs on the primary."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tests.acceptance.bot import PROGRAM, run
from tests.forked_popen import ForkedPopen
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.replication.conftest import Replicas
from tests.infrastructure.event_store.postgres.test_followers import Held

both = pytest.mark.parametrize("kind", ["standby", "subscriber"])


@contextmanager
def following(replicas: Replicas) -> Iterator[ForkedPopen[bytes]]:
    """A process that follows the log of the primary, until the end of the block."""
    url = replicas.primary.url(timeout=1)
    follower = ForkedPopen[bytes]([PROGRAM, "projections", "--follow", "--database", url])
    try:
        yield follower
    finally:
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(60) == 128 + signal.SIGTERM


@both
def test_every_reading_command_says_as_of_which_place(replicas: Replicas, kind: str, tmp_path: Path) -> None:
    opened = replicas.open()
    url = replicas.of(kind).url()
    with following(replicas):
        last = replicas.ledger.store.high_water_mark()
        eventually(lambda: replicas.of(kind).do("SELECT max(nid) FROM projections") == [(last,)])
    where = f"as of nid {last} on a {kind}, recorded "
    for words in (("positions",), ("history", opened), ("stats",), ("report",), ("diagnose",)):
        shown = run(url, *words)
        assert (shown.returncode, shown.stderr) == (0, ""), shown
        assert shown.stdout.startswith(where), shown.stdout
        assert "; lag " in shown.stdout.splitlines()[0]
        printed = json.loads(run(url, *words, "--json").stdout)
        assert [printed["replica"][name] for name in ("kind", "nid", "arrived")] == [kind, last, 0]
        assert Decimal(printed["replica"]["lag_seconds"]) >= 0
    (row,) = (row for row in json.loads(run(url, "positions", "--json").stdout)["positions"] if opened in row.values())
    assert row["status"] == "pending_entry"

    anchored = run(url, "anchor")
    assert where in anchored.stderr
    kept = tmp_path / "anchor.json"
    kept.write_text(anchored.stdout)
    for server in (replicas.primary, replicas.of(kind)):
        verified = run(server.url(), "verify", "--anchor", str(kept))
        assert (verified.returncode, "all of it holds" in verified.stdout) == (0, True), verified

    exported = run(url, "export")
    assert exported.returncode == 0
    assert where in exported.stderr
    assert exported.stdout == run(replicas.primary.url(), "export").stdout


@both
def test_what_came_after_an_open_transaction_is_counted_and_not_shown(replicas: Replicas, kind: str) -> None:
    replicas.open()
    with following(replicas):
        last = replicas.ledger.store.high_water_mark()
        eventually(lambda: replicas.of(kind).do("SELECT max(nid) FROM projections") == [(last,)])
        held = Held(replicas.primary.url(), f"HELD{kind.upper()}USDT.binance")
        try:
            later = replicas.open()
            eventually(lambda: replicas.of(kind).do("SELECT max(nid) FROM ledger_events") == [(held.nid + 1,)])
            shown = run(replicas.of(kind).url(), "positions")
            assert shown.stdout.startswith(f"as of nid {last} on a {kind}"), shown
            assert "1 event came after it, not shown" in shown.stdout
            assert later not in shown.stdout
            assert later not in run(replicas.of(kind).url(), "export").stdout
            assert run(replicas.of(kind).url(), "history", later).returncode == 1
        finally:
            held.roll_back()
        eventually(lambda: later in run(replicas.of(kind).url(), "positions").stdout)


@both
def test_a_command_is_refused_in_words(replicas: Replicas, kind: str) -> None:
    opened = replicas.open()
    replicas.follow()
    replicas.arrived()
    command = json.dumps({"command": "activate", "position_id": opened})
    done = run(replicas.of(kind).url(), "record", stdin=command)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["error"]) == (3, "StoreUnavailable")
    assert f"is a {kind}, and nothing is decided there" in answer["message"]


def test_a_follower_on_a_replica_is_refused(replicas: Replicas) -> None:
    refused = run(replicas.standby.url(), "projections", "--follow")
    assert refused.returncode == 3
    assert "is a standby, and nothing is decided there" in refused.stderr
