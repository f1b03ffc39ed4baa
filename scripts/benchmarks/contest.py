"""The contest: all contestants in turn, round by round, so that noise affects them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from scripts.benchmarks.lifecycle import Contestant, Measured, measure


@dataclass(frozen=True)
class Contested:
    """The results of one number of processes: for each contestant, those of all rounds."""

    processes: int
    rounds: dict[str, list[Measured]]

    def per_second(self, name: str) -> float:
        """Lifecycles per second of a contestant: the median of its rounds."""
        return median(measured.per_second for measured in self.rounds[name])

    def ratio(self, over: str, name: str = "ledger") -> float:
        """How many times as many lifecycles `name` completed as `over`: the median of the ratios of all rounds."""
        pairs = zip(self.rounds[name], self.rounds[over], strict=True)
        return median(mine.per_second / its.per_second for mine, its in pairs)

    def as_json(self) -> dict[str, Any]:
        """The figures, rounded."""
        return {
            "processes": self.processes,
            "contestants": {
                name: {
                    "lifecycles_per_second": round(self.per_second(name), 1),
                    "rounds": [round(measured.per_second, 1) for measured in rounds],
                    "append_p50_ms": round(median(measured.p50_ms for measured in rounds), 3),
                    "append_p99_ms": round(median(measured.p99_ms for measured in rounds), 3),
                }
                for name, rounds in self.rounds.items()
            },
            "ledger_over": {name: round(self.ratio(name), 3) for name in self.rounds if name != "ledger"},
        }


def contest(
    contestants: Sequence[Contestant],
    processes: Sequence[int],
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> list[Contested]:
    """Run every contestant with every number of processes, once in each round; each round begins with another one.

    Shape: one result for each number of processes; `say` reports each measurement. The tables must exist.
    """
    results = [Contested(count, {contestant.name: [] for contestant in contestants}) for count in processes]
    for turn in range(rounds):
        first = turn % len(contestants)
        for contested in results:
            for contestant in (*contestants[first:], *contestants[:first]):
                tag = f"R{turn}C{contested.processes}"
                measured = measure(contestant, contested.processes, seconds, tag)
                contested.rounds[contestant.name].append(measured)
                say(
                    f"round {turn + 1} of {rounds}, {contested.processes} processes, {contestant.name}: "
                    f"{measured.per_second:,.0f} lifecycles/s"
                )
    return results
