"""Respiratory failure: oxygen saturation every day (arrêté of 22 June 2023)."""

from __future__ import annotations

from datetime import timedelta

from care.metrics import period_median
from care.pathways.pathway import Pathway

PATHWAY = Pathway(
    name="respiratory_failure",
    expected={"oxygen_saturation": timedelta(hours=48)},
    rules=("oxygen_fall",),
    figures=(
        period_median.of("oxygen_saturation"),
        period_median.of("pulse_rate"),
        period_median.of("body_temperature"),
    ),
    metrics=("oxygen_saturation", "pulse_rate", "body_temperature"),
    # What a wrist says of oxygen is no oximeter's, and must not thin out its readings.
    sources={"oxygen_saturation": ("pulse_oximeter",)},
)
