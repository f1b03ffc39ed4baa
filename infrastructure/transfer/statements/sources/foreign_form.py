"""Files that are not statements, recognised by their first bytes, so that an error can say what to do instead."""

from __future__ import annotations

import re
from typing import Final

_EXPORT: Final = "of which nothing is read; export the same as CSV, as JSON or as a workbook (.xlsx)"
_PACKED: Final = "which is not unpacked here; unpack it, and give the files in it"
_MARKS: Final = (
    (b"%PDF", f"a PDF, {_EXPORT}"),
    (b"\x89PNG", f"a picture, {_EXPORT}"),
    (b"\xff\xd8\xff", f"a picture, {_EXPORT}"),
    (b"Rar!", f"an archive of RAR, {_PACKED}"),
    (b"7z\xbc\xaf\x27\x1c", f"an archive of 7-Zip, {_PACKED}"),
    (b"\xfd7zXZ", f"packed by xz, {_PACKED}"),
    (b"BZh", f"packed by bzip2, {_PACKED}"),
    (b"\x28\xb5\x2f\xfd", f"packed by zstd, {_PACKED}"),
)
_PAGE: Final = (
    "a page of a website, as one gets in place of a file when one is not logged in, or a table that is called a "
    "workbook; get the file again, or open it and save it as CSV"
)
_BY_COLUMNS: Final = re.compile(r'\s*\{\s*"(?:[^"\\]|\\.){1,60}"\s*:\s*(?:\{\s*"0"\s*:|\[[^\]]*\]\s*,\s*"index"\s*:)')
"""How pandas begins a table in JSON, unless it is told otherwise, or by `orient="split"`."""
_TABLE: Final = "a table that pandas wrote by columns; write it with to_json(…, orient='records'), and give that"
_ZEROS: Final = (
    "no text, for there are bytes of zero in it; where it is in UTF-16 without the mark that such a text begins with, "
    "save it as UTF-8"
)


def foreign_form(start: bytes, text: str) -> str | None:
    """What a file is and what to do, in words that follow `is`; None for a file that may be a statement.

    Shape: `start` are its first bytes, and `text` is these decoded.
    """
    for mark, words in _MARKS:
        if start.startswith(mark):
            return words
    if not text.strip():
        return "empty: nothing stands in it"
    if text.lstrip().startswith("<"):
        return _PAGE
    if _BY_COLUMNS.match(text):
        return _TABLE
    return _ZEROS if "\0" in text else None
