"""What a bot wants to hold, read once: numbers as text or Decimal, never as floats."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from domain.commands.places import side_meant
from domain.identifiers import normalized_leg
from domain.values import Leg, Side
from infrastructure.trading.exchange_orders import Amount, amount
from infrastructure.trading.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedEntry:
    """What a bot wants to hold. Units: quantity as orders are counted at its market; `cost` in quote."""

    symbol: str
    side: Side
    intent_id: str
    quantity: Decimal | None = None
    cost: Decimal | None = None
    leg: Leg = Leg.BOTH
    planned: dict[str, Any] = field(default_factory=dict)
    """`stop_loss_percent`, `stop_price` and `signal_price`, as far as they were given."""

    @classmethod
    def of(
        cls,
        rules: Rules,
        *,
        symbol: str,
        side: str | Side,
        intent_id: str,
        quantity: Amount | None,
        cost: Amount | None,
        leg: str | Leg,
        **planned: Amount | None,
    ) -> Self:
        """Read the arguments of a bot as the fields of a command.

        Refuses: ValueError for a float, for neither or both of quantity and cost, for a missing plan of the stop, and
                 for anything that is no side or leg.
        """
        try:
            meant = Side(str(side_meant(side)))
        except ValueError:
            words = f"side is {side!r:.80}; it is 'long' or 'short', and 'buy' and 'sell' are understood"
            raise ValueError(words) from None
        said = {name: value for name, value in planned.items() if value is not None}
        for name, value in said.items():
            if isinstance(value, float):
                raise ValueError(f"{name} is the float {value!r}; send text, as '{value}', or a Decimal")
        if (quantity is None) == (cost is None):
            raise ValueError("an entry needs quantity or cost, one of the two")
        if rules.protection == "exchange" and not said.keys() & {"stop_loss_percent", "stop_price"}:
            raise ValueError(
                "an entry needs stop_loss_percent or stop_price; a bot that keeps its stops itself says "
                "Rules(protection='bot')"
            )
        return cls(
            symbol=symbol,
            side=meant,
            intent_id=intent_id,
            quantity=amount("quantity", quantity),
            cost=amount("cost", cost),
            leg=normalized_leg(leg),
            planned=said,
        )
