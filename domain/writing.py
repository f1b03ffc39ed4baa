"""Writing a model as JSON: an interrupt in the middle is an interrupt, and not a model that cannot be written."""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from pydantic_core import PydanticSerializationError, SchemaSerializer

_STOPPED: Final = re.compile(r"KeyboardInterrupt|SystemExit: (\d+)")


def written(serializer: SchemaSerializer, value: object, **options: Any) -> bytes:
    """The JSON of a model."""
    try:
        return serializer.to_json(value, **options)
    except PydanticSerializationError as error:
        _pass_on(error)


def as_dictionary(serializer: SchemaSerializer, value: object, **options: Any) -> dict[str, Any]:
    """A model as a dictionary that `json.dumps` accepts."""
    try:
        found: dict[str, Any] = serializer.to_python(value, mode="json", **options)
    except PydanticSerializationError as error:
        _pass_on(error)
    return found


def _pass_on(error: PydanticSerializationError) -> NoReturn:
    """Raise what was raised while a model was written: pydantic tells of it in words alone."""
    stopped = _STOPPED.search(str(error))
    if stopped is None:
        raise error
    raise KeyboardInterrupt if stopped[1] is None else SystemExit(int(stopped[1])) from error
