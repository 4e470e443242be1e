"""Heart failure: a weight a day (arrêté of 22 June 2023, JORFARTI000047720221)."""

from __future__ import annotations

from datetime import timedelta

from care.metrics import period_median, resting_heart_rate, weight_change
from care.pathways.pathway import Pathway

PATHWAY = Pathway(
    name="heart_failure",
    reference="arrêté of 22 June 2023 (JORFARTI000047720221): a weight a day",
    expected={"body_weight": timedelta(hours=48)},
    rules=("weight_gain", "home_blood_pressure", "blood_pressure_crisis"),
    figures=(weight_change.figures, period_median.of("heart_rate"), resting_heart_rate.figures),
    metrics=(
        "body_weight",
        "systolic_blood_pressure",
        "diastolic_blood_pressure",
        "heart_rate",
        "step_count",
    ),
    # The day's median is of what is worn all day; a chest strap is worn for an effort.
    sources={"heart_rate": ("activity_monitor", "apple_health", "fit", "heart_rate_sensor")},
)
