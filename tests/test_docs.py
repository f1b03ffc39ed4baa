"""The pages say what the software does: their tables are compared with it, and their examples are executed.

A page is one story. Its `console` and `python` blocks run from top to bottom in one empty folder in which
LEDGER_DATABASE_URL names a ledger. In a `console` block bash runs what follows `$ ` (a line that ends in a backslash
goes on); then comes all that it says, on stdout and stderr; `…` stands for anything, and `[exit 1]` is how it ended.
"""

import builtins
import dataclasses
import os
import re
import sqlite3
import subprocess
import sysconfig
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from eventsourcing import persistence
from pydantic import BaseModel

import position_ledger
from domain import errors, events
from domain.commands import requests
from domain.commands.base import Command
from domain.holding import Holding
from infrastructure.event_store.postgres import schema
from infrastructure.ledger.receipt import Receipt
from infrastructure.settings import Settings
from projections.positions import COLUMNS
from scripts.catalogue import COMMANDS
from scripts.cli import exit_code
from tests.pages import DESIGN, TOP, VERBS, read, sections, table

PAGES = sorted([TOP / "README.md", TOP / "CHANGELOG.md", *(TOP / "docs").glob("*.md")])
FENCED = re.compile(r"^```(?P<language>.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
STEP = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*\n)(?P<said>(?:(?!\$ ).*\n)*)", re.MULTILINE)
LAYERS = ("domain", "projections", "infrastructure", "scripts")
EXECUTED = {"console", "python"}
ELSEWHERE = {"cutover.md"}
"""Pages that need a server: tests/test_cutover.py follows this one."""
SHOWN = {"text", "json", "sql", "toml"}
NAMED = re.compile(r"`([A-Z]\w*[a-z][A-Z]\w*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")


LEGACY = read(TOP / "docs" / "legacy.md")

per_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(block["language"].strip(), block["text"]) for block in FENCED.finditer(read(page))]


