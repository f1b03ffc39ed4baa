"""`/metrics` for a server: the figures of a ledger, read anew at each request."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from domain.errors import StoreError
from infrastructure.metering.exposition import CONTENT_TYPE, exposition
from infrastructure.operations.operable import OperableLedger
from projections.health.ledger_status import OLD

PATH: Final = "/metrics"


def metrics_route(ledger: OperableLedger, age: timedelta = OLD) -> Route:
    """The route, to be mounted beside others; it answers 503 while the ledger cannot be read.

    A cycle that is unfinished for longer than `age` is critical.
    """

    def answer(_: Request) -> Response:
        try:
            with ledger.store.settled():
                return Response(exposition(ledger, age), headers={"Content-Type": CONTENT_TYPE})
        except StoreError as cause:
            return PlainTextResponse(f"{type(cause).__name__}: {cause}\n", 503)

    return Route(PATH, answer)
