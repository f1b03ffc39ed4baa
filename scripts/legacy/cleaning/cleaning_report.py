"""The report of a cleanup: what was found, changed and left alone; the same for a legacy table and for a ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from domain.json_object import JsonObject
from scripts.output import print_table, show

DONE: Final = "done"


@dataclass
class CleaningLine(JsonObject):
    """One finding: its place, the correction (empty if it is left alone), and the reason."""

    mode: str
    where: str
    what: str
    why: str
    details: dict[str, Any]
    outcome: str = ""
    """The outcome of the correction; blank when it was not to be made."""

    json_keys: ClassVar = ("**details", ("outcome", lambda line: line.outcome or None))

    @property
    def is_done(self) -> bool:
        """Whether the correction was made."""
        return self.outcome == DONE


@dataclass
class Cleaning(JsonObject):
    """All findings in one table or ledger."""

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
        """Whether nothing is left to do."""
        return not self.left and all(line.is_done for line in self.changes)

    def print(self) -> None:
        """Print the report for a person."""
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
