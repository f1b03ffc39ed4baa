"""What cleaning up found, did, and left alone: the same for a legacy table and for a ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from domain.json_object import JsonObject
from scripts.output import print_table, show

DONE: Final = "done"


@dataclass
class CleaningLine(JsonObject):
    """One thing: where, what is done about it (nothing, if it is left alone), and why."""

    mode: str
    where: str
    what: str
    why: str
    details: dict[str, Any]
    outcome: str = ""
    """What became of it, when it was to be done; blank when it was not."""

    json_keys: ClassVar = ("**details", ("outcome", lambda line: line.outcome or None))

    @property
    def is_done(self) -> bool:
        """Whether it was done."""
        return self.outcome == DONE


@dataclass
class Cleaning(JsonObject):
    """Everything that was found in one place."""

    place: str
    confirmed: bool
    changes: list[CleaningLine] = field(default_factory=list)
    left: list[CleaningLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    json_keys: ClassVar = (
        "place",
        "confirmed",
        "changes",
        ("left", lambda cleaning: [line.details for line in cleaning.left]),
        "notes",
        "**details",
    )

    @property
    def is_clean(self) -> bool:
        """Whether nothing is to be done any more."""
        return not self.left and all(line.is_done for line in self.changes)

    def print(self) -> None:
        """Print it for a person."""
        done = sum(line.is_done for line in self.changes)
        counted = f"{done} of {len(self.changes)} changed" if self.confirmed else f"{len(self.changes)} to change"
        show(f"{self.place}: {counted}, {len(self.left)} left alone")
        for title, lines in (("done" if self.confirmed else "to do", self.changes), ("left alone", self.left)):
            if lines:
                show("", f"{title}:")
                print_table(
                    ("mode", "position", "what", "why"),
                    [(line.mode, line.where, _outcome(line), line.why) for line in lines],
                )
        if self.changes and not self.confirmed:
            show("", "nothing was changed: run it again with --confirm --reason TEXT to do it")
        for note in self.notes:
            show("", *note.split("\n"))


def _outcome(line: CleaningLine) -> str:
    return line.what if line.outcome in ("", DONE) else f"NOT DONE: {line.what}: {line.outcome}"
