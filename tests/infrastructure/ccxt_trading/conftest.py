"""Both kinds of clients."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["threads", "asyncio"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)
