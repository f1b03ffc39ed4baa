"""An interrupt while a model is written is no fault of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, PlainSerializer
from pydantic_core import PydanticSerializationError

from domain.writing import as_dictionary, written

both = pytest.mark.parametrize("write", [written, as_dictionary])


def writing(raised: BaseException | None, write: Callable[..., Any] = written) -> Any:
    """A model as JSON, one field of which raises this while it is written."""

    def asked(value: int) -> int:
        if raised is not None:
            raise raised
        return value

    class Model(BaseModel):
        number: Annotated[int, PlainSerializer(asked)]

    return write(Model.__pydantic_serializer__, Model(number=7))


def test_a_model_is_written_as_json() -> None:
    assert writing(None) == b'{"number":7}'
    assert writing(None, as_dictionary) == {"number": 7}


@both
def test_an_interrupt_is_passed_on(write: Callable[..., Any]) -> None:
    with pytest.raises(KeyboardInterrupt):
        writing(KeyboardInterrupt(), write)


@both
def test_the_end_of_the_process_is_passed_on_with_its_exit_code(write: Callable[..., Any]) -> None:
    with pytest.raises(SystemExit) as ended:
        writing(SystemExit(143), write)
    assert ended.value.code == 143


@both
def test_a_model_that_cannot_be_written_is_said_to_be_so(write: Callable[..., Any]) -> None:
    with pytest.raises(PydanticSerializationError, match="no such number"):
        writing(ValueError("no such number"), write)
