"""`--confirm --reason TEXT`: without them a command changes nothing, and every change has a reason."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from scripts.options.params import REASON

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def confirm_options(does: str, kept: str) -> Decorator:
    """Add both options; the command gets the `reason`, or None when it must not change anything.

    `--apply` is another spelling of `--confirm`.
    """

    def decorate(run: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--confirm", is_flag=True, help=f"{does}; needs --reason.")
        @click.option("--apply", is_flag=True, hidden=True)
        @click.option("--reason", type=REASON, metavar="TEXT", help=f"The reason; it is kept {kept}.")
        @functools.wraps(run)
        def confirmed(*, confirm: bool, apply: bool, reason: str | None, **others: Any) -> Any:
            if (confirm or apply) and reason is None:
                given = "--confirm" if confirm else "--apply"
                raise click.UsageError(f"{given} needs --reason TEXT: a year later somebody will ask")
            if reason is not None and not (confirm or apply):
                raise click.UsageError("--reason is for --confirm; without it nothing is changed")
            return run(reason=reason, **others)

        return confirmed

    return decorate
