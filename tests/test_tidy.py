"""The code base tests its own style: arrows between layers first."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import domain

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("domain", "projections", "infrastructure", "scripts", "position_ledger")
MAY_IMPORT = {
    "domain": set(),
    "projections": {"domain"},
    "infrastructure": {"domain", "projections"},
    "position_ledger": {"domain", "projections", "infrastructure"},
    "scripts": {"domain", "projections", "infrastructure", "position_ledger"},
}
IMPURE = {"asyncio", "datetime.now", "os", "random", "secrets", "socket", "sqlite3", "psycopg", "threading", "time"}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "types", "misc"}


def modules(*layers: str) -> Iterator[tuple[str, Path, ast.Module]]:
    for layer in layers:
        for path in sorted((ROOT / layer).rglob("*.py")):
            yield layer, path, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.add(node.module or "")
    return names


def arrows(found: set[str], layer: str) -> set[str]:
    return {name for name in found if name.partition(".")[0] in LAYERS} - {
        name for name in found if name.partition(".")[0] in MAY_IMPORT[layer] | {layer}
    }


def test_arrows_point_inward() -> None:
    wrong = {str(path.relative_to(ROOT)): arrows(imported(tree), layer) for layer, path, tree in modules(*LAYERS)}
    assert not {path: names for path, names in wrong.items() if names}


def test_an_arrow_outward_is_seen() -> None:
    assert arrows(imported(ast.parse("import infrastructure.event_store.port")), "domain") == {
        "infrastructure.event_store.port"
    }
    assert arrows(imported(ast.parse("from scripts import cli")), "infrastructure") == {"scripts"}


def test_the_domain_does_no_io_and_has_no_clock_no_randomness_no_float() -> None:
    for _, path, tree in modules("domain"):
        assert not imported(tree) & IMPURE, path
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), path
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"now", "utcnow", "today", "uuid4"}, f"{path}:{node.lineno}"


def test_every_module_says_in_its_first_line_why_it_exists() -> None:
    for _, path, tree in modules(*LAYERS):
        words = ast.get_docstring(tree) or ""
        assert words.partition("\n")[0].endswith((".", ":")), path


def test_no_module_is_named_for_nothing() -> None:
    for _, path, _tree in modules(*LAYERS):
        assert path.stem not in FORBIDDEN_NAMES


@pytest.mark.parametrize(
    "pattern", [r"\bTODO\b", r"\bFIXME\b", r"\bXXX\b", r"pragma: no cover", r"mark\.skip", r"pytest\.skip"]
)
def test_nothing_is_left_undone_in_a_comment(pattern: str) -> None:
    for _, path, _tree in modules(*LAYERS, "tests"):
        if path != Path(__file__):
            assert not re.search(pattern, path.read_text(encoding="utf-8")), path


def test_an_exception_to_a_rule_has_its_reason_beside_it() -> None:
    bare = re.compile(r"#\s*(noqa|type: ignore)(\S*|:[^#-]*|\[[^]]*\])\s*$")
    for _, path, _tree in modules(*LAYERS, "tests"):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            assert not bare.search(line), f"{path}:{number}: {line.strip()}"


def test_what_make_test_tests_is_the_wheel() -> None:
    installed = Path(str(domain.__file__)).parent.parent
    assert (installed == ROOT) == ("LEDGER_TESTS_THE_WHEEL" not in os.environ)
