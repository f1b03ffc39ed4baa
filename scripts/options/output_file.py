"""Writing the file that an option names: it is replaced atomically."""

from __future__ import annotations

from pathlib import Path

import click

from infrastructure.atomic_file import whole_file
from scripts.signals import terminable


def write_file(path: Path, data: bytes) -> None:
    """Write or replace a file atomically: nobody sees half of it, and SIGTERM deletes what is unfinished.

    Refuses: a usage error when the folder does not exist or cannot be written to, and for a link to a file.
    """
    try:
        with terminable(), whole_file(path, replaces=True) as out:
            out.write(data)
    except FileExistsError as there:
        raise click.UsageError(f"{path} {there.strerror}; name the file that it leads to") from None
    except OSError as wrong:
        raise click.UsageError(f"{path} cannot be written: {wrong.strerror or wrong}") from None
