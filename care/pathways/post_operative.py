"""After an operation: fever, pulse, oxygen and pressure every day of the first weeks at home."""

from __future__ import annotations

from datetime import timedelta

from care.metrics import oxygen_saturation, period_median
from care.pathways.pathway import Pathway

PATHWAY = Pathway(
    name="post_operative",
    reference="no line of the télésurveillance decrees; NEWS2's parts that devices measure",
    expected={
        "body_temperature": timedelta(hours=24),
        "oxygen_saturation": timedelta(hours=24),
    },
    rules=("fever", "oxygen_low", "oxygen_fall", "pulse_unusual", "blood_pressure_crisis"),
    figures=(
        period_median.of("body_temperature"),
        period_median.of("pulse_rate"),
        oxygen_saturation.figures,
        period_median.of("respiratory_rate"),
        period_median.of("systolic_blood_pressure"),
    ),
    metrics=(
        "body_temperature",
        "pulse_rate",
        "oxygen_saturation",
        "respiratory_rate",
        "systolic_blood_pressure",
        "diastolic_blood_pressure",
    ),
)
