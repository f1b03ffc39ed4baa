"""The hosts that are this machine only."""

from __future__ import annotations

import pytest

from infrastructure.loopback import is_this_machine


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_an_address_of_this_machine_is_one(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host", ["192.168.0.7", "0.0.0.0", "::", "db.example", "localhost.example", "127.0.0.1.example"]
)
def test_any_other_may_be_another_machine(host: str) -> None:
    assert not is_this_machine(host)
