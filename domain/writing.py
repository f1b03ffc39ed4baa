"""Writing a model as JSON: an interrupt in the middle is an interrupt, and not a model that cannot be written."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticSerializationError, SchemaSerializer


def written(serializer: SchemaSerializer, value: object, **options: Any) -> bytes:
    """The JSON of a model."""
    try:
        return serializer.to_json(value, **options)
    except PydanticSerializationError as error:
        if "KeyboardInterrupt" in str(error):  # pydantic tells of it in words alone
            raise KeyboardInterrupt from error
        raise
