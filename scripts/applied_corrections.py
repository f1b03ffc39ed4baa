"""Printing the outcome of corrections: which were made, and why the others were not."""

from __future__ import annotations

from collections.abc import Sequence

from infrastructure.operations.apply_corrections import Applied
from projections.reconciliation.command_text import in_words
from scripts.output import show


def show_applied(applied: Sequence[Applied], *, overtaken: str) -> None:
    """List the corrections that were made, then the others; `overtaken` explains one that came after another event."""
    show("", "done:" if any(each.is_done for each in applied) else "nothing was changed")
    for each in applied:
        if each.is_done:
            show(f"  {in_words(each.correction.command)}")
    for each in applied:
        if not each.is_done:
            why = overtaken if each.was_overtaken else str(each.answer)
            show(f"not done: {in_words(each.correction.command)}: {why}")
