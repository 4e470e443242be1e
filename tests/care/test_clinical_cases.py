"""Every kind of clinical case has a test that holds it: a new one in the file needs one here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WHERE = {
    "activity": "metrics/test_day_and_night_cases.py",
    "agp": "metrics/test_glucose_cases.py",
    "agp-rounding": "metrics/test_glucose_cases.py",
    "alert-clock": "test_plan.py",
    "cgm-band": "metrics/test_continuous_glucose.py",
    "cgm-episode": "metrics/test_continuous_glucose.py",
    "cgm-expected-readings": "metrics/test_glucose_cases.py",
    "cgm-sentinel": "metrics/test_glucose_cases.py",
    "cgm-sufficiency": "metrics/test_continuous_glucose.py",
    "cgm-summary": "metrics/test_continuous_glucose.py",
    "cusum": "metrics/test_heart_and_breath_cases.py",
    "days-with-data": "metrics/test_day_and_night_cases.py",
    "ewma": "metrics/test_heart_and_breath_cases.py",
    "fhir-decimal": "fhir/test_observation.py",
    "fhir-profile": "fhir/test_checker.py",
    "fhir-special": "fhir/test_observation.py",
    "gmi": "metrics/test_glucose_cases.py",
    "hbpm": "metrics/test_blood_pressure_cases.py",
    "hbpm-category": "metrics/test_blood_pressure_cases.py",
    "hbpm-day": "metrics/test_blood_pressure_cases.py",
    "hbpm-filter": "metrics/test_blood_pressure_cases.py",
    "hrv": "metrics/test_heart_and_breath_cases.py",
    "hrv-unit": "metrics/test_heart_and_breath_cases.py",
    "lbgi-hbgi": "metrics/test_glucose_cases.py",
    "mann-kendall+theil-sen": "metrics/test_trend.py",
    "mes-bundle": "fhir/test_mes.py",
    "mes-observation": "fhir/test_mes.py",
    "news2": "metrics/test_news2.py",
    "news2-part": "metrics/test_news2.py",
    "resting-hr": "metrics/test_heart_and_breath_cases.py",
    "robust-z": "metrics/test_heart_and_breath_cases.py",
    "sleep": "metrics/test_day_and_night_cases.py",
    "spo2-drop": "metrics/test_heart_and_breath_cases.py",
    "spo2-spc": "metrics/test_heart_and_breath_cases.py",
    "spo2-target": "metrics/test_heart_and_breath_cases.py",
    "time": "metrics/test_day_and_night_cases.py",
    "ucum-code": "metrics/test_day_and_night_cases.py",
    "unit": "metrics/test_day_and_night_cases.py",
    "weight-gain": "rules/test_weight_gain.py",
}
NOT_YET = {"fhir-alert"}
"""An alert's level leaves with its Flag (flag-priority): PHD takes no interpretation of ours."""


@pytest.mark.shared
def test_every_kind_of_case_is_held_somewhere(shared: Path):
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    kinds = {one["rule"] for one in cases}
    assert kinds == WHERE.keys() | NOT_YET
    assert all((HERE / name).is_file() for name in WHERE.values())
