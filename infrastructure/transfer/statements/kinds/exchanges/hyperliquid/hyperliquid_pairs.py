"""Hyperliquid: the names of pairs on spot, which its fills call by their number, `@107`.

A name follows from the fees: the fee of a purchase is in the base, that of a sale in the quote currency. For a pair
without a purchase or without a sale in the file, the answer of `spotMeta` has the two tokens; nothing else of that
answer is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from domain.symbols.letter_case import capitals
from domain.symbols.native import COLLATERAL
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each
from infrastructure.transfer.statements.statement_facts import StatementFact
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused

NUMBERED: Final = "@"
OUTCOME: Final = "#"
"""What a share of an outcome is called by, in place of a pair; such shares are left out."""
_USDC: Final = "USDC"
FUNDING: Final = "funding"
_EVENTS: Final = frozenset({FUNDING, "liquidation", "nonUserCancel", "twapHistory"})
"""What the stream `userEvents` sends beside fills: payments, a liquidation, orders that the exchange cancelled, and how
TWAP orders go on."""


def symbol_of(coin: str, token: str | None = None) -> str:
    """The symbol of a market of another deployer, `hyna:XMR`, by the token of its fees; any other coin as it is.

    Shape: one of a deployer that is not known is taken for settled in USDC, where no fee says more.
    """
    deployer, _, base = coin.partition(":")
    settle = token or COLLATERAL.get(capitals(deployer), _USDC)
    return f"{deployer}-{base}/{settle}:{settle}" if base else coin


class NumberedPairs:
    """The fills of one file; those of a pair wait until its name is known."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Begin a file; `names` are known from other files, by the number of the pair."""
        self._names = dict(names)
        self._tokens: dict[str, dict[bool, str]] = {}
        """By pair, the currencies of the fees of its purchases (True) and sales (False)."""
        self._waiting: dict[str, list[StatementRow]] = {}

    def named(self, rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
        """Fills of pairs with their names. Refuses: StatementRefused where a name stays unknown."""
        yield from each(rows, self._take)
        for row in chain.from_iterable(self._waiting.values()):
            raise StatementRefused.at(
                row.line,
                f"coin {row.needed('coin')!r:.60} is the number of a pair on spot, and which that is does not follow "
                "from the fees of the file; save the answer of spotMeta as JSON, and import it in the same run",
            )

    def _take(self, row: StatementRow) -> Iterator[StatementRow]:
        if "coin" not in row.named and not _EVENTS.isdisjoint(row.named):
            if FUNDING in row.named:
                yield row
            return
        coin = row.needed("coin")
        if coin.startswith(OUTCOME):
            return
        if not coin.startswith(NUMBERED):
            yield row
            return
        if coin in self._names:
            yield self._with_name(row)
            return
        waiting, tokens = self._waiting.setdefault(coin, []), self._tokens.setdefault(coin, {})
        waiting.append(row)
        token = row.text("feeToken")
        if token is not None:
            tokens[row.buys("side")] = token
        if len({*tokens.values()}) == 2:
            self._names[coin] = f"{tokens[True]}/{tokens[False]}"
            yield from map(self._with_name, self._waiting.pop(coin))

    def _with_name(self, row: StatementRow) -> StatementRow:
        return StatementRow(row.line, {**row.named, "coin": self._names[row.needed("coin")]})


def _pairs(answer: StatementRow) -> Iterator[tuple[str, str]]:
    tokens = {token.needed("index"): token.needed("name") for token in answer.listed("tokens")}
    for pair in answer.listed("universe"):
        listed = pair.named.get("tokens")
        sides = [str(token) for token in listed] if isinstance(listed, list) else []
        if len(sides) != 2 or not tokens.keys() >= {*sides}:
            raise ValueError(f"tokens {str(listed)!r:.60} of {pair.needed('name')} are not two of its tokens")
        yield f"{NUMBERED}{pair.needed('index')}", "/".join(tokens[side] for side in sides)


def _names(file: StatementFile) -> Mapping[str, str]:
    return dict(each(file.rows(), _pairs))


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    del file, whose  # `names` has read the file before
    return iter(())


HYPERLIQUID_PAIRS: Final = StatementKind(
    name="hyperliquid-pairs",
    form=FileForm.JSON,
    needs=("szDecimals", "weiDecimals", "tokenId", "isCanonical"),
    exchange="hyperliquid",
    read=_read,
    names=_names,
)
