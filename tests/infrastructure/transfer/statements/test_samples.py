"""A small file of each kind, in the shape of the real one, says exactly these facts; damaged, it is refused in words.

`samples/KIND.EXTENSION` is the file, of a database the SQL that makes it; beside it stand in `.facts` what it says, and
in `.books` what an import of it comes to. After a change on purpose, `python -m` and the name of this module writes
both anew: read what changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.values import Leg, plain
from infrastructure.transfer.statements.column_map import ColumnMap
from infrastructure.transfer.statements.kind_recognition import KINDS, recognised
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import file_of, money, words

FOLDER = Path(__file__).parent / "samples"
NAMES = {"@107": "HYPE/USDC"}
MAP = FOLDER / "mapped-csv.toml"
SAMPLES = [path for path in sorted(FOLDER.iterdir()) if path.suffix not in {".facts", ".books", ".toml"}]

per_sample = pytest.mark.parametrize("path", SAMPLES, ids=[path.name for path in SAMPLES])


def kind_of_sample(path: Path) -> StatementKind:
    return KINDS[path.name.partition(".")[0]]


def data_of(path: Path) -> bytes:
    """The bytes of a file; a database stands there as the statements that make it."""
    if path.suffix != ".sql":
        return path.read_bytes()
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(path.read_text(encoding="utf-8"))
        return database.serialize()


def whose(kind: StatementKind) -> Whose:
    return Whose(
        kind.exchange or ("okx" if "exchange" in kind.asks else None),
        zone=UTC,
        symbol="BTC/USDT:USDT" if "symbol" in kind.asks else None,
        columns=ColumnMap.read(MAP.read_text(encoding="utf-8")) if "map" in kind.asks else None,
        names=NAMES,
    )


def told_or_refused(data: bytes, kind: StatementKind) -> str:
    try:
        return f"line by line:\n{facts_told(data, kind)}"
    except StatementRefused as refused:
        return refused.message


def facts_told(data: bytes, kind: StatementKind) -> str:
    return "".join(f"{words(fact)}\n" for fact in kind.facts(file_of(data), whose(kind)))


@per_sample
def test_a_file_says_exactly_this(path: Path) -> None:
    assert facts_told(data_of(path), kind_of_sample(path)) == Path(f"{path}.facts").read_text(encoding="utf-8")


@per_sample
def test_a_file_is_known_for_what_it_is(path: Path) -> None:
    kind = kind_of_sample(path)
    assert recognised(file_of(data_of(path)).start) is (kind if kind.is_guessed else None)


def test_there_is_a_file_of_every_kind() -> None:
    assert {path.name.partition(".")[0] for path in SAMPLES} == KINDS.keys()


PIECES = [
    *rb"""||,|"|'|[|]|[[|{|}|:|-|-0|.|0|9|1e999|1e-30|99999999999999999999|true|null|None|nan|@|/|e""".split(b"|"),
    *(b"\x00", b"\xc3", b"\xd9\xa3", b"\n", b"\r", b"\\", b" "),
]
"""What is put where something else stood: what has a meaning in some form of file."""
DAMAGE = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([0, 1, 3, 40]), st.sampled_from(PIECES)),
    min_size=1,
    max_size=6,
)


@per_sample
@settings(max_examples=15)
@given(damage=DAMAGE)
def test_a_damaged_file_is_refused_in_words_or_read(path: Path, damage: list[tuple[float, int, bytes]]) -> None:
    data = bytearray(data_of(path))
    for place, length, piece in damage:
        begin = int(place * len(data))
        data[begin : begin + length] = piece
    said = told_or_refused(bytes(data), kind_of_sample(path))
    assert said.startswith("line ") or "cannot be read as a database" in said


@per_sample
def test_books_of_a_file_come_to_exactly_this(path: Path) -> None:
    assert books(path) == Path(f"{path}.books").read_text(encoding="utf-8")


def books(path: Path) -> str:
    """What becomes of a file in an empty ledger: every cycle with what it earned, and what is said of the import."""
    kind = kind_of_sample(path)
    facts = list(kind.facts(file_of(data_of(path)), whose(kind)))
    fills = [fact for fact in facts if isinstance(fact, StatementFill)]
    with memory_ledger() as ledger:
        sizes = {
            key: fill.contract_size or Decimal("0.01")
            for fill in fills
            if fill.in_contracts
            for key in ([fill.key] if fill.names_leg else [fill.key, fill.key.on(Leg.LONG), fill.key.on(Leg.SHORT)])
        }
        for key, size in sizes.items():
            ledger.define_instrument(symbol=key.symbol, exchange=key.exchange, leg=key.leg, contract_size=size)
        report = import_statement(ledger, kind.name, facts, confirm=True)
        assert_sound(ledger)
        cycles = "".join(
            f"{row.position_id} {row.side} {row.status}, holds {plain(row.quantity)}, opened at "
            f"{money(row.avg_px_open)}, earned {money(row.realized_pnl, row.settle_currency)}, fees "
            f"{money(row.fees)} {amounts(row.fees_other)}, cash {amounts(row.cash)}\n"
            for row in ledger.positions()
        )
    return cycles + "".join(f"{finding}\n" for finding in report.findings)


def amounts(by_name: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{name} {plain(amount)}" for name, amount in by_name.items()) or "none"


if __name__ == "__main__":
    for sample in SAMPLES:
        Path(f"{sample}.facts").write_text(facts_told(data_of(sample), kind_of_sample(sample)), encoding="utf-8")
        Path(f"{sample}.books").write_text(books(sample), encoding="utf-8")
