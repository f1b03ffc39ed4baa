"""Rows of one account follow each other; a second one is refused at its first row."""

from __future__ import annotations

import pytest

from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.transfer_errors import StatementRefused


def rows(*uids: str | None) -> list[StatementRow]:
    return [StatementRow(line, {} if uid is None else {"uid": uid}) for line, uid in enumerate(uids, start=2)]


@pytest.mark.parametrize("uids", [(), (None, None), ("7",), ("7", "7", "7"), ("7", "Total")])
def test_rows_of_one_account_are_the_same_rows(uids: tuple[str | None, ...]) -> None:
    told = rows(*uids)
    assert list(of_one_account(told)) == told


def test_a_second_account_is_refused_with_both() -> None:
    with pytest.raises(StatementRefused, match="line 4: uid '8' is another account than '7' before"):
        list(of_one_account(rows("7", "7", "8")))


def test_a_row_that_names_no_account_is_not_known_to_be_of_it() -> None:
    with pytest.raises(StatementRefused, match="line 3: uid '' is another account than '7' before"):
        list(of_one_account(rows("7", "")))
