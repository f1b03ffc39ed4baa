"""The messages that are known, and the facts in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from infrastructure.legacy.logs.parsing.log_facts import Fact, FactKind
from infrastructure.legacy.logs.parsing.names import SYMBOL, exchange, mentioned_exchange, mentioned_symbol, symbol
from infrastructure.legacy.logs.parsing.python_literal import read_dict
from infrastructure.legacy.logs.reading.record import Record

REASON_CHARACTERS_MAX: Final = 1_000
TEXT_CHARACTERS_MAX: Final = 400


class Template(NamedTuple):
    """A message: a word in lower case without which it need not be looked for, and its pattern, named as a Fact."""

    kind: FactKind
    word: str
    pattern: re.Pattern[str]


def _template(kind: FactKind, word: str, pattern: str) -> Template:
    return Template(kind, word, re.compile(pattern.replace("SYMBOL", f"(?P<symbol>{SYMBOL})"), re.IGNORECASE))


_BOT: Final = r"\b(?:bot|application|trading (?:system|engine|platform|service))\b"
_NEAR: Final = r"[^.:={]{0,40}\b"
_TEMPLATES: Final = (
    _template(FactKind.REFUSED_LATE, "duplicate", r"DUPLICATE ACTIVE POSITION DETECTED"),
    _template(
        FactKind.REFUSED_EARLY,
        "already exists",
        r"Position SYMBOL already exists(?:.{0,80}?\bid\s*[=:#]\s*(?P<position_id>\d+))?"
        r"(?:.{0,80}?status\s*[=:]\s*'?(?P<status>\w+))?",
    ),
    _template(FactKind.OPERATION_STARTED, "atomic", r"Starting atomic operation:?\s*(?P<operation>[^\s,]+)"),
    _template(FactKind.CREATE_CALLED, "create_position", r"create_position\(?\)? called(?: for)?:?\s*SYMBOL"),
    _template(
        FactKind.INSERTED,
        "returned position_id",
        r"returned position_id\s*[=:]\s*(?P<position_id>\d+)(?:\s*(?:for|,|-)\s*(?:symbol=)?SYMBOL)?",
    ),
    _template(FactKind.ENTRY_SENT, "entry order", r"Placing entry order(?: for)?:?\s*SYMBOL"),
    _template(FactKind.ENTRY_PLACED, "entry order", r"Entry order placed"),
    _template(FactKind.STOP_SENT, "stop", r"Placing stop[- ]?loss(?: order)?(?: for)?:?\s*SYMBOL"),
    _template(FactKind.ACTIVATED, "is active", r"Position SYMBOL is ACTIVE"),
    _template(
        FactKind.ROLLBACK,
        "rolling back",
        r"Rolling back(?: position)?(?: for)?:?\s*SYMBOL(?:.{0,40}?state\s*=\s*(?P<status>\w+))?",
    ),
    _template(FactKind.NOT_FOUND, "not found after", r"Position SYMBOL not found after \d+ attempts"),
    _template(FactKind.ADDED_MISSING, "missing position", r"Added missing position:?\s*SYMBOL"),
    _template(FactKind.PHANTOM, "phantom", rf"(?P<symbol>{SYMBOL})\s*:\s*PHANTOM position"),
    _template(FactKind.QUANTITY_MISMATCH, "quantity mismatch", rf"(?P<symbol>{SYMBOL})\s*:\s*Quantity mismatch"),
    _template(
        FactKind.UNPROTECTED,
        "without stop",
        r"Position SYMBOL (?:is )?WITHOUT STOP[ -]?LOSS(?:.{0,20}?\bfor (?P<seconds>\d+)(?:\.\d+)?\s*s)?",
    ),
    _template(
        FactKind.BOT_STARTED,
        "",
        rf"\b(?:re)?start(?:ing|ed)\b{_NEAR}{_BOT}|{_BOT}{_NEAR}(?:re)?start(?:ing|ed)\b"
        rf"|\binitializ(?:ing|ed)\b{_NEAR}{_BOT}|{_BOT}{_NEAR}initializ(?:ing|ed)\b"
        r"|\b(?:bot|system|application)_start(?:ed|up)?\b|\bapplication startup\b",
    ),
    _template(
        FactKind.BOT_STOPPED,
        "",
        rf"\bshutting down\b|\bshutdown (?:signal|requested|initiated|complete)|\bstopping\b{_NEAR}{_BOT}"
        rf"|{_BOT}{_NEAR}stopp(?:ed|ing)\b|\b(?:bot|system|application)_(?:stopped|shutdown)\b"
        rf"|\b(?:received|caught|got)\b{_NEAR}(?:SIGTERM|SIGINT|signal (?:2|15))\b",
    ),
)

WORDS: Final = (
    b"duplicate key", b"duplicate active", b"uniqueviolation", b"already exists", b"atomic operation",
    b"position creation failed", b"create_position", b"returned position_id", b"is active with", b"rolling back",
    b"not found after", b"missing position", b"phantom p", b"quantity mismatch", b"without stop", b"position_error",
    b"failed to open", b"failed to create", b"starting", b" started", b"bot_start", b"initializ", b"shutting down",
    b"shutdown", b"bot stopp", b"stopping", b"sigterm", b"sigint", b"received signal",
)  # fmt: skip
"""A record is looked at when one of these, in lower case, stands in it."""

_VIOLATED: Final = re.compile(
    r"duplicate key value violates unique constraint(?:\s*\\?[\"'](?P<constraint>[^\"'\\\s]{1,100}))?"
    r"|\bUniqueViolation(?:Error)?\b|Key \([^()\n]{1,200}\)=\([^\n]{1,300}?\) already exists",
    re.IGNORECASE,
)
_CONSTRAINT: Final = re.compile(r"unique constraint\s*\\?[\"'](?P<constraint>[^\"'\\\s]{1,100})", re.IGNORECASE)
_KEY: Final = re.compile(
    r"Key \((?P<columns>[^()\n]{1,200})\)=\((?P<values>[^\n]{1,300}?)\) already exists", re.IGNORECASE
)
_OPERATION: Final = re.compile(r"\bpos_(?P<symbol>[^\s,]{1,60}?)_\d{9,19}\b")
_FAILED: Final = {
    form: re.compile(rf"{words}(?P<reason>.*)", re.IGNORECASE | re.DOTALL)
    for form, words in (
        ("operation failed", r"Atomic operation failed:?\s*(?P<operation>pos_[^\s,]+)?[\s:\u2013-]*"),
        ("creation failed", r"(?:Atomic )?position creation failed:?\s*"),
        (
            "open failed",
            rf"Failed to (?:open|create)(?: \w+)? position(?: for)?:?\s*(?P<symbol>{SYMBOL})?[\s:\u2013-]*",
        ),
    )
}
"""How a failed entry is told, apart from the event `position_error`."""

_ERROR_EVENT: Final = re.compile(r"\bposition_error\b['\"]?\s{0,8}[:=]?\s{0,8}(?=\{)", re.IGNORECASE)
_WRAPPER: Final = re.compile(r"^(?:Atomic )?Position creation (?:rolled back|failed)\s*:\s*", re.IGNORECASE)
_REST: Final = "Traceback (most recent call last)"
_ERRORS: Final = re.compile(
    r"duplicate key|UniqueViolation|DUPLICATE ACTIVE|position_error|atomic operation failed|without stop[ -]?loss",
    re.IGNORECASE,
)
_NAMELESS: Final = frozenset({FactKind.BOT_STARTED, FactKind.BOT_STOPPED})
"""Kinds whose messages are about no symbol, even if one stands in them."""


def facts_of(record: Record) -> Iterator[Fact]:
    """The facts in one record: a failure and its violation are two, everything else is one. Perhaps none."""
    failure = _failure(record)
    violation = _violation(record, failure)
    if violation is not None:
        yield violation
    if failure is not None:
        yield (
            failure
            if violation is None
            else replace(
                failure, symbol=failure.symbol or violation.symbol, exchange=failure.exchange or violation.exchange
            )
        )
    if violation is None and failure is None and (plain := _plain(record)) is not None:
        yield plain


def _plain(record: Record) -> Fact | None:
    low = record.text.lower()
    for template in _TEMPLATES:
        if template.word not in low:
            continue
        if match := template.pattern.search(record.text):
            groups = match.groupdict()
            seconds = groups.pop("seconds", None)
            return _fact(record, template.kind, seconds=None if seconds is None else int(seconds[:12]), **groups)
    return None


def _failure(record: Record) -> Fact | None:
    if event := _ERROR_EVENT.search(record.text):
        said = read_dict(record.text[event.end() :])
        reason = next((said[name] for name in ("reason", "error", "error_message", "message") if said.get(name)), None)
        return _fact(
            record,
            FactKind.ENTRY_FAILED,
            form="position_error",
            symbol=said.get("symbol"),
            exchange=said.get("exchange"),
            reason=reason,
            signal_id=said.get("signal_id"),
            status=said.get("status"),
        )
    for form, pattern in _FAILED.items():
        if match := pattern.search(record.text):
            return _fact(record, FactKind.ENTRY_FAILED, form=form, **match.groupdict())
    return None


def _violation(record: Record, failure: Fact | None) -> Fact | None:
    match = _VIOLATED.search(record.text)
    if match is None:
        return None
    key = _key(record.text)
    named = _CONSTRAINT.search(record.text)
    constraint = named and named["constraint"]
    told_again = (failure is not None and failure.form != "creation failed") or "rolled back" in record.text.lower()
    fact = _fact(
        record,
        FactKind.VIOLATION if _is_of_positions(key, constraint) else FactKind.OTHER_VIOLATION,
        symbol=key.get("symbol"),
        exchange=key.get("exchange"),
        constraint=constraint,
        form="again" if told_again else "first",
    )
    if failure is None or (fact.symbol and fact.exchange):
        return fact
    return replace(
        fact,
        symbol=fact.symbol or failure.symbol,
        exchange=fact.exchange or failure.exchange,
        operation=failure.operation,
        symbol_from=fact.symbol_from if fact.symbol else failure.symbol and "its own message",
    )


def _key(text: str) -> dict[str, str]:
    match = _KEY.search(text)
    if match is None:
        return {}
    columns = [column.strip(' "\\').lower() for column in match["columns"].split(",")]
    return dict(zip(columns, (value.strip() for value in match["values"].split(",")), strict=False))


def _is_of_positions(key: dict[str, str], constraint: str | None) -> bool:
    """Whether it is the rule that a key has one open position, and not another table's."""
    if key:
        return any("symbol" in column for column in key)
    return constraint is None or ("position" in constraint.lower() and not constraint.lower().endswith("_pkey"))


