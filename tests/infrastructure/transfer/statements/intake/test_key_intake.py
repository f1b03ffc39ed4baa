"""Facts of several files, on both databases: in order of time, each once, and never half."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import chain
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.errors import StoreUnavailable, VersionConflict
from domain.identifiers import PositionKey
from domain.values import Leg, Side
from infrastructure.event_store.codec import decode
from infrastructure.event_store.records import RecordedEvent
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.intake.sorting import sorted_facts
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementProfit
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from infrastructure.transfer.transfer_errors import StatementRefused
from projections.progress import Progress
from tests.infrastructure.event_store.postgres.load import Asked, eventually
from tests.infrastructure.transfer.statements.intake.told import BTC, at, fill, held, paid, take

SOLD = fill(100, "-1", "110")
BOUGHT = fill(0, "1")
ETH = PositionKey.of("ETHUSDT", "binance")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger
        assert verify(ledger.store).ok
        assert ledger.rebuild().differences == 0


def many(cycles: int) -> list[StatementFact]:
    """Cycles of a fill that opens, one that adds, and two that close, each with a payment."""
    facts: list[StatementFact] = []
    for cycle in range(cycles):
        second = 100 * cycle
        facts += [fill(second, "2"), fill(second + 1, "1", "101"), fill(second + 30, "-1", "105", fee=Decimal("0.1"))]
        facts += [paid(second + 40, "-0.25"), fill(second + 50, "-2", "90")]
    return facts


def told(ledger: PositionLedger) -> list[tuple[Any, ...]]:
    """Every event, but for when it was recorded and what follows from that."""
    return [
        (event.originator_version, event.topic, event.columns[:4], decode(event).ts_event)
        for event in ledger.store.streams()
    ]


def test_files_are_put_together_in_the_order_of_time(ledger: PositionLedger) -> None:
    report = take(ledger, [SOLD, BOUGHT], [fill(50, "1", "104", line=3)])
    assert (report.fills, report.cycles, report.open, report.kind) == (3, 1, 1, "one + two")
    (row,) = ledger.positions()
    assert (row.quantity, row.realized_pnl, row.opened_at) == (Decimal(1), Decimal(8), at(0))


def test_it_is_recorded_now_and_happened_then(ledger: PositionLedger) -> None:
    before = datetime.now(UTC)
    take(ledger, [BOUGHT])
    opened = decode(next(ledger.store.streams()))
    assert (opened.ts_event, opened.source.value) == (at(0), "import")
    assert before <= opened.ts_recorded <= datetime.now(UTC)


def test_one_transaction_or_many_lead_to_the_same(ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    with PositionLedger.connect("sqlite:///:memory:") as other:
        take(other, many(20))
        at_once = told(other), [row.as_json() for row in other.positions()]
    monkeypatch.setattr("infrastructure.transfer.statements.intake.decided_events.EVENTS_MAX", 7)
    monkeypatch.setattr("infrastructure.transfer.statements.intake.key_intake.FACTS_AT_ONCE", 3)
    take(ledger, many(20)[:33])
    take(ledger, many(20))
    assert (told(ledger), [row.as_json() for row in ledger.positions()]) == at_once


def test_run_twice_it_adds_nothing(ledger: PositionLedger) -> None:
    take(ledger, many(3))
    count = ledger.store.count_events()
    report = take(ledger, many(3))
    assert (report.fills, report.fills_before, report.payments, report.payments_before) == (12, 12, 3, 3)
    assert (report.cycles, report.orders, report.first, ledger.store.count_events()) == (0, 0, None, count)


def test_a_line_that_says_more_than_it_said_before_is_refused(ledger: PositionLedger) -> None:
    take(ledger, [BOUGHT, fill(100, "-3", "110", line=9, trade_id="sum")])
    report = take(ledger, [BOUGHT, fill(100, "-3", "110", line=9, trade_id="sum")])
    assert (report.fills, report.fills_before) == (2, 2), "turned over, it is two events"
    before = ledger.store.count_events()
    with pytest.raises(StatementRefused, match=r"line 9: trade sum of BTCUSDT.binance is in the ledger .* 3, .* 4;"):
        take(ledger, [BOUGHT, fill(100, "-4", "110", line=9, trade_id="sum")])
    assert ledger.store.count_events() == before


def test_a_dry_run_says_the_same_and_writes_nothing(ledger: PositionLedger) -> None:
    dry = take(ledger, many(5), confirm=False)
    assert ledger.store.count_events() == 0
    wet = take(ledger, many(5))
    assert {**vars(wet), "confirmed": False} == vars(dry)


def test_who_writes_beside_it_is_met_as_a_conflict(
    ledger: PositionLedger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = ledger.store.append_ready

    def after_a_rival(*args: Any, **kwargs: Any) -> None:
        monkeypatch.undo()
        with PositionLedger.connect(ledger_url) as rival:
            rival.request_entry(symbol="BTCUSDT", exchange="binance", side="long", quantity="1", intent_id="s1")
        insert(*args, **kwargs)

    monkeypatch.setattr(ledger.store, "append_ready", after_a_rival)
    with pytest.raises(VersionConflict, match="another process wrote to one of BTCUSDT"):
        take(ledger, many(3))
    assert ledger.store.count_events() == 1
    with pytest.raises(StatementRefused, match=r"BTCUSDT\.binance#1 \(command "):
        take(ledger, many(3))


def test_who_writes_while_a_key_is_read_is_met(
    ledger: PositionLedger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a key has is read once more than what its position is: nobody may trade in between and be taken for it."""
    take(ledger, many(3))
    before, history = ledger.store.count_events(), ledger.store.history

    def then_a_rival(stream: str) -> Iterator[RecordedEvent]:
        yield from history(stream)
        monkeypatch.undo()
        with PositionLedger.connect(ledger_url) as rival:
            rival.request_entry(symbol="BTCUSDT", exchange="binance", side="long", quantity="1", intent_id="s1")

    monkeypatch.setattr(ledger.store, "history", then_a_rival)
    with pytest.raises(VersionConflict, match=r"another process wrote to one of BTCUSDT\.binance"):
        take(ledger, many(4))
    assert ledger.store.count_events() == before + 1
    with pytest.raises(StatementRefused, match=r"BTCUSDT\.binance#4 \(command "):
        take(ledger, many(4))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (fill(0, "1", "101"), r"two\.csv: line 2: trade 2 of BTCUSDT\.binance stands on one\.csv line 2 already"),
        (fill(7, "1", "101", trade_id="2"), r"two\.csv: line 9: trade 2 of BTCUSDT\.binance stands on one\.csv line 2"),
    ],
)
def test_a_trade_that_two_files_tell_otherwise_is_refused(
    ledger: PositionLedger, other: StatementFact, says: str
) -> None:
    with pytest.raises(StatementRefused, match=says):
        take(ledger, [BOUGHT], [other])
    assert ledger.store.count_events() == 0


