"""Making a page from a template: every value is escaped, and the file is written atomically."""

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
"""The folder of the templates."""
_UNBROKEN_MAX: Final = 30
_NAME_PARTS: Final = re.compile(r"[^.:#_-]+[.:#_-]*|[.:#_-]+")


@cache
def _templates(folder: Path) -> Environment:
    templates = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        auto_reload=False,  # another version may be installed while one serves: its templates need other values
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: readable(value) if type(value) is str else value,  # markup stays as it is
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
    """A name that may be broken across lines only after its dots and signs."""
    return Markup("<wbr>").join(_NAME_PARTS.findall(readable(text)))


def _unbroken(command: str) -> Markup:
    """A command that may be broken across lines only between its words, not at a hyphen."""
    words = [
        Markup('<span class="unbroken">{}</span>').format(word) if len(word) <= _UNBROKEN_MAX else escape(word)
        for word in readable(command).split(" ")
    ]
    return Markup(" ").join(words)


def _short(amount: Decimal) -> str:
    """An amount for a narrow cell: a sign and three digits."""
    return f"{'+' if amount > 0 else ''}{formatting.first_digits(amount, 3)}"


def part(template: str, macro: str, *values: Any) -> Markup:
    """Call one macro of a template with values, which are escaped."""
    made: Markup = getattr(_templates(TEMPLATES).get_template(template).module, macro)(*values)
    return made


def filled(template: Path, *, written_at: datetime, **values: Any) -> str:
    """A page as text; all values are escaped. A template may use those in its own folder and those in TEMPLATES."""
    software = f"position-ledger {version('position-ledger')}"
    page = _templates(template.parent).get_template(template.name)
    return page.render(written_at=written_at, software=software, **values)


def write(path: Path, text: str) -> None:
    """Write a page as `write_file` does."""
    write_file(path, text.encode("utf-8", "backslashreplace"))
