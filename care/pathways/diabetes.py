"""Diabetes: interstitial glucose, or capillary (arrêté of 22 June 2023, JORFARTI000047720152).

What a sensor tells and what a drop of blood does are kept apart: they are not the same glucose.
"""

from __future__ import annotations

from datetime import timedelta

from care.metrics import (
    continuous_glucose,
    glucose_episodes,
    glucose_profile,
    glucose_risk,
    self_measured_glucose,
)
from care.pathways.pathway import Pathway

PATHWAY = Pathway(
    name="diabetes",
    reference="arrêté of 22 June 2023 (JORFARTI000047720152): glucose, weekly at least",
    # The decree asks for data once a week at least.
    expected={"interstitial_glucose": timedelta(days=7)},
    instead={"interstitial_glucose": ("blood_glucose",)},
    rules=("low_glucose", "glucose_out_of_range"),
    figures=(
        continuous_glucose.figures,
        glucose_episodes.figures,
        glucose_risk.figures,
        self_measured_glucose.figures,
    ),
    profile=glucose_profile.profile,
    metrics=("interstitial_glucose", "blood_glucose"),
)
