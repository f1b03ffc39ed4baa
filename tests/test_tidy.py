"""The code base tests its own style: arrows between layers first."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

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
HAS_A_LOCK = "domain/commands/base.py"
"""Its classes are built when they are first used, by whichever thread, and never while the process is forked."""
FORBIDDEN_NAMES = {"utils", "helpers", "common", "types", "misc"}
LINES_MAX = 500
WRITTEN_BY_A_PROGRAM = {"infrastructure/ledger/typed_commands.py"}
LOOSE_MODULES_MAX = 12
FLOORS_MAX = 4
FMT_SKIPS_MAX = 60
TWIN_STORES = re.compile(r"infrastructure\.event_store\.((sqlite|postgres)\.([a-z]+\.)?)?")
"""The two stores, and what they share: whoever knows the one finds the same names in the other."""
TWIN_CLASSES: set[str] = set()
"""Class names that stand for two things today."""
CIRCLES: set[str] = set()
"""Modules of today that import each other in a circle, each circle by one of them."""
IMPORTS_THE_CUTOVER = re.compile(r"^\s*(?:from|import) (?:infrastructure|scripts)\.legacy\b", re.MULTILINE)
UNDONE = re.compile(r"\b(?:TODO|FIXME|XXX)\b|pragma: no cover|(?:mark|pytest)\.skip")
SEES_THE_OLD_TABLE = {"tests.infrastructure.event_store.test_compat_view", "tests.infrastructure.test_secrets"}
"""Tests from elsewhere that need a reader of the old table."""


def texts(*layers: str) -> Iterator[tuple[str, Path, str]]:
    for layer in layers:
        for path in sorted((ROOT / layer).rglob("*.py")):
            yield layer, path, path.read_text(encoding="utf-8")


@cache
def modules() -> list[tuple[str, Path, ast.Module]]:
    return [(layer, path, ast.parse(text)) for layer, path, text in texts(*LAYERS)]


@cache
def imports(tree: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in imports(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        else:
            assert node.level == 0, "imports are absolute"
            names.add(node.module or "")
    return names


def arrows(found: set[str], layer: str) -> set[str]:
    return {name for name in found if name.partition(".")[0] in LAYERS} - {
        name for name in found if name.partition(".")[0] in MAY_IMPORT[layer] | {layer}
    }


def test_arrows_point_inward() -> None:
    wrong = {str(path.relative_to(ROOT)): arrows(imported(tree), layer) for layer, path, tree in modules()}
    assert not {path: names for path, names in wrong.items() if names}


def test_an_arrow_outward_is_seen() -> None:
    assert arrows(imported(ast.parse("import infrastructure.event_store.port")), "domain") == {
        "infrastructure.event_store.port"
    }
    assert arrows(imported(ast.parse("from scripts import cli")), "infrastructure") == {"scripts"}


def test_the_domain_does_no_io_and_has_no_clock_no_randomness_no_float() -> None:
    for _, path, tree in [each for each in modules() if each[0] == "domain"]:
        allowed = {"threading"} if path == ROOT / HAS_A_LOCK else set[str]()
        assert imported(tree) & IMPURE == allowed, path
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), path
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"now", "utcnow", "today", "uuid4"}, f"{path}:{node.lineno}"


def test_every_module_says_in_its_first_line_why_it_exists() -> None:
    for _, path, tree in modules():
        words = ast.get_docstring(tree) or ""
        assert words.partition("\n")[0].endswith((".", ":")), path


def test_no_module_is_named_for_nothing() -> None:
    for _, path, _ in modules():
        assert path.stem not in FORBIDDEN_NAMES


def name_of(path: Path) -> str:
    """The dotted name of a module; a package has that of its folder."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def named_modules() -> dict[str, ast.Module]:
    return {name_of(path): tree for _, path, tree in modules()}


