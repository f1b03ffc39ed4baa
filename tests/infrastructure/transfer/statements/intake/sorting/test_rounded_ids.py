"""An id that a spreadsheet has rounded may be that of several fills or orders, and is refused."""

from __future__ import annotations

import pytest

from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.intake.told import fill, take


@pytest.mark.parametrize(
    "ids", [{"order_id": "8.38977E+18"}, {"trade_id": "1,23E+09"}, {"trade_id": "7", "order_id": "8E+018"}]
)
def test_an_id_that_was_rounded_is_refused(ids: dict[str, str]) -> None:
    with memory_ledger() as ledger:
        with pytest.raises(StatementRefused, match=r"two\.csv: line 12: id '.*E\+.*' was rounded by a spreadsheet"):
            take(ledger, [fill(0, "1")], [fill(10, "1", **ids)])
        assert ledger.store.count_events() == 0


@pytest.mark.parametrize("name", ["8389776000000000000", "1E5", "5e+10", "9E+abc", "2E+1234", "x1.5E+10"])
def test_any_other_id_is_taken(name: str) -> None:
    with memory_ledger() as ledger:
        assert take(ledger, [fill(0, "1", trade_id=name, order_id=name)]).fills == 1
