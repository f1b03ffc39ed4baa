"""The base of all commands: frozen, identified by a digest of their content, refused with a message that helps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from threading import RLock
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from domain.alteration import once
from domain.errors import InvalidCommand
from domain.identifiers import PositionKey
from domain.values import OR_LEAVE_OUT, Identifier, MomentOfNow, Source, exact, writable
from domain.writing import written

NESTING_MAX: Final = 50
INTEGER_BITS_MAX: Final = 4096
_ENVELOPE: Final = {"command_id", "expected_version", "at", "source", "metadata"}
BUILDING: Final = RLock()
"""Held while a class of commands is built, when it is first used, and while this process is forked.

Pydantic builds under a lock of its own. In a fork of that moment nobody would ever release it.
"""
_NEW: Final = object.__new__
_SET: Final = object.__setattr__


def storable(value: Any, depth: int = 0) -> Any:
    """Refuse, at any depth, values that the store would not return unchanged; sort the keys of objects."""
    if depth > NESTING_MAX:
        raise ValueError(f"is nested more than {NESTING_MAX} deep")
    match value:
        case float():
            exact(value)
        case str():
            writable(value)
        case int() if value.bit_length() > INTEGER_BITS_MAX:
            raise ValueError(f"has a whole number of {value.bit_length()} bits; send it as text")
        case dict():
            names = [storable(name, depth + 1) for name in value]
            return {name: storable(value[name], depth + 1) for name in sorted(names, key=str)}
        case list() | tuple():
            return [storable(inner, depth + 1) for inner in value]
    return value


class Command(BaseModel):
    """A request to the ledger.

    `command_id` makes it safe to send twice (generated if absent); `expected_version` is the version of the stream that
    the caller saw; `at` is when it happened, as the exchange (or the bot) says; `metadata` is stored as sent.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True, ignored_types=(once,)
    )
    verb: ClassVar[str]

    command_id: Identifier | None = None
    expected_version: Annotated[int, Field(ge=0, strict=True)] | None = None
    at: MomentOfNow | None = None
    source: Source = Source.SIGNAL
    metadata: Annotated[dict[str, JsonValue], BeforeValidator(storable)] | None = None

    @classmethod
    def of(cls, /, **fields: Any) -> Self:
        """Validate the fields of a command; an error names what is wrong and what would be right.

        Refuses: InvalidCommand, naming every field that is wrong.
        """
        if not cls.__pydantic_complete__:
            with BUILDING:
                cls.model_rebuild()
        try:
            return cls(**fields)
        except ValidationError as wrong:
            raise InvalidCommand(f"{cls.verb}: {_complaints(cls, wrong)}", command=cls.verb) from None

    @classmethod
    def given(cls, /, **fields: Any) -> Self:
        """The same as `of`, faster: fields that have their default are not validated.

        Refuses: InvalidCommand, as `of` does.
        """
        defaults = _defaults(cls)
        return cls.of(**{name: value for name, value in fields.items() if value is not defaults[name]})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the command with other values in some fields, which are validated; a deep copy is never needed."""
        del deep
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).of(**(fields | dict(update or {})))

    def with_known(self, fields: Mapping[str, Any], /) -> Self:
        """Copy the command with other values in fields that it was made of, without validation.

        For imports, which make a million alike of values that were checked before.
        """
        known = {**self.__dict__, **fields}
        known.pop("digest", None)
        made = _NEW(type(self))
        _SET(made, "__dict__", known)
        _SET(made, "__pydantic_fields_set__", self.__pydantic_fields_set__)
        _SET(made, "__pydantic_extra__", None)
        _SET(made, "__pydantic_private__", self.__pydantic_private__)
        return made

    @once
    def digest(self) -> str:
        """The digest of the content without the envelope, as 16 hex digits.

        The same `command_id` with another digest is refused. Fields that have their default are left out, so that a
        later version may add fields without changing digests.
        """
        content = written(self.__pydantic_serializer__, self, exclude=_ENVELOPE, exclude_defaults=True)
        return digest_of(self.verb, content)

    @property
    def key(self) -> PositionKey:
        """The slot that this command is about."""
        raise NotImplementedError

    @property
    def former_keys(self) -> tuple[PositionKey, ...]:
        """The keys that the same spelling stood for in earlier versions, other than the key of today."""
        return ()

    @property
    def cycle(self) -> int | None:
        """The cycle that this command names; None for the current one."""
        raise NotImplementedError


@cache
def _defaults(command: type[Command]) -> dict[str, Any]:
    """The default of every field; for a required one a value that no caller can pass."""
    return {name: field.default for name, field in command.model_fields.items()}


def digest_of(verb: str, content: bytes) -> str:
    """The digest of a command's content, as 16 hex digits."""
    return hashlib.sha256(verb.encode() + b" " + content).hexdigest()[:16]


def _complaints(command: type[Command], wrong: ValidationError) -> str:
    said = []
    for error in wrong.errors(include_url=False):
        name = ".".join(str(part) for part in error["loc"])
        match error["type"]:
            case "extra_forbidden":
                known = "leave it out" if "." in name else f"it has {', '.join(command.model_fields)}"
                said.append(f"{name} is not a field of it; {known}")
            case "missing":
                said.append(f"{name} is missing")
            case "value_error":
                message = error["msg"].removeprefix("Value error, ")
                if name in command.model_fields and command.model_fields[name].is_required():
                    message = message.replace(OR_LEAVE_OUT, "the command cannot do without it")
                said.append(f"{name}: {message}" if name else message)
            case "bool_type":
                said.append(f"{name}: {error['input']!r:.60} is neither true nor false")
            case _:
                said.append(f"{name}: {error['msg']}, not {error['input']!r:.60}")
    return "; ".join(said)
