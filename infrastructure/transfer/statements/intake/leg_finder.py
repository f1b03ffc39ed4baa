"""The legs of fills and payments that name none: by what the files say of them, and by what was held at their time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from decimal import Decimal

from domain.identifiers import PositionKey
from domain.instrument import Instrument
from domain.values import Leg, plain
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.ledger.aggregate_cache import AggregateCache
from infrastructure.transfer.statements.intake.closings import HeldBefore, tells_of_before
from infrastructure.transfer.statements.intake.held_before import added_to, held_before
from infrastructure.transfer.statements.intake.key_past import KeyPast
from infrastructure.transfer.statements.intake.ledger_checks.definition_command import definition_command
from infrastructure.transfer.statements.intake.leg_spans import LegSpans
from infrastructure.transfer.statements.intake.sorting.sorted_facts import SortedFacts
from infrastructure.transfer.statements.statement_report import StatementTally
from infrastructure.transfer.transfer_errors import StatementRefused


class LegFinder:
    """Gives facts that name no leg to the leg that they are of, before any key is imported."""

    def __init__(self, store: Store, facts: SortedFacts, tally: StatementTally) -> None:
        self._store, self._cache = store, AggregateCache(store)
        self._facts, self._tally = facts, tally

    def find(self) -> set[PositionKey]:
        """Find the legs of fills and payments that name none, and count those that name no key.

        Shape:   the keys with payments that may be of either leg.
        Refuses: StatementRefused.
        """
        for key in self._facts.keys_without_legs:
            legs = [key]
            if not self._is_known(key) and (self._held_legs(key) or self._are_of_two_legs(key)):
                self._facts.part(key)
                legs = [leg for side in (Leg.LONG, Leg.SHORT) if self._facts.has_fills(leg := key.on(side))]
            self._check_defined(key, legs)
        of_two_legs = set[PositionKey]()
        for key in self._facts.keys_without_fills:
            if key.leg is not Leg.BOTH or self._is_known(key):
                continue
            held = self._held_legs(key)
            if len(held) == 1:
                self._facts.move_cash(key, held[0])
            elif held:
                self._share_cash(key, held)
                of_two_legs.add(key)
        for cash in self._facts.of_no_key():
            self._tally.payments += 1
            self._tally.leave_out(cash, "the file names none")
        return of_two_legs

    def _is_known(self, key: PositionKey) -> bool:
        return self._cache.load(key.stream).position.cycle > 0

    def _held_legs(self, key: PositionKey) -> list[PositionKey]:
        legs = [key.on(leg) for leg in (Leg.LONG, Leg.SHORT)]
        return [leg for leg in legs if self._facts.has_fills(leg) or self._is_known(leg)]

    def _defined(self, key: PositionKey) -> dict[PositionKey, Instrument]:
        """The defined terms of a key without a leg, and of its legs."""
        keys = key, key.on(Leg.LONG), key.on(Leg.SHORT)
        found = {leg: self._cache.load(leg.stream).position.state.instrument for leg in keys}
        return {leg: terms for leg, terms in found.items() if terms is not None}

    def _are_of_two_legs(self, key: PositionKey) -> bool:
        terms = [*self._defined(key).values(), Instrument(inverse=key.is_inverse)][0]
        return self._facts.are_of_two_legs(key, terms, lambda: self._held_before(key, terms.contract_size))

    def _held_before(self, key: PositionKey, size: Decimal) -> HeldBefore | None:
        """What was held before the first fill, if all fills are of one position; None where the files do not say it."""
        fills = self._facts.whole_fills_of(key)
        first = next(fills)
        try:
            return held_before(first, fills, size) if tells_of_before(first) else added_to(first, fills, size)
        except StatementRefused:
            return None  # such a file is refused once it is decided

    def _check_defined(self, key: PositionKey, legs: Sequence[PositionKey]) -> None:
        """Refuses: StatementRefused if a contract size is defined for another leg only: units would be counted."""
        defined = self._defined(key)
        for leg in legs:
            if defined and leg not in defined:
                other, terms = next(iter(defined.items()))
                size = plain(terms.contract_size)
                raise StatementRefused(
                    f"fills of {key} are of {leg}, and how much a contract of that is nobody defined; of {other} it is "
                    f"{size}; define it first: {definition_command(leg, '--contract-size', size)}"
                )

    def _share_cash(self, key: PositionKey, legs: list[PositionKey]) -> None:
        """Give each payment to the only leg that was held at its time; it keeps no leg where both may have been."""
        with ExitStack() as stack:
            spans = {leg: self._spans(leg, stack) for leg in legs}

            def leg_at(time: datetime) -> PositionKey | None:
                found = [leg for leg, held in spans.items() if held.may_be_of(time)]
                return found[0] if len(found) == 1 else None

            self._facts.share_cash(key, leg_at)

    def _spans(self, leg: PositionKey, stack: ExitStack) -> LegSpans:
        """The position is read before the history: a later write is in the history, or leads to a conflict."""
        position = self._cache.load(leg.stream).position
        past = stack.enter_context(closing(KeyPast(leg, map(decode, self._store.history(leg.stream)))))
        return LegSpans(leg.leg, past, position.state.holding.quantity, self._facts.fills_of(leg))
