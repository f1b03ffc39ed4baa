"""The systemd units of `deploy/`: systemd finds no error in them, and they run existing commands."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sysconfig
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

import click
import pytest

from scripts.catalogue import COMMANDS
from tests.pages import TOP

DEPLOY = TOP / "deploy"
UNITS = sorted(path.name for pattern in ("*.service", "*.timer") for path in DEPLOY.glob(pattern))
SERVICES = [name for name in UNITS if name.endswith(".service")]
INSTALLED = "/opt/position-ledger/bin/"
"""Where the units look for the program; here it is somewhere else."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(INSTALLED, f"{sysconfig.get_path('scripts')}/"), encoding="utf-8")
    return tmp_path


def complaints(*units: Path) -> str:
    program = shutil.which("systemd-analyze") or "/usr/bin/systemd-analyze"
    verify: list[str | Path] = [program, "verify", "--man=no", *units]
    ran = subprocess.run(verify, capture_output=True, text=True, check=False)
    return ran.stderr or "failed" * bool(ran.returncode)


def test_systemd_has_no_complaint(folder: Path) -> None:
    assert len(UNITS) >= 4
    assert complaints(*(folder / name for name in UNITS)) == ""


def test_systemd_takes_the_drop_in_for_a_file(folder: Path) -> None:
    unit = folder / "position-ledger-watch.service"
    drop_in = folder / f"{unit.name}.d" / "sqlite.conf"
    drop_in.parent.mkdir()
    text = (DEPLOY / drop_in.name).read_text(encoding="utf-8")
    drop_in.write_text(text, encoding="utf-8")
    assert complaints(unit) == ""
    drop_in.write_text(text.replace("ReadWritePaths", "ReadWriteFolders"), encoding="utf-8")
    assert "ReadWriteFolders" in complaints(unit)


def test_a_complaint_of_systemd_is_seen(folder: Path) -> None:
    unit = folder / SERVICES[0]
    unit.write_text(unit.read_text(encoding="utf-8").replace("ProtectHome=", "ProtectHouse="), encoding="utf-8")
    assert "ProtectHouse" in complaints(unit)


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_runs_a_command_that_there_is(name: str) -> None:
    unit = ConfigParser(interpolation=None, comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment,method-assign] # keys of systemd have capitals
    unit.read(DEPLOY / name, encoding="utf-8")
    program, verb, *words = shlex.split(unit["Service"]["ExecStart"])
    assert program == f"{INSTALLED}position-ledger"
    assert unit["Service"]["EnvironmentFile"].endswith("/position-ledger.env")
    command: click.Command = import_module(COMMANDS[verb].module).command
    command.make_context(verb, words)


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".timer")])
def test_a_timer_has_its_service(name: str) -> None:
    assert name.replace(".timer", ".service") in SERVICES
