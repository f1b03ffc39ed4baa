"""Writes the generated tables of the pages, between `<!-- generated: NAME -->` and `<!-- end -->`.

`make docs` does it; the suite fails while a page is not what this module would write. The code says which rows there
are, in which order, and every cell that it knows; what a row means is written on the page by a person, and kept. A new
row comes with question marks where its words are missing. `docs/commands/day.jsonl` is written too: the commands of the
examples of `docs/commands/bot.md`, for the pages whose examples go on after them.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Final

import click
from pydantic import BaseModel

import position_ledger
from domain import errors, events
from domain.commands.base import Command
from domain.commands.requests import COMMANDS, ClosingFill, Evidence
from domain.holding import Holding
from domain.symbols.native import NATIVE
from infrastructure.ccxt_trading.ccxt_exchange import CONVENTIONS
from infrastructure.ccxt_trading.trading_conventions import Meaning
from infrastructure.ledger.receipt import Receipt
from infrastructure.transfer.statements.column_map import ColumnMap
from infrastructure.transfer.statements.kind_recognition import KINDS
from projections.positions import COLUMNS
from scripts.catalogue import COMMANDS as PROGRAM
from scripts.cli import exit_code
from tests.domain.symbols.ccxt_answers import ccxt, listed, read_as
from tests.domain.symbols.shown_lines import lines_of
from tests.infrastructure.exchanges.recorded_answers import shown_by_exchange
from tests.metric_table import metric_rows
from tests.pages import COMMAND_PAGES, TOP, plain, read, rows

PAGES: Final = [
    *COMMAND_PAGES,
    TOP / "docs" / "design.md",
    TOP / "docs" / "exchanges.md",
    TOP / "docs" / "importing.md",
]
GENERATED: Final = re.compile(
    r"^<!-- generated: (?P<name>.+) -->\n(?P<head>\|.*\n\|[-| ]+\|\n)(?P<rows>(?:\|.*\n)*)<!-- end -->$", re.MULTILINE
)
SENT: Final = re.compile(r"^\$ echo '(\{\"command\": .*\})' \| position-ledger record$", re.MULTILINE)
DAY: Final = TOP / "docs" / "commands" / "day.jsonl"
BY_HAND: Final = None
MISSING: Final = "???"

Rows = dict[str, list[str | None]]
"""The cells after the first one by what stands in that; BY_HAND is what a person writes on the page."""


def fields(model: type[BaseModel], *, without: type[BaseModel] | None = None) -> Rows:
    """The fields of a command: whether each is required, and by hand its type and what it says."""
    shared = without.model_fields if without else {}
    return {
        name: ["yes" if field.is_required() else "no", BY_HAND, BY_HAND]
        for name, field in model.model_fields.items()
        if name not in shared
    }


def options(command: click.Command) -> Rows:
    """The arguments and options of a command of the command line."""
    context = click.Context(command)
    named: Rows = {}
    for param in command.params:
        if isinstance(param, click.Option) and param.hidden:
            continue
        if not isinstance(param, click.Option):
            named[param.make_metavar(context)] = [BY_HAND]
        elif param.is_flag:
            named[param.opts[0]] = [BY_HAND]
        else:
            named[f"{param.opts[0]} {param.metavar or param.type.name.upper()}"] = [BY_HAND]
    return named


def error_rows() -> Rows:
    """The errors that users import, each with its exit code: first those of the domain, as they stand there."""
    exported = [getattr(position_ledger, name) for name in position_ledger.__all__]
    ours = [kind for kind in exported if isinstance(kind, type) and issubclass(kind, errors.LedgerError)]
    ours.remove(errors.LedgerError)
    tree = list(vars(errors).values())
    ours.sort(key=lambda kind: tree.index(kind) if kind in tree else len(tree))
    return {kind.__name__: [str(exit_code(kind.__new__(kind))), BY_HAND] for kind in ours}


def event_rows() -> Rows:
    """The events with the fields that are their own."""
    every = set(names(events.PositionEvent))
    return {
        event.__name__: [BY_HAND, BY_HAND, ", ".join(f"`{name}`" for name in own) if own else "none of its own"]
        for event in events.EVENTS
        for own in [[name for name in names(event) if name not in every]]
    }


def spelling_rows() -> Rows:
    """How exchanges write their instruments, and what became of the markets in ccxt's examples."""
    return {
        exchange: [", ".join(lines_of(exchange)) or "as all do", ", ".join(f"{n} {what}" for what, n in found.items())]
        for exchange in sorted({*NATIVE, *ccxt.exchanges})
        for found in [Counter(read_as(exchange, market) for market in sorted(listed(exchange), reverse=True))]
        if found or exchange in NATIVE
    }