def imports_between(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Which of some modules each of them imports, inside functions and for types as well."""

    def module(name: str) -> str:
        while name and name not in trees:
            name = name.rpartition(".")[0]
        return name

    found = {}
    for importer, tree in trees.items():
        names = imported(tree)
        for node in imports(tree):
            if isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
                names.discard(node.module or "")
        found[importer] = {module(name) for name in names} - {"", importer}
    return found


def twins(names: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Which names are there more than once, and where; the two stores are one place."""
    places: dict[str, dict[str, str]] = {}
    for name, module in names:
        places.setdefault(name, {}).setdefault(TWIN_STORES.sub("store.", module), module)
    return {name: sorted(found.values()) for name, found in places.items() if len(found) > 1}


def test_a_class_name_stands_for_one_thing() -> None:
    classes = [
        (node.name, module)
        for module, tree in named_modules().items()
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    ]
    found = twins(classes)
    assert found.keys() == TWIN_CLASSES, found


def test_a_module_name_stands_for_one_room() -> None:
    verbs = re.compile(r"scripts\.commands\.|domain\.(commands|decisions)\.")
    found = twins(
        (module.rpartition(".")[2], module)
        for _, path, _ in modules()
        if path.name != "__init__.py" and not verbs.match(module := name_of(path))
    )
    assert not found


def test_names_that_stand_for_two_things_are_seen() -> None:
    assert twins([("Gap", "projections.a"), ("Gap", "scripts.b"), ("Once", "scripts.b")]).keys() == {"Gap"}
    store = "infrastructure.event_store"
    assert twins([("x", f"{store}.sqlite.x"), ("x", f"{store}.postgres.session.x"), ("x", f"{store}.x")]) == {}


def folders(names: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(name.rpartition(".")[0], set()).add(name)
    return found


def test_a_folder_has_at_most_a_dozen_loose_modules() -> None:
    trees = named_modules()
    packages = {name.rpartition(".")[0] for name in trees}
    crowded = {folder: len(names - packages) for folder, names in folders(trees).items()}
    assert {folder: count for folder, count in crowded.items() if count > LOOSE_MODULES_MAX} == {}


def test_no_module_has_more_than_500_lines_unless_a_program_writes_it() -> None:
    lines = {str(path.relative_to(ROOT)): text.count("\n") for _, path, text in texts(*LAYERS)}
    assert {path for path, count in lines.items() if count > LINES_MAX} == WRITTEN_BY_A_PROGRAM


def unnamed(folder_names: Iterable[str], page: str) -> set[str]:
    """The folders that a page does not name, by the last part of their names; those of single kinds are many."""
    return {
        folder
        for folder in folder_names
        if f"{folder.rpartition('.')[2]}/`" not in page and not re.search(r"\.kinds\.\w+\.", folder)
    }


def test_the_layout_names_every_folder() -> None:
    _, _, layout = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").partition("\n## Layout\n")
    packages = folders(named_modules()).keys() - {"", "position_ledger"}
    assert unnamed(packages, layout) == set()


def test_a_folder_that_the_layout_leaves_out_is_seen() -> None:
    names = ["projections.health", "projections.away", "infrastructure.transfer.kinds.exchanges.okx"]
    assert unnamed(names, "| `projections/health/` | … |") == {"projections.away"}


def reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    """Everything that a module imports, and what that imports, and so on."""
    found: set[str] = set()
    left = set(graph[start])
    while left:
        found.add(module := left.pop())
        left |= graph[module] - found
    return found


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The modules that import themselves by way of others, those of one circle together."""
    reach = {module: reached(module, graph) for module in graph}
    found: list[set[str]] = []
    for module in sorted(graph):
        if module in reach[module] and not any(module in circle for circle in found):
            found.append({other for other in reach[module] if module in reach[other]})
    return found


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    found = circles(imports_between(named_modules()))
    assert len(found) == len(CIRCLES) and all(circle & CIRCLES for circle in found), found


def floors(graph: dict[str, set[str]]) -> int:
    """How many modules the longest way through them has, from one to what it imports; a circle is one floor."""
    together = {module: min(circle) for circle in circles(graph) for module in circle}
    above: dict[str, set[str]] = {}
    for module, names in graph.items():
        here = together.get(module, module)
        above.setdefault(here, set()).update({together.get(name, name) for name in names} - {here})

    def height(module: str) -> int:
        return 1 + max((height(name) for name in above[module]), default=0)

    return max(map(height, above))


def test_a_folder_has_at_most_four_floors() -> None:
    graph = imports_between(named_modules())
    high = {folder: floors({name: graph[name] & names for name in names}) for folder, names in folders(graph).items()}
    assert {folder: count for folder, count in high.items() if count > FLOORS_MAX} == {}


def test_floors_and_circles_are_counted() -> None:
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": set[str](), "d": {"c"}}
    assert (floors(graph), circles(graph)) == (4, [])
    graph["d"] = {"b", "c"}
    assert (floors(graph), circles(graph)) == (3, [{"b", "d"}])


def test_what_ends_with_the_cutover_can_be_taken_away() -> None:
    """The command line names its commands in a table of texts, and imports the one that is asked for."""
    importers = {name_of(path) for _, path, text in texts(*LAYERS, "tests") if IMPORTS_THE_CUTOVER.search(text)}
    assert {module for module in importers if ".legacy" not in module} == SEES_THE_OLD_TABLE


def test_the_formatter_is_overruled_only_for_tables() -> None:
    skips = [text.count("fmt: skip") for _, path, text in texts(*LAYERS, "tests") if path != Path(__file__)]
    assert sum(skips) <= FMT_SKIPS_MAX


def test_nothing_is_left_undone_in_a_comment() -> None:
    for _, path, text in texts(*LAYERS, "tests"):
        assert path == Path(__file__) or not UNDONE.search(text), path


def test_an_exception_to_a_rule_has_its_reason_beside_it() -> None:
    bare = re.compile(r"#\s*(noqa|type: ignore)(\S*|:[^#-]*|\[[^]]*\])\s*$")
    for _, path, text in texts(*LAYERS, "tests"):
        if path == Path(__file__):
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            assert not bare.search(line), f"{path}:{number}: {line.strip()}"


def test_what_make_test_tests_is_the_wheel() -> None:
    installed = Path(str(domain.__file__)).parent.parent
    assert (installed == ROOT) == ("LEDGER_TESTS_THE_WHEEL" not in os.environ)


def test_no_property_has_a_time_limit_in_whatever_order_modules_are_imported(request: pytest.FixtureRequest) -> None:
    """That of hypothesis, 200 ms for an example, is missed on a busy machine."""
    properties = [getattr(item, "obj", None) for item in request.session.items]
    chosen = [getattr(each, "_hypothesis_internal_use_settings", settings()) for each in properties]
    assert {each.deadline for each in (settings(), *chosen)} == {None}
