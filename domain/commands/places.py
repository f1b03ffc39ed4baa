"""The parts that commands share: the slot or cycle that they are about, a side, a reason."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    ModelWrapValidatorHandler,
    model_validator,
)

from domain.commands.base import Command, storable
from domain.identifiers import PositionId, PositionKey, normalized_account, normalized_leg
from domain.symbols.spelling import Symbol, normalized_symbol, written_symbol
from domain.symbols.venues import normalized_exchange
from domain.values import Leg, Price, Side, Text, writable

_SIDES: Final = {"buy": "long", "sell": "short"}


def side_meant(value: object) -> object:
    """`long` for `buy`, `short` for `sell`; any other value is returned unchanged."""
    text = value.strip().lower() if isinstance(value, str) else value
    return _SIDES.get(text, text) if isinstance(text, str) else text


def _position_id(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.80} is not a position id like APTUSDT.binance#1")
    return PositionId.parse(value).text


def _reason(value: str) -> str:
    if not writable(value).strip():
        raise ValueError("is empty; say why, a year later somebody will ask")
    return value


SideOfPosition = Annotated[Side, BeforeValidator(side_meant)]
PositionIdText = Annotated[str, BeforeValidator(_position_id)]
Reason = Annotated[Text, AfterValidator(_reason)]
Percent = Annotated[Price, Field(lt=100)]
Json = Annotated[JsonValue, BeforeValidator(storable)]


class Spelled(Command):
    """A command that may name a key; its symbol is normalised, so that two spellings give the same digest."""

    _former: ClassVar[tuple[PositionKey, ...]] = ()
    """Of the class, for next to no command has one; a private attribute costs every command as much as its fields."""

    @model_validator(mode="wrap")
    @classmethod
    def _spell(cls, fields: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        command = handler(fields)
        symbol: str | None = getattr(command, "symbol", None)
        exchange: str | None = getattr(command, "exchange", None)
        if symbol is None or exchange is None:
            return command
        key = command.key
        object.__setattr__(command, "symbol", normalized_symbol(symbol, exchange, key.leg))
        if isinstance(fields, dict) and not isinstance(symbol, Symbol):
            known = PositionKey.before(symbol, fields["exchange"], key.account, key.leg)
            if former := tuple(each for each in known if each.stream != key.stream):
                object.__setattr__(command, "_former", former)
        return command

    @property
    def former_keys(self) -> tuple[PositionKey, ...]:
        """The keys that the same spelling stood for in earlier versions, in which a cycle may still be open."""
        return self._former


class OnKey(Spelled):
    """A command about a slot."""

    symbol: Annotated[str, BeforeValidator(written_symbol)]
    exchange: Annotated[str, BeforeValidator(normalized_exchange)]
    account: Annotated[str | None, BeforeValidator(normalized_account)] = None
    leg: Annotated[Leg, BeforeValidator(normalized_leg)] = Leg.BOTH

    @property
    def key(self) -> PositionKey:
        """The slot that this command asks for."""
        return PositionKey.of(self.symbol, self.exchange, self.account, self.leg)

    @property
    def cycle(self) -> int | None:
        """None: the current cycle of the slot."""
        return None

    @model_validator(mode="after")
    def _leg_agrees_with_side(self) -> Self:
        needs_agreeing_leg(getattr(self, "side", None), self.leg)
        return self


def needs_agreeing_leg(side: Side | None, leg: Leg | None) -> None:
    """Refuse a side that the leg of the key cannot hold."""
    if side is not None and leg not in (None, Leg.BOTH, Leg.SPOT) and leg.value.lower() != side.value:
        raise ValueError(f"side {side.value} cannot be held on leg {leg.value}")


class OnPosition(Command):
    """A command about one cycle."""

    position_id: PositionIdText

    @property
    def key(self) -> PositionKey:
        """The slot of the position that this command names."""
        return PositionId.parse(self.position_id).key

    @property
    def cycle(self) -> int | None:
        """The cycle that this command names."""
        return PositionId.parse(self.position_id).cycle
