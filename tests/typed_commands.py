"""Writes the methods of PositionLedger, one for each command, from the commands and from docs/commands/bot.md.

`make generate` does it; the suite fails while the written module is not what this one would write. Types and defaults
come from `domain.commands.requests`, words and units from the page, so that neither is said twice by hand.
"""

from __future__ import annotations

import re
import textwrap
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from domain.commands.base import Command
from domain.commands.requests import COMMANDS, Evidence
from domain.values import Identifier, Leg, Side, Source
from tests.pages import VERBS, sections, table

WRITTEN: Final = Path(__file__).parent.parent / "infrastructure" / "ledger" / "typed_commands.py"

HEAD: Final = '''\
"""One method a command, for the ledger and its asyncio twin alike.

Written by `make generate` from the requests in `domain/commands/` and `docs/commands/bot.md`: change those.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Literal, TypeVar

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.commands.base import Command
from domain.commands.field_types import (
    AnyEvidence,
    AnyId,
    AnyJsonObject,
    AnyLeg,
    AnyNumber,
    AnySide,
    AnySource,
    AnyTime,
)
from domain.values import Leg, Source

Answered = TypeVar("Answered")


class TypedCommands(ABC, Generic[Answered]):
    """Every command as a method; a field that is not its own, or that is missing, is a TypeError.

    {shared}

    Refuses: InvalidCommand for a field that is malformed; else what `handle` refuses.
    """

    @abstractmethod
    def handle(self, command: Command) -> Answered:
        """Decide one command."""
'''

TAKEN: Final[dict[object, str]] = {
    Identifier: "AnyId",
    Decimal: "AnyNumber",
    datetime: "AnyTime",
    Side: "AnySide",
    Leg: "AnyLeg",
    Source: "AnySource",
    Evidence: "AnyEvidence",
    dict: "AnyJsonObject",
    str: "str",
    int: "int",
    bool: "bool",
    NoneType: "None",
}
"""What a caller may write where a command holds this."""


def plainly(text: str) -> str:
    """Text of a page without its links and line breaks."""
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", " ".join(text.split()))


KINDS: Final = {
    kind: re.split(r"\. ", plainly(cells[0]))[0]
    for kinds, cells in table(sections(VERBS)["Fields of every command"], "type").items()
    for kind in kinds.split(", ")
}
"""What each type of a field is."""

UNITS: Final = ("price", "quantity", "fee")

MODULES: Final = {"domain.commands.requests": "c", "domain.commands.order_requests": "o"}
"""What the modules of the commands are called there."""

WIDTH: Final = 120
INDENT: Final = " " * 8


def written() -> str:
    """The whole module."""
    rows = table(sections(VERBS)["Fields of every command"], "field")
    shared = "\n".join(wrapped(field(name, *rows[name]), INDENT[4:]) for name in Command.model_fields)
    head = HEAD.replace("    {shared}", f"    Every command has these fields as well:\n\n{shared}")
    return head + "".join(method(verb, command) for verb, command in COMMANDS.items())


def method(verb: str, command: type[Command]) -> str:
    """One command as a method: its signature, what is said about it, and the one thing that it does."""
    hints = get_type_hints(command, include_extras=True)
    fields = sorted(in_order(command), key=lambda name: not command.model_fields[name].is_required())
    return (
        f"\n    def {verb}(\n{INDENT}self,\n{INDENT}*,\n"
        + "".join(f"{INDENT}{name}: {taken(hints[name])}{default(command.model_fields[name])},\n" for name in fields)
        + "    ) -> Answered:\n"
        + said(verb, fields)
        + f"{INDENT}return self.handle(\n{INDENT}    {MODULES[command.__module__]}.{command.__name__}.given(\n"
        + "".join(f"{INDENT}        {name}={name},\n" for name in fields)
        + f"{INDENT}    )\n{INDENT})\n"
    )


def in_order(command: type[Command]) -> list[str]:
    """The fields of a command, its own before those of every command."""
    return sorted(command.model_fields, key=lambda name: name in Command.model_fields)


def taken(hint: Any) -> str:
    """What a caller may write where a command is declared to hold this."""
    if hint in TAKEN:
        return TAKEN[hint]
    if get_origin(hint) is Annotated:
        return taken(get_args(hint)[0])
    if get_origin(hint) in {Union, UnionType}:
        return " | ".join(taken(each) for each in get_args(hint))
    if get_origin(hint) is Literal:
        return "Literal[" + ", ".join(f'"{word}"' for word in get_args(hint)) + "]"
    return TAKEN[get_origin(hint)]


def default(field: FieldInfo) -> str:
    """What stands in a signature for a field that is left out."""
    if field.is_required():
        return ""
    value = field.default
    if isinstance(value, Enum):
        return f" = {type(value).__name__}.{value.name}"
    return f' = "{value}"' if isinstance(value, str) else f" = {value}"


def said(verb: str, fields: list[str]) -> str:
    """What the page says about a command, as the docstring of its method."""
    text = sections(VERBS)
    rows = table(text[verb], "field")
    own = [name for name in fields if name not in Command.model_fields]
    before, _, after = text[verb].partition("<!-- generated: ")
    answer = after[after.index("\nAnswer: ") :].partition("\n```")[0]
    (first, *others), *more = prose(before)
    summary, *rest = re.split(r"(?<=\.) ", first, maxsplit=1)
    paragraphs = [
        [summary],
        rest + others,
        *more,
        [*(field(name, *rows[name]) for name in own), f"- {', '.join(Command.model_fields)}: see TypedCommands"],
        [f"A {kind} is {KINDS[kind]}." for kind in UNITS if any(rows[name][1].startswith(kind) for name in own)],
        *prose(answer),
    ]
    lines = "\n\n".join("\n".join(wrapped(each) for each in paragraph) for paragraph in paragraphs if paragraph)
    return f'{INDENT}"""{lines.removeprefix(INDENT)}\n{INDENT}"""\n'


def prose(text: str) -> list[list[str]]:
    """The paragraphs of a page; of each its lines: an item of a list, and what is refused, begin one of their own."""
    return [
        [plainly(line) for line in re.split(r"\n(?=- )|\s(?=Refuses:)", paragraph)]
        for paragraph in text.strip().split("\n\n")
    ]


def field(name: str, is_required: str, kind: str, words: str) -> str:
    """One field: its type and what it says, or else what is taken for that type."""
    optional = "" if is_required == "yes" else ", optional"
    return f"- {name} ({kind}{optional}): {plainly(words) or KINDS[kind]}"


def wrapped(line: str, indent: str = INDENT) -> str:
    """One line of a docstring, on as many as it needs."""
    further = indent + ("  " if line.startswith("- ") else "")
    return textwrap.fill(line, WIDTH, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False)


if __name__ == "__main__":
    WRITTEN.write_text(written(), encoding="utf-8")
