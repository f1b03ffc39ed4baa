"""One method a command, for the ledger and its asyncio twin alike.

Written by `make generate` from the requests in `domain/commands/` and `docs/commands/bot.md`: change those.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Literal, TypeVar

from domain.commands import order_requests as o
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

    Every command has these fields as well:

    - command_id (id, optional): makes sending it twice safe: the second time gets the first answer. Made up if absent
    - expected_version (integer ≥ 0, optional): the version of the stream that the caller looked at; refused with
      `VersionConflict` when it moved since
    - at (time, optional): when the exchange (or the bot) says it happened, from 2000 to 2100, and at most 60 s ahead of
      the ledger's clock (imports aside); else that clock, or the time of what was recorded last of the position if that
      is later
    - source (word, optional): who says so: `signal`, `sync`, `operator`, `recovery`, `import`. Default `signal`; `sync`
      for `adjust` and `adopt`
    - metadata (JSON object, optional): kept in the event as it was sent; a number with a point must be text here, too

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
        intent_id: AnyId,
        account: str | None = None,
        leg: AnyLeg = Leg.BOTH,
        quantity: AnyNumber | None = None,
        signal_price: AnyNumber | None = None,
        stop_loss_percent: AnyNumber | None = None,
        stop_price: AnyNumber | None = None,
        cost: AnyNumber | None = None,
        protection: Literal["exchange", "bot"] = "exchange",
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """Claim the slot of a key for one intent, before any order is sent.

        If it is refused, send no order. The same `intent_id` again is the same entry, for as long as the ledger lives:
        it gets the first answer, and never opens a second cycle.

        - symbol (symbol): `APT/USDT:USDT`, `APT/USDT`, `APTUSDT` in any case, or as the exchange writes it
          (exchanges.md): one key
        - exchange (exchange): a name, in any case; of a venue with several names any; no account is an account of its
          own
        - side (side): `long` or `short`; `buy` and `sell` are understood
        - intent_id (id): the bot's reason to open: a signal id, a strategy tag
        - account (account, optional): a name, in any case; of a venue with several names any; no account is an account
          of its own
        - leg (leg, optional): `LONG` and `SHORT` must agree with the side
        - quantity (quantity, optional): what will be ordered; or else `cost`
        - signal_price (price, optional): what the signal saw; kept beside the price of the fill
        - stop_loss_percent (number, 0 < … < 100, optional): the stop plan: so far from the entry, or …
        - stop_price (price, optional): … at this price. One of the two at most
        - cost (quantity, optional): a market order by quote amount, instead of `quantity`: nothing is requested until
          the exchange says what it bought
        - protection (`exchange` or `bot`, optional): `bot`: the bot keeps the stop itself, by choice; the position may
          be active without one and is no alarm
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: `pending_entry`, one `EntryRequested`.
        Refuses: `PositionAlreadyOpen`; `IdempotencyMismatch` for an intent by which `request_increase` claimed an order
        of the last cycle, on this side; `WrongSideStop` for a planned `stop_price` on the wrong side of `signal_price`.
        """
        return self.handle(
            c.RequestEntry.given(
                symbol=symbol,
                exchange=exchange,
                side=side,
                intent_id=intent_id,
                account=account,
                leg=leg,
                quantity=quantity,
                signal_price=signal_price,
                stop_loss_percent=stop_loss_percent,
                stop_price=stop_price,
                cost=cost,
                protection=protection,
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
        client_order_id: AnyId | None = None,
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
        - exchange (exchange, optional): a name, in any case; of a venue with several names any; no account is an
          account of its own
        - account (account, optional): a name, in any case; of a venue with several names any; no account is an account
          of its own
        - leg (leg, optional): `BOTH` (one-way mode, the default), `LONG` or `SHORT` (hedge mode), or `SPOT`: what is
          held on spot, beside any swap
        - side (side, optional): `long` or `short`; `buy` and `sell` are understood
        - quantity (quantity, optional): what was ordered
        - signal_price (price, optional): quote asset for one unit of base asset, greater than zero; that of an exit may
          be zero (expired worthless), and either below zero where the instrument says so
        - intent_id (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is taken as
          its text
        - filled_qty (quantity or 0, optional): all that was filled until then
        - avg_px (price, optional): at which average price; needs `filled_qty`
        - client_order_id (id, optional): which entry order is meant, where several wait for their acknowledgement; or
          `intent_id`
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: `entry_placed`, one `EntryPlaced`.

        - The same acknowledgement again is no news.
        - With the key: the `intent_id` or the order of the entry that is open means that entry. The order of a cycle
          that is over is no news, however many cycles came after it.
        - With `position_id` of a cycle that is over: what it says was filled takes the slot back, as a late fill does.

        Refuses: `EntryAlreadyPlaced` for another order; `OrderAmbiguous` when several orders wait for their
        acknowledgement and none is named, or when the two ids are those of two orders; with the key also
        `PositionAlreadyOpen`, and `PositionNotOpen` when more was filled of an order whose cycle is over.
        """
        return self.handle(
            c.RecordEntryPlaced.given(
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
                client_order_id=client_order_id,
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
        exchange_order_id: AnyId | None = None,
        client_order_id: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """One fill of the entry.

        Fills and the `filled_qty` of an acknowledgement are counted once: see money.md. When a fill arrives after its
        cycle is over:

        - No other cycle of the key is open: the fill takes the slot back. Its cycle is open again, and can be
          protected, reduced and closed.
        - Another cycle is open: the fill is a stray (`stray`). Every command calls it unprotected (`positions
          --unprotected`, `diagnose`, `recover`, `stats`, `report`, `history`). Reduce and close it in its own cycle.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - trade_id (id): of this fill; a repeated one is no news
        - last_qty (quantity): of this fill
        - last_px (price): of this fill
        - fee (fee, optional): in `fee_currency`, or in the settlement currency of the symbol if there is none; negative
          is a rebate
        - fee_currency (id, optional): fees in another currency than the settlement one are kept apart, never converted
        - exchange_order_id (id, optional): the order that was filled. Name it: with the trade id it is what a fill is
          known by
        - client_order_id (id, optional): the same, by our name
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.
        A fee is in `fee_currency`, or in the settlement currency of the symbol if there is none; negative is a rebate.

        Answer: status unchanged, one `EntryFilled`.
        Refuses: `IdempotencyMismatch` for a known fill (order and `trade_id`) with other content; `OrderAmbiguous` when
        it names no order and may be of several.
        """
        return self.handle(
            c.RecordEntryFill.given(
                position_id=position_id,
                trade_id=trade_id,
                last_qty=last_qty,
                last_px=last_px,
                fee=fee,
                fee_currency=fee_currency,
                exchange_order_id=exchange_order_id,
                client_order_id=client_order_id,
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
        - command_id, expected_version, at, source, metadata: see TypedCommands

        Answer: status unchanged, one `EntryOutcomeUnknown`. It is no news when its `at` is more than five seconds
        before the acknowledgement or fill that is on record.
        Refuses: `WrongStatus` once the entry is past `entry_placed`.
        """
        return self.handle(
            c.RecordEntryUnknown.given(
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

        This frees the slot. Send it only when the exchange said so: by an error answer, or because the order is gone.

        After a time-out (Binance -1007) an order that is not known yet may still arrive. Then send
        `record_entry_unknown`, which keeps the slot, and send `expired` only when all of this is true (`recover` waits
        as long, and asks as often):

        - 60 s have passed since the call: a request to Binance is good for that long at most (its `recvWindow`).
        - The exchange was asked by the client order id at least twice, 10 s apart, and knows neither order nor
          position.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): the exchange's text
        - outcome (word): `rejected` or `expired` → `failed`; `canceled` → `canceled`
        - code (id, optional): the exchange's code
        - command_id, expected_version, at, source, metadata: see TypedCommands

        Answer: `failed` or `canceled`, one `EntryFailed`.
        Refuses: `EntryHasFills` (send `end_order` instead); `WrongStatus` when active or rolling back.
        """
        return self.handle(
            c.FailEntry.given(
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
        exchange_order_id: AnyId | None = None,
        quantity: AnyNumber | None = None,
        activate: bool = False,
        locks_profit: bool = False,
        attached: bool = False,
        replaces: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The exchange confirmed a stop.

        - A stop without a quantity is for all that is held, and replaces the one for all before it. Stops with
          quantities stand beside each other and add up.
        - The same `exchange_order_id` again, or `replaces`, means that the exchange moved the stop: the order that it
          was is gone. For a second stop that you place before you cancel the first, send its `quantity`, and
          `lose_stop_loss` once the first is cancelled (bots.md).
        - A command that was sent before the stop moved, sent again under the old id, is no news; nor is one that is
          sent again after `end_order` for that stop, unless its `at` is after that end; nor is one whose `at` is not
          after the time at which that stop was said to be gone.
        - If a stop or target was partly filled when another order replaced it, it ends, and the other order is for its
          own quantity.
        - An order of the exchange that is stop and target in one (OCO) is recorded by `set_stop_loss` and
          `set_take_profit` with its one id. What says that it is gone, or ended, says so of both, and what one of them
          filled is left of neither.
        - A stop for all that was hit in part covers what was held by then, and nothing that is filled later. Once all
          that was held is closed and something is filled again, every stop that was hit, or that belonged to the
          position, is lost. "Later" means told later: where the fill of the stop is told after an entry fill that came
          after it, say the end of the stop as well (`end_order`).

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - stop_price (price): below the entry of a long, above that of a short
        - exchange_order_id (id, optional): the stop order, as the exchange names it; without it the stop belongs to the
          position
        - quantity (quantity, optional): what it covers; without it, whatever is open
        - activate (true or false, optional): also do what `activate` does, in the same append
        - locks_profit (true or false, optional): allow a stop beyond the entry of an active position, as a trailing
          stop sets it
        - attached (true or false, optional): a stop that belongs to the position and has no order id
        - replaces (id, optional): the stop order that moved
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: `pending_sl`, or `active` if it was active or `activate` made it so; one `StopLossSet`, perhaps
        `Activated`.
        Refuses: `WrongSideStop` against the average entry, or the signal price while that is not known; `WrongStatus`
        before there is an entry at the exchange; `UnknownOrder` where `replaces` names no stop of the cycle; with
        `activate` also `NotFilled`, `NotProtected`, and `WrongStatus` while rolling back.
        """
        return self.handle(
            c.SetStopLoss.given(
                position_id=position_id,
                stop_price=stop_price,
                exchange_order_id=exchange_order_id,
                quantity=quantity,
                activate=activate,
                locks_profit=locks_profit,
                attached=attached,
                replaces=replaces,
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
        exchange_order_id: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The stop was cancelled, or is gone from the exchange: unprotected from now on.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - exchange_order_id (id, optional): which one, where there are several
        - command_id, expected_version, at, source, metadata: see TypedCommands

        Answer: status unchanged, one `StopLossLost`. It is no news when there is no stop on record, when it names an
        order that the stop was before it moved, and when it is sent again, without an id, with an `at` of before the
        stop on record was set. Clocks may differ: within five seconds before that, it is no news only if a loss is on
        record at the same `at`.
        Refuses: `OrderAmbiguous` when there are several stops and none is named; `UnknownOrder`.
        """
        return self.handle(
            c.LoseStopLoss.given(
                position_id=position_id,
                reason=reason,
                exchange_order_id=exchange_order_id,
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
        - command_id, expected_version, at, source, metadata: see TypedCommands

        Answer: `active`, one `Activated`.
        Refuses: `AlreadyActive`, `NotFilled`, `NotProtected`, `WrongSideStop`, `WrongStatus` while rolling back.
        """
        return self.handle(
            c.Activate.given(
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
        exchange_order_id: AnyId | None = None,
        client_order_id: AnyId | None = None,
        reason: str | None = None,
        flip: bool = False,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """One fill of an exit order, with the profit that it realises.

        When nothing is left, the cycle waits for `close` to say why it ended. A cycle that is over also takes such a
        fill: it explains what was closed at a price that nobody said, or closes a stray.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - trade_id (id): of this fill; a repeated one is no news
        - last_qty (quantity): of this fill
        - last_px (price): of this fill
        - fee (fee, optional): in `fee_currency`, or in the settlement currency of the symbol if there is none; negative
          is a rebate
        - fee_currency (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is taken as
          its text
        - exchange_order_id (id, optional): the order that was filled. Name it: with the trade id it is what a fill is
          known by
        - client_order_id (id, optional): the same, by our name
        - reason (words, optional): why: `stop_loss`, `take_profit`, `liquidation`, `adl`, `signal`, `manual`, …
        - flip (true or false, optional): what goes beyond the position opens the other side, in the same append
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.
        A fee is in `fee_currency`, or in the settlement currency of the symbol if there is none; negative is a rebate.

        Answer: status unchanged, one `PositionReduced`; with `flip` also `PositionClosed` and `PositionAdopted`, and
        the receipt names the new cycle.
        Refuses: `ExitBeforeEntry`, `NothingToClose`, `ReduceExceedsPosition`; `OrderAmbiguous` for one that may be of
        several orders; `IdempotencyMismatch` for a known fill with other content.
        """
        return self.handle(
            c.Reduce.given(
                position_id=position_id,
                trade_id=trade_id,
                last_qty=last_qty,
                last_px=last_px,
                fee=fee,
                fee_currency=fee_currency,
                exchange_order_id=exchange_order_id,
                client_order_id=client_order_id,
                reason=reason,
                flip=flip,
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

        It stands for fills that were lost, and gives way to them when they are told after all: then profit is what came
        in less what went out (money.md). An average that is sent without a quantity, or from source `operator`, is a
        choice, which no fill takes back.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - quantity (quantity, optional): what is open; zero is not an adjustment but a `close`
        - avg_px_open (price, optional): at what average price. One of the two at least
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: status unchanged, one `PositionAdjusted` with old and new values. It is no news when nothing differs,
        and when it is sent again after later fills.
        Refuses: `NotFilled` for a price alone while there is no quantity on record; `StaleEvidence` for a quantity
        whose `at` is more than five seconds before what is on record: fills, another adjustment of it, the adoption, a
        failed rollback, an end before a late fill, or the opening of a cycle that is not the first. Clocks may be so
        far apart.
        """
        return self.handle(
            c.Adjust.given(
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
        protection: Literal["exchange", "bot"] = "exchange",
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SYNC,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The exchange holds a position that no cycle explains.

        It becomes a cycle of its own, active and not yet protected. When a cycle is open, that cycle explains it:
        `adjust` it instead.

        - symbol (symbol): `APT/USDT:USDT`, `APT/USDT`, `APTUSDT` in any case, or as the exchange writes it
          (exchanges.md): one key
        - exchange (exchange): a name, in any case; of a venue with several names any; no account is an account of its
          own
        - side (side): `long` or `short`; `buy` and `sell` are understood
        - quantity (quantity): base asset, or contracts of the size that `define_instrument` said, greater than zero,
          without a sign: the side says the direction
        - avg_px_open (price): quote asset for one unit of base asset, greater than zero; that of an exit may be zero
          (expired worthless), and either below zero where the instrument says so
        - reason (words): text of any length, not blank
        - account (account, optional): a name, in any case; of a venue with several names any; no account is an account
          of its own
        - leg (leg, optional): `LONG` and `SHORT` must agree with the side
        - protection (`exchange` or `bot`, optional): as for `request_entry`
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: `active`, one `PositionAdopted`. It is no news when it was adopted before, and has ended since.
        Refuses: `PositionAlreadyOpen`; `StaleEvidence` for what was held before the last cycle ended, by its `at` and
        the times that were said of that cycle. If the last cycle held nothing, and is not the first, what was held
        before it opened is refused. So say `at`: the time at which the exchange showed it. Without it, what closed a
        moment ago may be adopted as if it were held.
        """
        return self.handle(
            c.Adopt.given(
                symbol=symbol,
                exchange=exchange,
                side=side,
                quantity=quantity,
                avg_px_open=avg_px_open,
                reason=reason,
                account=account,
                leg=leg,
                protection=protection,
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
        """Claim the order that undoes the entry, before it is sent.

        Take its side, quantity and `client_order_id` from the receipt; never compute them from an exchange's answer.
        Send it reduce-only.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - command_id, expected_version, at, source, metadata: see TypedCommands

        Answer: `rolling_back`, one `RollbackStarted`. While that rollback is on its way and has not failed, the answer
        is the same promise again, whatever `reason` is sent.
        Refuses: `NothingToRollBack`; `WrongStatus` for a cycle that was imported in `rolling_back`.
        """
        return self.handle(
            c.StartRollback.given(
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
        """Nothing is held any more, and here is the proof.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words, optional): else that of `start_rollback` stands
        - evidence (evidence, optional): what proves it; without any it is refused with `EvidenceMissing`
        - command_id, expected_version, at, source, metadata: see TypedCommands

        Answer: `rolled_back`, one `RolledBack`.
        Refuses: `EvidenceMissing`; `NotFlat` when the fills do not add up to what is held, or the exchange still has
        something; `WrongStatus` without `start_rollback`.
        """
        return self.handle(
            c.RollBack.given(
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
        """The closing order left something.

        From now on the ledger holds what is left, and `start_rollback` may try again.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - residual_qty (quantity): what is left at the exchange
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: `rolling_back`, one `RollbackFailed`.
        Refuses: `WrongStatus` when no rollback is on its way.
        """
        return self.handle(
            c.FailRollback.given(
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
        dust: bool | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The position is gone.

        Whatever the ledger still has as open was closed at `avg_px_close`. Without that price the profit of the cycle
        is not known, until exit fills explain it. In Python `close` is this command; to close the database connection
        call `disconnect`.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - exit_reason (words): of any length
        - avg_px_close (price, optional): of what was still open
        - fee (fee, optional): in `fee_currency`, or in the settlement currency of the symbol if there is none; negative
          is a rebate
        - fee_currency (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is taken as
          its text
        - dust (true or false, optional): what is left was not sold and stays, at its cost, as `residual_qty`; not
          together with `avg_px_close`. Default: on the SPOT leg, without `avg_px_close` and after something was sold, a
          rest of up to 1 % of what was entered
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A fee is in `fee_currency`, or in the settlement currency of the symbol if there is none; negative is a rebate.

        Answer: `closed`, one `PositionClosed`. A cycle that a late fill opened again is closed once more, by a `close`
        with other content or a later `at`; what was said of the earlier end is no news.
        Refuses: `NothingToClose` when nothing was ever held; `WrongStatus` while rolling back; `StaleEvidence` for the
        same `close` again after a late fill, without `at`.
        """
        return self.handle(
            c.Close.given(
                position_id=position_id,
                exit_reason=exit_reason,
                avg_px_close=avg_px_close,
                fee=fee,
                fee_currency=fee_currency,
                dust=dust,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def request_increase(
        self,
        *,
        position_id: str,
        intent_id: AnyId,
        quantity: AnyNumber | None = None,
        cost: AnyNumber | None = None,
        signal_price: AnyNumber | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """Claim another entry order of an open cycle, before it is sent: DCA, safety orders, pyramids.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - intent_id (id): the same one again gets its first answer
        - quantity (quantity, optional): base asset, or contracts of the size that `define_instrument` said, greater
          than zero, without a sign: the side says the direction
        - cost (quantity, optional): or else `quantity`
        - signal_price (price, optional): quote asset for one unit of base asset, greater than zero; that of an exit may
          be zero (expired worthless), and either below zero where the instrument says so
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: one `IncreaseRequested`, with a client order id of its own; the same intent again, also once the cycle
        is over, gets its first answer.
        Refuses: `IdempotencyMismatch` for that intent with other content; `WrongStatus` while rolling back, while an
        order closes all of it, or once all of it was closed: what is opened then is another cycle.
        """
        return self.handle(
            o.RequestIncrease.given(
                position_id=position_id,
                intent_id=intent_id,
                quantity=quantity,
                cost=cost,
                signal_price=signal_price,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def replace_order(
        self,
        *,
        position_id: str,
        exchange_order_id: AnyId,
        new_exchange_order_id: AnyId,
        quantity: AnyNumber | None = None,
        price: AnyNumber | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The exchange replaced an order: it goes on under another id, and keeps its fills.

        A `filled_qty` that is sent of it later counts the whole order, including what was filled under the old id. If
        the exchange counts the new order from zero, send `end_order` for the old one and `request_increase` for the
        rest.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - exchange_order_id (id): as it was
        - new_exchange_order_id (id): as it is now
        - quantity (quantity, optional): base asset, or contracts of the size that `define_instrument` said, greater
          than zero, without a sign: the side says the direction
        - price (price, optional): quote asset for one unit of base asset, greater than zero; that of an exit may be
          zero (expired worthless), and either below zero where the instrument says so
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: one `OrderReplaced`. Fills that came under the new id before it belong to this order from then on.
        Refuses: `UnknownOrder`, `OrderAlreadyEnded`; `OrderAmbiguous` for the id of another order, when a part would be
        counted twice, or for a `price` of an order that is stop and target in one.
        """
        return self.handle(
            o.ReplaceOrder.given(
                position_id=position_id,
                exchange_order_id=exchange_order_id,
                new_exchange_order_id=new_exchange_order_id,
                quantity=quantity,
                price=price,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def end_order(
        self,
        *,
        position_id: str,
        outcome: Literal["filled", "canceled", "expired", "rejected"],
        exchange_order_id: AnyId | None = None,
        client_order_id: AnyId | None = None,
        filled_qty: AnyNumber | None = None,
        avg_px: AnyNumber | None = None,
        reason: str | None = None,
        code: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """Nothing more will be filled of an order.

        An entry of which nothing was ever filled ends its cycle, as `fail_entry` does.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - outcome (word): `filled`, `canceled`, `expired` or `rejected`
        - exchange_order_id (id, optional): or `client_order_id`
        - client_order_id (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is taken
          as its text
        - filled_qty (quantity or 0, optional): all that was filled of it; never less than its fills on record
        - avg_px (price, optional): quote asset for one unit of base asset, greater than zero; that of an exit may be
          zero (expired worthless), and either below zero where the instrument says so
        - reason (words, optional): text of any length, not blank
        - code (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is taken as its
          text
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: one `OrderEnded`. The end of an id that the order had before it was replaced is no news. An order that
        `recover` took for expired, and that was filled after all, ends as `filled`.
        Refuses:

        - `UnknownOrder`, `OrderAlreadyEnded`
        - `OrderAmbiguous` for an `exchange_order_id` other than the order's own, when only fills say that both are the
          same order; for an id that an entry and a stop both have, as at exchanges that count conditional orders apart,
          also when that stop is lost: then send the `client_order_id` of the entry alone, or `lose_stop_loss`
        - `OrderHasFills` when less is stated than its fills
        - `ReduceExceedsPosition` when an exit is said to have closed more than is held
        """
        return self.handle(
            o.EndOrder.given(
                position_id=position_id,
                outcome=outcome,
                exchange_order_id=exchange_order_id,
                client_order_id=client_order_id,
                filled_qty=filled_qty,
                avg_px=avg_px,
                reason=reason,
                code=code,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def set_take_profit(
        self,
        *,
        position_id: str,
        price: AnyNumber,
        exchange_order_id: AnyId | None = None,
        quantity: AnyNumber | None = None,
        attached: bool = False,
        replaces: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The exchange confirmed a target.

        There may be several, and they move, as stops do. A target protects nothing.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - price (price): quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
          worthless), and either below zero where the instrument says so
        - exchange_order_id (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is
          taken as its text
        - quantity (quantity, optional): without it, whatever is open
        - attached (true or false, optional): a target that belongs to the position and has no order id
        - replaces (id, optional): the target order that moved
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: one `TakeProfitSet`.
        Refuses: `WrongSideTarget`; `WrongStatus` before there is an entry at the exchange; `UnknownOrder` where
        `replaces` names no target of the cycle.
        """
        return self.handle(
            o.SetTakeProfit.given(
                position_id=position_id,
                price=price,
                exchange_order_id=exchange_order_id,
                quantity=quantity,
                attached=attached,
                replaces=replaces,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def lose_take_profit(
        self,
        *,
        position_id: str,
        reason: str,
        exchange_order_id: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """A target was cancelled, or is gone.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - exchange_order_id (id, optional): 1 to 200 printable characters, blanks around them dropped; an integer is
          taken as its text
        - command_id, expected_version, at, source, metadata: see TypedCommands

        Answer: one `TakeProfitLost`; no news when there is no target.
        Refuses: `OrderAmbiguous` when there are several targets and none is named; `UnknownOrder`.
        """
        return self.handle(
            o.LoseTakeProfit.given(
                position_id=position_id,
                reason=reason,
                exchange_order_id=exchange_order_id,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def request_exit(
        self,
        *,
        position_id: str,
        reason: str,
        quantity: AnyNumber | None = None,
        intent_id: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SIGNAL,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """Claim the order that closes, before it is sent.

        Of two processes that decide to exit, only one sends the order.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - reason (words): text of any length, not blank
        - quantity (quantity, optional): without it, all that is held
        - intent_id (id, optional): who asks. Another intent is told who was first; the same one again closes no second
          part, unless nothing of the first was filled
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: one `ExitRequested`; the receipt has side, quantity and client order id. Once the cycle is over, the
        same intent gets its first answer.
        Refuses: `ExitAlreadyRequested`, which names the winner; `NothingToClose`; `ReduceExceedsPosition`;
        `WrongStatus` while rolling back.
        """
        return self.handle(
            o.RequestExit.given(
                position_id=position_id,
                reason=reason,
                quantity=quantity,
                intent_id=intent_id,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def record_cash(
        self,
        *,
        position_id: str,
        kind: Literal["funding", "interest", "commission", "rebate", "insurance", "correction"],
        amount: AnyNumber,
        cash_id: AnyId,
        currency: AnyId | None = None,
        trade_id: AnyId | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SYNC,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """Money that moved without a fill; also of a cycle that is over.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - kind (word): `funding`, `interest`, `commission`, `rebate`, `insurance` or `correction`
        - amount (number): with its sign: plus is received; never zero
        - cash_id (id): against double delivery
        - currency (id, optional): default: the settlement currency; another one is kept apart
        - trade_id (id, optional): the fill whose fee this is, if its fee was not known
        - command_id, expected_version, at, source, metadata: see TypedCommands

        Answer: one `CashRecorded`.
        Refuses: `IdempotencyMismatch` for a known `cash_id` with another kind, amount or currency; `UnknownFill` when
        no fill has this `trade_id`; `OrderAmbiguous` when several have it.
        """
        return self.handle(
            o.RecordCash.given(
                position_id=position_id,
                kind=kind,
                amount=amount,
                cash_id=cash_id,
                currency=currency,
                trade_id=trade_id,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def correct_fill(
        self,
        *,
        position_id: str,
        trade_id: AnyId,
        reason: str,
        exchange_order_id: AnyId | None = None,
        last_qty: AnyNumber | None = None,
        last_px: AnyNumber | None = None,
        void: bool = False,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.SYNC,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """The exchange corrected or busted a fill; also of a cycle that is over.

        - position_id (position id): `APTUSDT.binance#1`: the key, and the cycle after `#`
        - trade_id (id): 1 to 200 printable characters, blanks around them dropped; an integer is taken as its text
        - reason (words): text of any length, not blank
        - exchange_order_id (id, optional): where several orders have this trade id
        - last_qty (quantity, optional): base asset, or contracts of the size that `define_instrument` said, greater
          than zero, without a sign: the side says the direction
        - last_px (price, optional): quote asset for one unit of base asset, greater than zero; that of an exit may be
          zero (expired worthless), and either below zero where the instrument says so
        - void (true or false, optional): the fill never was
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A price is quote asset for one unit of base asset, greater than zero; that of an exit may be zero (expired
        worthless), and either below zero where the instrument says so.
        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: one `FillCorrected`. If a corrected exit fill closed more than is held, the excess explains what was
        closed at a price that nobody said, or that was stated. A total that the exchange had stated of the order before
        `at` is corrected as well, also if it is told later with its own `at`; without `at` the fill was told wrong, and
        the total stands. A correction whose `at` is before the last adjustment changes nothing of the quantity that the
        adjustment says, and nor does one without `at` of a fill that the adjustment had counted; one whose `at` is
        after it opens again what the adjustment had seen gone of an exit. What a correction with a later `at` changed
        stays as that says.
        Refuses: `UnknownFill`; `OrderAmbiguous` when several orders have this trade id; `NotFilled` for less than was
        closed of it by fills, or more than was held.
        """
        return self.handle(
            o.CorrectFill.given(
                position_id=position_id,
                trade_id=trade_id,
                reason=reason,
                exchange_order_id=exchange_order_id,
                last_qty=last_qty,
                last_px=last_px,
                void=void,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )

    def define_instrument(
        self,
        *,
        symbol: str,
        exchange: str,
        account: str | None = None,
        leg: AnyLeg = Leg.BOTH,
        contract_size: AnyNumber | None = None,
        inverse: bool | None = None,
        base: AnyId | None = None,
        quote: AnyId | None = None,
        settle: AnyId | None = None,
        price_tick: AnyNumber | None = None,
        quantity_step: AnyNumber | None = None,
        price_may_be_negative: bool | None = None,
        force: bool = False,
        reason: str | None = None,
        command_id: AnyId | None = None,
        expected_version: int | None = None,
        at: AnyTime | None = None,
        source: AnySource = Source.OPERATOR,
        metadata: AnyJsonObject | None = None,
    ) -> Answered:
        """Say what a quantity of an instrument is worth.

        It holds for the key, and for the cycles that open from now on.

        - symbol (symbol): `APT/USDT:USDT`, `APT/USDT`, `APTUSDT` in any case, or as the exchange writes it
          (exchanges.md): one key
        - exchange (exchange): a name, in any case; of a venue with several names any; no account is an account of its
          own
        - account (account, optional): a name, in any case; of a venue with several names any; no account is an account
          of its own
        - leg (leg, optional): `BOTH` (one-way mode, the default), `LONG` or `SHORT` (hedge mode), or `SPOT`: what is
          held on spot, beside any swap
        - contract_size (quantity, optional): default 1
        - inverse (true or false, optional): profit is counted in the base asset
        - base (id, optional): the base asset, if the symbol does not say it
        - quote (id, optional): the currency of its prices
        - settle (id, optional): the currency of its profit
        - price_tick (quantity, optional): kept for bots; nothing is rounded to it
        - quantity_step (quantity, optional): likewise
        - price_may_be_negative (true or false, optional): spreads, power, oil: prices below zero are taken
        - force (true or false, optional): also while a position is open, which goes on as it began; needs a reason
        - reason (words, optional): text of any length, not blank
        - command_id, expected_version, at, source, metadata: see TypedCommands

        A quantity is base asset, or contracts of the size that `define_instrument` said, greater than zero, without a
        sign: the side says the direction.

        Answer: one `InstrumentDefined`; `position_id` is the key.
        Refuses: `InstrumentInUse` while a position is open.
        """
        return self.handle(
            o.DefineInstrument.given(
                symbol=symbol,
                exchange=exchange,
                account=account,
                leg=leg,
                contract_size=contract_size,
                inverse=inverse,
                base=base,
                quote=quote,
                settle=settle,
                price_tick=price_tick,
                quantity_step=quantity_step,
                price_may_be_negative=price_may_be_negative,
                force=force,
                reason=reason,
                command_id=command_id,
                expected_version=expected_version,
                at=at,
                source=source,
                metadata=metadata,
            )
        )
