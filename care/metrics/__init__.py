"""Clinical figures, one a file: pure functions of a patient's readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from care.metrics import (
    activity,
    continuous_glucose,
    days_with_data,
    glucose_episodes,
    glucose_risk,
    heart_rate_variability,
    home_blood_pressure,
    oxygen_saturation,
    period_median,
    resting_heart_rate,
    self_measured_glucose,
    sleep,
    weight_change,
)
from care.metrics.figure import Figure

FigureFunction = Callable[[pl.DataFrame, date], list[Figure]]

FIGURES: dict[str, FigureFunction] = {
    "home_blood_pressure": home_blood_pressure.figures,
    "weight_change": weight_change.figures,
    "heart_rate": period_median.of("heart_rate"),
    "resting_heart_rate": resting_heart_rate.figures,
    "heart_rate_variability": heart_rate_variability.figures,
    "pulse_rate": period_median.of("pulse_rate"),
    "oxygen_saturation": oxygen_saturation.figures,
    "respiratory_rate": period_median.of("respiratory_rate"),
    "body_temperature": period_median.of("body_temperature"),
    "continuous_glucose": continuous_glucose.figures,
    "glucose_episodes": glucose_episodes.figures,
    "glucose_risk": glucose_risk.figures,
    "self_measured_glucose": self_measured_glucose.figures,
    "activity": activity.figures,
    "sleep": sleep.figures,
    "days_with_data": days_with_data.figures,
}
"""Every kind of figure by its name: `balise metrics` computes them of anybody's file."""
