"""Kidney failure: weight and blood pressure between visits."""

from __future__ import annotations

from datetime import timedelta

from care.metrics import home_blood_pressure, period_median, weight_change
from care.pathways.pathway import Pathway

PATHWAY = Pathway(
    name="kidney_failure",
    reference="arrêté of 22 June 2023 (JORFARTI000047720187): weight, pressure, heart rate",
    expected={
        "body_weight": timedelta(hours=72),
        "systolic_blood_pressure": timedelta(days=7),
    },
    rules=("weight_gain", "home_blood_pressure", "blood_pressure_crisis"),
    figures=(weight_change.figures, period_median.of("pulse_rate")),
    protocol=home_blood_pressure.ESH7.code,
    metrics=(
        "body_weight",
        "systolic_blood_pressure",
        "diastolic_blood_pressure",
        "pulse_rate",
    ),
)
