"""What can't be: figures outside any patient's range, a systolic not above its diastolic."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from balise.errors import NotUnderstood, Reason
from balise.metrics import METRICS
from balise.model import Quality, Value
from devices import units


def together(values: Sequence[Value]) -> None:
    """Refuse a blood pressure whose systolic is not above its diastolic: a misread frame."""
    by_metric = {value.metric: value.value for value in values}
    systolic = by_metric.get("systolic_blood_pressure", Decimal(1))
    if systolic <= by_metric.get("diastolic_blood_pressure", Decimal(0)):
        raise NotUnderstood(
            "systolic is not above diastolic pressure", reason=Reason.VALUE_IMPOSSIBLE
        )


def canonical(name: str, sent: Decimal, unit: str) -> tuple[Decimal, Quality]:
    """Return a figure in its metric's own unit, flagged where implausible, refused beyond."""
    metric = METRICS[name]
    value = units.convert(sent, unit, metric.unit)
    low, high = metric.impossible
    if not low <= value <= high:
        # The value stays out of the text: details are shown to operators, values are not.
        raise NotUnderstood(
            f"{name} outside {low} to {high} {metric.unit}", reason=Reason.VALUE_IMPOSSIBLE
        )
    low, high = metric.plausible
    return value, Quality.NONE if low <= value <= high else Quality.OUT_OF_PLAUSIBLE_RANGE
