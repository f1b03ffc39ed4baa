"""Print what `shapes.json` says today."""

from __future__ import annotations

import sys

from tests.samples import shapes_text

sys.stdout.write(shapes_text())
