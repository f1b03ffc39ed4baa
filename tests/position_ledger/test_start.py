"""Importing the package imports only the modules that are needed."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

MODULES = ["position_ledger", "position_ledger.trading", "position_ledger.testing"]


@pytest.mark.parametrize("name", MODULES[:2])
def test_nobody_on_threads_waits_for_asyncio(name: str) -> None:
    asked = f"import {name}, sys; sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


@pytest.mark.parametrize("module", ["tempfile", "projections.event_time.totals", "infrastructure.ledger.projector"])
def test_a_bot_does_not_wait_for_what_it_may_never_ask(module: str) -> None:
    asked = f"import position_ledger, sys; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


@pytest.mark.parametrize("name", MODULES)
def test_every_name_is_there_when_it_is_asked_for(name: str) -> None:
    module = import_module(name)
    assert all(getattr(module, each) is not None for each in module.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        module.no_such_name  # noqa: B018  # to ask is what is tested


@pytest.mark.parametrize("name", MODULES[:2])
def test_whoever_looks_around_sees_every_name_and_waits_for_none(name: str) -> None:
    asked = f"import {name} as m, sys; sys.exit(not set(m.__all__) <= set(dir(m)) or 'asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
