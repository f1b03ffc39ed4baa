"""Whoever changes something says why; whoever looks changes nothing."""

from __future__ import annotations

import click
import pytest

from scripts.options.confirm import confirm_options


def reason_of(*words: str) -> str | None:
    """What a command is handed."""
    handed: list[str | None] = []

    @click.command
    @confirm_options("Do it", "for good")
    def command(reason: str | None) -> None:
        handed.append(reason)

    command.main(list(words), standalone_mode=False)
    return handed[0]


@pytest.mark.parametrize("spelling", ["--confirm", "--apply"])
def test_a_change_has_its_reason(spelling: str) -> None:
    assert reason_of(spelling, "--reason", "after the crash") == "after the crash"


def test_to_look_needs_no_reason() -> None:
    assert reason_of() is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--confirm"], "--confirm needs --reason TEXT"),
        (["--apply"], "--apply needs --reason TEXT"),
        (["--reason", "x"], "--reason is for --confirm"),
        (["--confirm", "--reason", " "], "it says nothing"),
    ],
)
def test_the_one_without_the_other_is_usage(words: list[str], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        reason_of(*words)
