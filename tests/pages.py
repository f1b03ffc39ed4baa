"""The pages of the documentation, as their sections and tables."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).parent.parent


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


DESIGN, VERBS = (read(TOP / "docs" / name) for name in ("design.md", "commands.md"))


def sections(text: str) -> dict[str, str]:
    """The text under each heading, by what the heading says."""
    parts = re.split(r"^#{1,4} (.*)\n", text, flags=re.MULTILINE)[1:]
    return {heading.replace("`", ""): body for heading, body in zip(parts[::2], parts[1::2], strict=True)}


def table(section: str, title: str) -> dict[str, list[str]]:
    """The rows of the first table whose first column has this title, by what stands in backticks there."""
    found = re.search(rf"^\| {title} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", section + "\n", re.MULTILINE)
    assert found, f"no table of {title}"
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]
    named = {row[0].strip("| `").replace("\\|", "|"): row[1:] for row in rows}
    assert len(named) == len(rows), "a row is there twice"
    return named