def test_pages_that_each_begin_with_what_is_newest_are_read_from_below(ledger: PositionLedger) -> None:
    """As one gets them who asks for one week after the other: older pages stand above newer ones."""
    weeks = [
        [
            fill(week, "1", line=2, trade_id=f"a{week}"),
            fill(week, "-3", "110", line=3, trade_id=f"b{week}", closes=Decimal(1)),
        ]
        for week in (0, 1000, 2000)
    ]
    rest = [fill(week + 9, "2", line=4, trade_id=f"c{week}", closes=Decimal(2)) for week in (0, 1000, 2000)]
    pages = [[last, *reversed(both)] for both, last in zip(weeks, rest, strict=True)]
    lines = [replace(told, line=line, order_id=told.trade_id) for line, told in enumerate(chain(*pages), start=2)]
    report = take(ledger, lines)
    assert (report.cycles, report.open, report.findings) == (6, 0, [])


@pytest.mark.parametrize("before", [[], [fill(50, "1", line=1), fill(20, "-1", line=2)]], ids=["one", "newest first"])
def test_what_one_line_says_of_one_moment_follows_each_other_as_it_is_told(
    ledger: PositionLedger, before: list[StatementFact]
) -> None:
    """As a line of a position that was opened and closed in one moment is: no name of an order goes before that."""
    line = [
        fill(10, "1", line=9, trade_id="opened", order_id="z"),
        fill(10, "-1", "110", line=9, trade_id="closed", order_id="a"),
    ]
    take(ledger, [*before, *line])
    first = min(ledger.positions(), key=lambda row: row.opened_at)
    assert (first.side, first.quantity, first.realized_pnl) == (Side.LONG, Decimal(0), Decimal(10))


