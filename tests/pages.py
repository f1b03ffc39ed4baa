"""Reading the pages of the documentation: their sections and tables."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

TOP = Path(__file__).parent.parent
COMMAND_PAGES = [TOP / "docs" / "commands.md", *sorted((TOP / "docs" / "commands").glob("*.md"))]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


DESIGN = read(TOP / "docs" / "design.md")
VERBS = "\n".join(read(page) for page in COMMAND_PAGES)
OF_ANY_COMMAND = re.compile(r"^Any command may be refused with [^.]*\.", re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """The text under each heading, by what the heading says."""
    parts = re.split(r"^#{1,4} (.*)\n", text, flags=re.MULTILINE)[1:]
    return {heading.replace("`", ""): body for heading, body in zip(parts[::2], parts[1::2], strict=True)}


def rows(lines: str) -> list[list[str]]:
    """The cells of the rows of a table."""
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines.splitlines()]


def plain(cell: str) -> str:
    """What stands in backticks in a cell."""
    return cell.strip("` ").replace("\\|", "|")


def table(section: str, title: str) -> dict[str, list[str]]:
    """The rows of the first table whose first column has this title, by what stands in backticks there."""
    found = re.search(rf"^\| {title} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", section + "\n", re.MULTILINE)
    assert found, f"no table of {title}"
    named = {plain(row[0]): row[1:] for row in rows(found[1])}
    assert len(named) == len(rows(found[1])), "a row is there twice"
    return named


@cache
def says_no(verb: str) -> frozenset[str]:
    """The refusals of one command, by name: those of its section, and those that any command has."""
    text = sections(VERBS)
    of_any = OF_ANY_COMMAND.search(text["Errors"])
    assert of_any, "the page says which refusals any command has"
    return frozenset(re.findall(r"`([A-Z]\w+)`", of_any[0] + text[verb]))
