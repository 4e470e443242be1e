"""Hypertension: home blood pressure by the ESH protocol."""

from __future__ import annotations

from datetime import timedelta

from care.metrics import home_blood_pressure, period_median
from care.pathways.pathway import Pathway

PATHWAY = Pathway(
    name="hypertension",
    reference="no line of the télésurveillance decrees; ESH position paper 2021",
    expected={"systolic_blood_pressure": timedelta(hours=72)},
    rules=("home_blood_pressure", "blood_pressure_crisis"),
    figures=(period_median.of("pulse_rate"),),
    protocol=home_blood_pressure.ESH7.code,
    metrics=("systolic_blood_pressure", "diastolic_blood_pressure", "pulse_rate"),
)