def test_a_leg_that_closes_more_than_was_opened_was_held_before(ledger: PositionLedger) -> None:
    leg = BTC.on(Leg.LONG)
    told = [fill(0, "1", key=leg), fill(1, "2", "110", key=leg), fill(2, "-4", "110", key=leg)]
    (finding,) = take(ledger, told).findings
    assert finding.startswith(
        "BTCUSDT.binance:LONG: 1 more was closed than was opened: it was held before the files begin"
    )
    assert [f"{row.quantity}, {row.realized_pnl}" for row in ledger.positions()] == ["0, None"]


def test_a_trade_that_two_files_tell_alike_is_taken_once(ledger: PositionLedger) -> None:
    report = take(ledger, [BOUGHT, SOLD], [fill(100, "-1", "110", line=7, trade_id="102", order_id="o102")])
    assert (report.repeated, report.fills, report.cycles, report.open) == (1, 2, 1, 0)


def test_trades_that_two_files_tell_in_other_orders_are_taken_once(ledger: PositionLedger) -> None:
    facts = [fill(second, "1", line=line) for line, second in enumerate((3, 1, 2, 0), start=2)]
    again = [
        fill(second, "1", line=90 - line, trade_id=f"{line}", order_id=f"o{line}")
        for line, second in enumerate((3, 1, 2, 0), start=2)
    ]
    report = take(ledger, facts, list(reversed(again)), facts)
    assert (report.repeated, report.fills) == (8, 4)


def test_what_was_held_is_compared_with_what_fills_come_to(ledger: PositionLedger) -> None:
    good: list[StatementFact] = [held(0, "1"), held(50, "1"), held(100, "0")]
    assert take(ledger, [BOUGHT, SOLD], good, confirm=False).findings == []
    report = take(ledger, [BOUGHT, SOLD], [held(50, "-1"), *good])
    assert report.findings == [
        "BTCUSDT.binance: the file says that -1 was held at 2025-10-22T18:50:50.000000Z, its fills come to 1"
    ]


def test_a_cycle_asks_for_all_that_its_order_was_filled(ledger: PositionLedger) -> None:
    parts = [fill(second, "1", order_id="slow") for second in (0, 10, 20)]
    take(ledger, [*parts, fill(15, "-1", "110", line=40)])
    (row,) = ledger.positions()
    assert [row.requested_qty, row.filled_qty, row.quantity] == [3, 3, 2]


IN_ALL = "in all, and not of which fills; its fills come to 10"


def earned(profit: str, trade_id: str | None, line: int = 70) -> StatementProfit:
    return StatementProfit(line=line, time=at(100), key=BTC, profit=Decimal(profit), currency="USDT", trade_id=trade_id)


