"""The pages say what the software does: their tables are compared with it, and their examples are executed.

A page is one story. Its `console` and `python` blocks run from top to bottom in one folder, empty but for the lines of
commands (`*.jsonl`) that lie beside the page, in which LEDGER_DATABASE_URL names a ledger. In a `console` block bash
runs what follows `$ ` (a line that ends in a backslash goes on); then comes all that it says, on stdout and stderr; `…`
stands for anything, and `[exit 1]` is how it ended.
"""

import builtins
import os
import re
import shutil
import sqlite3
import subprocess
from importlib import import_module
from pathlib import Path

import click
import pytest
from eventsourcing import persistence

import position_ledger
from domain.commands import requests
from infrastructure.event_store.postgres import schema
from infrastructure.settings import Settings
from scripts.catalogue import COMMANDS
from tests import doc_tables
from tests.acceptance.bot import PROGRAM
from tests.doc_tables import GENERATED, MISSING, renewed, tables
from tests.forked_popen import fork_server
from tests.forked_program import put_into
from tests.pages import COMMAND_PAGES, DESIGN, TOP, VERBS, read, sections, table

PAGES = sorted([TOP / "README.md", TOP / "CHANGELOG.md", *(TOP / "docs").rglob("*.md")])
FENCED = re.compile(r"^```(?P<language>.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
STEP = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*\n)(?P<said>(?:(?!\$ ).*\n)*)", re.MULTILINE)
LAYERS = ("domain", "projections", "infrastructure", "scripts")
EXECUTED = {"console", "python"}
ELSEWHERE = {"backup.md", "cutover.md"}
"""Pages that need a server: tests/test_backup.py, tests/ha/litestream.py and tests/test_cutover.py follow them."""
SHOWN = {"text", "json", "sql", "toml"}
NAMED = re.compile(r"`([A-Z]\w*[a-z][A-Z]\w*)`")
LINK = re.compile(r"\]\((?!https?:)(?P<page>[^)#]*)(?:#(?P<anchor>[^)]+))?\)")
HEADING = re.compile(r"^#{1,4} (.*)$", re.MULTILINE)


DECISIONS = sorted((TOP / "docs" / "decisions").glob("*.md"))
DECISION = re.compile(r"^\*\*(?P<date>\d{4}-\d\d-\d\d)\. (?P<title>[^*]+\.)\*\* ")
LEGACY = read(TOP / "docs" / "legacy.md")


def name_of(page: Path) -> str:
    return page.relative_to(TOP).as_posix()


per_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(block["language"].strip(), block["text"]) for block in FENCED.finditer(read(page))]


def run_story(page: Path, section: str, folder: Path) -> None:
    """Run the console blocks of one section of a page."""
    steps = [
        block["text"] for block in FENCED.finditer(sections(read(page))[section]) if block["language"] == "console"
    ]
    assert steps, f"{section} has no steps"
    for step in steps:
        run_steps(step, folder)


def run_steps(block: str, folder: Path) -> None:
    assert STEP.sub("", block) == "", "a console block begins with a command, after `$ `"
    for step in STEP.finditer(block):
        bash = ["bash", "-c", step["command"]]
        ran = subprocess.run(
            bash,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[fork_server().fileno()],
            check=False,
        )
        said = ran.stdout.decode("utf-8") + (f"[exit {ran.returncode}]\n" if ran.returncode else "")
        expected = re.escape(step["said"]).replace("…", "(?s:.*)")
        assert re.fullmatch(expected, said), f"{step['command']}said:\n{said}\nnot:\n{step['said']}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in ELSEWHERE], ids=name_of)
