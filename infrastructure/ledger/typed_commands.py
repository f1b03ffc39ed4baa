"""One method a command, for the ledger and its asyncio twin alike.

Written by `make generate` from `domain/commands/requests.py` and `docs/commands/bot.md`: change those.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Literal, TypeVar

from domain.commands import requests as c
from domain.commands.base import Command
from domain.commands.field_types import (
    AnyEvidence,
    AnyId,
    AnyJsonObject,
    AnyLeg,
    AnyNumber,
    AnySide,
    AnySource,
    AnyTime,
)
from domain.values import Leg, Source

Answered = TypeVar("Answered")


class TypedCommands(ABC, Generic[Answered]):
    """Every command as a method; a field that is not its own, or that is missing, is a TypeError.

    Refuses: InvalidCommand for a field that is malformed; else what `handle` refuses.
    """

    @abstractmethod
    def handle(self, command: Command) -> Answered:
        """Decide one command."""

    def request_entry(
        self,
        *,
        symbol: str,
        exchange: str,
        side: AnySide,
        quantity: AnyNumber,
        intent_id: AnyId,
        account: str | None = None,
        leg: AnyLeg = Leg.BOTH,
        signal_price: AnyNumber | None = None,
        stop_loss_percent: AnyNumber | None = None,
        stop_price: AnyNumber | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """Claim the slot of a key for one intent, before any order is sent.

        If it is refused, send no order. The same `intent_id` again is the same entry, as long as the ledger lives: it
        gets the first answer, and never opens a second cycle.

        - symbol (symbol): `APT/USDT:USDT`, `APT/USDT`, `APTUSDT` in any case: one key
        - exchange (exchange): a name, in any case; no account is an account of its own
        - side (side): `long` or `short`; `buy` and `sell` are understood
        - quantity (quantity): what will be ordered
        - intent_id (id): the bot's reason to open: a signal id, a strategy tag
        - account (account, optional): a name, in any case; no account is an account of its own
        - leg (leg, optional): `LONG` and `SHORT` must agree with the side
        - signal_price (price, optional): what the signal saw; kept beside the price of the fill
        - stop_loss_percent (number, 0 < … < 100, optional): the stop plan: so far from the entry, or …
        - stop_price (price, optional): … at this price. One of the two at most
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        A price is quote asset for one unit of base asset, greater than zero.
        A quantity is base asset (or contracts), greater than zero, without a sign: the side says the direction.

        Answer: `pending_entry`, one `EntryRequested`.
        Refuses: `PositionAlreadyOpen`; `WrongSideStop` for a planned `stop_price` on the wrong side of `signal_price`.
        """
        return self.handle(
            c.RequestEntry.of(
                symbol=symbol,
                exchange=exchange,
                side=side,
                quantity=quantity,
                intent_id=intent_id,
                account=account,
                leg=leg,
                signal_price=signal_price,
                stop_loss_percent=stop_loss_percent,
                stop_price=stop_price,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def record_entry_placed(
        self,
        *,
        exchange_order_id: AnyId,
        position_id: str | None = None,
        symbol: str | None = None,
        exchange: str | None = None,
        account: str | None = None,
        leg: AnyLeg | None = None,
        side: AnySide | None = None,
        quantity: AnyNumber | None = None,
        signal_price: AnyNumber | None = None,
        intent_id: AnyId | None = None,
        filled_qty: AnyNumber | None = None,
        avg_px: AnyNumber | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The exchange acknowledged the entry order.

        With `position_id` it belongs to an entry that was requested; with the key it opens a cycle after the fact, for
        a bot that asked too late.

        - exchange_order_id (id): the entry order, as the exchange names it
        - position_id (position id, optional): or else the key, `side` and `quantity` (or `filled_qty`)
        - symbol (symbol, optional): only without `position_id`, like the next seven
        - exchange (exchange, optional): a name, in any case; no account is an account of its own
        - account (account, optional): a name, in any case; no account is an account of its own
        - leg (leg, optional): `BOTH` (one-way mode, the default), `LONG` or `SHORT` (hedge mode)
        - side (side, optional): `long` or `short`; `buy` and `sell` are understood
        - quantity (quantity, optional): what was ordered
        - signal_price (price, optional): quote asset for one unit of base asset, greater than zero
        - intent_id (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is taken as
          its text
        - filled_qty (quantity or 0, optional): all that was filled until then
        - avg_px (price, optional): at which average price; needs `filled_qty`
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        A price is quote asset for one unit of base asset, greater than zero.
        A quantity is base asset (or contracts), greater than zero, without a sign: the side says the direction.

        Answer: `entry_placed`, one `EntryPlaced`; the same acknowledgement again is no news. By key with the
        `intent_id` or the order of the entry that is open, that entry is meant; the order of a cycle that is over is no
        news either, however many came after it.
        Refuses: `EntryAlreadyPlaced` for another order; by key also `PositionAlreadyOpen`, and `PositionNotOpen` for
        more of an order whose cycle is over.
        """
        return self.handle(
            c.RecordEntryPlaced.of(
                exchange_order_id=exchange_order_id,
                position_id=position_id,
                symbol=symbol,
                exchange=exchange,
                account=account,
                leg=leg,
                side=side,
                quantity=quantity,
                signal_price=signal_price,
                intent_id=intent_id,
                filled_qty=filled_qty,
                avg_px=avg_px,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def record_entry_fill(
        self,
        *,
        position_id: str,
        trade_id: AnyId,
        last_qty: AnyNumber,
        last_px: AnyNumber,
        fee: AnyNumber | None = None,
        fee_currency: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """One fill of the entry.

        Fills and the `filled_qty` of an acknowledgement are reconciled: see design.md. A fill that arrives after its
        cycle is over is recorded as late, in its own cycle. What that holds is called unprotected by every command
        (`positions --unprotected`, `diagnose`, `recover`, `stats`, `report`, `history`) until a later cycle of the key
        takes it over: by `adopt`, or by an `adjust` to what the exchange shows, or when a rollback is proved to have
        left nothing. `recover` with a snapshot says which.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - trade_id (id): of this fill; a repeated one is no news
        - last_qty (quantity): of this fill
        - last_px (price): of this fill
        - fee (fee, optional): in `fee_currency`, or in the settlement currency of the symbol if there is none; negative
          is a rebate
        - fee_currency (id, optional): fees in another currency than the settlement one are kept apart, never converted
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        A price is quote asset for one unit of base asset, greater than zero.
        A quantity is base asset (or contracts), greater than zero, without a sign: the side says the direction.
        A fee is in `fee_currency`, or in the settlement currency of the symbol if there is none; negative is a rebate.

        Answer: status unchanged, one `EntryFilled`.
        Refuses: `IdempotencyMismatch` for a known `trade_id` with other content.
        """
        return self.handle(
            c.RecordEntryFill.of(
                position_id=position_id,
                trade_id=trade_id,
                last_qty=last_qty,
                last_px=last_px,
                fee=fee,
                fee_currency=fee_currency,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def record_entry_unknown(
        self,
        *,
        position_id: str,
        reason: str,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The call to the exchange timed out, and nobody knows whether there is an order.

        The slot stays taken until evidence arrives: an acknowledgement, a fill, an adjustment, or `fail_entry`.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        Answer: status unchanged, one `EntryOutcomeUnknown`.
        Refuses: `WrongStatus` once the entry is past `entry_placed`.
        """
        return self.handle(
            c.RecordEntryUnknown.of(
                position_id=position_id,
                reason=reason,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def fail_entry(
        self,
        *,
        position_id: str,
        reason: str,
        outcome: Literal["rejected", "expired", "canceled"],
        code: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The exchange rejected, expired or cancelled the entry, with nothing filled.

        This frees the slot, so it needs the exchange's word: an error answer, or an order that is gone.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): the exchange's text
        - outcome (word): `rejected` or `expired` → `failed`; `canceled` → `canceled`
        - code (id, optional): the exchange's code
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        Answer: `failed` or `canceled`, one `EntryFailed`.
        Refuses: `EntryHasFills`; `WrongStatus` when active or rolling back.
        """
        return self.handle(
            c.FailEntry.of(
                position_id=position_id,
                reason=reason,
                outcome=outcome,
                code=code,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def set_stop_loss(
        self,
        *,
        position_id: str,
        stop_price: AnyNumber,
        exchange_order_id: AnyId,
        quantity: AnyNumber | None = None,
        activate: bool = False,
        locks_profit: bool = False,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The exchange confirmed a stop.

        Again with another price, quantity or order: it moved. One stop belongs to one cycle; the latest one counts.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - stop_price (price): below the entry of a long, above that of a short
        - exchange_order_id (id): the stop order, as the exchange names it
        - quantity (quantity, optional): what it covers; without it, whatever is open
        - activate (true or false, optional): also do what `activate` does, in the same append
        - locks_profit (true or false, optional): allow a stop beyond the entry of an active position, as a trailing
          stop sets it
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        A price is quote asset for one unit of base asset, greater than zero.
        A quantity is base asset (or contracts), greater than zero, without a sign: the side says the direction.

        Answer: `pending_sl`, or `active` if it was active or `activate` made it so; one `StopLossSet`, perhaps
        `Activated`.
        Refuses: `WrongSideStop` against the average entry, or the signal price while that is not known; `WrongStatus`
        before there is an entry at the exchange; with `activate`, what `activate` refuses.
        """
        return self.handle(
            c.SetStopLoss.of(
                position_id=position_id,
                stop_price=stop_price,
                exchange_order_id=exchange_order_id,
                quantity=quantity,
                activate=activate,
                locks_profit=locks_profit,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def lose_stop_loss(
        self,
        *,
        position_id: str,
        reason: str,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The stop was cancelled, or is gone from the exchange: unprotected from now on.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        Answer: status unchanged, one `StopLossLost`; no news when there is no stop on record.
        """
        return self.handle(
            c.LoseStopLoss.of(
                position_id=position_id,
                reason=reason,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def activate(
        self,
        *,
        position_id: str,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The entry is done: something is filled, at a known price, and a confirmed stop covers all of it.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        Answer: `active`, one `Activated`.
        Refuses: `AlreadyActive`, `NotFilled`, `NotProtected`, `WrongSideStop`, `WrongStatus` while rolling back.
        """
        return self.handle(
            c.Activate.of(
                position_id=position_id,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def reduce(
        self,
        *,
        position_id: str,
        trade_id: AnyId,
        last_qty: AnyNumber,
        last_px: AnyNumber,
        fee: AnyNumber | None = None,
        fee_currency: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """One fill of an exit order, with the profit that it realises.

        At zero the cycle waits for `close` to say why it ended.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - trade_id (id): of this fill; a repeated one is no news
        - last_qty (quantity): of this fill
        - last_px (price): of this fill
        - fee (fee, optional): in `fee_currency`, or in the settlement currency of the symbol if there is none; negative
          is a rebate
        - fee_currency (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is taken as
          its text
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        A price is quote asset for one unit of base asset, greater than zero.
        A quantity is base asset (or contracts), greater than zero, without a sign: the side says the direction.
        A fee is in `fee_currency`, or in the settlement currency of the symbol if there is none; negative is a rebate.

        Answer: status unchanged, one `PositionReduced`.
        Refuses: `NothingToClose`, `ReduceExceedsPosition`, `IdempotencyMismatch` for a known `trade_id` with other
        content.
        """
        return self.handle(
            c.Reduce.of(
                position_id=position_id,
                trade_id=trade_id,
                last_qty=last_qty,
                last_px=last_px,
                fee=fee,
                fee_currency=fee_currency,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def adjust(
        self,
        *,
        position_id: str,
        reason: str,
        quantity: AnyNumber | None = None,
        avg_px_open: AnyNumber | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SYNC,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """A correction from exchange evidence: what is really open, and at what average price.

        What was closed and earned before stays as it is.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - quantity (quantity, optional): what is open; zero is not an adjustment but a `close`
        - avg_px_open (price, optional): at what average price. One of the two at least
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        A price is quote asset for one unit of base asset, greater than zero.
        A quantity is base asset (or contracts), greater than zero, without a sign: the side says the direction.

        Answer: status unchanged, one `PositionAdjusted` with old and new values; no news without a difference.
        Refuses: `NotFilled` for a price alone while there is no quantity on record.
        """
        return self.handle(
            c.Adjust.of(
                position_id=position_id,
                reason=reason,
                quantity=quantity,
                avg_px_open=avg_px_open,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def adopt(
        self,
        *,
        symbol: str,
        exchange: str,
        side: AnySide,
        quantity: AnyNumber,
        avg_px_open: AnyNumber,
        reason: str,
        account: str | None = None,
        leg: AnyLeg = Leg.BOTH,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SYNC,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The exchange holds a position that no cycle explains.

        It becomes a cycle of its own, active and not yet protected. When a cycle is open, that cycle explains it:
        `adjust` it instead.

        - symbol (symbol): `APT/USDT:USDT`, `APT/USDT`, `APTUSDT` in any case: one key
        - exchange (exchange): a name, in any case; no account is an account of its own
        - side (side): `long` or `short`; `buy` and `sell` are understood
        - quantity (quantity): base asset (or contracts), greater than zero, without a sign: the side says the direction
        - avg_px_open (price): quote asset for one unit of base asset, greater than zero
        - reason (words): text of any length, not blank
        - account (account, optional): a name, in any case; no account is an account of its own
        - leg (leg, optional): `LONG` and `SHORT` must agree with the side
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        A price is quote asset for one unit of base asset, greater than zero.
        A quantity is base asset (or contracts), greater than zero, without a sign: the side says the direction.

        Answer: `active`, one `PositionAdopted`.
        Refuses: `PositionAlreadyOpen`.
        """
        return self.handle(
            c.Adopt.of(
                symbol=symbol,
                exchange=exchange,
                side=side,
                quantity=quantity,
                avg_px_open=avg_px_open,
                reason=reason,
                account=account,
                leg=leg,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def start_rollback(
        self,
        *,
        position_id: str,
        reason: str,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """A compensating close is about to be sent.

        Its side, quantity and `client_order_id` are in the receipt and come from the ledger; never compute them from an
        exchange's answer. Send it reduce-only.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        Answer: `rolling_back`, one `RollbackStarted`.
        Refuses: `NothingToRollBack`; `WrongStatus` while another rollback is on its way and has not failed.
        """
        return self.handle(
            c.StartRollback.of(
                position_id=position_id,
                reason=reason,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def roll_back(
        self,
        *,
        position_id: str,
        reason: str | None = None,
        evidence: AnyEvidence | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """Flat again, with the proof.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words, optional): else that of `start_rollback` stands
        - evidence (evidence, optional): what proves it; without any it is refused with `EvidenceMissing`
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        Answer: `rolled_back`, one `RolledBack`.
        Refuses: `EvidenceMissing`; `NotFlat` when the fills do not add up to what is held, or the exchange still has
        something; `WrongStatus` without `start_rollback`.
        """
        return self.handle(
            c.RollBack.of(
                position_id=position_id,
                reason=reason,
                evidence=evidence,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def fail_rollback(
        self,
        *,
        position_id: str,
        reason: str,
        residual_qty: AnyNumber,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The compensating close did not get the position flat.

        What is left is what we hold, and `start_rollback` may try again.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - residual_qty (quantity): what is left at the exchange
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        A quantity is base asset (or contracts), greater than zero, without a sign: the side says the direction.

        Answer: `rolling_back`, one `RollbackFailed`.
        Refuses: `WrongStatus` when no rollback is on its way.
        """
        return self.handle(
            c.FailRollback.of(
                position_id=position_id,
                reason=reason,
                residual_qty=residual_qty,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def close(
        self,
        *,
        position_id: str,
        exit_reason: str,
        avg_px_close: AnyNumber | None = None,
        fee: AnyNumber | None = None,
        fee_currency: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The position is gone.

        Whatever the ledger still has as open was closed at `avg_px_close`; without that price the profit of the cycle
        is not known, and stays `null` for good. In Python `close` is this command; `disconnect` lets go of the
        database.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - exit_reason (words): of any length
        - avg_px_close (price, optional): of what was still open
        - fee (fee, optional): in `fee_currency`, or in the settlement currency of the symbol if there is none; negative
          is a rebate
        - fee_currency (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is taken as
          its text
        - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if
          absent
        - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
          `VersionConflict` when it moved since
        - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s
          ahead of the ledger's clock (imports aside); else that clock
        - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`;
          `sync` for `adjust` and `adopt`
        - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here,
          too

        A price is quote asset for one unit of base asset, greater than zero.
        A fee is in `fee_currency`, or in the settlement currency of the symbol if there is none; negative is a rebate.

        Answer: `closed`, one `PositionClosed`, exactly one in a cycle.
        Refuses: `NothingToClose` when nothing was ever held; `WrongStatus` while rolling back.
        """
        return self.handle(
            c.Close.of(
                position_id=position_id,
                exit_reason=exit_reason,
                avg_px_close=avg_px_close,
                fee=fee,
                fee_currency=fee_currency,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )
