"""The lines of an export in JSON Lines: their fields, and the checksum over each line and all lines before it.

The first line is an ExportLine and the last one an EndLine, so that a truncated file is noticed. Every line ends with
`crc`: the CRC-32 of all lines up to this one, each without its own `crc` and without its line break. It detects damage,
and lines that are missing, doubled or out of order. The hashes, and an anchor that is kept elsewhere, detect an event
that was changed on purpose.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from functools import cache
from json.encoder import encode_basestring
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Discriminator, TypeAdapter

from domain.errors import HistoryDamaged
from domain.rejection import Rejection
from domain.values import Moment, timestamp_text
from infrastructure.event_store.records import RecordedEvent
from projections.positions import PositionRow

FORMAT: Final = 1
"""The version of the format of the lines; the reader refuses any other."""

_CRC: Final = b',"crc":"'
_EVENT: Final = b'{"kind":"event",'
END: Final = b'{"kind":"end",'
"""The beginning of the last line."""
_STRICT: Final = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True, kw_only=True)
class ExportLine:
    """The first line: what is exported, up to the place `nid` in the log."""

    __pydantic_config__ = _STRICT

    kind: Literal["export"]
    format: int
    what: str
    nid: int
    crc: str


@dataclass(kw_only=True, slots=True)
class EventLine:
    """An event as it is stored; the hash is over the bytes of the text `payload`."""

    __pydantic_config__ = _STRICT

    kind: Literal["event"]
    nid: int
    stream: str
    version: int
    type: str
    payload: str
    hash: str
    crc: str


@dataclass(frozen=True, kw_only=True)
class RejectionLine:
    """A refused duplicate."""

    __pydantic_config__ = _STRICT

    kind: Literal["rejection"]
    ts_recorded: Moment
    stream: str
    command: str
    command_id: str
    intent_id: str | None
    source: str
    error: str
    detected_by: str
    position_id: str | None
    holder_intent_id: str | None
    message: str
    crc: str

    def rejection(self) -> Rejection:
        """The refused duplicate that the line holds."""
        return Rejection(**{name: value for name, value in asdict(self).items() if name not in ("kind", "crc")})


@dataclass(frozen=True, kw_only=True)
class EndLine:
    """The last line: the number of records of each kind; `digest` is that of an anchor over these events."""

    __pydantic_config__ = _STRICT

    kind: Literal["end"]
    events: int
    positions: int
    rejections: int
    digest: str
    crc: str


Line = ExportLine | EventLine | RejectionLine | EndLine


@cache
def _reader() -> TypeAdapter[Line]:
    return TypeAdapter(Annotated[Line, Discriminator("kind")])


@cache
def _event_reader() -> TypeAdapter[EventLine]:
    return TypeAdapter(EventLine)


def parse(text: bytes) -> Line:
    """Read a line. Refuses: pydantic's ValidationError, for anything that is not exactly such a line."""
    if text.startswith(_EVENT):  # nearly all lines are events; without the search for their kind it is twice as fast
        return _event_reader().validate_json(text)
    return _reader().validate_json(text)


def export_text(what: str, nid: int) -> str:
    """The first line, without its checksum."""
    return _object(kind="export", format=FORMAT, what=what, nid=nid)


def event_text(event: RecordedEvent) -> str:
    """The line of an event, without its checksum. Refuses: HistoryDamaged for a payload that is no text."""
    nid, stream, version, kind, state, hashed = event[:6]
    try:
        payload = state.decode()
    except UnicodeDecodeError as cause:
        raise HistoryDamaged(f"{stream} version {version} cannot be read as {kind}: {cause}") from cause
    return (
        f'{{"kind":"event","nid":{nid},"stream":{encode_basestring(stream)},"version":{version},'
        f'"type":{encode_basestring(kind)},"payload":{encode_basestring(payload)},"hash":"{hashed}"}}'
    )


def rejection_text(rejection: Rejection) -> str:
    """The line of a refused duplicate, without its checksum."""
    return _object(kind="rejection", **vars(rejection) | {"ts_recorded": timestamp_text(rejection.ts_recorded)})


def position_text(row: PositionRow) -> str:
    """The line of a row, without its checksum: the fields of `positions --json`."""
    return _object(kind="position", **row.as_json())


def end_text(events: int, positions: int, rejections: int, digest: str) -> str:
    """The last line, without its checksum."""
    return _object(kind="end", events=events, positions=positions, rejections=rejections, digest=digest)


def _object(**fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


class Seal:
    """The checksum of all lines so far."""

    def __init__(self) -> None:
        self._crc = 0

    def put(self, text: str) -> bytes:
        """The bytes of the next line, with its checksum."""
        line = text.encode()
        self._crc = zlib.crc32(line, self._crc)
        return b'%s%s%08x"}\n' % (line[:-1], _CRC, self._crc)

    def expected(self, line: bytes) -> str:
        """The checksum that a line must have to follow the lines before it."""
        self._crc = zlib.crc32(b"}", zlib.crc32(line.rpartition(_CRC)[0], self._crc))
        return f"{self._crc:08x}"

    def is_of(self, line: bytes) -> bool:
        """Whether the bytes of a line have the checksum that follows from the lines before it."""
        return line.endswith(b'%s%s"}\n' % (_CRC, self.expected(line).encode()))