@pytest.mark.parametrize(
    ("profit", "says"),
    [
        (earned("10", "102"), None),
        (earned("11", "102"), "BTCUSDT.binance#1: the file says a profit of 11, its fills come to 10"),
        (earned("10", None), None),
        (earned("11", None), f"BTCUSDT.binance: the files say a profit of 11 {IN_ALL}"),
        (earned("3", "77"), f"BTCUSDT.binance: the files say a profit of 3 {IN_ALL}"),
    ],
)
def test_profit_that_another_file_says_is_compared(ledger: PositionLedger, profit: StatementProfit, says: str) -> None:
    assert take(ledger, [BOUGHT, SOLD], [profit]).findings == ([says] if says else [])


def test_profit_that_one_file_says_again_is_compared_once(ledger: PositionLedger) -> None:
    told = [
        StatementProfit(
            line=line, time=at(100), key=BTC, profit=Decimal(10), currency="USDT", trade_id="102", profit_id="7"
        )
        for line in (7, 8)
    ]
    report = take(ledger, [BOUGHT, SOLD], told)
    assert (report.findings, report.profit_file) == ([], {"USDT": Decimal(10)})


def test_profit_that_two_files_say_of_one_fill_is_compared(ledger: PositionLedger) -> None:
    sold = fill(100, "-1", "110", profit=Decimal(10))
    good = earned("10", "102")
    assert take(ledger, [BOUGHT, sold], [good], [good], confirm=False).findings == []
    report = take(ledger, [BOUGHT, sold], [earned("9", "102")])
    assert report.findings == ["BTCUSDT.binance: trade 102 says a profit of 10, line 70 says 9"]


def test_what_closed_a_position_for_another_reason_says_so(ledger: PositionLedger) -> None:
    take(ledger, [BOUGHT, fill(100, "-1", "110", reason="liquidation")])
    assert [row.exit_reason for row in ledger.positions()] == ["liquidation"]


def test_a_wrong_line_of_the_first_file_is_named_with_its_file(ledger: PositionLedger) -> None:
    def broken() -> Iterator[StatementFact]:
        yield BOUGHT
        raise StatementRefused.at(3, "is no line")

    files = [Statement("one.csv", "one", broken()), Statement("two.csv", "two", [SOLD])]
    with pytest.raises(StatementRefused, match=r"^one\.csv: line 3: is no line"):
        import_statements(ledger, files, confirm=True)


