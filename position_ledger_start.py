"""The start of the command line: checks that `domain` and the other layers are ours, as others may have such names.

It is a module of its own beside the packages, so that none of them is imported before the check.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

LAYERS: Final = ("domain", "infrastructure", "projections", "scripts")
USAGE: Final = 2
STOPPED: Final = 130
_HOME: Final = Path(__file__).resolve().parent


class Stranger(ImportError):
    """A layer would be imported from another package."""


def main() -> None:
    """Run `position-ledger`, or say on one line why it cannot run."""
    try:
        check()
        from scripts.cli import main as run  # noqa: PLC0415 - not before the layers are known to be ours

        run()
    except Stranger as stranger:
        print(stranger, file=sys.stderr)
        sys.exit(USAGE)
    except KeyboardInterrupt:  # during the import; a command handles it itself
        print("stopped", file=sys.stderr)
        sys.exit(STOPPED)


def check() -> None:
    """Check from where each layer would be imported, before any is. Refuses: Stranger."""
    for name in LAYERS:
        found = _home(name)
        if found != _HOME:
            raise Stranger(
                f"position-ledger needs its own package {name!r}, but another one would be imported from "
                f"{found or 'nowhere'}. Install position-ledger in a virtual environment of its own, let its command "
                "line run without the folder of the other one in PYTHONPATH, and send commands to `position-ledger "
                "record` over a pipe."
            )


def _home(name: str) -> Path | None:
    spec = find_spec(name)
    if spec is None:
        return None
    places = [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())
    place = Path(places[0]).resolve() if places else None
    if place is None:
        return None
    return place.parent.parent if place.name == "__init__.py" else place.parent
