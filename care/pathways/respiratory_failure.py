"""Respiratory failure: oxygen saturation every day (arrêté of 22 June 2023)."""

from __future__ import annotations

from datetime import timedelta

from care.metrics import activity, oxygen_saturation, period_median, sleep
from care.pathways.pathway import Pathway

PATHWAY = Pathway(
    name="respiratory_failure",
    reference="arrêté of 22 June 2023 (JORFARTI000047720100): saturation every day",
    expected={"oxygen_saturation": timedelta(hours=48)},
    rules=("oxygen_low", "oxygen_high", "oxygen_fall", "oxygen_unusual", "pulse_unusual"),
    figures=(
        oxygen_saturation.figures,
        period_median.of("pulse_rate"),
        period_median.of("body_temperature"),
        period_median.of("respiratory_rate"),
        activity.figures,
        sleep.figures,
    ),
    metrics=(
        "oxygen_saturation",
        "pulse_rate",
        "body_temperature",
        "respiratory_rate",
        "step_count",
        "heart_rate",
        "moderate_activity_time",
        "vigorous_activity_time",
        "total_sleep_time",
        "time_in_bed",
    ),
    # What a wrist says of oxygen is no oximeter's, and must not thin out its readings.
    sources={"oxygen_saturation": ("pulse_oximeter",)},
)
