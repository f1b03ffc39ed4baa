"""The output at the end of `make test-ha`: the table of the faults that were run, and of those that cannot run here."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

HEADINGS = """fault | acknowledged | lost | doubled | unknown | not written | written all the same
| seconds without writes | new leader after | longest answer""".replace("\n", " ").split(" | ")


@pytest.fixture(scope="package", autouse=True)
def told_to_end_is_as_interrupted() -> Iterator[None]:
    """SIGTERM cleans up, as Ctrl-C does; not in other tests, whose forks it has to end."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [value for report in reports for name, value in report.user_properties if name == "row of faults"]
    if not lines:
        return
    from tests.ha.rows import LEFT_OUT, ROWS

    lines.sort(key=lambda line: [row.name for row in ROWS].index(line[0]))
    for line in [HEADINGS, ["---"] * len(HEADINGS), *lines]:
        terminalreporter.write_line(f"| {' | '.join(map(cell, line))} |")
    for row in LEFT_OUT:
        terminalreporter.write_line(f"NOT RUN: {row.name}, for no network can be cut here (tests/ha/apart says why)")


def cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case float():
            return f"{value:.1f}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)
