"""Files that are made up in tests, read as a file on the disk is."""

from __future__ import annotations

import io
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from domain.values import plain, timestamp_text
from infrastructure.transfer.statements.kind_recognition import recognised
from infrastructure.transfer.statements.sources.statement_file import StatementFile
from infrastructure.transfer.statements.statement_facts import (
    StatementCash,
    StatementFact,
    StatementFill,
    StatementLine,
    StatementOmission,
    StatementPosition,
    StatementProfit,
)
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose

DATABASES = TemporaryDirectory()
"""Where databases lie while tests run: one has to have a name."""


def file_of(text: str | bytes) -> StatementFile:
    data = text.encode() if isinstance(text, str) else text
    path = None
    if data.startswith(b"SQLite format 3\x00"):
        with NamedTemporaryFile(dir=DATABASES.name, delete=False) as file:
            file.write(data)
        path = Path(file.name)
    return StatementFile(io.BufferedReader(io.BytesIO(data), 1 << 18), path)


def kind_of(text: str | bytes) -> str | None:
    kind = recognised(file_of(text).start)
    return None if kind is None else kind.name


def facts_of(text: str | bytes, kind: StatementKind, whose: Whose) -> list[StatementFact]:
    """What is not left out of a file."""
    return [fact for fact in kind.facts(file_of(text), whose) if not isinstance(fact, StatementOmission)]


def fills_of(text: str | bytes, kind: StatementKind, whose: Whose) -> Iterable[StatementFill]:
    return (fact for fact in facts_of(text, kind, whose) if isinstance(fact, StatementFill))


def words(fact: StatementLine) -> str:
    """All that a fact says, in one line."""
    if isinstance(fact, StatementOmission):
        return f"{fact.line}: left out: {fact.what}; import {fact.instead}"
    told = f"{fact.line}: {timestamp_text(fact.time)} {fact.key.stream if fact.key else 'no symbol'} "
    match fact:
        case StatementFill():
            told += f"{'buys' if fact.buys else 'sells'} {plain(fact.quantity)} at {plain(fact.price)}"
            told += f", fee {money(fact.fee, fact.fee_currency)}, profit {money(fact.profit)}"
            told += f", trade {fact.trade_id} of order {fact.order_id}"
            told += f", in contracts of {money(fact.contract_size)}" if fact.in_contracts else ""
            told += f", by {fact.reason}" if fact.reason else ""
            told += f", closes {plain(fact.closes)}" if fact.closes is not None else ""
            told += f", held {plain(fact.held)}" if fact.held is not None else ""
            told += "" if fact.names_leg else ", of no leg that is named"
        case StatementCash():
            told += f"{fact.kind} {money(fact.amount, fact.currency)}, id {fact.cash_id}"
            told += f", of trade {fact.trade_id}" if fact.trade_id else ""
        case StatementPosition():
            told += f"holds {plain(fact.quantity)} at {money(fact.avg_px)}"
        case StatementProfit():
            told += f"earned {money(fact.profit, fact.currency)} by trade {fact.trade_id or 'unknown'}"
    return told


def money(amount: Decimal | None, currency: str | None = None) -> str:
    if amount is None:
        return "unknown"
    return plain(amount) + (f" {currency}" if currency else "")
