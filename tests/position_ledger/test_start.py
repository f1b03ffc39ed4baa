"""Importing the package imports only the modules that are needed."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import import_module

import pytest

import position_ledger
from position_ledger import testing
from position_ledger.testing import ExchangeAudit, SimulatedExchange

MODULES = ["position_ledger", "position_ledger.trading", "position_ledger.testing"]


@pytest.mark.parametrize("name", MODULES[:2])
def test_a_bot_on_threads_waits_for_no_module_that_it_may_never_ask_and_sees_every_name(name: str) -> None:
    seldom = {"asyncio", "infrastructure.ledger.projector", "projections.event_time.totals", "tempfile"}
    asked = (
        f"import {name} as m, sys\n"
        f"print({seldom} & set(sys.modules), set(m.__all__) - set(dir(m)), {seldom} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "set() set() set()\n"


@pytest.mark.parametrize("name", MODULES)
def test_every_name_is_there_when_it_is_asked_for(name: str) -> None:
    module = import_module(name)
    assert all(getattr(module, each) is not None for each in module.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        module.no_such_name  # noqa: B018  # to ask is what is tested


@pytest.mark.parametrize(
    "offered",
    [position_ledger.PositionLedger, position_ledger.AsyncPositionLedger, ExchangeAudit, SimulatedExchange],
)
def test_a_class_that_a_method_returns_has_a_public_name(offered: type) -> None:
    known = {*position_ledger.__all__, *testing.__all__}
    ours = {name for name in _returned(offered) if name not in known | _NOT_OURS}
    assert ours == set()


_NOT_OURS = {"Answered", "Any", "Decimal", "Iterator", "None", "Opening", "Self"}
"""Of the standard library and typing, and two variables of types."""


def _returned(offered: type) -> set[str]:
    methods = [method for name, method in inspect.getmembers(offered, inspect.isroutine) if not name.startswith("_")]
    annotations = [getattr(method, "__annotations__", {}).get("return", "") for method in methods]
    return {name for each in annotations for name in re.findall(r"\b[A-Z]\w+", str(each))}
