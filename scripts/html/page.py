"""A page: a template filled in, everything in it escaped, and written as a whole or not at all."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from projections import formatting
from projections.audit.money_text import brought
from projections.readable_text import readable
from scripts.options.output_file import write_file
from scripts.replica_place import place_words

TEMPLATES: Final = Path(__file__).parent / "templates"
"""Where the templates are that pages share."""
_UNBROKEN_MAX: Final = 30
_NAME_PARTS: Final = re.compile(r"[^.:#_-]+[.:#_-]*|[.:#_-]+")


@cache
def _templates(folder: Path) -> Environment:
    templates = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        auto_reload=False,  # another version may be installed while one serves: its templates know other values
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: readable(value) if type(value) is str else value,  # not what is markup already
    )
    templates.filters.update(
        aged=formatting.aged,
        brought=brought,
        clock=formatting.clock,
        counted=formatting.counted,
        day=formatting.day,
        eyes=formatting.for_eyes,
        instant=lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}",
        kind=lambda thing: type(thing).__name__,
        lasting=formatting.length,
        moment=formatting.date_and_time,
        name=_name,
        number=formatting.number,
        place=place_words,
        sentence=formatting.sentence,
        signed=formatting.signed,
        short=_short,
        unbroken=_unbroken,
    )
    return templates


def _name(text: str) -> Markup:
    """A name that may go on in the next line behind its dots and signs, and nowhere else."""
    return Markup("<wbr>").join(_NAME_PARTS.findall(readable(text)))


def _unbroken(command: str) -> Markup:
    """A command that may go on in the next line between its words, and not at a hyphen."""
    words = [
        Markup('<span class="unbroken">{}</span>').format(word) if len(word) <= _UNBROKEN_MAX else escape(word)
        for word in readable(command).split(" ")
    ]
    return Markup(" ").join(words)


def _short(amount: Decimal) -> str:
    """An amount for a narrow cell: a sign and three digits."""
    return f"{'+' if amount > 0 else ''}{formatting.first_digits(amount, 3)}"


def part(template: str, macro: str, *values: Any) -> Markup:
    """What one macro of a shared template makes of values. Whatever is filled in is escaped."""
    made: Markup = getattr(_templates(TEMPLATES).get_template(template).module, macro)(*values)
    return made


def filled(template: Path, *, written_at: datetime, **values: Any) -> str:
    """A page as text; a template may use those beside it and the shared ones. Whatever is filled in is escaped."""
    software = f"position-ledger {version('position-ledger')}"
    page = _templates(template.parent).get_template(template.name)
    return page.render(written_at=written_at, software=software, **values)


def write(path: Path, text: str) -> None:
    """Write a page as `write_file` does."""
    write_file(path, text.encode("utf-8", "backslashreplace"))
