"""Queries as JSON, for bots in any language: their fields, their answers, and the JSON Schema of both."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.commands.requests import COMMANDS, object_from_json
from domain.errors import InvalidCommand
from infrastructure.ledger.ledger import PositionLedger


class JsonQuery(BaseModel):
    """A question; nothing is written by it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)
    name: ClassVar[str]

    def answer(self, ledger: PositionLedger) -> dict[str, Any]:
        """The answer as JSON. Refuses: CommandRefused, StoreError."""
        raise NotImplementedError


class PositionsQuery(JsonQuery):
    """Cycles, all or some, oldest first; as `positions --json` prints them."""

    name = "positions"
    open: bool = False
    unprotected: bool = False
    symbol: str | None = None
    exchange: str | None = None
    account: str | None = None
    leg: str | None = None
    intent_id: str | None = None

    def answer(self, ledger: PositionLedger) -> dict[str, Any]:
        """The rows."""
        return {"positions": [row.as_json() for row in ledger.positions(**self.model_dump())]}


class PositionQuery(JsonQuery):
    """One cycle as it stands."""

    name = "position"
    position_id: str

    def answer(self, ledger: PositionLedger) -> dict[str, Any]:
        """The row."""
        return {"position": ledger.position(self.position_id).as_json()}


class PendingOrdersQuery(JsonQuery):
    """Orders that were promised and of which nothing is known, and stops that are missing."""

    name = "pending_orders"

    def answer(self, ledger: PositionLedger) -> dict[str, Any]:
        """The orders."""
        return {"orders": [order.as_json() for order in ledger.pending_orders()]}


class ReceiptQuery(JsonQuery):
    """The answer of a command that was lost on its way; null where nothing is on record of it."""

    name = "receipt"
    command_id: str
    key: str | None = None

    def answer(self, ledger: PositionLedger) -> dict[str, Any]:
        """The receipt."""
        found = ledger.receipt(self.command_id, key=self.key)
        return {"receipt": None if found is None else found.as_json()}


QUERIES: Final = {kind.name: kind for kind in (PositionsQuery, PositionQuery, PendingOrdersQuery, ReceiptQuery)}


def query_from_json(text: str) -> JsonQuery | None:
    """Read one JSON object `{"query": name, …}`; None for one that is no query. Refuses: InvalidCommand."""
    if '"query"' not in text:
        return None  # a command, which need not be read twice
    sent = object_from_json(text)
    if "query" not in sent:
        return None
    name = sent.pop("query")
    if not isinstance(name, str) or name not in QUERIES:
        raise InvalidCommand(f"there is no query {name!r:.80}; there are {', '.join(QUERIES)}")
    try:
        return QUERIES[name](**sent)
    except ValidationError as wrong:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors())
        raise InvalidCommand(f"{name}: {faults}") from None


def protocol_schema() -> dict[str, Any]:
    """The JSON Schema of a line that `record` reads, and of a line that it answers."""

    def line(word: str, name: str, kind: type[BaseModel]) -> dict[str, Any]:
        schema = kind.model_json_schema(ref_template="#/$defs/{model}")
        found.update(schema.pop("$defs", {}))
        schema["properties"] = {word: {"const": name}, **schema.get("properties", {})}
        schema["required"] = [word, *schema.get("required", ())]
        return schema

    found: dict[str, Any] = {}
    commands = [line("command", verb, kind) for verb, kind in COMMANDS.items()]
    queries = [line("query", name, kind) for name, kind in QUERIES.items()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "position-ledger record",
        "oneOf": [{"$ref": "#/$defs/command"}, {"$ref": "#/$defs/query"}],
        "$defs": {
            **found,
            "command": {"oneOf": commands},
            "query": {"oneOf": queries},
            "answer": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in _ANSWERS]},
            **_ANSWERS,
        },
    }


_TEXT: Final = {"type": "string"}
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_ANSWERS: Final[dict[str, Any]] = {
    "receipt": {
        "type": "object",
        "properties": {
            "ok": {"const": True},
            "outcome": {"enum": ["recorded", "replayed"]},
            "position_id": _TEXT,
            "status": _TEXT_OR_NULL,
            "version": {"type": "integer"},
            "client_order_id": _TEXT_OR_NULL,
            "events": {"type": "array", "items": _TEXT},
            "may_order": {"type": "boolean"},
            "quantity": _TEXT_OR_NULL,
            "current_status": _TEXT_OR_NULL,
            "current_version": {"type": ["integer", "null"]},
            "close_side": {"enum": ["buy", "sell"]},
            "close_quantity": _TEXT,
            "reduce_only": {"const": True},
        },
        "required": ["ok", "outcome", "position_id", "version", "events", "may_order"],
        "additionalProperties": False,
    },
    "refusal": {
        "type": "object",
        "properties": {"ok": {"const": False}, "error": _TEXT, "message": _TEXT},
        "required": ["ok", "error", "message"],
    },
    "found": {
        "type": "object",
        "properties": {
            "ok": {"const": True},
            "query": {"enum": list(QUERIES)},
            "positions": {"type": "array", "items": {"type": "object"}},
            "position": {"type": "object"},
            "orders": {"type": "array", "items": {"type": "object"}},
            "receipt": {"type": ["object", "null"]},
        },
        "required": ["ok", "query"],
        "additionalProperties": False,
    },
}