def trading_rows() -> Rows:
    """What each exchange does otherwise than the others with orders."""
    return {
        each.exchange: [
            "unique for ever" if each.has_unique_ids else "unique among open orders only",
            f"`{each.client_id.pattern}`",
            f"{each.shown_seconds:g} s: {each.shown_because}",
            each.ended_shown,
            each.conditional,
            "yes" if each.attaches_stops else "no",
            "yes" if each.closes_position else "no",
            each.bound or "as far as it has to be",
            each.source,
        ]
        for each in CONVENTIONS.values()
    }


def failure_rows() -> Rows:
    """What becomes of a call by the code (or the words) of an exchange."""
    return {
        f"{each.exchange} {meaning}": [
            ", ".join(sorted(each.codes.get(meaning, ()), key=lambda code: abs(int(code)))),
            ", ".join(words),
        ]
        for each in CONVENTIONS.values()
        for meaning in Meaning
        for words in [[f"“{text}”" for text, said in each.words if said is meaning]]
        if each.codes.get(meaning) or words
    }


def names(of: type) -> list[str]:
    """The fields of a dataclass."""
    return [field.name for field in dataclasses.fields(of)]


def by_hand(rows: list[str]) -> Rows:
    """Rows of which the code knows the name alone."""
    return {name: [BY_HAND] for name in rows}


def tables() -> dict[str, Rows]:
    """Every generated table by its name."""
    return {
        "fields of every command": fields(Command),
        **{f"fields of {verb}": fields(command, without=Command) for verb, command in COMMANDS.items()},
        "fields of evidence": fields(Evidence),
        "fields of fills": fields(ClosingFill),
        "fields of a receipt": by_hand(["ok", *names(Receipt)]),
        "errors": error_rows(),
        **{f"options of {name}": options(import_module(entry.module).command) for name, entry in PROGRAM.items()},
        "columns of positions": by_hand(list(COLUMNS)),
        "fields of every event": by_hand(names(events.PositionEvent)),
        "events": event_rows(),
        "totals": by_hand(names(Holding)),
        "kinds of files": {name: [BY_HAND, BY_HAND, BY_HAND] for name in ("ledger", *KINDS)},
        "keys of a map": {name: [BY_HAND, BY_HAND] for name in ColumnMap.model_fields},
        "spellings": spelling_rows(),
        "trading": trading_rows(),
        "what an error means": failure_rows(),
        "metrics": metric_rows(),
        "what an account shows": {name: [*cells] for name, cells in shown_by_exchange().items()},
    }


def renewed(page: str, every: dict[str, Rows]) -> str:
    """A page with its generated tables as the code has them; the words of an option outlive what it takes."""

    def renew(found: re.Match[str]) -> str:
        told = {plain(first).partition(" ")[0]: cells for first, *cells in rows(found["rows"])}
        lines = [
            line(name, [was if cell is BY_HAND else cell for cell, was in zip(cells, old, strict=True)])
            for name, cells in every[found["name"]].items()
            for old in [told.get(name.partition(" ")[0], [MISSING] * len(cells))]
        ]
        return f"<!-- generated: {found['name']} -->\n{found['head']}{''.join(lines)}<!-- end -->"

    return GENERATED.sub(renew, page)


def line(name: str, cells: list[str]) -> str:
    """A row of a table; an empty cell is one blank wide."""
    first = "`" + name.replace("|", "\\|") + "`"
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in [first, *cells]) + "\n"


def written() -> dict[Path, str]:
    """Every file that this module writes, with what it would write."""
    every = tables()
    pages = {page: renewed(read(page), every) for page in PAGES}
    return {**pages, DAY: "".join(f"{command}\n" for command in SENT.findall(read(DAY.with_name("bot.md"))))}


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