def test_every_example_does_what_the_page_says(
    page: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEDGER_DATABASE_URL", "sqlite:///ledger.db")
    programs = tmp_path_factory.mktemp("programs")
    put_into(programs, fork_server(), PROGRAM)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    for lines in page.parent.glob("*.jsonl"):
        shutil.copy(lines, tmp_path)
    names: dict[str, object] = {"__name__": page.name}
    for language, text in blocks(page):
        if language == "console":
            run_steps(text, tmp_path)
        elif language == "python":
            exec(compile(text, page.name, "exec"), names)


def test_the_first_examples_may_be_run_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = [text for language, text in blocks(TOP / "README.md") if language == "python"]
    assert len(examples) == 2
    for example in examples * 2:
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


def test_every_generated_table_is_on_one_page() -> None:
    on_pages = [found["name"] for page in doc_tables.PAGES for found in GENERATED.finditer(read(page))]
    assert sorted(on_pages) == sorted(name for name, rows in tables().items() if rows)


def test_every_marker_has_its_table_and_its_end() -> None:
    for page in PAGES:
        markers = re.findall(r"^<!-- (?:generated: .*|end) -->$", read(page), re.MULTILINE)
        assert len(markers) == 2 * len(GENERATED.findall(read(page))), page


def test_what_is_generated_is_fresh() -> None:
    stale = [name_of(path) for path, text in doc_tables.written().items() if read(path) != text]
    assert not stale, "make docs writes them anew"


def test_every_row_of_a_generated_table_has_its_words() -> None:
    for page in doc_tables.PAGES:
        for found in GENERATED.finditer(read(page)):
            assert f" {MISSING} |" not in found["rows"], found["name"]


def generated(*rows: str, name: str = "x") -> str:
    return "\n".join(
        [f"<!-- generated: {name} -->", "| option | what |", "| --- | --- |", *rows, "<!-- end -->", "after"]
    )


def test_a_table_follows_the_code_and_keeps_the_words_of_a_person() -> None:
    page = generated("| `--b TEXT` | two |", "| `--gone` | three |")
    assert renewed(page, {"x": {"--a": [None], "--b INTEGER": [None]}}) == generated(
        "| `--a` | ??? |", "| `--b INTEGER` | two |"
    )


def test_a_cell_that_the_code_knows_is_not_a_persons() -> None:
    page = generated("| `A` | 1 | |", "| `B\\|C` | 9 | words |")
    assert renewed(page, {"x": {"A": ["2", None], "B|C": ["3", None]}}) == generated(
        "| `A` | 2 | |", "| `B\\|C` | 3 | words |"
    )


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_decisions_stand_by_date_and_each_says_its_price(page: Path) -> None:
    assert f"(decisions/{page.name})" in read(TOP / "docs" / "decisions.md")
    dates = []
    for decision in re.split(r"\n\n(?=\*\*\d{4}-)", read(page).strip())[1:]:
        begins = DECISION.match(decision.replace("\n", " "))
        assert begins, decision[:80]
        assert re.search(r"\b(?:The price|Price):", decision), begins["title"]
        assert "\n**" not in decision, begins["title"]
        dates.append(begins["date"])
    assert dates == sorted(dates)


def test_each_decision_stands_once() -> None:
    titles = [found for page in DECISIONS for found in re.findall(r"^\*\*\d{4}-.*", read(page), re.MULTILINE)]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("verb", requests.COMMANDS)
def test_every_command_of_a_bot_has_an_example(verb: str) -> None:
    examples = [block["text"] for block in FENCED.finditer(sections(VERBS)[verb]) if block["language"] == "console"]
    assert any(f'"command": "{verb}"' in example for example in examples)


def test_when_an_order_may_be_sent_is_said_in_the_same_words_everywhere() -> None:
    answers = table(read(TOP / "README.md"), "answer")
    assert answers == table(sections(VERBS)["Receipts"], "answer")
    command: click.Command = import_module(COMMANDS["record"].module).command
    assert {"recorded", "replayed", "refused"} <= set(command.get_help(click.Context(command)).split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_command_line_has_an_example_and_stands_in_the_index(name: str) -> None:
    section = sections(VERBS)[f"position-ledger {name}"]
    assert f"position-ledger {name}" in "".join(block["text"] for block in FENCED.finditer(section))
    assert f"#position-ledger-{name})" in read(COMMAND_PAGES[0])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_no_page_that_is_not_installed(name: str) -> None:
    command: click.Command = import_module(COMMANDS[name].module).command
    assert "docs/" not in command.get_help(click.Context(command))


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


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "style.md"], ids=name_of)
def test_no_page_names_a_class_that_is_not_there(page: Path) -> None:
    assert set(NAMED.findall(read(page))) <= class_names() | set(vars(persistence)) | set(vars(builtins))


def anchors(page: str) -> set[str]:
    """What a link may lead to on a page: its headings in the spelling of GitHub."""
    said = HEADING.findall(FENCED.sub("", page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in said}


def dead_links(page: Path) -> list[str]:
    """The links of a page to files and headings that are not there."""
    dead = []
    for link in LINK.finditer(FENCED.sub("", read(page))):
        target = page.parent / link["page"] if link["page"] else page
        if not target.exists() or (link["anchor"] and link["anchor"] not in anchors(read(target))):
            dead.append(link[0])
    return dead


@per_page
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("## The `b` of all\n")
    page = tmp_path / "a.md"
    page.write_text("# A\n[a](#a) [b](b.md#the-b-of-all) [c](c.md) [d](b.md#the) [e](#b) [f](https://example.com#x)\n")
    assert dead_links(page) == ["](c.md)", "](b.md#the)", "](#b)"]
