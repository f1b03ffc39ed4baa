"""Anchors: a digest of everything up to a place in the log, to be kept where the ledger's owner cannot reach it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final, Self

from pydantic import TypeAdapter, ValidationError

from domain.errors import HistoryDamaged, LedgerError, StoreUnavailable
from domain.values import timestamp_text
from infrastructure.event_store.hash_chain import hash_bytes
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.places import AsOf
from projections.health.findings import IntegrityFinding
from projections.rebuild import Progress, unheard

_NO_ANCHOR: Final = "this is no anchor, as `position-ledger anchor` prints one"
_SAID_MAX: Final = 5
"""How many of its faults are named."""


class InvalidAnchor(LedgerError):
    """What should be an anchor cannot be read as one."""


@dataclass(frozen=True)
class StreamHead:
    """Where a stream stood: its last version, and the hash that vouches for all before it."""

    version: int
    hash: str


@dataclass(frozen=True)
class Anchor:
    """Everything up to `nid`: how many events, in which order, and how each stream ended.

    `digest` is the SHA-256 of their hashes in the global order; with `streams`, what does not fit can be named.
    """

    format: int
    nid: int
    events: int
    digest: str
    streams: dict[str, StreamHead]
    refusals: int | None = None
    """How many duplicates were refused; an anchor of an earlier version, or of a replica, says nothing about them."""
    refusals_digest: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The anchor as it is written down."""
        return asdict(self)

    @classmethod
    def read(cls, text: str | bytes) -> Self:
        """Read an anchor back. Refuses: InvalidAnchor."""
        try:
            anchor = TypeAdapter(cls).validate_python(json.loads(text))
        except ValidationError as wrong:
            said = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors(include_url=False)]
            raise InvalidAnchor(f"{_NO_ANCHOR}: {'; '.join(said[:_SAID_MAX])}") from None
        except (ValueError, RecursionError) as wrong:
            raise InvalidAnchor(f"{_NO_ANCHOR}: {wrong}") from None
        if anchor.format != 1:
            raise InvalidAnchor(f"this anchor has format {anchor.format}; this software reads format 1")
        return anchor


def make_anchor(
    store: Store, progress: Progress = unheard, *, nid: int | None = None, refusals: int | None = None
) -> Anchor:
    """Digest the log up to a place, or as far as nothing can appear any more.

    Shape: one pass over the events; memory grows with the number of streams alone.
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
    known = (None, None) if refusals is None else _refused(store, refusals)
    return Anchor(1, nid, events, digest.hexdigest(), dict(sorted(streams.items())), *known)


def _refused(store: Store, first: int) -> tuple[int, str]:
    count, digest = 0, hashlib.sha256()
    for count, refusal in enumerate(islice(store.rejections(), first), start=1):  # noqa: B007 - the last one is asked
        known = {**vars(refusal), "ts_recorded": timestamp_text(refusal.ts_recorded)}
        digest.update(json.dumps(known, sort_keys=True).encode() + b"\n")
    return count, digest.hexdigest()


def check_anchor(store: Store, anchor: Anchor, progress: Progress = unheard) -> list[IntegrityFinding]:
    """Compare the log up to an anchor with what the anchor saw, and name each stream that is not as it was."""
    reach = store.visible(AsOf(nid=anchor.nid))
    if reach is not None and reach.nid is not None and reach.nid < anchor.nid:
        raise StoreUnavailable(
            f"{store.settings.shown}: the anchor reaches to nid {anchor.nid}, and this replica is settled up to nid "
            f"{reach.nid} only; verify again when it has caught up, or on its primary"
        )
    try:
        now = make_anchor(store, progress, nid=anchor.nid, refusals=anchor.refusals or 0)
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
