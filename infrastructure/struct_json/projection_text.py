"""The rows of projections as text: all their fields as JSON, read and written without pydantic where possible."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Generic, TypeVar

from domain.alteration import TypedStruct
from infrastructure.struct_json.json_writer import JsonWriter
from infrastructure.struct_json.typed_json import TypedJson, adapter

Row = TypeVar("Row", bound=TypedStruct)

_WRITER: Final = JsonWriter(defaults=True)


class ProjectionText(Generic[Row]):
    """Reads and writes rows of one kind."""

    def __init__(self, kind: type[Row]) -> None:
        self._kind, self._reader = kind, _reader(kind)

    def read(self, text: str) -> Row:
        """Read a row. Refuses: ValueError for a text that is no such row."""
        row: Row | None = self._reader.read(text)
        if row is None:
            row = adapter(self._kind).validate_json(text)
        return row

    def write(self, row: Row) -> str:
        """The text of a row."""
        return _WRITER.write(row).decode()


@cache
def _reader(kind: type[TypedStruct]) -> TypedJson[Any]:
    return TypedJson(kind)
