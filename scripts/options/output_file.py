"""A file that an option names: it is replaced at once, and never seen half written."""

from __future__ import annotations

from pathlib import Path

import click

from infrastructure.atomic_file import whole_file


def write_file(path: Path, data: bytes) -> None:
    """Put a file in its place: whoever has the old one open never sees half of the new one.

    Refuses: a usage error when the folder is not there or may not be written to, and for a link to a file.
    """
    try:
        with whole_file(path, replaces=True) as out:
            out.write(data)
    except FileExistsError as there:
        raise click.UsageError(f"{path} {there.strerror}; name the file that it leads to") from None
    except OSError as wrong:
        raise click.UsageError(f"{path} cannot be written: {wrong.strerror or wrong}") from None
