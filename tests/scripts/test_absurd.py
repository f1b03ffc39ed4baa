"""Absurd values and unreadable files are refused with a message, never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.ledger.ledger import PositionLedger
from scripts.options.filters import EVERYTHING
from scripts.serving.page_parts import parts_of_results
from scripts.serving.recent_results import ResultsReader
from tests.scripts.cases import fill
from tests.scripts.program import Program

LOG = Path(__file__).parent.parent / "samples_logs" / "day.log"
HUGE = "1" + "0" * 20
VALUES = {
    ("diagnose", "--age"): ("nan", "inf", "1e300", "-1", HUGE),
    ("diagnose", "--max-age"): (HUGE, "nan"),
    ("cleanup", "--mode", "incomplete", "--snapshot", "SNAPSHOT", "--age"): ("nan", "1e300"),
    ("cleanup", "--mode", "duplicates", "--age"): ("nan", "1e300"),
    ("recover", "--snapshot", "SNAPSHOT", "--max-age"): (HUGE,),
    ("reconcile", "--snapshot", "SNAPSHOT", "--max-age"): (HUGE,),
    ("analyze-logs", str(LOG), "--timezone", "UTC", "--lines"): (HUGE, "0"),
    ("stats", "--since"): ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "999999w", "nan"),
    ("stats", "--until"): ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    ("report", "--since"): ("0001-01-01T00:00:00Z", "999999w"),
    ("report", "--until"): ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"),
    ("projections", "--reason", "x", "--skip"): (HUGE, "-1"),
    ("verify", "--processes"): (HUGE,),
    ("positions", "--as-of"): (HUGE, f"#{HUGE}", "nan"),
    ("shadow", "--from", "postgresql://127.0.0.1:1/x", "--until-idle"): ("nan", "1e300"),
    ("bench", "--seconds"): ("nan", "inf"),
    ("reproduce", "--duration"): ("nan",),
}
SNAPSHOT = Path(__file__).parent.parent / "samples_snapshots" / "binance.json"
FILES = {
    "a folder": None,
    "not UTF-8": b"\xff\xfe\x00\xd8 \x80",
    "binary": bytes(range(256)) * 40,
    "deep": b"[" * 200_000,
    "a long number": b'{"format": ' + b"9" * 10_000 + b"}",
    "empty": b"",
    "half of gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b",
    "what only fails when it is read": Path("/proc/self/mem"),
}
READERS: dict[str, list[str]] = {
    "verify": ["verify", "--anchor"],
    "import": ["import"],
    "import-legacy": ["import-legacy", "--dump"],
    "recover": ["recover", "--snapshot"],
    "reconcile": ["reconcile", "--snapshot"],
    "diagnose": ["diagnose", "--snapshot"],
    "cleanup": ["cleanup", "--mode", "all", "--snapshot"],
    "analyze-logs": ["analyze-logs", "--timezone", "UTC"],
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fill(f"sqlite:///{tmp_path}/ledger.db")
    monkeypatch.setenv("LEDGER_DATABASE_URL", f"sqlite:///{tmp_path}/ledger.db")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "value"), [(words, value) for words, values in VALUES.items() for value in values], ids=str
)
def test_an_absurd_value_is_a_usage_error(words: tuple[str, ...], value: str, here: Path, program: Program) -> None:
    ran = program(*(str(SNAPSHOT) if word == "SNAPSHOT" else word for word in words), value)
    assert ran.code in (1, 2) and ran.out == "", (ran.out, here)
    assert "Traceback" not in ran.err and words[-1].removeprefix("--") in ran.err.replace("as of", "as-of")


@pytest.mark.parametrize(
    "words",
    [["stats", "--since", "9999d"], ["diagnose", "--age", "1000000"], ["analyze-logs", str(LOG), "--timezone", "UTC"]],
)
def test_what_is_only_large_is_taken(words: list[str], here: Path, program: Program) -> None:
    assert program(*words).code in (0, 1), here


@pytest.mark.parametrize("reads", READERS.values(), ids=READERS)
@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_read_is_said(
    reads: list[str], content: bytes | Path | None, here: Path, program: Program
) -> None:
    path = here / "file"
    if content is None:
        path.mkdir()
    elif isinstance(content, Path):
        path = content
    else:
        path.write_bytes(content)
    ran = program(*reads, path)
    assert ran.code in (0, 1, 2), ran.err
    assert ran.out + ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize("is_over", [False, True])
def test_amounts_of_any_size_that_the_ledger_takes_are_shown(
    tmp_path: Path, program: Program, *, is_over: bool
) -> None:
    url, most = f"sqlite:///{tmp_path}/ledger.db", "999999999999999999"
    with PositionLedger.connect(url) as ledger:
        place = ledger.request_entry(
            symbol="APTUSDT", exchange="binance", side="long", quantity=f"{most}.123456", intent_id="1"
        ).position_id
        ledger.record_entry_fill(
            position_id=place, trade_id="1", last_qty=f"{most}.123456", last_px="0.000000000000000001"
        )
        left = most if is_over else "999999999999999998"
        ledger.reduce(position_id=place, trade_id="2", last_qty=f"{left}.123456", last_px=f"{most}.123456789")
        if is_over:
            ledger.close(position_id=place, exit_reason="target")
    page = tmp_path / "page.html"
    for words in (
        "positions",
        "positions --json",
        "status",
        "pnl --by symbol",
        "stats",
        "report",
        "metrics",
        "diagnose",
    ):
        ran = program(*words.split(), "--database", url)
        assert ran.code in (0, 1) and "Error" not in ran.err, words
    for words in (f"history {place}", f"history {place} --html {page}", f"report --html {page} --cycles"):
        ran = program(*words.split(), "--database", url)
        assert ran.code == 0 and "Error" not in ran.err, words
    with PositionLedger.connect(url) as ledger:
        reader = ResultsReader(ledger, EVERYTHING)
        reader.run(lambda _: reader.stop())
        assert ("USDT" in parts_of_results(reader.lately)["earned"]) == is_over
