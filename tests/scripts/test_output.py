"""Tables as lines, lists as JSON, and the progress of long work: one line that is redrawn, or several lines."""

from __future__ import annotations

import errno
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from scripts.output import Table, json_text, lines_of, print_json_list, progress, show_table
from scripts.screen import columns_of


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let stdout be a terminal of so many columns."""

    def of(columns: int) -> None:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))

    return of


def test_a_table_is_as_wide_as_its_cells_which_show_what_is_hidden_in_them() -> None:
    rows = [("a\x1b[2Jb", 5, None), ("≈1", 12345, "100 %")]
    assert lines_of(Table("", ("what", "n", "share"), rows, frozenset({"n"}))) == [
        "what           n  share",
        "---------  -----  -----",
        "a\\x1b[2Jb      5",
        "≈1         12345  100 %",
    ]
    assert lines_of(Table("", ("what", ""), [])) == ["what", "----  "]


def test_wide_letters_and_marks_leave_columns_where_they_are() -> None:
    rows = [("币安人生USDT", 5), ("e\u0301X", 12345), ("APTUSDT", 7)]
    assert lines_of(Table("", ("what", "币"), rows, frozenset({"币"}))) == [
        "what             币",
        "------------  -----",
        "币安人生USDT      5",
        "e\u0301X            12345",
        "APTUSDT           7",
    ]


CRITERIA = Table(
    "",
    ("criterion", "value", "what"),
    [("late_duplicates", 0, "what was refused only after its order had been sent"), ("bare", 1234567, None)],
    frozenset({"value"}),
)


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (
            50,
            [
                "criterion          value  what",
                "---------------  -------  ------------------------",
                "late_duplicates        0  what was refused only",
                "                          after its order had been",
                "                          sent",
                "bare             1234567",
            ],
        ),
        (
            45,
            [
                "criterion          value",
                "---------------  -------",
                "late_duplicates        0",
                "    what was refused only after its order had",
                "    been sent",
                "bare             1234567",
            ],
        ),
        (
            23,
            [
                "criterion  late_duplicates",
                "value      0",
                "what       what was refused",
                "           only after its order",
                "           had been sent",
                "",
                "criterion  bare",
                "value      1234567",
            ],
        ),
    ],
)
def test_a_terminal_that_is_too_narrow_breaks_no_number(
    columns: int,
    lines: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: Callable[[int], None],
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    show_table(CRITERIA)
    assert capsys.readouterr().out.splitlines() == lines_of(CRITERIA), "a pipe has no width"
    terminal(columns)
    show_table(CRITERIA)
    assert capsys.readouterr().out.splitlines() == lines
    terminal(80)
    show_table(CRITERIA)
    assert capsys.readouterr().out.splitlines() == lines_of(CRITERIA)


def test_a_terminal_that_is_too_narrow_for_numbers_alone_gets_a_block_for_each_row(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None]
) -> None:
    terminal(12)
    show_table(Table("", ("currency", "net"), [("USDT", "1234567"), ("BTC", "")], frozenset({"net"})))
    assert capsys.readouterr().out.splitlines() == ["currency  USDT", "net       1234567", "", "currency  BTC"]


@pytest.mark.parametrize("columns", [3, 12, 40])
def test_a_terminal_that_is_too_narrow_gets_the_names_of_the_columns_of_an_empty_table(
    columns: int, capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None]
) -> None:
    terminal(columns)
    names = ("position", "side", "status", "quantity", "profit", "remarks")
    show_table(Table("", names, []))
    assert capsys.readouterr().out.split() == [*names]


@pytest.mark.parametrize("columns", [3, 30, 45])
def test_wide_letters_are_wrapped_by_the_columns_that_they_take_and_links_are_never_broken(
    columns: int, capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None]
) -> None:
    terminal(columns)
    link, words = "https://exchange.example/orders/0123456789abcdef", "交易所没有回答这个订单的问题因此它的结果还不知道"
    show_table(Table("", ("order", "what"), [("1", f"{link} {words} ok")]))
    out = capsys.readouterr().out
    assert link in out and words in "".join(each for each in out if each in words) and "ok" in out.split()
    texts = [line for line in out.splitlines() if not line.isascii()]
    assert max(map(columns_of, texts)) <= max(columns, 30)


@pytest.mark.parametrize("count", [0, 1, 1_000, 1_001, 2_500])
def test_a_list_that_is_printed_in_parts_is_one_document(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    items = [{"n": n, "of": [], "by": {}, "text": "],\n[≈\x1b\x7f\u202e"} for n in range(count)]
    print_json_list(iter(items))
    printed = capsys.readouterr().out
    assert json.loads(printed) == items
    assert printed == json_text(items, indent=2)
    seen = json.dumps(items, indent=2, ensure_ascii=False)
    assert printed == seen.replace("\x7f", "\\u007f").replace("\u202e", "\\u202e") + "\n"


class Terminal(io.StringIO):
    """A terminal, and all that was written to it."""

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        """What stands there now."""
        return self.getvalue().rpartition("\r")[2].replace("\x1b[K", "")


@contextmanager
def a_terminal(terminal: Terminal | None = None) -> Iterator[Terminal]:
    """Stderr is one; not as a fixture, for pytest takes stderr back before the test begins."""
    with pytest.MonkeyPatch.context() as patch:
        terminal = terminal or Terminal()
        patch.setattr(sys, "stderr", terminal)
        patch.setenv("COLUMNS", "60")
        yield terminal


def until_shown(terminal: Terminal, advance: Callable[[int], None]) -> None:
    """A clock may stand still between two steps."""
    deadline = time.monotonic() + 10
    while not terminal.shown:
        assert time.monotonic() < deadline, "nothing is shown"
        advance(0)


def test_a_terminal_shows_how_far_it_is_and_nothing_afterwards() -> None:
    with a_terminal() as terminal:
        with progress("reading", 4_000, quiet_seconds=0) as advance:
            advance(1_000)
            until_shown(terminal, advance)
            assert terminal.shown.startswith("reading: 1,000 of 4,000, ")
            assert terminal.shown.endswith(" s left")
        assert terminal.shown == ""


def test_a_line_never_grows_beyond_the_terminal() -> None:
    with a_terminal() as terminal, progress("reading " * 20, quiet_seconds=0) as advance:
        until_shown(terminal, advance)
        assert terminal.shown == ("reading " * 20)[:59]


class GoneTerminal(Terminal):
    """A terminal that was closed under the command."""

    def write(self, _: str, /) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_work_goes_on_when_its_terminal_is_gone() -> None:
    with a_terminal(GoneTerminal()), progress("reading", quiet_seconds=-1) as advance:
        advance(1)


def test_what_is_soon_done_shows_nothing() -> None:
    with a_terminal() as terminal, progress("reading", 2) as advance:
        advance(1)
        advance(1)
        assert terminal.getvalue() == ""


def test_a_log_is_told_in_lines_and_only_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 2) as advance:
        advance(1)
        advance(1)
    assert capsys.readouterr().err == ""
