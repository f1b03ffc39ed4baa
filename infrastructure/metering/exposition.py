"""The figures in the text format of Prometheus: for a file, and for a server of `/metrics`."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from infrastructure.ledger_clock import now
from infrastructure.metering.figures import METRICS, PREFIX, MetricKind, Sample, figures
from infrastructure.operations.operable import OperableLedger
from projections.health.ledger_status import OLD

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


class LedgerCollector(Collector):
    """Reads the figures whenever they are collected."""

    def __init__(self, read: Callable[[], Sequence[Sample]]) -> None:
        """`read` returns all figures; the time that it takes is added here."""
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """One family for each metric that has a known value. Refuses as `read` does."""
        began = time.perf_counter()
        samples = list(self._read())
        samples.append(Sample("read_seconds", (), Decimal(str(round(time.perf_counter() - began, 6)))))
        by_name: defaultdict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            by_name[sample.name].append(sample)
        return [_family(name, by_name[name]) for name in METRICS if name in by_name]


def _family(name: str, samples: Sequence[Sample]) -> Metric:
    metric = METRICS[name]
    kind = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
    family = kind(PREFIX + name.removesuffix("_total"), metric.says, labels=metric.labels)
    for sample in samples:
        family.add_metric(sample.labels, float(sample.value))  # Prometheus keeps floats only
    return family


def exposition(ledger: OperableLedger, age: timedelta = OLD) -> bytes:
    """The figures of a ledger at this moment, as text of CONTENT_TYPE. Refuses: StoreUnavailable."""
    registry = CollectorRegistry()
    registry.register(LedgerCollector(lambda: figures(ledger, now(), age)))
    return generate_latest(registry)
