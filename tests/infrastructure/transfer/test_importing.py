"""Importing: what is wrong is named by its line, nothing from there on is kept, and it can be gone on with."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import PositionAlreadyOpen
from infrastructure.event_store.hash_chain import GENESIS, chained
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.importing import import_ledger
from infrastructure.transfer.jsonl_reader import ExportFile
from infrastructure.transfer.transfer_errors import ImportRefused
from tests.infrastructure.transfer.day import Pipe, live_a_day, moved, parsed, sealed, told

Damage = Callable[[list[bytes]], list[bytes]]
Forgery = Callable[[list[dict[str, Any]]], object]


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger


def flipped(number: int, old: bytes, new: bytes) -> Damage:
    def flip(lines: list[bytes]) -> list[bytes]:
        assert old in lines[number - 1]
        return [*lines[: number - 1], lines[number - 1].replace(old, new, 1), *lines[number:]]

    return flip


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a flipped byte in a payload": (
        flipped(3, b'\\"61\\"', b'\\"67\\"'),
        r"line 3: APTUSDT.binance version 2 has hash .*, but .* has hash",
    ),
    "a flipped byte in a hash": (flipped(3, b'"hash":"', b'"hash":"0'), "line 3: APTUSDT.binance version 2 has hash"),
    "another stored name": (flipped(5, b"Activated.v1", b"Activated.v2"), "line 5: APTUSDT.binance version 4 has"),
    "another version": (
        flipped(4, b'"version":3', b'"version":4'),
        "line 4: APTUSDT.binance version 4 stands where version 3 is expected",
    ),
    "a nid that was there": (flipped(4, b'"nid":3', b'"nid":2'), "line 4: nid 2 does not come after 2"),
    "a nid too far": (flipped(4, b'"nid":3', b'"nid":39'), "line 4: nid 39 .* is beyond the 14 of line 1"),
    "a nid that could be": (flipped(15, b'"nid":14', b'"nid":13'), "line 15: nid 13 does not come after 13"),
    "a nid as text": (flipped(4, b'"nid":3', b'"nid":"3"'), "line 4: cannot be read: nid: Input should be"),
    "a flipped checksum": (flipped(4, b'"crc":"', b'"crc":"f'), "line 4: its checksum is f.* but the lines up to here"),
    "a flipped byte in a rejection": (flipped(16, b'"late"', b'"lote"'), "line 16: its checksum is"),
    "a flipped byte in the first line": (flipped(1, b'"nid":14', b'"nid":15'), "line 1: its checksum is"),
    "a flipped byte in the last line": (flipped(18, b'"events":14', b'"events":15'), "line 18: there were"),
    "a field too many": (flipped(4, b'"nid"', b'"x":1,"nid"'), "line 4: cannot be read: x: Unexpected"),
    "no JSON": (flipped(4, b'"nid"', b"nid"), "line 4: cannot be read: Invalid JSON"),
    "no UTF-8": (flipped(4, b"APT", b"\xff\xfe\xfd"), "line 4: cannot be read: Invalid JSON"),
    "a removed event": (lambda lines: lines[:3] + lines[4:], "line 4: APTUSDT.binance version 4 stands"),
    "the last event of a stream removed": (lambda lines: lines[:14] + lines[15:], "line 15: its checksum is"),
    "a removed rejection": (lambda lines: lines[:15] + lines[16:], "line 16: its checksum is"),
    "swapped events of one stream": (
        lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
        "line 3: APTUSDT.binance version 3 stands where",
    ),
    "swapped events of two streams": (
        lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
        "line 5: its checksum is",
    ),
    "a doubled line": (lambda lines: [*lines[:4], lines[3], *lines[4:]], "line 5: nid 3 does not come after 3"),
    "a doubled rejection": (lambda lines: [*lines[:16], lines[15], *lines[16:]], "line 17: its checksum is"),
    "an event behind the rejections": (
        lambda lines: [*lines[:14], lines[15], lines[14], *lines[16:]],
        "line 15: its checksum is",
    ),
    "no last line": (lambda lines: lines[:-1], "line 18: the file ends before the last line of the export: it was cut"),
    "cut off in a line": (
        lambda lines: [*lines[:9], lines[9][:100]],
        "line 10: the file ends in the middle of this line: it was cut off",
    ),
    "a line behind the last": (lambda lines: [*lines, lines[4]], "line 19: stands after the last line of the export"),
    "two files in one": (lambda lines: [*lines, *lines], "line 19: a line of kind 'export' does not belong here"),
    "no first line": (lambda lines: lines[1:], "line 1: a line of kind 'event' does not belong here"),
}


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[PositionLedger]:
    """For what is found before a store is asked."""
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        yield ledger


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_is_named_by_its_line_and_nothing_is_kept(what: str, on_sqlite: PositionLedger, exported: bytes) -> None:
    damage, words = DAMAGES[what]
    ledger = on_sqlite
    with pytest.raises(ImportRefused, match=words) as refused:
        moved(ledger, b"".join(damage(exported.splitlines(keepends=True))))
    assert refused.value.details["line"] == int(words.partition("line ")[2].partition(":")[0])
    assert ledger.store.count_events() == 0 and ledger.positions() == [] and ledger.rejections() == []
    assert moved(ledger, exported).events == 14
    assert verify(ledger.store).ok


def without_a_stream(lines: list[dict[str, Any]]) -> None:
    lines[:] = [line for line in lines if line["kind"] != "event" or line["stream"] != "APTUSDT.binance"]


FORGERIES: dict[str, tuple[Forgery, str]] = {
    "a nid moved into a gap": (lambda lines: lines[14].update(nid=15), "line 15: nid 15 .* is beyond the 14 of line 1"),
    "another payload": (lambda lines: lines[2].update(payload="{}"), "line 3: APTUSDT.binance version 2 has hash"),
    "a removed event": (lambda lines: lines.pop(14), "line 17: there were .*, but the last line says"),
    "a removed rejection": (lambda lines: lines.pop(15), "line 17: there were .*, but the last line says"),
    "a removed stream": (without_a_stream, "line 11: there were"),
    "another digest": (lambda lines: lines[-1].update(digest="0" * 64), "line 18: there were"),
    "an event behind the rejections": (
        lambda lines: lines.insert(15, lines.pop(14)),
        "line 16: an event comes after the rejections",
    ),
    "a rejection without a zone": (
        lambda lines: lines[15].update(ts_recorded="2025-10-22T18:50:40"),
        "line 16: cannot be .* .*no zone",
    ),
    "another format": (lambda lines: lines[0].update(format=2), "line 1: this export has format 2; this"),
    "an export of events": (
        lambda lines: lines[0].update(what="events"),
        "line 1: this is an export of events; .*--what ledger",
    ),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_what_was_changed_on_purpose_is_found_by_the_hashes(
    what: str, on_sqlite: PositionLedger, exported: bytes
) -> None:
    ledger = on_sqlite
    forge, words = FORGERIES[what]
    lines = parsed(exported)
    assert sealed(lines) == exported
    forge(lines)
    with pytest.raises(ImportRefused, match=words):
        moved(ledger, sealed(lines))
    assert ledger.store.count_events() == 0


def replaced(line: dict[str, Any], old: str, new: str) -> None:
    assert old in line["payload"]
    line["payload"] = line["payload"].replace(old, new)


def rehashed(lines: list[dict[str, Any]]) -> bytes:
    """Lines as a forger writes them who knows how hashes are made."""
    heads: dict[str, str] = {}
    digest = hashlib.sha256()
    for line in lines:
        if line["kind"] == "event":
            head = heads.get(line["stream"], GENESIS)
            line["hash"] = chained(head, line["stream"], line["version"], line["type"], line["payload"].encode())
            heads[line["stream"]] = line["hash"]
            digest.update(bytes.fromhex(line["hash"]))
    lines[-1]["digest"] = digest.hexdigest()
    return sealed(lines)


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (lambda lines: lines[5].update(type="Nonsense.v1"), "line 6: .* version 1 is a 'Nonsense.v1', which"),
        (lambda lines: lines[5].update(payload="{}"), "line 6: .* version 1 cannot be read as EntryRequested.v1"),
        (lambda lines: lines[5].update(stream="nowhere"), "line 6: .*'nowhere' is not a key like APTUSDT.binance"),
        (lambda lines: replaced(lines[5], '"cycle":1', '"cycle":1.5'), "line 6: .*1.5 is a float"),
        (
            lambda lines: replaced(lines[2], '"cycle":1', '"cycle":7'),
            "line 3: .* version 2 cannot be folded: EntryPlaced of a cycle that was never opened",
        ),
        (
            lambda lines: replaced(lines[10], "APTUSDT-2", "APTUSDT-1"),
            "line 2: the lines from here to line 17 cannot all be in one ledger: .*(intent|is never replaced)",
        ),
        (
            lambda lines: lines[9].update(
                type="StopLossLost.v1",
                payload=lines[4]["payload"].replace("}", ',"reason":"gone"}'),
            ),
            "line 2: the lines from here to line 17 cannot all be in one ledger: .*positions",
        ),
    ],
    ids=[
        "unknown name",
        "unreadable payload",
        "no key",
        "a float",
        "a cycle never opened",
        "an intent twice",
        "two open cycles",
    ],
)
def test_what_no_ledger_could_hold_is_refused_whatever_its_hashes(
    forge: Forgery, words: str, ledger: PositionLedger, exported: bytes
) -> None:
    lines = parsed(exported)
    assert rehashed(lines) == exported
    forge(lines)
    with pytest.raises(ImportRefused, match=words):
        moved(ledger, rehashed(lines))
    assert ledger.store.count_events() == 0 and ledger.rejections() == []


@pytest.mark.parametrize(("old", "new"), [(b'"nid":12,', b'"nid":11,'), (b'"late"', b'"lote"')])
def test_nothing_of_a_damaged_file_is_kept(old: bytes, new: bytes, on_sqlite: PositionLedger, exported: bytes) -> None:
    assert old in exported
    with pytest.raises(ImportRefused, match=r"line \d+: .* the ledger holds the first 0 events and 0 rejections; mend"):
        moved(on_sqlite, exported.replace(old, new), 4)
    with pytest.raises(ImportRefused, match=r"cut off. Of this file the ledger holds the first 0 events and 0 rej"):
        moved(on_sqlite, exported[: exported.rindex(b'{"kind":"end"')], 4)
    assert on_sqlite.store.high_water_mark() == 0


def test_a_checksum_in_another_spelling_is_refused(on_sqlite: PositionLedger, exported: bytes) -> None:
    with pytest.raises(ImportRefused, match="a checksum is not written in the way in which `export` writes it"):
        moved(on_sqlite, exported.removesuffix(b"}\n") + b" }\n", 4)
    assert on_sqlite.store.high_water_mark() == 0


def test_whole_batches_before_a_wrong_line_are_kept_and_gone_on_from(ledger: PositionLedger, exported: bytes) -> None:
    damaged = exported.replace(b'"nid":12,', b'"nid":11,')
    with pytest.raises(ImportRefused, match=r"line 13: .* the ledger holds the first 8 events and 0 rejections; mend"):
        moved(ledger, damaged, 4, Pipe)
    assert ledger.store.high_water_mark() == 8
    assert verify(ledger.store).ok
    done = moved(ledger, exported)
    assert (done.events_before, done.events, done.rejections) == (8, 6, 2)
    assert told(ledger) == exported


def test_a_batch_may_end_among_the_rejections(ledger: PositionLedger, exported: bytes) -> None:
    with pytest.raises(ImportRefused, match="the ledger holds the first 14 events and 1 rejections"):
        moved(ledger, exported[: exported.rindex(b'{"kind":"end"')], 15, Pipe)
    done = moved(ledger, exported)
    assert (done.events_before, done.events, done.rejections_before, done.rejections) == (14, 0, 1, 1)
    assert told(ledger) == exported


def test_a_ledger_that_holds_something_else_is_refused(ledger: PositionLedger, exported: bytes) -> None:
    live_a_day(ledger)
    before = told(ledger)
    with pytest.raises(
        ImportRefused, match="this ledger is not empty, and its event number 1 is not the one of line 2"
    ):
        moved(ledger, exported)
    assert told(ledger) == before


def test_a_ledger_that_went_on_is_refused(ledger: PositionLedger, exported: bytes) -> None:
    moved(ledger, exported)
    ledger.fail_entry(position_id="APTUSDT.binance#2", reason="no", outcome="rejected")
    with pytest.raises(ImportRefused, match="it has more events than the file, which has 14"):
        moved(ledger, exported)
    assert ledger.store.count_events() == 15


def test_a_ledger_that_refused_something_of_its_own_is_refused(ledger: PositionLedger, exported: bytes) -> None:
    moved(ledger, exported)
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="x")
    with pytest.raises(ImportRefused, match="it has more rejections than the file, which has 2"):
        moved(ledger, exported)


def test_rejections_alone_are_not_an_empty_ledger(ledger: PositionLedger, exported: bytes, tmp_path: Path) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/other.db") as other:
        live_a_day(other)
        ledger.store.log_rejection(other.rejections()[0])
    with pytest.raises(ImportRefused, match="it has more rejections than the file, which has 0"):
        moved(ledger, exported)
    assert ledger.store.count_events() == 0


def test_who_records_meanwhile_is_noticed(ledger: PositionLedger, exported: bytes) -> None:
    def meddle(_: int) -> None:
        if ledger.store.count_events() == 4:
            live_a_day(ledger, ("PERPUSDT",))

    file = ExportFile(io.BufferedReader(io.BytesIO(exported)))
    with pytest.raises(ImportRefused, match=r"another process writes into this ledger during the import: .* nid 11"):
        import_ledger(ledger.store, file, meddle, lines_max=4)
    assert ledger.store.count_events() == 11
    assert verify(ledger.store).ok


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "the file is empty; only JSON Lines can be imported"),
        (
            b"nid,stream,version\n1,APTUSDT.binance,1\n",
            "line 1: this is not the first line of an export; only",
        ),
        (b"PAR1\x15\x04", "this is a Parquet file; only JSON Lines can be imported"),
        (b'{"command": "close"}\n', "line 1: this is not the first line"),
        (gzip.compress(b"nid,stream\n", mtime=0), "line 1: this is not the first line"),
    ],
)
def test_what_is_no_export_is_named(text: bytes, words: str) -> None:
    with pytest.raises(ImportRefused, match=words):
        ExportFile(io.BufferedReader(io.BytesIO(text)))


def test_gzip_is_read_and_its_damage_is_named(ledger: PositionLedger, exported: bytes) -> None:
    packed = gzip.compress(exported)
    with pytest.raises(ImportRefused, match=r"line \d+: the file was cut off here, or is damaged: Compressed"):
        moved(ledger, packed[:-12])
    with pytest.raises(ImportRefused, match=r"line \d+: the file was cut off here, or is damaged: CRC"):
        moved(ledger, packed[:-8] + b"\0" * 8)
    assert ledger.store.count_events() == 0
    assert moved(ledger, packed).events == 14


def test_progress_tells_places_in_the_log(ledger: PositionLedger, exported: bytes) -> None:
    told_of: list[int] = []
    file = ExportFile(io.BufferedReader(io.BytesIO(exported)))
    import_ledger(ledger.store, file, told_of.append)
    assert (sum(told_of), file.nid) == (14, 14)
