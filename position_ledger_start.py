"""The start: whether the layers are this package's own, for their names are plain, and others may have them too.

A module of its own beside the packages, so that nothing of them is imported before it has looked.
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
    """A layer would be imported from elsewhere."""


def main() -> None:
    """Run `position-ledger`, or say on one line what stands in its way."""
    try:
        check()
        from scripts.cli import main as run  # noqa: PLC0415 - not before the layers are known to be ours

        run()
    except Stranger as stranger:
        print(stranger, file=sys.stderr)
        sys.exit(USAGE)
    except KeyboardInterrupt:  # while it is imported; a command says so itself
        print("stopped", file=sys.stderr)
        sys.exit(STOPPED)


def check() -> None:
    """Look where each layer would be imported from, before any is. Refuses: Stranger."""
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
