"""The type checker reports every mistake of a user of the installed package, and nothing in a correct bot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

BOT = Path(__file__).with_name("bot.py")
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))

OPENED = """
from decimal import Decimal
from position_ledger import AsyncPositionLedger, PositionLedger

books = PositionLedger.connect()
"""

ENTRY = 'symbol="APTUSDT", exchange="binance", side="short", quantity="61.8", intent_id="1"'
FLAT = "books.roll_back(position_id='APTUSDT.binance#1', evidence="

UNAWAITED = ("unused-coroutine", "reportUnusedCoroutine")
MISTAKES = {
    f"books.request_entry({ENTRY}, signl_price='3.2')": ("call-arg", "reportCallIssue"),
    "books.request_entry(symbol='APTUSDT', exchange='binance', side='short')": ("call-arg", "reportCallIssue"),
    f"books.request_entry({ENTRY}, signal_price=3.2)": ("arg-type", "reportArgumentType"),
    f"books.request_entry({ENTRY}, metadata={{'seen': 3.2}})": ("dict-item", "reportArgumentType"),
    f"books.request_entry({ENTRY}, source='bot')": ("arg-type", "reportArgumentType"),
    f"books.request_entry({ENTRY}, at=1761159040)": ("arg-type", "reportArgumentType"),
    FLAT + "[{'trade_id': '902', 'last_qty': '61', 'last_px': 3.23}])": ("dict-item", "reportArgumentType"),
    "books.fail_entry(position_id='p', reason='r', outcome='gone')": ("arg-type", "reportArgumentType"),
    "books.activate('APTUSDT.binance#1')": ("call-arg", "reportCallIssue"),
    "async def forgets(b: AsyncPositionLedger) -> None: b.activate(position_id='p')": UNAWAITED,
    "async def reads(b: AsyncPositionLedger) -> None: b.positions()": UNAWAITED,
}
"""What is wrong, and what mypy and pyright call it."""

ANSWERS = {
    "books.activate(position_id='p')": "Receipt",
    "books.start_rollback(position_id='p', reason='r').close_quantity": "Decimal | None",
    "books.position('p')": "PositionRow",
    "books.position('p').quantity": "Decimal",
    "books.position('p').status": "Status",
    "books.history('p')": "list[HistoryEntry]",
    "next(books.subscribe(after=7))": "HistoryEntry",
}


SOURCES = {
    "right.py": BOT.read_text(encoding="utf-8"),
    "mistakes.py": OPENED + "\n".join(MISTAKES),
    "answers.py": OPENED + "\n".join(f"reveal_type({asked})" for asked in ANSWERS),
    **{example.name: example.read_text(encoding="utf-8") for example in EXAMPLES},
}
"""What a checker is asked of, all in one run: to read the package takes most of its time."""

Told = dict[str, dict[int, list[str]]]
"""The words about each line of each source."""


@cache
def mypy() -> Told:
    """What mypy says, told as a user would ask it: strictly."""
    said = ran({}, "mypy", "--strict", "--config-file=", *SOURCES)
    found = re.findall(r"^(\w+\.py):(\d+): (?:error|note): (.*)", said, re.MULTILINE)
    return by_line((name, int(line), words) for name, line, words in found)


@cache
def pyright() -> Told:
    """What pyright says, as editors have it set up, and about what is not awaited."""
    settings = {"typeCheckingMode": "standard", "reportUnusedCoroutine": "error"}
    said = json.loads(ran(settings, "basedpyright", "--outputjson", "--pythonpath", sys.executable, *SOURCES))
    return by_line(
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1, f"{each['message']} [{each.get('rule')}]")
        for each in said["generalDiagnostics"]
    )


def ran(settings: dict[str, str], checker: str, *options: str) -> str:
    """The output of a checker beside the sources, and beside the settings of pyright."""
    with TemporaryDirectory() as name:
        for source, text in SOURCES.items():
            Path(name, source).write_text(text, encoding="utf-8")
        Path(name, "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
        command = [sys.executable, "-m", checker, *options]
        return subprocess.run(command, cwd=name, capture_output=True, text=True, check=False).stdout


def by_line(said: Iterable[tuple[str, int, str]]) -> Told:
    found: Told = {source: {} for source in SOURCES}
    for source, line, words in said:
        found[source].setdefault(line, []).append(words)
    return found


both = pytest.mark.parametrize(("check", "rule"), [(mypy, 0), (pyright, 1)], ids=["mypy", "pyright"])


@both
def test_a_right_bot_is_told_nothing(check: Callable[[], Told], rule: int) -> None:
    del rule
    assert check()["right.py"] == {}


def test_a_right_bot_runs() -> None:
    done = subprocess.run([sys.executable, str(BOT)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("rolled_back\n3.4496\nNone SUIUSDT.binance#1\npending_entry\n", "")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_told_nothing_but_that_ccxt_has_no_types(example: Path) -> None:
    told = mypy()[example.name]
    words = [each for line in told.values() for each in line if "ccxt" not in each and "missing-imports" not in each]
    assert words == []


@both
def test_every_mistake_is_told(check: Callable[[], Told], rule: int) -> None:
    told = dict(check()["mistakes.py"])
    first = OPENED.count("\n") + 1
    for line, (mistake, rules) in enumerate(MISTAKES.items(), start=first):
        assert any(f"[{rules[rule]}]" in words for words in told.pop(line, [])), mistake
    assert told == {}


@both
def test_an_answer_has_its_type(check: Callable[[], Told], rule: int) -> None:
    del rule
    told = dict(check()["answers.py"])
    first = OPENED.count("\n") + 1
    for line, (asked, answer) in enumerate(ANSWERS.items(), start=first):
        (words,) = told.pop(line)
        assert re.sub(r"\b[a-z_]+\.", "", words).split('"')[-2] == answer, asked
    assert told == {}
