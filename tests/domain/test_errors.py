"""The tree of errors is drawn where they are, and drawn as it is."""

from __future__ import annotations

import re

from domain import errors

DRAWN = re.compile(r"^(?P<branch>[│├└─ ]*)(?P<name>\w+)(?: .*)?$", re.MULTILINE)


def drawn(kind: type[Exception]) -> list[str]:
    """A class and those below it, with the branches of their tree."""
    below = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    lines = [kind.__name__]
    for each in below:
        branch, goes_on = ("└── ", "    ") if each is below[-1] else ("├── ", "│   ")
        first, *rest = drawn(each)
        lines += [branch + first, *(goes_on + line for line in rest)]
    return lines


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    assert errors.__doc__
    told = [f"{line['branch']}{line['name']}" for line in DRAWN.finditer(errors.__doc__.partition("\n\n")[2])]
    assert told == drawn(errors.LedgerError)


def test_a_class_below_another_is_drawn_below_it() -> None:
    assert drawn(errors.StoreError) == [
        "StoreError",
        "├── StoreUnavailable",
        "├── SchemaMismatch",
        "├── HistoryDamaged",
        "└── PastLost",
    ]
