"""The lines of an export in JSON Lines: what each says, and the checksum that ties it to all lines before it.

The first line is an ExportLine and the last one an EndLine, so that a file that was cut off is noticed. Every line
ends in `crc`: the CRC-32 of all lines up to here, each without its own `crc` and without its line break. It finds
damage, and lines that are missing, doubled or out of order. That nobody changed an event on purpose is shown by the
hashes, and by an anchor that is kept elsewhere.
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
"""Of the lines. A reader of this software refuses any other."""

_CRC: Final = b',"crc":"'
_EVENT: Final = b'{"kind":"event",'
END: Final = b'{"kind":"end",'
"""How the last line begins."""
_STRICT: Final = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True, kw_only=True)
class ExportLine:
    """The first line: what follows, and that it holds everything up to `nid`."""

    __pydantic_config__ = _STRICT

    kind: Literal["export"]
    format: int
    what: str
    nid: int
    crc: str


@dataclass(kw_only=True, slots=True)
class EventLine:
    """An event as it is stored; `payload` is the text whose bytes were hashed."""

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
        """What was refused."""
        return Rejection(**{name: value for name, value in asdict(self).items() if name not in ("kind", "crc")})


@dataclass(frozen=True, kw_only=True)
class EndLine:
    """The last line: how much there was of everything; `digest` is that of an anchor over these events."""

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
    """Read a line. Refuses: pydantic's ValidationError, for whatever is not exactly such a line."""
    if text.startswith(_EVENT):  # nearly all of them: without looking for their kind it takes half the time
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


def end_text(**counted: int | str) -> str:
    """The last line, without its checksum."""
    return _object(kind="end", **counted)


def _object(**fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


class Seal:
    """The checksum of all lines so far."""

    def __init__(self) -> None:
        self._crc = 0

    def put(self, text: str) -> bytes:
        """A line with its checksum, as it is written."""
        line = text.encode()
        self._crc = zlib.crc32(line, self._crc)
        return b'%s%s%08x"}\n' % (line[:-1], _CRC, self._crc)

    def expected(self, line: bytes) -> str:
        """The checksum that a line must have to follow the lines before it."""
        self._crc = zlib.crc32(b"}", zlib.crc32(line.rpartition(_CRC)[0], self._crc))
        return f"{self._crc:08x}"

    def is_of(self, line: bytes) -> bool:
        """Whether a line, as it is written, follows the lines before it."""
        return line.endswith(b'%s%s"}\n' % (_CRC, self.expected(line).encode()))
