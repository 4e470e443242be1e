"""What Balise measures, gathered: one file a field, one frozen value a metric."""

from __future__ import annotations

from balise.metrics import activity, blood, body, breathing, other, sleep, vital_signs
from balise.metrics.metric import Metric, Rollup

__all__ = ("METRICS", "Metric", "Rollup")

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *vital_signs.METRICS,
        *body.METRICS,
        *blood.METRICS,
        *breathing.METRICS,
        *activity.METRICS,
        *sleep.METRICS,
        *other.METRICS,
    )
}
"""Every metric by its name; the registry test walks it."""
