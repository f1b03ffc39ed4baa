"""The type checker reports every mistake of a user of the installed package, and nothing in a correct bot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

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


def mypy(folder: Path, source: str) -> dict[int, list[str]]:
    """What mypy says about each line, told as a user would ask it: strictly."""
    said = ran(folder, source, "mypy", "--strict", "--config-file=")
    return by_line(re.findall(r"^bot\.py:(\d+): (?:error|note): (.*)", said, re.MULTILINE))


def pyright(folder: Path, source: str) -> dict[int, list[str]]:
    """What pyright says about each line, as editors have it set up, and about what is not awaited."""
    settings = {"typeCheckingMode": "standard", "reportUnusedCoroutine": "error"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    said = json.loads(ran(folder, source, "basedpyright", "--outputjson", "--pythonpath", sys.executable))
    found = said["generalDiagnostics"]
    return by_line((each["range"]["start"]["line"] + 1, f"{each['message']} [{each.get('rule')}]") for each in found)


def ran(folder: Path, source: str, checker: str, *options: str) -> str:
    (folder / "bot.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", checker, *options, "bot.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def by_line(said: Iterable[tuple[int | str, str]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for line, words in said:
        found.setdefault(int(line), []).append(words)
    return found


Checker = Callable[[Path, str], dict[int, list[str]]]
both = pytest.mark.parametrize(("check", "rule"), [(mypy, 0), (pyright, 1)], ids=["mypy", "pyright"])


@both
def test_a_right_bot_is_told_nothing(check: Checker, rule: int, tmp_path: Path) -> None:
    del rule
    assert check(tmp_path, BOT.read_text(encoding="utf-8")) == {}


def test_a_right_bot_runs() -> None:
    done = subprocess.run([sys.executable, str(BOT)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("rolled_back\n3.4496\nNone SUIUSDT.binance#1\npending_entry\n", "")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_told_nothing_but_that_ccxt_has_no_types(example: Path, tmp_path: Path) -> None:
    told = mypy(tmp_path, example.read_text(encoding="utf-8"))
    words = [each for line in told.values() for each in line if "ccxt" not in each and "missing-imports" not in each]
    assert words == []


@both
def test_every_mistake_is_told(check: Checker, rule: int, tmp_path: Path) -> None:
    told = check(tmp_path, OPENED + "\n".join(MISTAKES))
    first = OPENED.count("\n") + 1
    for line, (mistake, rules) in enumerate(MISTAKES.items(), start=first):
        assert any(f"[{rules[rule]}]" in words for words in told.pop(line, [])), mistake
    assert told == {}


@both
def test_an_answer_has_its_type(check: Checker, rule: int, tmp_path: Path) -> None:
    del rule
    told = check(tmp_path, OPENED + "\n".join(f"reveal_type({asked})" for asked in ANSWERS))
    first = OPENED.count("\n") + 1
    for line, (asked, answer) in enumerate(ANSWERS.items(), start=first):
        (words,) = told.pop(line)
        assert re.sub(r"\b[a-z_]+\.", "", words).split('"')[-2] == answer, asked
    assert told == {}
