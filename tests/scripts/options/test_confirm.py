"""A command changes something only with a reason; without --confirm it changes nothing."""

from __future__ import annotations

import click
import pytest

from scripts.options.confirm import confirm_options


@click.command
@confirm_options("Do it", "for good")
def command(reason: str | None) -> str:
    return reason or "only looked"


def said_by(*words: str) -> object:
    """What a command makes of these words."""
    return command.main(list(words), standalone_mode=False)


@pytest.mark.parametrize("spelling", ["--confirm", "--apply"])
def test_a_change_has_its_reason(spelling: str) -> None:
    assert said_by(spelling, "--reason", "after the crash") == "after the crash"


def test_to_look_needs_no_reason() -> None:
    assert said_by() == "only looked"


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
        said_by(*words)


def test_help_shows_one_spelling() -> None:
    shown = command.get_help(click.Context(command))
    assert "--confirm" in shown and "--apply" not in shown
