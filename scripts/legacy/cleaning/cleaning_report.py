"""What cleaning up found, did, and left alone: the same for a legacy table and for a ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import click

from scripts.output import print_table


@dataclass
class CleaningLine:
    """One thing: where, what is done about it (nothing, if it is left alone), and why."""

    mode: str
    where: str
    what: str
    why: str
    details: dict[str, Any]
    outcome: str = ""
    """What became of it, when it was to be done; blank when it was not."""

    @property
    def is_done(self) -> bool:
        """Whether it was done."""
        return self.outcome == DONE

    def as_json(self) -> dict[str, Any]:
        """The line as a program reads it."""
        return {**self.details, "outcome": self.outcome or None}


DONE = "done"


@dataclass
class Cleaning:
    """Everything that was found in one place."""

    place: str
    confirmed: bool
    changes: list[CleaningLine] = field(default_factory=list)
    left: list[CleaningLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is to be done any more."""
        return not self.left and all(line.is_done for line in self.changes)

    def as_json(self) -> dict[str, Any]:
        """The report as a program reads it."""
        return {
            "place": self.place,
            "confirmed": self.confirmed,
            "changes": [line.as_json() for line in self.changes],
            "left": [line.details for line in self.left],
            "notes": self.notes,
            **self.details,
        }

    def print(self) -> None:
        """Print it for a person."""
        done = sum(line.is_done for line in self.changes)
        counted = f"{done} of {len(self.changes)} changed" if self.confirmed else f"{len(self.changes)} to change"
        click.echo(f"{self.place}: {counted}, {len(self.left)} left alone")
        for title, lines in (("done" if self.confirmed else "to do", self.changes), ("left alone", self.left)):
            if lines:
                click.echo(f"\n{title}:")
                print_table(
                    ("mode", "position", "what", "why"),
                    [(line.mode, line.where, _outcome(line), line.why) for line in lines],
                )
        if self.changes and not self.confirmed:
            click.echo("\nnothing was changed: run it again with --confirm --reason TEXT to do it")
        for note in self.notes:
            click.echo(f"\n{note}")


def _outcome(line: CleaningLine) -> str:
    return line.what if line.outcome in ("", DONE) else f"NOT DONE: {line.what}: {line.outcome}"
