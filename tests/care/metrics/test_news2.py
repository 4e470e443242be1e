"""NEWS2 by the chart of the Royal College of Physicians."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from care.metrics.news2 import Consciousness, Observations, score

pytestmark = pytest.mark.shared

NAMES = {
    "rr": "respiratory_rate",
    "spo2": "oxygen_saturation",
    "o2": "on_oxygen",
    "sbp": "systolic_blood_pressure",
    "hr": "pulse_rate",
    "cons": "consciousness",
    "acvpu": "consciousness",
    "temp": "body_temperature",
}


@pytest.fixture
def cases(shared: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    return found


def observed(given: dict[str, Any]) -> Observations:
    facts: dict[str, Any] = {}
    for name, value in given.items():
        if name == "scale2":
            facts["hypercapnic"] = value
        elif name == "acvpu":
            facts["consciousness"] = value and Consciousness(value)
        else:
            number = not isinstance(value, bool) and value is not None
            facts[NAMES[name]] = Decimal(str(value)) if number else value
    return Observations(**facts)


def test_every_published_case(cases: list[dict[str, Any]]):
    whole = [one for one in cases if one["rule"] == "news2"]
    assert len(whole) >= 12
    for one in whole:
        found, expected = score(observed(one["input"])), one["expected"]
        assert found.total == expected["total"], one["id"]
        if expected["total"] is None:
            assert found.missing == [NAMES[name] for name in expected["missing"]]
            assert found.risk is None
        else:
            assert found.risk == expected["band"], one["id"]
            parts = {NAMES[name]: part for name, part in expected["parts"].items()}
            assert found.parts == parts, one["id"]


def test_every_edge_of_a_band(cases: list[dict[str, Any]]):
    parts = [one for one in cases if one["rule"] == "news2-part"]
    assert len(parts) >= 4
    for one in parts:
        name = NAMES[one["input"]["parameter"].removesuffix("_scale1")]
        values = [Decimal(str(value)) for value in one["input"]["values"]]
        found = [score(Observations(**{name: value})).parts[name] for value in values]
        assert found == one["expected"]["scores"], one["id"]


def test_a_high_saturation_of_a_hypercapnic_patient_needs_to_know_of_the_oxygen():
    high = Observations(oxygen_saturation=Decimal(95), hypercapnic=True)
    assert score(high).parts["oxygen_saturation"] is None
    low = Observations(oxygen_saturation=Decimal(86), hypercapnic=True)
    assert score(low).parts["oxygen_saturation"] == 1
