"""A page: a template filled in, everything in it escaped, and written as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from projections import formatting

TEMPLATES: Final = Path(__file__).parent / "templates"
"""Where the templates are that pages share."""


@cache
def _templates(folder: Path) -> Environment:
    templates = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        clock=formatting.clock,
        counted=formatting.counted,
        day=formatting.day,
        lasting=formatting.length,
        moment=formatting.date_and_time,
        number=formatting.number,
        sentence=formatting.sentence,
    )
    return templates


def filled(template: Path, *, written_at: datetime, **values: Any) -> str:
    """A page as text; a template may use those beside it and the shared ones. Whatever is filled in is escaped."""
    software = f"position-ledger {version('position-ledger')}"
    page = _templates(template.parent).get_template(template.name)
    return page.render(written_at=written_at, software=software, **values)


def write(path: Path, text: str) -> None:
    """Put a page in its place at once: whoever has the old one open never sees half of the new one.

    Refuses: a usage error when the folder is not there, or may not be written to.
    """
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", delete=False) as made:
            made.write(text)
        umask = os.umask(0)
        os.umask(umask)
        Path(made.name).chmod(0o666 & ~umask)
        Path(made.name).replace(path)
    except OSError as wrong:
        raise click.UsageError(f"{path} cannot be written: {wrong.strerror}") from None
