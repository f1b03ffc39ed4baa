"""`instruments`: list the terms of instruments, and with `--confirm` define them by options or from a market list."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click

from domain.commands.order_requests import TERMS
from domain.identifiers import PositionKey, normalized_leg
from domain.instrument import LINEAR, Instrument
from domain.values import Leg, exact, plain
from infrastructure.exchanges.document import Given
from infrastructure.exchanges.market_list import MarketList
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.instrument_changes import (
    ChangeOutcome,
    InstrumentChange,
    by_markets,
    define_instruments,
    known_keys,
)
from infrastructure.operations.instrument_list import defined_instruments, undefined_instruments
from projections.formatting import date_and_time
from scripts.cli import REFUSED
from scripts.options.confirm import confirm_options
from scripts.options.database import database_option, json_option, open_ledger
from scripts.options.filters import Filter, filter_options
from scripts.options.params import ReadAs, refused_as
from scripts.options.snapshots import live_markets, read_exchange_snapshot
from scripts.output import print_json, print_table, say, show

_NUMBER = ReadAs(exact)


@click.command("instruments")
@click.option(
    "--snapshot",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="A snapshot of an exchange, whose contract sizes show what is not defined; - is stdin.",
)
@click.option(
    "--from",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Define by the result of ccxt's load_markets(), as JSON; - is stdin.",
)
@click.option("--live", is_flag=True, help="Define by the markets that the exchange lists now; needs no key.")
@click.option(
    "--contract-size", type=_NUMBER, metavar="NUMBER", help="The contract size: how many units one contract is."
)
@click.option("--inverse/--linear", default=None, help="Whether profit is counted in the base asset.")
@click.option("--base", metavar="NAME", help="The base asset.")
@click.option("--quote", metavar="NAME", help="The quote currency, which prices are in.")
@click.option("--settle", metavar="NAME", help="The settlement currency, which profit is counted in.")
@click.option("--price-tick", type=_NUMBER, metavar="NUMBER", help="The step of prices; it is stored for bots.")
@click.option("--quantity-step", type=_NUMBER, metavar="NUMBER", help="The step of quantities; it is stored for bots.")
@click.option(
    "--price-may-be-negative/--price-above-zero",
    default=None,
    help="Whether prices below zero are accepted, for example of spreads.",
)
@click.option("--force", is_flag=True, help="Define also instruments with an open position, for the cycles after it.")
@confirm_options("Define them", "in every event")
@filter_options
@click.option("--leg", type=ReadAs(normalized_leg), metavar="LEG", help="Only this leg: BOTH, LONG, SHORT or SPOT.")
@database_option
@json_option
def command(
    *,
    snapshot: str | None,
    file: str | None,
    live: bool,
    force: bool,
    reason: str | None,
    wanted: Filter,
    leg: Leg | None,
    database: str | None,
    as_json: bool,
    **terms: Decimal | str | bool | None,
) -> None:
    """List the definitions of instruments, and those that are missing for open positions.

    With a term, or with --from or --live and --exchange, say what would be defined: for the keys in the ledger, or for
    the named --symbol. Nothing is changed without --confirm. From the next cycle on, quantities then count contracts of
    that size. An instrument with an open position is left, unless --force defines it for the next cycle.

    Exit code 0 when all is known, or defined as asked; 1 when something is not (or, without --confirm, not yet); 2 for
    usage; 3 when the exchange or the database could not be reached.

    \b
    Examples:
      position-ledger instruments
      position-ledger instruments --symbol DOGE/USDT:USDT --exchange okx --contract-size 1000
      position-ledger instruments --from okx-markets.json --exchange okx --confirm --reason "by its list of markets"
      position-ledger instruments --exchange bybit --live --json
    """
    given = {name: value for name, value in terms.items() if value is not None}
    assert terms.keys() == set(TERMS), "an option for each"
    _needs_one_source(given=given, file=file, live=live, snapshot=snapshot, wanted=wanted)
    is_change = bool(given or file or live)
    if (reason is not None or force) and not is_change:
        raise click.UsageError("--confirm and --force need what to define: a term, --from FILE or --live")
    if force and reason is None:
        raise click.UsageError("--force is for --confirm; without it nothing is changed")
    if not is_change:
        _list(database, snapshot, wanted, leg, as_json=as_json)
        return
    markets = None if given else _markets(file, str(wanted.exchange))
    with open_ledger(database) as ledger:
        if markets is None:
            named = PositionKey(str(wanted.symbol), str(wanted.exchange), wanted.account, leg or Leg.BOTH)
            changes = define_instruments(ledger, {named: given}, reason=reason, force=force)
        else:
            keys = _keys(ledger, wanted, leg)
            changes = by_markets(ledger, markets, keys, reason=reason, force=force)
    doubts = () if markets is None else markets.doubts
    if as_json:
        print_json({"instruments": [each.as_json() for each in changes], "doubts": list(doubts)})
    else:
        _print_changes(changes, doubts, is_confirmed=reason is not None)
    if doubts or any(each.is_open for each in changes):
        raise SystemExit(REFUSED)


def _needs_one_source(
    *, given: dict[str, Any], file: str | None, live: bool, snapshot: str | None, wanted: Filter
) -> None:
    if sum(map(bool, (given, file, live, snapshot))) > 1:
        raise click.UsageError("choose one: the terms themselves, --from FILE, --live, or --snapshot FILE to list by")
    if given and not (wanted.symbol and wanted.exchange):
        raise click.UsageError("say what to define: --symbol SYMBOL and --exchange NAME")
    if (file or live) and not wanted.exchange:
        raise click.UsageError("say whose markets these are: --exchange NAME")


def _keys(ledger: PositionLedger, wanted: Filter, leg: Leg | None) -> list[PositionKey]:
    """The matching keys of the ledger, or else the named one."""
    keys = [key for key in known_keys(ledger) if wanted.takes(key) and leg in (None, key.leg)]
    if not keys and wanted.symbol is not None:
        keys = [PositionKey(wanted.symbol, str(wanted.exchange), wanted.account, leg or Leg.BOTH)]
    return keys


def _markets(file: str | None, exchange: str) -> MarketList:
    if file is None:
        return MarketList.read(live_markets(exchange), exchange)
    with click.open_file(file, "rb") as stream, refused_as(file):
        return MarketList.read(stream.read(), exchange)


def _list(database: str | None, snapshot: str | None, wanted: Filter, leg: Leg | None, *, as_json: bool) -> None:
    seen = [] if snapshot is None else [read_exchange_snapshot(snapshot, Given(wanted.exchange, wanted.account))]
    doubts = [doubt for each in seen for doubt in (*each.doubts, *each.row_doubts)]
    doubts += ["it has no list of positions" for each in seen if each.positions is None and not each.doubts]
    with open_ledger(database) as ledger:
        rows = ledger.positions(open=True)
        defined = defined_instruments(ledger.store, rows)
    unknown = undefined_instruments(defined, rows, seen)

    def is_wanted(key: PositionKey) -> bool:
        return wanted.takes(key) and leg in (None, key.leg)

    defined = [each for each in defined if is_wanted(each.key)]
    unknown = [each for each in unknown if is_wanted(each.key)]
    if as_json:
        print_json(
            {
                "instruments": [each.as_json() for each in defined],
                "unknown": [each.as_json() for each in unknown],
            }
        )
    else:
        show("no instrument is defined: a quantity is base asset, paid in quote" if not defined else "defined:")
        if defined:
            print_table(
                ("key", "terms", "by", "at", "reason"),
                [
                    (each.key, _words(each.terms), each.source, date_and_time(each.defined_at), each.reason)
                    for each in defined
                ],
            )
        for each in defined:
            if each.note is not None:
                show(f"note: {each.key}: {each.note}")
        for missing in unknown:
            show(f"{missing.position_id}: {missing.message}")
    for doubt in doubts:
        say(f"{snapshot}: of what it does not show nothing is known: {doubt}")
    if unknown or doubts:
        raise SystemExit(REFUSED)


def _print_changes(changes: Sequence[InstrumentChange], doubts: Sequence[str], *, is_confirmed: bool) -> None:
    for outcome in ChangeOutcome:
        found = [each for each in changes if each.outcome is outcome]
        if found:
            show(f"{outcome.value}:")
            print_table(("key", "what"), [(each.key, each.message or _change(each)) for each in found])
    if not changes:
        show("the ledger has no such key; name one with --symbol")
    for doubt in doubts:
        show(f"the rest is read without it: {doubt}")
    planned = [each for each in changes if each.after is not None and each.outcome is not ChangeOutcome.UNCHANGED]
    if any(each.is_of_another_size for each in planned):
        show("from the next cycle on, a quantity is one of contracts of that size: look that the bot sends it so")
    if planned and not is_confirmed:
        show("run it again with --confirm --reason TEXT to define them")


def _change(change: InstrumentChange) -> str:
    assert change.after is not None, "else it is left, and says why"
    if change.outcome is not ChangeOutcome.CHANGED:
        return _words(change.after)
    before = change.before or LINEAR
    differing = [name for name in TERMS if getattr(before, name) != getattr(change.after, name)]
    return ", ".join(
        f"{name} {_value(getattr(before, name))} -> {_value(getattr(change.after, name))}" for name in differing
    )


def _words(terms: Instrument) -> str:
    stated = {name: getattr(terms, name) for name in TERMS if getattr(terms, name) not in (None, False)}
    return ", ".join(f"{name} {_value(value)}" for name, value in stated.items())


def _value(value: object) -> str:
    if value is None:
        return "not said"
    return plain(value) if isinstance(value, Decimal) else str(value).lower() if value in (True, False) else str(value)
