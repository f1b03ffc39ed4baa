"""Mirroring: every change once and in order, whoever writes at the same time and whenever it is stopped."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import psycopg
import pytest

from domain.commands.base import Command
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.legacy.importing.run import import_table
from infrastructure.legacy.shadow.capture.outbox import NoOutbox, Outbox
from infrastructure.legacy.shadow.divergence import Divergence
from infrastructure.legacy.shadow.replication import Replication
from position_ledger.testing import assert_sound
from tests.acceptance.bot import PROGRAM
from tests.forked_popen import ForkedPopen
from tests.infrastructure.legacy.examples import OPEN, raw, table
from tests.infrastructure.legacy.shadow.old_bot import APT, TABLE, OldBot
from tests.infrastructure.legacy.shadow.replicated import mirrored
from tests.infrastructure.legacy.shadow.test_incidents import signal_against_synchroniser

Mirror = Callable[[], list[Divergence]]
KAS: dict[str, Any] = {
    "symbol": "KASUSDT",
    "exchange": "bybit",
    "side": "long",
    "quantity": "100",
    "entry_price": "0.05",
}


class Killed(BaseException):
    """The process is gone."""


class Dying(PositionLedger):
    """A ledger whose process is killed after so many commands."""

    left = 0

    def handle(self, command: Command) -> Receipt:
        receipt = super().handle(command)
        self.left -= 1
        if not self.left:
            raise Killed
        return receipt


def told(ledger: PositionLedger) -> list[tuple[str, str, str]]:
    return [
        (entry.event.originator_id, type(entry.event).__name__, entry.event.command_id)
        for stream in sorted({row.stream for row in ledger.positions()})
        for entry in ledger.history(stream)
    ]


def until_it_is_killed(mirroring: Replication) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with pytest.raises(Killed):
        found.extend(each.as_json() for each in mirrored(mirroring))
    return found


def waits(mirroring: Replication) -> bool:
    return mirroring.is_waiting


def a_day(bot: OldBot) -> None:
    bot.opens(1, 77, "a", **KAS)
    signal_against_synchroniser(bot)
    bot.protects(1, "0.04")
    bot.update(1, status="closed", exit_reason="stop")
    bot.sights(2, **KAS)
    bot.update(2, status="closed", exit_reason="stop")


def test_how_a_database_spells_times_by_itself_changes_nothing(bot: OldBot, postgres_url: str, mirror: Mirror) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE \"{owner.info.dbname}\" SET DateStyle = 'German, DMY'".encode())
    bot.opens(1, 77, "a", **KAS)
    assert mirror() == []


def test_killed_after_any_command_and_run_again_nothing_is_lost_or_doubled(
    bot: OldBot, postgres_url: str, tmp_path: Path
) -> None:
    a_day(bot)
    with PositionLedger.connect(f"sqlite:///{tmp_path}/whole.db") as whole, Outbox(postgres_url, TABLE) as outbox:
        divergences = [each.as_json() for each in mirrored(Replication(whole, outbox))]
        expected = told(whole)
        commands = len({command_id for _, _, command_id in expected})
    assert commands > 10
    for killed_after in range(1, commands + 1):
        with Dying.connect(f"sqlite:///{tmp_path}/{killed_after}.db") as dying, Outbox(postgres_url, TABLE) as outbox:
            dying.left = killed_after
            found = until_it_is_killed(Replication(dying, outbox))
        with (
            PositionLedger.connect(f"sqlite:///{tmp_path}/{killed_after}.db") as again,
            Outbox(postgres_url, TABLE) as outbox,
        ):
            found += [each.as_json() for each in mirrored(Replication(again, outbox))]
            assert told(again) == expected
            assert_sound(again)
        assert [each for number, each in enumerate(found) if each not in found[:number]] == divergences


def test_run_again_it_is_quiet(bot: OldBot, ledger: PositionLedger, mirror: Mirror) -> None:
    a_day(bot)
    assert len(mirror()) == 2
    before = told(ledger)
    assert mirror() == []
    assert told(ledger) == before
    assert len(ledger.rejections()) == 1


def test_it_goes_on_where_it_stopped(bot: OldBot, ledger: PositionLedger, mirror: Mirror) -> None:
    bot.opens(1, 77, "a", **KAS)
    assert mirror() == []
    bot.protects(1, "0.04")
    assert mirror() == []
    bot.update(1, status="closed", exit_reason="stop")
    assert mirror() == []
    assert ledger.position("KASUSDT.bybit#1").exit_reason == "stop"


def at_random(bot: OldBot, choose: random.Random) -> None:
    """What an old bot writes on a bad day: rows beside rows, ended, used again and deleted, in any order."""
    rows = [row for (row,) in bot.ask("SELECT id FROM monitoring.positions ORDER BY id")]
    if not rows or choose.random() < 0.3:
        order = choose.choice([None, f"o{choose.randrange(99)}"])
        signal = choose.choice([None, choose.randrange(9)])
        base = choose.choice([APT, KAS]) | {
            "symbol": choose.choice("ABC") + "USDT",
            "quantity": choose.choice(["60", "61"]),
        }
        bot.insert(
            max(rows, default=0) + 1,
            signal_id=signal,
            exchange_order_id=order,
            status=choose.choice(["rolled_back", "entry_placed", "entry_placed"]),
            **base,
        )
        return
    change: dict[str, Any] = choose.choice(
        [
            {"status": "closed", "exit_reason": "stop"},
            {"status": "closed"},
            {"status": "entry_placed"},
            {"status": "canceled"},
            {"status": "rolled_back"},
            {"has_stop_loss": True, "stop_loss_price": choose.choice(["3.3", "0.04"])},
            {"has_stop_loss": False},
            {"quantity": choose.choice(["60", "61"])},
            {"entry_price": "3.2"},
            {},
        ]
    )
    if change:
        bot.update(choose.choice(rows), **change)
    else:
        bot.delete(choose.choice(rows))


@pytest.mark.parametrize("seed", range(3))
def test_stopped_anywhere_it_records_and_tells_what_it_would_in_one_run(
    bot: OldBot, mirror: Mirror, ledger: PositionLedger, postgres_url: str, tmp_path: Path, *, seed: int
) -> None:
    choose = random.Random(seed)
    found: list[dict[str, Any]] = []
    bot.sights(0, **APT)  # a ledger without any event has no name, and begins at the beginning
    for _ in range(60):
        at_random(bot, choose)
        if choose.random() < 0.2:
            found += [each.as_json() for each in mirror()]
    found += [each.as_json() for each in mirror()]
    with PositionLedger.connect(f"sqlite:///{tmp_path}/whole.db") as whole, Outbox(postgres_url, TABLE) as outbox:
        assert found == [each.as_json() for each in mirrored(Replication(whole, outbox))]
        assert told(ledger) == told(whole)


def test_killed_at_random_it_has_recorded_what_it_would_in_one_run(
    bot: OldBot, ledger: PositionLedger, mirror: Mirror, *, postgres_url: str, ledger_url: str, tmp_path: Path
) -> None:
    """Killed in the middle of what was written, or when it has noted all of it: then only the outbox knows of it."""
    choose = random.Random(2)
    bot.sights(0, **APT)
    killed = 0
    for is_in_the_middle in (False, True) * 4:
        for _ in range(15):
            at_random(bot, choose)
        until = ledger.store.count_events() + choose.randrange(1, 4)
        words = [PROGRAM, "shadow", "--from", postgres_url, "--database", ledger_url, "--follow"]
        with ForkedPopen[str](words, stdout=DEVNULL) as process:
            while process.poll() is None and not is_noted(bot):
                if is_in_the_middle and ledger.store.count_events() >= until:
                    break
            process.kill()
        killed += process.returncode == -signal.SIGKILL
    assert killed == 8
    mirror()
    with PositionLedger.connect(f"sqlite:///{tmp_path}/whole.db") as whole, Outbox(postgres_url, TABLE) as outbox:
        list(mirrored(Replication(whole, outbox)))
        assert told(ledger) == told(whole)
    assert_sound(ledger)


def is_noted(bot: OldBot) -> bool:
    """Whether the mirror has noted that it is done with everything that was written."""
    ((last,),) = bot.ask("SELECT max(id) FROM monitoring.positions_outbox")
    ((noted,),) = bot.ask("SELECT max(id) FROM monitoring.positions_outbox_cursors")
    return bool(noted == last)


def test_a_second_row_that_left_no_event_is_known_again(bot: OldBot, mirror: Mirror) -> None:
    bot.opens(1, 77, "a", **KAS)
    bot.insert(2, signal_id=78, status="entry_placed", **KAS)
    assert [each.kind.value for each in mirror()] == ["second_row"]
    bot.update(2, exchange_order_id="b")
    (found,) = mirror()
    assert (found.kind.value, found.position_id, found.facts["rule"]) == (
        "refused",
        "KASUSDT.bybit#1",
        "EntryAlreadyPlaced",
    )


@pytest.mark.parametrize("stops", [set(), {2}, {1, 2, 3}])
def test_a_row_does_not_end_the_position_of_a_second_one_that_is_open(
    bot: OldBot, ledger: PositionLedger, mirror: Mirror, stops: set[int]
) -> None:
    found: list[Divergence] = []
    writes: list[Callable[[], None]] = [
        lambda: bot.insert(1, signal_id=1, status="entry_placed", exchange_order_id="o1", **APT),
        lambda: bot.insert(2, signal_id=2, status="entry_placed", exchange_order_id="o2", **APT),
        lambda: bot.update(1, status="closed"),
    ]
    for number, write in enumerate(writes, 1):
        write()
        if number in stops:
            found += mirror()
    found += mirror()
    assert [each.kind.value for each in found] == ["second_row", "contradicted"]
    assert found[-1].facts["open_rows"] == ["2"]
    assert ledger.position("APTUSDT.binance#1").status.is_open


def test_another_ledger_begins_at_the_beginning(bot: OldBot, mirror: Mirror, postgres_url: str, tmp_path: Path) -> None:
    bot.opens(1, 77, "a", **KAS)
    mirror()
    with PositionLedger.connect(f"sqlite:///{tmp_path}/other.db") as other, Outbox(postgres_url, TABLE) as outbox:
        assert list(mirrored(Replication(other, outbox))) == []
        assert len(other.history("KASUSDT.bybit")) == 2


def test_an_outbox_that_is_made_anew_is_read_from_its_beginning(
    bot: OldBot, ledger: PositionLedger, mirror: Mirror
) -> None:
    bot.opens(1, 77, "a", **KAS)
    mirror()
    bot.drop()
    bot.install()
    bot.protects(1, "0.04")
    assert mirror() == []
    assert ledger.position("KASUSDT.bybit#1").protected


def test_nothing_is_read_before_what_may_still_come_before_it(
    bot: OldBot, ledger: PositionLedger, postgres_url: str
) -> None:
    with OldBot(postgres_url) as second, Outbox(postgres_url, TABLE) as outbox:
        second.begin()
        second.update(99, status="closed")  # takes no row and no transaction id
        mirroring = Replication(ledger, outbox)
        bot.begin()
        bot.insert(1, signal_id=1, status="entry_placed", **APT)
        second.insert(2, signal_id=2, status="entry_placed", **KAS)
        second.commit()
        assert list(mirroring.step()) == []
        assert waits(mirroring) and not ledger.positions()
        bot.commit()
        assert list(mirrored(mirroring)) == []
        assert [entry.originator_id for entry in ledger.store.log()] == ["APTUSDT.binance", "KASUSDT.bybit"]


def test_the_lower_number_of_a_younger_transaction_is_not_lost(
    bot: OldBot, ledger: PositionLedger, postgres_url: str
) -> None:
    bot.insert(3)
    with OldBot(postgres_url) as older, Outbox(postgres_url, TABLE) as outbox:
        older.begin()
        older.update(3, pnl="1")  # the older transaction id, and no number yet
        bot.begin()
        bot.insert(1, signal_id=1, status="entry_placed", **APT)
        older.insert(2, signal_id=2, status="entry_placed", **KAS)
        older.commit()
        mirroring = Replication(ledger, outbox)
        found = list(mirroring.step())
        bot.commit()
        found += mirrored(mirroring)
        assert [each.kind.value for each in found] == ["unreadable"]
        assert {row.symbol for row in ledger.positions()} == {"APTUSDT", "KASUSDT"}


def test_many_writers_are_mirrored_in_their_order(bot: OldBot, ledger: PositionLedger, postgres_url: str) -> None:
    rows = {row_id: f"R{row_id}USDT" for row_id in range(1, 5)}
    for row_id, symbol in rows.items():
        bot.opens(row_id, row_id, f"o{row_id}", **KAS | {"symbol": symbol})
        bot.protects(row_id, "0.04")
    kept: dict[int, list[str]] = {row_id: ["100"] for row_id in rows}
    writing = [threading.Event() for _ in range(3)]

    def write(seed: int) -> None:
        chance = random.Random(seed)
        try:
            with OldBot(postgres_url) as writer:
                for step in range(40):
                    writer.begin()
                    quantities = {}
                    for row_id in sorted(chance.sample(list(rows), 2)):  # in one order: no deadlock
                        quantities[row_id] = f"{seed}{step:02}.{row_id}"
                        writer.update(row_id, quantity=quantities[row_id])
                    if chance.random() < 0.2:
                        writer.roll_back()
                        continue
                    for row_id, quantity in quantities.items():
                        kept[row_id].append(quantity)  # the row is locked, so this is the order of the commits
                    writer.commit()
        finally:
            writing[seed - 1].set()

    threads = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    with Outbox(postgres_url, TABLE) as outbox:
        mirroring = Replication(ledger, outbox)
        while not all(done.is_set() for done in writing):
            assert list(mirroring.step()) == []
        for thread in threads:
            thread.join()
        assert list(mirrored(mirroring)) == []
        assert list(mirrored(mirroring)) == []
    for row_id, symbol in rows.items():
        events = [entry.event for entry in ledger.history(f"{symbol}.bybit")]
        assert [format(event.new_quantity, "f") for event in events if hasattr(event, "new_quantity")] == kept[row_id][
            1:
        ]


def test_an_import_that_cannot_be_read_without_its_zone_is_told(
    bot: OldBot, ledger: PositionLedger, mirror: Mirror
) -> None:
    bot.drop()
    bot.insert(1, **APT, status="active")
    bot.install()
    bot.update(1, quantity="7")
    import_table(ledger, table(raw(**OPEN, id="1", opened_at="2025-10-22 18:50:40"), zone="UTC"))
    (found,) = mirror()
    assert found.kind.value == "unreadable" and "pass --timezone" in found.message


def test_a_database_without_an_outbox_is_told_how_to_make_one(postgres_url: str) -> None:
    with Outbox(postgres_url, TABLE) as outbox, pytest.raises(NoOutbox, match="--print-trigger --table monitoring"):
        outbox.end(0)
