"""Everything that the old bot wrote, mirrored to the end."""

from __future__ import annotations

from collections.abc import Iterator

from infrastructure.legacy.shadow.divergence import Divergence
from infrastructure.legacy.shadow.replication import Replication


def mirrored(mirroring: Replication) -> Iterator[Divergence]:
    """Mirror all there is. Transactions of other databases of the server hold it up as well, while they last."""
    yield from mirroring.step()
    while mirroring.is_waiting:
        yield from mirroring.step()