@pytest.mark.parametrize(
    "odd",
    [
        {"trade_id": "é"},
        {"trade_id": " t 1 "},
        {"order_id": "x" * 160},
        {"fee_currency": "USD T"},
        {"fee": Decimal("1e-5"), "fee_currency": "USDT"},
        {"fee": Decimal("-1E-7"), "fee_currency": "USDT"},
    ],
)
def test_what_is_not_spelled_plainly_is_recorded_as_any_command_is(
    ledger: PositionLedger, odd: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = [fill(0, "1", **odd), SOLD]
    with PositionLedger.connect("sqlite:///:memory:") as other, monkeypatch.context() as looking:
        looking.setattr("infrastructure.transfer.statements.intake.key_fold.is_plain", lambda _: False)
        take(other, facts)
        expected = told(other)
    take(ledger, facts)
    assert told(ledger) == expected


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"trade_id": "x" * 250}, "characters long; 200 are allowed"),
        ({"trade_id": "a\x00b"}, "cannot be stored"),
        ({"fee": Decimal("1e-19")}, "absurdly small"),
    ],
)
def test_what_no_command_takes_is_refused_with_its_line(
    ledger: PositionLedger, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(StatementRefused, match=f"^line 2: .*{says}"):
        take(ledger, [fill(0, "1", **wrong)])


def test_an_order_for_more_than_a_command_takes_is_refused_with_its_line(ledger: PositionLedger) -> None:
    large = [fill(second, "600000000000000000", order_id="large") for second in (200, 201)]
    with pytest.raises(StatementRefused, match=r"^line 202: .*quantity: 1200000000000000000 is absurdly large"):
        take(ledger, [BOUGHT, SOLD, *large])


def test_an_order_that_is_filled_again_when_all_was_closed_opens_its_cycle_again(ledger: PositionLedger) -> None:
    facts = [
        fill(0, "1", order_id="grid"),
        fill(10, "-1", "110"),
        fill(20, "2", "90", order_id="grid"),
        fill(30, "-2", "95", profit=Decimal(10)),
    ]
    report = take(ledger, facts[:3])
    assert (report.cycles, report.open, report.profit_ledger, report.orders) == (1, 1, {"USDT": Decimal(10)}, 2)
    (row,) = ledger.positions()
    assert [row.status, row.quantity, row.realized_pnl] == ["entry_placed", 2, 10]
    report = take(ledger, facts)
    assert (report.cycles, report.open, report.profit_ledger, report.findings) == (1, 0, {"USDT": Decimal(10)}, [])
    assert [row.realized_pnl for row in ledger.positions()] == [20]


def test_processes_that_share_the_keys_come_to_the_same(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = made_up(random.Random(0))
    with PositionLedger.connect("sqlite:///:memory:") as other:
        alone = take(other, facts)
        expected = told(other)
    monkeypatch.setattr("infrastructure.transfer.statements.side_by_side.FACTS_MIN", 10)
    files = [Statement("one.csv", "one", facts), Statement("two.csv", "two", [])]
    dry = import_statements(ledger, files, confirm=False, processes=2)
    assert ledger.store.count_events() == 0
    report = import_statements(ledger, files, confirm=True, processes=2)
    assert told(ledger) == expected
    known = vars(alone) | {"kind": "one + two", "findings": sorted(alone.findings)}
    for each in (dry, report):
        assert vars(each) | {"confirmed": True, "findings": sorted(each.findings)} == known
    wrong = [*facts, fill(500, "1", key=SOL), fill(501, "-9", key=SOL)]
    with pytest.raises(StatementRefused, match=r"^line 503: by the file this closes 9 of SOLUSDT"):
        import_statements(ledger, [Statement("one.csv", "one", wrong)], confirm=True, processes=2)
    assert told(ledger) == expected


def test_one_process_is_enough_for_few_facts_and_for_a_ledger_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("infrastructure.transfer.statements.side_by_side.piped_processes", started)
    files = [Statement("one.csv", "one", many(4))]
    for facts_min, url in ((21, f"sqlite:///{tmp_path}/few.db"), (20, "sqlite:///:memory:")):
        monkeypatch.setattr("infrastructure.transfer.statements.side_by_side.FACTS_MIN", facts_min)
        with PositionLedger.connect(url) as ledger:
            assert import_statements(ledger, files, confirm=True, processes=2).cycles == 4
    with PositionLedger.connect(f"sqlite:///{tmp_path}/many.db") as ledger, pytest.raises(AssertionError):
        import_statements(ledger, files, confirm=True, processes=2)


def test_a_process_that_is_killed_has_nothing_written(ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infrastructure.transfer.statements.side_by_side.FACTS_MIN", 10)
    files = [Statement("one.csv", "one", made_up(random.Random(0)))]
    asked = Asked(lambda: import_statements(ledger, files, confirm=True, processes=2))
    eventually(lambda: bool(active_children()))
    active_children()[0].kill()
    says = (
        "^one of the 2 processes that shared the keys was ended by SIGKILL, perhaps for want of memory, so nothing was "
        "written; import again, perhaps with --processes 1$"
    )
    with pytest.raises(StoreUnavailable, match=says):
        asked.answer()
    assert ledger.store.count_events() == 0
    assert not active_children()


def test_who_writes_beside_processes_that_share_the_keys_is_met_as_a_conflict(
    ledger: PositionLedger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.transfer.statements.side_by_side.FACTS_MIN", 10)
    files = [Statement("one.csv", "one", made_up(random.Random(0)))]

    @contextmanager
    def before_it_is_written(what: str, _: int | None) -> Iterator[Progress]:
        if what == "writing":
            with PositionLedger.connect(ledger_url) as rival:
                rival.request_entry(symbol="BTCUSDT", exchange="binance", side="long", quantity="1", intent_id="s1")
        yield lambda _: None

    with pytest.raises(VersionConflict, match=r"^another process wrote to one of BTCUSDT\.binance during the import"):
        import_statements(ledger, files, before_it_is_written, confirm=True, processes=2)
    assert [event.topic for event in ledger.store.streams() if event.originator_id == "BTCUSDT.binance"] == [
        "EntryRequested.v1"
    ]
    assert not active_children()


def test_a_process_that_is_killed_while_it_writes_leaves_whole_batches(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = made_up(random.Random(0))
    with PositionLedger.connect("sqlite:///:memory:") as other:
        take(other, facts)
        expected = told(other)
    monkeypatch.setattr("infrastructure.transfer.statements.side_by_side.FACTS_MIN", 10)

    @contextmanager
    def alone_when_it_is_written(what: str, _: int | None) -> Iterator[Progress]:
        if what == "writing":
            active_children()[0].kill()
        yield lambda _: None

    files, is_shared = [Statement("one.csv", "one", facts)], ledger.store.takes_writers_at_once
    lost = pytest.raises(StoreUnavailable, match=r"ended by SIGKILL.* so not all of it was written; import again: what")
    with lost if is_shared else nullcontext():
        import_statements(ledger, files, alone_when_it_is_written, confirm=True, processes=2)
    assert (told(ledger) == expected) is not is_shared
    assert not active_children()
    import_statements(ledger, files, confirm=True)
    assert told(ledger) == expected


@pytest.mark.parametrize("where", ["sorting", "deciding"])
def test_a_disk_without_room_for_temporary_files_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """It was a traceback, or told as a wrong usage."""
    if where == "sorting":
        tables = "infrastructure.transfer.statements.intake.sorting.sorted_facts._TABLES"
        monkeypatch.setattr(tables, f"{sorted_facts._TABLES}PRAGMA max_page_count = 12;")
    else:
        opened = "infrastructure.transfer.statements.intake.decided_events.TemporaryFile"
        monkeypatch.setattr(opened, partial(open, "/dev/full", "r+b", 0))
    files = [Statement("one.csv", "one", many(40))]
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        with pytest.raises(StatementRefused, match=r"temporary files, .* no room for them \(.*; nothing was written"):
            import_statements(ledger, files, confirm=True)
        assert ledger.store.count_events() == 0


@pytest.mark.parametrize("seed", range(25))
def test_in_as_many_runs_as_one_likes_it_comes_to_the_same(seed: int) -> None:
    chance = random.Random(seed)
    facts = made_up(chance)
    with PositionLedger.connect("sqlite:///:memory:") as once, PositionLedger.connect("sqlite:///:memory:") as often:
        take(once, facts)
        for end in sorted(chance.sample(range(400), 3)):
            take(often, [fact for fact in facts if fact.time < at(end)])
        take(often, facts)
        assert ended(often) == ended(once)
        for ledger in (once, often):
            assert verify(ledger.store).ok


SOL = PositionKey.of("SOLUSDT", "binance", leg=Leg.LONG)


def made_up(chance: random.Random) -> list[StatementFact]:
    """Fills that open, add, close and turn; of one leg some that are closed after they are opened; and payments."""
    facts: list[StatementFact] = []
    for line in range(2, 80):
        second, key = chance.randrange(400), chance.choice([BTC, PositionKey.of("ETHUSDT", "binance", "sub1")])
        known: dict[str, Any] = {"price": f"{chance.randint(90, 110)}", "order_id": f"o{chance.randrange(40)}"}
        match chance.randrange(5):
            case 0:
                facts.append(paid(second, chance.choice([f"-0.{line}", f"{line}", f"{line}e-8"]), line=line, key=key))
            case 1:
                opened = chance.randrange(second + 1)
                facts.append(fill(opened, "1", line=line, key=SOL, **known | {"order_id": f"l{line}"}))
                facts.append(fill(second + 1, "-1", line=1000 + line, key=SOL, **known))
            case _:
                signed = chance.choice(["1", "-1", "2", "-2", "0.5", "-0.5"])
                known["order_id"] += "s" * signed.startswith("-")  # an order has one side
                facts.append(fill(second, signed, line=line, key=key, **known))
    return facts


def ended(ledger: PositionLedger) -> list[dict[str, Any]]:
    """The rows, but for what was known of an order when its cycle opened, and where events came in the stream."""
    left_out = {"requested_qty", "version", "orders", "updated_at"}
    rows = (row.as_json() for row in ledger.positions())
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


@pytest.mark.parametrize(("leg", "signed"), [(Leg.LONG, "-1"), (Leg.SHORT, "1")])
def test_a_leg_that_is_closed_before_it_is_opened_says_so(ledger: PositionLedger, leg: Leg, signed: str) -> None:
    (finding,) = take(ledger, [fill(0, signed, key=BTC.on(leg))]).findings
    assert finding.startswith(
        f"BTCUSDT.binance:{leg}: 1 more was closed than was opened: it was held before the files begin"
    )
    assert [f"{row.side} {row.quantity}, {row.realized_pnl}" for row in ledger.positions()] == [
        f"{leg.lower()} 0, None"
    ]


def nameless(second: float, signed: str, name: str, **more: Any) -> StatementFact:
    side = "sell" if signed.startswith("-") else "buy"
    return fill(second, signed, trade_id=f"row-{name}", order_id=f"row-{side}{second}", **more)


def numbered(second: float, signed: str, number: int) -> StatementFact:
    return fill(second, signed, trade_id=f"{number}", order_id=f"{number}")


@pytest.mark.parametrize(
    ("had", "comes"),
    [
        (nameless(0, "1", "a"), nameless(0, "1", "b")),
        (nameless(0, "1", "a"), fill(0.3, "1", line=2)),
        (fill(0, "1"), nameless(0.3, "1", "b", line=2)),
        (numbered(0, "2", 5), numbered(0, "1", 6)),
    ],
    ids=["other columns", "no id, then one", "an id, then none", "in parts"],
)
def test_the_last_fill_does_not_come_again_under_another_name(
    ledger: PositionLedger, had: StatementFact, comes: StatementFact
) -> None:
    take(ledger, [had])
    before = told(ledger)
    with pytest.raises(StatementRefused, match=r"two.csv: line 2: this fill of BTCUSDT.binance at .* may be trade"):
        take(ledger, [fill(60, "-1", key=ETH)], [comes, fill(60, "-1")])
    assert told(ledger) == before


def test_a_fill_of_the_last_second_is_new_where_the_others_are_told_again(ledger: PositionLedger) -> None:
    first, turned = nameless(0, "1", "a"), nameless(0, "-3", "t")
    take(ledger, [first, turned])
    take(ledger, [first, nameless(0, "-1", "b"), turned, fill(60, "-1")])
    take(ledger, [fill(60.5, "-1", line=70)])
    (row,) = ledger.positions(open=True)
    assert (row.side, row.quantity) == (Side.SHORT, Decimal(5))


def test_an_id_of_both_sides_is_no_order(ledger: PositionLedger) -> None:
    trade = [fill(0, "1", order_id="p"), fill(1, "-1", "110", order_id="p")]
    with pytest.raises(StatementRefused, match=r"line 4: order p of BTCUSDT.binance buys and sells, so that it is"):
        take(ledger, [*trade, fill(2, "2", order_id="p"), fill(3, "-2", order_id="p")])
    with pytest.raises(StatementRefused, match=r"line 3: order p of BTCUSDT.binance buys and sells, so that it is"):
        take(ledger, [fill(0, "1", order_id="p"), fill(1, "-3", order_id="p")])
    assert take(ledger, trade).profit_ledger == {"USDT": 10}
