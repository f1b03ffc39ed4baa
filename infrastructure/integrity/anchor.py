"""Anchors: a digest of the log up to a place; it is kept where the owner of the ledger cannot change it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final, Self

from pydantic import TypeAdapter, ValidationError

from domain.errors import HistoryDamaged, LedgerError, StoreUnavailable
from domain.faults import faults
from domain.values import timestamp_text
from infrastructure.event_store.hash_chain import hash_bytes
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.places import AsOf
from projections.health.findings import IntegrityFinding
from projections.progress import Progress, no_progress

_NO_ANCHOR: Final = "this is no anchor, as `position-ledger anchor` prints one"


class InvalidAnchor(LedgerError):
    """A text cannot be read as an anchor."""


@dataclass(frozen=True)
class StreamHead:
    """The last version of a stream, and its hash, which depends on every event of the stream up to it."""

    version: int
    hash: str


@dataclass(frozen=True)
class Anchor:
    """The log up to `nid`: the number of events, a digest of them, and the last version of each stream.

    `digest` is the SHA-256 of their hashes in the order of the log. `streams` shows which stream has changed.
    """

    format: int
    nid: int
    events: int
    digest: str
    streams: dict[str, StreamHead]
    refusals: int | None = None
    """How many duplicates were refused; None in an anchor that an earlier version or a replica made."""
    refusals_digest: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The anchor as a JSON object."""
        return asdict(self)

    @classmethod
    def read(cls, text: str | bytes) -> Self:
        """Read an anchor back. Refuses: InvalidAnchor."""
        try:
            anchor = TypeAdapter(cls).validate_python(json.loads(text))
        except ValidationError as wrong:
            raise InvalidAnchor(f"{_NO_ANCHOR}: {faults(wrong)}") from None
        except (ValueError, RecursionError) as wrong:
            raise InvalidAnchor(f"{_NO_ANCHOR}: {wrong}") from None
        if anchor.format != 1:
            raise InvalidAnchor(f"this anchor has format {anchor.format}; this software reads format 1")
        return anchor


def make_anchor(
    store: Store, progress: Progress = no_progress, *, nid: int | None = None, refusals: int | None = None
) -> Anchor:
    """Digest the log up to `nid`, by default up to where it is settled, and the first `refusals`, by default all.

    Shape:   one pass over the events; memory grows only with the number of streams.
    Refuses: HistoryDamaged for a hash that cannot be read; StoreUnavailable.
    """
    nid = store.high_water_mark() if nid is None else nid
    digest, events = hashlib.sha256(), 0
    streams: dict[str, StreamHead] = {}
    for stored in store.log(as_of=AsOf(nid=nid)):
        digest.update(hash_bytes(stored.hash, f"{stored.originator_id} version {stored.originator_version}"))
        streams[stored.originator_id] = StreamHead(stored.originator_version, stored.hash)
        events += 1
        progress(1)
    refusals = store.settled_refusals() if refusals is None else refusals
    known = (None, None) if refusals is None else _refusals_digest(store, refusals)
    return Anchor(1, nid, events, digest.hexdigest(), dict(sorted(streams.items())), *known)


def _refusals_digest(store: Store, first: int) -> tuple[int, str]:
    """How many of the `first` refusals there are, and their digest."""
    count, digest = 0, hashlib.sha256()
    for count, refusal in enumerate(islice(store.rejections(), first), start=1):  # noqa: B007 - the last one counts
        known = {**vars(refusal), "ts_recorded": timestamp_text(refusal.ts_recorded)}
        digest.update(json.dumps(known, sort_keys=True).encode() + b"\n")
    return count, digest.hexdigest()


def check_anchor(store: Store, anchor: Anchor) -> list[IntegrityFinding]:
    """Compare the log up to the place of an anchor with the anchor: a finding for every stream that has changed.

    Refuses: StoreUnavailable, also for a replica that has not reached the place yet.
    """
    reach = store.visible(AsOf(nid=anchor.nid))
    if reach is not None and reach.nid is not None and reach.nid < anchor.nid:
        raise StoreUnavailable(
            f"{store.settings.shown}: the anchor reaches to nid {anchor.nid}, and this replica is settled up to nid "
            f"{reach.nid} only; verify again when it has caught up, or on its primary"
        )
    try:
        now = make_anchor(store, nid=anchor.nid, refusals=anchor.refusals or 0)
    except HistoryDamaged as cause:
        return [IntegrityFinding("anchor", f"nid {anchor.nid}", f"cannot be compared: {cause.message}")]
    findings = [*_changed_streams(anchor, now)]
    if not findings and now.digest != anchor.digest:
        findings.append(
            IntegrityFinding("anchor", f"nid {anchor.nid}", "the events up to here stand in another order than then")
        )
    if anchor.refusals is not None and now.refusals != anchor.refusals:
        findings.append(
            IntegrityFinding("anchor", "refusals", f"there were {anchor.refusals}, and {now.refusals} are left")
        )
    elif anchor.refusals is not None and now.refusals_digest != anchor.refusals_digest:
        findings.append(IntegrityFinding("anchor", "refusals", f"one of the first {anchor.refusals} was changed"))
    return findings


def _changed_streams(then: Anchor, now: Anchor) -> Iterator[IntegrityFinding]:
    for stream, head in then.streams.items():
        found = now.streams.get(stream)
        if found is None:
            yield IntegrityFinding(
                "anchor", stream, f"is gone; the anchor saw it end at version {head.version}", stream
            )
        elif found.version != head.version:
            what = "was cut off" if found.version < head.version else "had events inserted"
            message = f"{what}: it ends at version {found.version}, then at {head.version}"
            yield IntegrityFinding("anchor", stream, message, stream)
        elif found.hash != head.hash:
            message = "has another hash: something up to here changed"
            yield IntegrityFinding("anchor", f"{stream} version {head.version}", message, stream)
    for stream in now.streams.keys() - then.streams.keys():
        message = f"was inserted: the anchor saw no such stream up to nid {then.nid}"
        yield IntegrityFinding("anchor", stream, message, stream)
