from __future__ import annotations

import gzip
import io

import pytest

from infrastructure.legacy.logs.reading.files import opened
from infrastructure.legacy.logs.reading.lines import BATCH_BYTES, LINE_BYTES_MAX, batches, last
from tests.infrastructure.legacy.logs.examples import DAY, analysed


def read(data: bytes) -> tuple[list[bytes], list[str], list[str]]:
    damaged: list[str] = []
    cut: list[str] = []
    with opened(io.BytesIO(data)) as stream:
        found = [line for batch in batches(stream, damaged.append, cut.append) for line in batch]
    return found, damaged, cut


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfone\ntwo\n",
        b"one\r\ntwo\r\n",
        b"\x1b[31mone\x1b[0m\n\x1b[1;32mtwo\x1b[m",
        "one\ntwo\n".encode("utf-16"),
        b"one\n\0\0\0two",
        gzip.compress(b"one\ntwo\n", mtime=0),
    ],
)
def test_what_terminals_and_other_systems_put_in_is_taken_out(text: bytes) -> None:
    assert [line for line in read(text)[0] if line] == [b"one", b"two"]


def test_a_line_longer_than_any_is_cut_and_told() -> None:
    found, _, cut = read(b"one\n" + b"x" * (3 * LINE_BYTES_MAX + BATCH_BYTES) + b"\ntwo\n")
    assert [found[0], len(found[1]), found[-1]] == [b"one", LINE_BYTES_MAX, b"two"]
    assert len(cut) == 1
    assert cut[0].startswith("xxx")


def test_no_line_is_lost_between_batches() -> None:
    lines = [b"%d %s" % (number, b"x" * (number % 300)) for number in range(5_000)]
    assert read(b"\n".join(lines))[0] == lines
    assert read(b"\n".join(lines) + b"\n")[0] == lines


def test_of_a_packed_file_that_is_cut_off_the_beginning_is_read() -> None:
    packed = gzip.compress(b"".join(b"line %d\n" % number for number in range(100_000)))
    found, damaged, _ = read(packed[: len(packed) // 2])
    assert found[:2] == [b"line 0", b"line 1"]
    assert len(found) > 10_000
    assert damaged == ["cut off or damaged: Compressed file ended before the end-of-stream marker was reached"]


def test_the_last_lines_are_the_last_ones() -> None:
    assert list(last(3, [[b"a", b"b"], [b"c"], [b"d"]])) == [[b"b", b"c", b"d"]]


def test_bytes_that_are_no_utf8_do_not_hide_a_record() -> None:
    mangled = DAY.replace("🚨".encode(), b"\xf0\x9f\xff").replace("🗑️".encode(), b"???").replace("✅".encode(), b"")
    assert analysed(mangled).tally.facts == analysed(DAY).tally.facts
