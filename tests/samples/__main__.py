"""Print the present content of `shapes.json`."""

from __future__ import annotations

import sys

from tests.samples import shapes_text

sys.stdout.write(shapes_text())