def _fact(record: Record, kind: FactKind, **details: str | int | None) -> Fact:
    written = details.pop("symbol", None)
    found = symbol(str(written)) if written else None
    operation = details.get("operation")
    symbol_from = None
    if found is None and (match := _OPERATION.search(str(operation) if operation else record.text)):
        found, symbol_from = symbol(match["symbol"]), "the operation's name"
    if found is None and kind not in _NAMELESS:
        found, symbol_from = mentioned_symbol(record.first_line), "its own message"
    named = details.pop("exchange", None)
    reason = details.pop("reason", None)
    return Fact(
        kind=kind,
        at=record.at,
        place=record.place,
        logger=record.logger,
        text=record.first_line[:TEXT_CHARACTERS_MAX],
        symbol=found,
        symbol_from=symbol_from if found else None,
        exchange=exchange(str(named)) if named else mentioned_exchange(record.text[:2_000]),
        reason=_reason(str(reason)) if reason else None,
        **details,  # type: ignore[arg-type]  # named as Fact's fields
    )


def _reason(text: str) -> str:
    """A reason in one line, without what only wraps it."""
    reason = " ".join(_WRAPPER.sub("", text.partition(_REST)[0].strip()).split())
    return reason[:REASON_CHARACTERS_MAX]


def speaks_of_errors(record: Record) -> bool:
    """Whether a record holds words of an error that is looked for, whatever it makes of them."""
    return _ERRORS.search(record.text) is not None
