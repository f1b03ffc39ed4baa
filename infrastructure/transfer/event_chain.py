"""The chain of the events of a file, checked: their places in the log, the head of each stream, and the digest."""

from __future__ import annotations

import hashlib

from infrastructure.event_store.hash_chain import GENESIS, chained
from infrastructure.transfer.export_lines import EventLine
from infrastructure.transfer.transfer_errors import ImportRefused

_NO_HEAD = (0, GENESIS)


class EventChain:
    """The events of a file so far; the hash of each proves all events before it in its stream."""

    def __init__(self, until: int) -> None:
        self.nid, self.events = 0, 0
        self._until = until
        self._heads: dict[str, tuple[int, str]] = {}
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The digest of an anchor over these events."""
        return self._digest.hexdigest()

    def follow(self, number: int, event: EventLine) -> None:
        """Check the next event. Refuses: ImportRefused unless place, version and hash follow from those before it."""
        if not self.nid < event.nid <= self._until:
            raise ImportRefused.at(
                number, f"nid {event.nid} does not come after {self.nid}, or is beyond the {self._until} of line 1"
            )
        version, head = self._heads.get(event.stream, _NO_HEAD)
        if event.version != version + 1:
            raise ImportRefused.at(
                number, f"{event.stream} version {event.version} stands where version {version + 1} is expected"
            )
        hashed = chained(head, event.stream, event.version, event.type, event.payload.encode())
        if event.hash != hashed:
            raise ImportRefused.at(
                number,
                f"{event.stream} version {event.version} has hash {event.hash}, but its content after version "
                f"{version} has hash {hashed}: one of them was changed",
            )
        self._heads[event.stream] = event.version, hashed
        self._digest.update(bytes.fromhex(hashed))
        self.nid, self.events = event.nid, self.events + 1
