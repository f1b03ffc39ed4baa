"""Writing a model as JSON: an interrupt in the middle is an interrupt, and not a model that cannot be written."""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic_core import PydanticSerializationError, SchemaSerializer

_STOPPED: Final = re.compile(r"KeyboardInterrupt|SystemExit: (\d+)")


def written(serializer: SchemaSerializer, value: object, **options: Any) -> bytes:
    """The JSON of a model."""
    try:
        return serializer.to_json(value, **options)
    except PydanticSerializationError as error:
        stopped = _STOPPED.search(str(error))  # pydantic tells of it in words alone
        if stopped is None:
            raise
        raise KeyboardInterrupt if stopped[1] is None else SystemExit(int(stopped[1])) from error
