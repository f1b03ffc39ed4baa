"""Writing the export in JSON Lines, the format that can be imported."""

from __future__ import annotations

import hashlib
from typing import IO

from domain.rejection import Rejection
from infrastructure.event_store.hash_chain import hash_bytes
from infrastructure.event_store.records import RecordedEvent
from infrastructure.transfer import export_lines
from infrastructure.transfer.export_lines import Seal
from infrastructure.transfer.exporting import Exported
from projections.positions import PositionRow


class JsonLines:
    """Writes one line for each record."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._seal = out, Seal()
        self._digest = hashlib.sha256()

    def begin(self, what: str, nid: int) -> None:
        """Write the first line."""
        self._put(export_lines.export_text(what, nid))

    def event(self, event: RecordedEvent) -> None:
        """Write an event, byte for byte as it is stored."""
        self._digest.update(hash_bytes(event.hash, f"{event.originator_id} version {event.originator_version}"))
        self._put(export_lines.event_text(event))

    def position(self, row: PositionRow) -> None:
        """Write a row."""
        self._put(export_lines.position_text(row))

    def rejection(self, rejection: Rejection) -> None:
        """Write a refused duplicate."""
        self._put(export_lines.rejection_text(rejection))

    def end(self, done: Exported) -> None:
        """Write the last line, with all counts."""
        self._put(export_lines.end_text(done.events, done.positions, done.rejections, self._digest.hexdigest()))

    def _put(self, text: str) -> None:
        self._out.write(self._seal.put(text))
