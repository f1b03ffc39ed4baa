"""The hash chain: the hash of an event covers that of the event before it in its stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from domain.errors import HistoryDamaged
from infrastructure.event_store.records import EventRecord, RecordedEvent, StreamEnd

GENESIS: Final = "0" * 64
"""The previous hash of the first event of a stream."""

_BYTES: Final = 32
_LENGTH_OF_HASH: Final = _BYTES.to_bytes(8, "big")


def _read(text: str) -> bytes | None:
    """The bytes of a stored hash; None if it is no hash: not 64 hex digits in lower case."""
    try:
        read = bytes.fromhex(text)
    except ValueError:
        return None
    return read if len(read) == _BYTES and read.hex() == text else None


def hash_bytes(text: str, where: str) -> bytes:
    """Read a stored hash. Refuses: HistoryDamaged, which names the place, if it is no hash."""
    read = _read(text)
    if read is None:
        raise HistoryDamaged(
            f"{where} has the hash {text!r:.80}, which is no hash: it was changed after it was stored; "
            "`position-ledger verify` names everything that was changed"
        )
    return read


def chained(previous: str, stream: str, version: int, topic: str, state: bytes) -> str:
    """The hash of one event, as 64 hex digits.

    Shape: SHA-256 over the previous hash, stream, version, stored name and payload, each preceded by its length
    as eight bytes, so that no two different events ever hash the same bytes.
    """
    before = _read(previous) or hash_bytes(previous, f"{stream} version {version - 1}")
    return _digest(before, stream, version, topic, state).hex()


def _digest(before: bytes, stream: str, version: int, topic: str, state: bytes) -> bytes:
    length = len(state).to_bytes(8, "big")
    parts = (_LENGTH_OF_HASH, before, _measured(stream), _measured(str(version)), _measured(topic), length, state)
    return hashlib.sha256(b"".join(parts)).digest()


def expected(records: Iterable[RecordedEvent]) -> Iterator[str]:
    """The hash that each event of a stream should have, computed from the stored hash of the event before it.

    Where that stored hash is no hash, the one that should stand there is used: the next event may still be right.
    """
    before = bytes(_BYTES)
    for record in records:
        digest = _digest(before, record.originator_id, record.originator_version, record.topic, record.state)
        hashed = digest.hex()
        yield hashed
        before = digest if hashed == record.hash else _read(record.hash) or digest


@lru_cache(maxsize=4096)
def _measured(text: str) -> bytes:
    """A text preceded by its length; cached, because the same names and versions recur."""
    part = text.encode()
    return len(part).to_bytes(8, "big") + part


def chained_on(heads: dict[str, str], records: Iterable[EventRecord]) -> tuple[list[str], tuple[StreamEnd, ...]]:
    """The hashes of new events of several streams, and for each stream the end that its first new event follows.

    `heads` holds the hash of the last event of each stream, GENESIS where it is missing, and is updated to the new
    ends.
    """
    hashes, ends, follows = [], dict[str, bytes](), dict[str, StreamEnd]()
    for stream, version, topic, state, _ in records:
        before = ends.get(stream)
        if before is None:
            end = follows[stream] = StreamEnd(stream, version - 1, heads.get(stream, GENESIS))
            before = hash_bytes(end.hash, f"{stream} version {end.version}")
        ends[stream] = digest = _digest(before, stream, version, topic, state)
        hashes.append(digest.hex())
    heads |= {stream: digest.hex() for stream, digest in ends.items()}
    return hashes, tuple(follows.values())