def run_steps(block: str, folder: Path) -> None:
    assert STEP.sub("", block) == "", "a console block begins with a command, after `$ `"
    for step in STEP.finditer(block):
        bash = ["bash", "-c", step["command"]]
        ran = subprocess.run(
            bash, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        said = ran.stdout.decode("utf-8") + (f"[exit {ran.returncode}]\n" if ran.returncode else "")
        expected = re.escape(step["said"]).replace("…", "(?s:.*)")
        assert re.fullmatch(expected, said), f"{step['command']}said:\n{said}\nnot:\n{step['said']}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in ELSEWHERE], ids=lambda page: page.name)
def test_every_example_does_what_the_page_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEDGER_DATABASE_URL", "sqlite:///ledger.db")
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"])
    names: dict[str, object] = {"__name__": page.name}
    for language, text in blocks(page):
        if language == "console":
            run_steps(text, tmp_path)
        elif language == "python":
            exec(compile(text, page.name, "exec"), names)


def test_the_first_example_may_be_run_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = [text for language, text in blocks(TOP / "README.md") if language == "python"]
    for _ in range(2):
        exec(compile(example, "README.md", "exec"), {})


@pytest.mark.parametrize("said", ["one\n", "one\ntwo\nthree\n", "two\n", ""])
def test_the_runner_sees_output_that_differs(said: str, tmp_path: Path) -> None:
    run_steps("$ printf 'one\\ntwo\\n'\none\n…\n", tmp_path)
    with pytest.raises(AssertionError, match="said:"):
        run_steps(f"$ printf 'one\\ntwo\\n'\n{said}", tmp_path)


def test_the_runner_sees_how_a_command_ended(tmp_path: Path) -> None:
    run_steps("$ exit \\\n  3\n[exit 3]\n", tmp_path)
    with pytest.raises(AssertionError, match="exit 3"):
        run_steps("$ exit 3\n", tmp_path)


@per_page
def test_no_example_is_left_out_by_its_label(page: Path) -> None:
    assert {language for language, _ in blocks(page)} <= EXECUTED | SHOWN


def in_backticks(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def fields_of(model: type[BaseModel]) -> dict[str, str]:
    return {name: "yes" if field.is_required() else "no" for name, field in model.model_fields.items()}


def documented(section: str) -> dict[str, str]:
    return {name: cells[0] for name, cells in table(section, "field").items()}


ENVELOPE = fields_of(Command)


@pytest.mark.parametrize("verb", requests.COMMANDS)
def test_every_field_of_every_command_is_documented(verb: str) -> None:
    section = sections(VERBS)[verb]
    own = {
        name: is_required for name, is_required in fields_of(requests.COMMANDS[verb]).items() if name not in ENVELOPE
    }
    assert documented(section) == own
    examples = [block["text"] for block in FENCED.finditer(section) if block["language"] == "console"]
    assert any(f'"command": "{verb}"' in example for example in examples)


@pytest.mark.parametrize(
    ("heading", "model"),
    [("Fields of every command", Command), ("Evidence", requests.Evidence), ("Fills", requests.ClosingFill)],
)
def test_every_field_that_commands_share_is_documented(heading: str, model: type[BaseModel]) -> None:
    assert documented(sections(VERBS)[heading]) == fields_of(model)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_command_line_is_documented(name: str) -> None:
    section = sections(VERBS)[f"position-ledger {name}"]
    command: click.Command = import_module(COMMANDS[name].module).command
    options = {param.opts[0] for param in command.params if isinstance(param, click.Option) and not param.hidden}
    arguments = {
        param.make_metavar(click.Context(command)) for param in command.params if not isinstance(param, click.Option)
    }
    told = set(table(section, "option")) if options or arguments else set()
    assert {option.partition(" ")[0] for option in told} == options | arguments
    assert f"position-ledger {name}" in "".join(block["text"] for block in FENCED.finditer(section))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_no_page_that_is_not_installed(name: str) -> None:
    command: click.Command = import_module(COMMANDS[name].module).command
    assert "docs/" not in command.get_help(click.Context(command))


def subclasses(of: type[errors.LedgerError]) -> Iterator[type[errors.LedgerError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from subclasses(kind)


def test_every_error_is_documented_with_its_exit_code() -> None:
    ours = {kind for kind in subclasses(errors.LedgerError) if kind.__name__ in position_ledger.__all__}
    told = {name: cells[0] for name, cells in table(sections(VERBS)["Errors"], "error").items()}
    assert told == {kind.__name__: str(exit_code(kind.__new__(kind))) for kind in ours}


def test_every_column_of_a_position_is_documented() -> None:
    assert set(table(sections(VERBS)["position-ledger positions"], "column")) == set(COLUMNS)


def test_every_field_of_a_receipt_is_documented() -> None:
    told = set(table(sections(VERBS)["Receipts"], "field"))
    assert told == {"ok", *(field.name for field in dataclasses.fields(Receipt))}


def test_every_field_of_every_event_is_documented() -> None:
    every = {field.name for field in dataclasses.fields(events.PositionEvent)}
    told = {name: in_backticks(cells[-1]) for name, cells in table(DESIGN, "event").items()}
    assert told == {
        event.__name__: {field.name for field in dataclasses.fields(event)} - every for event in events.EVENTS
    }
    assert set(table(DESIGN, "every event")) == every


def test_every_running_total_is_documented() -> None:
    assert set(table(DESIGN, "total")) == {field.name for field in dataclasses.fields(Holding)}


@pytest.mark.parametrize("name", ["ledger_events", "rejections"])
def test_every_column_of_either_store_is_documented(name: str, tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with position_ledger.PositionLedger.connect(f"sqlite:///{file}"):
        pass
    connection = sqlite3.connect(file)
    on_sqlite = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
    connection.close()
    script = schema.script(Settings.read("postgresql:///ledger"))
    made = re.search(rf"CREATE TABLE {name} \(\n(.*?)\n\)", script, re.DOTALL)
    assert made
    on_postgres = set(re.findall(r"^    ([a-z_]+) ", made[1], re.MULTILINE))
    assert set(table(sections(DESIGN)[name], "column")) == on_sqlite == on_postgres


def test_everything_that_the_old_system_did_is_answered() -> None:
    incidents = {*range(1, 31)} - {3, 6, 13, 22, 24}  # five numbers were never given
    for code in [f"L{number}" for number in range(1, 16)] + [f"I-{number:02}" for number in incidents]:
        assert re.search(rf"^\| {code} \| [^|]+ \| [^|]+ \|$", LEGACY, re.MULTILINE), code


def class_names() -> set[str]:
    sources = [read(module) for layer in LAYERS for module in (TOP / layer).rglob("*.py")]
    return {name for source in sources for name in re.findall(r"^class (\w+)", source, re.MULTILINE)}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "style.md"], ids=lambda page: page.name)
def test_no_page_names_a_class_that_is_not_there(page: Path) -> None:
    assert set(NAMED.findall(read(page))) <= class_names() | set(vars(persistence)) | set(vars(builtins))


@per_page
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(read(page)):
        assert (page.parent / target).exists(), target
