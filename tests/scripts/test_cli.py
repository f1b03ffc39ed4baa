"""The output of `position-ledger --help`, and the modules that neither it nor the program imports."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from scripts.catalogue import COMMANDS, GROUPS
from tests.scripts.program import Program


def imported_by(statement: str) -> set[str]:
    """The modules of a process that did nothing else."""
    code = f"import sys\n{statement}\nprint(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stderr.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_the_beginning_of_what_a_command_says_of_itself(name: str) -> None:
    command: click.Command = import_module(COMMANDS[name].module).command
    said = " ".join((command.help or "").split())
    summary = COMMANDS[name].summary
    assert command.name == name
    assert said.startswith(summary) and not said[len(summary)].isalnum()


def test_the_groups_of_help_are_the_folders_of_the_commands() -> None:
    folders = {title: {entry.module.split(".")[-2] for entry in group.values()} for title, group in GROUPS.items()}
    assert folders == {title: {title.partition(",")[0].lower()} for title in GROUPS}


def test_help_shows_every_command_in_its_group(program: Program) -> None:
    said = program("--help").out
    for title, group in GROUPS.items():
        lines = said.partition(f"\n{title}:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in lines if line[2] != " "] == list(group)


@pytest.mark.parametrize(("typed", "meant"), [("statsu", "stats and status"), ("posittions", "positions")])
def test_a_command_that_is_mistyped_is_told_what_is_near(program: Program, typed: str, meant: str) -> None:
    ran = program(typed)
    assert ran.code == 2 and f"there is no command {typed!r}; there is {meant}" in ran.err


def test_a_word_that_is_near_no_command_leads_to_the_help(program: Program) -> None:
    ran = program("wxyz")
    assert ran.code == 2 and "No such command 'wxyz'" in ran.err and "position-ledger --help" in ran.err


@pytest.mark.parametrize("words", [("--account", "a", "--account=b"), ("--symbol=A", "--json", "--symbol", "A")])
def test_an_option_with_one_value_is_not_there_twice(program: Program, words: tuple[str, ...]) -> None:
    """Only the last one would count: who asks for two accounts would be told that nothing is open at one of them."""
    ran = program("positions", *words)
    assert ran.code == 2 and f"{words[0].partition('=')[0]} is there twice, and has one value; say it once" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("--database", "sqlite:///a.db", "positions", "--database", "sqlite:///b.db"),
        ("--database", "sqlite:///a.db", "--database", "sqlite:///b.db", "positions"),
        ("positions", "--database", "sqlite:///a.db", "--database", "sqlite:///b.db"),
    ],
)
def test_one_ledger_is_named(program: Program, words: tuple[str, ...]) -> None:
    ran = program(*words)
    assert ran.code == 2 and "--database is there " in ran.err and "say it once" in ran.err


def test_a_flag_may_be_there_twice_and_what_has_many_values_too(program: Program, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    assert program("init", "--database", url).code == 0
    assert program("--database", url, "positions", "--database", url, "--json", "--json").code == 0
    ran = program("reconcile", "--database", url, "--snapshot", tmp_path / "a", "--snapshot", tmp_path / "b")
    assert "is there twice" not in ran.err and "does not exist" in ran.err


def test_help_imports_nothing_of_the_ledger() -> None:
    found = imported_by("import scripts.cli\nscripts.cli.cli.main(['--help'], standalone_mode=False)")
    assert not found & {"pydantic", "eventsourcing", "asyncio", "domain", "infrastructure", "scripts.commands"}


def test_a_program_without_asyncio_does_not_wait_for_it() -> None:
    assert "asyncio" not in imported_by("import position_ledger")
    assert "asyncio" in imported_by("from position_ledger import AsyncPositionLedger")


def test_the_first_answer_waits_for_nothing_that_is_not_used() -> None:
    found = imported_by("import scripts.commands.daily.record")
    assert not found & {"asyncio", "jinja2", "psycopg", "multiprocessing", "ccxt"}


def test_a_program_that_is_interrupted_while_it_is_imported_says_no_more_than_one_that_works() -> None:
    program = """
import sys
import position_ledger_start

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "scripts.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
position_ledger_start.main()
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "stopped\n")


def test_without_words_it_says_what_there_is(program: Program) -> None:
    ran = program()
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: ") and "\n\nDaily:\n  init " in ran.err and "\n  positions " in ran.err


@pytest.mark.parametrize("role", ["bot", ""])
def test_a_role_is_for_a_server_be_its_name_that_of_an_unset_variable(
    role: str, tmp_path: Path, program: Program
) -> None:
    ran = program("init", "--runtime-role", role, "--database", f"sqlite:///{tmp_path}/ledger.db")
    assert ran.code == 2 and "are for PostgreSQL: an SQLite file has no roles" in ran.err
