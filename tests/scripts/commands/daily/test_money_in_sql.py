"""The sums of `pnl`, compared with sums that PostgreSQL makes of the events and of the old table."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.values import Side
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.statistics_projection import each_since
from projections.metrics.pnl import Pnl, PnlBy
from projections.metrics.statistics import MeasuredWindow
from tests.scripts.program import Program
from tests.spec import second

SAMPLE = Path(__file__).parents[3] / "samples_legacy" / "positions.sql"
EVER = MeasuredWindow(second(-100_000_000), second(100_000_000))

EXITS = """
SELECT split_part(stream, '.', {part}),
       sum((payload::json ->> 'pnl')::numeric),
       sum(coalesce((payload::json ->> 'fee')::numeric, 0))
FROM ledger_events WHERE type LIKE 'PositionReduced.%' GROUP BY 1 ORDER BY 1
"""
DAYS = """
SELECT to_char(ended.at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), sum((payload::json ->> 'pnl')::numeric)
FROM ledger_events JOIN (
    SELECT stream, cycle, max((payload::json ->> 'ts_event')::timestamptz) AS at
    FROM ledger_events WHERE type LIKE 'PositionClosed.%' GROUP BY 1, 2
) AS ended USING (stream, cycle)
WHERE type LIKE 'PositionReduced.%' GROUP BY 1 ORDER BY 1
"""
OLD_TABLE = """
SELECT upper(replace(split_part(symbol, ':', 1), '/', '')), sum(pnl), count(pnl)
FROM old WHERE status = 'closed' AND pnl IS NOT NULL GROUP BY 1 ORDER BY 1
"""


def summed(url: str, by: PnlBy, *, with_imported: bool = False) -> Pnl:
    with PositionLedger.connect(url) as ledger:
        return Pnl.of(each_since(ledger.store, EVER.reach), EVER, (by,), with_imported=with_imported)


@pytest.fixture
def traded(postgres_url: str) -> str:
    """Sixty cycles, each left in two parts, with prices and fees of many digits."""
    draw = random.Random(20251022)

    def price() -> str:
        return f"{draw.randint(1, 10**6)}.{draw.randint(0, 10**9)}1"

    with PositionLedger.connect(postgres_url) as ledger:
        for number in range(60):
            key: dict[str, Any] = {"symbol": draw.choice(["APTUSDT", "SUIUSDT"]), "exchange": f"venue{number % 3}"}
            at = 9_000 * number
            side = draw.choice(list(Side))
            entry = ledger.request_entry(**key, side=side, quantity="3", intent_id=f"i{number}", at=second(at))
            place: dict[str, Any] = {"position_id": entry.position_id}
            ledger.record_entry_fill(**place, trade_id="e", last_qty="3", last_px=price(), at=second(at + 1))
            for part in ("1", "2"):
                left: dict[str, Any] = {
                    "trade_id": part,
                    "last_qty": part,
                    "last_px": price(),
                    "fee": f"0.{draw.randint(0, 10**9)}1",
                }
                ledger.reduce(**place, **left, fee_currency="USDT", at=second(at + 2))
            ledger.close(**place, exit_reason="target", at=second(at + 3))
    return postgres_url


def test_sums_are_those_of_the_exits_in_the_log(traded: str) -> None:
    sums_are_those_of_the_exits(traded, PnlBy.SYMBOL, 1)
    sums_are_those_of_the_exits(traded, PnlBy.EXCHANGE, 2)
    days_are_those_on_which_a_cycle_was_closed(traded)


def sums_are_those_of_the_exits(traded: str, by: PnlBy, part: int) -> None:
    found = summed(traded, by)
    with psycopg.connect(traded) as connection:
        rows = connection.execute(EXITS.format(part=part)).fetchall()
    sums = [(each.names[0] or "", each.profit.realized_pnl, each.profit.fees) for each in found.groups]
    assert [(group.split(".")[0], pnl, fees) for group, pnl, fees in sums] == rows
    assert all(each.profit.net_pnl == pnl - fees for each, (_, pnl, fees) in zip(found.groups, rows, strict=True))
    assert sum(each.profit.cycles for each in found.groups) == found.total[0].cycles == 60


def days_are_those_on_which_a_cycle_was_closed(traded: str) -> None:
    with psycopg.connect(traded) as connection:
        rows = connection.execute(DAYS).fetchall()
    assert [(each.names[0], each.profit.realized_pnl) for each in summed(traded, PnlBy.DAY).groups] == rows
    assert len(rows) > 5


def dumps() -> Iterator[Any]:
    """The sample as it is, and with what it seldom says: every closed row has another profit, or none."""
    text = SAMPLE.read_text(encoding="utf-8")
    yield pytest.param(text, id="sample")
    lines = []
    for number, line in enumerate(text.split("\n")):
        cells = line.split("\t")
        if len(cells) > 8:
            cells[12], cells[14] = "closed", cells[15] if cells[14] == r"\N" else cells[14]
            cells[8] = r"\N" if number % 5 == 0 else f"{(-1) ** number * number}.{number:08}"
        lines.append("\t".join(cells))
    yield pytest.param("\n".join(lines), id="every row closed")


@pytest.mark.parametrize("text", list(dumps()))
def test_sums_of_the_old_table_are_those_that_its_database_makes(
    text: str, postgres_url: str, program: Program, tmp_path: Path
) -> None:
    dump = tmp_path / "positions.sql"
    dump.write_text(text, encoding="utf-8")
    ran = program(
        "import-legacy", "--dump", dump, "--timezone", "UTC", "--resolve", "keep-newest", "--database", postgres_url
    )
    assert ran.code in (0, 1), ran.err
    header, rows = text.split("COPY ")[1].split(" FROM stdin;\n")
    columns = header[header.index("(") :].strip("()").split(", ")
    with psycopg.connect(postgres_url) as connection:
        kinds = {"pnl": "numeric"}
        named = ", ".join(f"{each} {kinds.get(each, 'text')}" for each in columns)
        connection.execute(f"CREATE TEMP TABLE old ({named})")
        with connection.cursor().copy("COPY old FROM stdin") as copy:
            copy.write(rows.split("\n\\.")[0] + "\n")
        expected = connection.execute(OLD_TABLE).fetchall()
    found = summed(postgres_url, PnlBy.SYMBOL, with_imported=True)
    known = {
        each.names[0]: (each.profit.realized_pnl, each.profit.cycles - each.profit.unknown)
        for each in found.groups
        if each.profit.cycles > each.profit.unknown
    }
    assert known == {symbol: (Decimal(pnl), count) for symbol, pnl, count in expected}
    assert known, "something is closed, and its profit is known"
