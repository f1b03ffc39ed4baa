"""The generated table of the metrics on their page."""

from __future__ import annotations

from infrastructure.metering.figures import METRICS, PREFIX


def metric_rows() -> dict[str, list[str | None]]:
    """What Prometheus is told: the kind of each metric, its labels, and what its help says."""
    return {
        f"{PREFIX}{name}": [metric.kind.value, ", ".join(f"`{label}`" for label in metric.labels), metric.says]
        for name, metric in METRICS.items()
    }
