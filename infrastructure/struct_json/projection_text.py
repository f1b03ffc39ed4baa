"""The rows of projections as text: all their fields as JSON, read and written without pydantic where that can be."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter

from domain.alteration import TypedStruct
from infrastructure.struct_json.json_writer import JsonWriter
from infrastructure.struct_json.typed_json import TypedJson

Row = TypeVar("Row", bound=TypedStruct)

_WRITER: Final = JsonWriter(defaults=True)


class ProjectionText(Generic[Row]):
    """Reads and writes rows of one kind."""

    def __init__(self, kind: type[Row]) -> None:
        """Look once at what its fields are."""
        self._kind, self._reader = kind, _reader(kind)

    def read(self, text: str) -> Row:
        """A row. Refuses: ValueError for what is none."""
        row: Row | None = self._reader.read(text)
        return _adapter(self._kind).validate_json(text) if row is None else row

    def write(self, row: Row) -> str:
        """The text of a row."""
        return _WRITER.write(row).decode()


@cache
def _reader(kind: type[TypedStruct]) -> TypedJson[Any]:
    return TypedJson(kind)


@cache
def _adapter(kind: type[TypedStruct]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
