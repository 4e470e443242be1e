"""Observations of the Personal Health Device guide, checked against R4's own definitions."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from balise.metrics import METRICS
from balise.model import Quality
from care.fhir.bundle import as_json, searchset, transaction
from care.fhir.checker import check
from care.fhir.observation import observations
from devices import medfloat


def plain(resource: Any) -> Any:
    """The resource as whoever receives it reads it."""
    return json.loads(as_json(resource))


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_makes_a_valid_observation(measure, metric: str):
    found = [plain(one) for one in observations(measure(**{metric: "42.50"}))]
    assert [check(one) for one in found] == [[]]
    assert found[0]["valueQuantity"]["code"] == METRICS[metric].unit


def test_a_cuff_makes_one_of_its_pressures_and_one_of_its_pulse(measure):
    measured = measure(
        systolic_blood_pressure="135",
        diastolic_blood_pressure="85",
        mean_arterial_pressure="102",
        pulse_rate="71",
    )
    pressure, pulse = (plain(one) for one in observations(measured))
    assert check(pressure) == check(pulse) == []
    assert [one["valueQuantity"]["value"] for one in pressure["component"]] == [135, 85, 102]
    assert "http://hl7.org/fhir/StructureDefinition/bp" in pressure["meta"]["profile"]
    assert pulse["effectiveDateTime"] == "2026-11-06T07:00:00.000+01:00"
    assert pressure["identifier"] != pulse["identifier"]


@pytest.mark.shared
def test_the_digits_that_were_sent_are_kept(measure, shared: Path):
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    (case,) = (one for one in cases if one["rule"] == "fhir-decimal")
    for suffix, written in zip(("", "2"), case["expected"]["json"], strict=True):
        mantissa, exponent = (case["input"][f"{one}{suffix}"] for one in ("mantissa", "exponent"))
        value = Decimal(mantissa).scaleb(exponent)
        (one,) = observations(measure(body_temperature=str(value)))
        assert f'"value":{written},' in as_json(one).decode()


@pytest.mark.shared
@pytest.mark.parametrize("raw", ["07FE", "07FF", "0802", "0801"])
def test_a_float_that_is_no_number_says_why(measure, shared: Path, raw: str):
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    (case,) = (one for one in cases if one["id"] == f"fhir-special-{raw}")
    read = medfloat.sfloat(int(raw, 16))
    assert isinstance(read, Quality)
    (one,) = (plain(each) for each in observations(measure(read, oxygen_saturation=None)))
    assert "valueQuantity" not in one
    (coding,) = one["dataAbsentReason"]["coding"]
    assert coding["code"] == case["expected"]["dataAbsentReason"]
    assert check(one) == []


def test_an_invalid_value_is_none_whatever_it_was(measure):
    (one,) = observations(measure(Quality.INVALID, body_weight="70"))
    assert "valueQuantity" not in one
    assert "invalid" in one["note"][0]["text"]


def test_early_test_data_and_a_time_of_receipt_are_said(measure):
    quality = Quality.EARLY_ESTIMATE | Quality.TEST_DATA | Quality.TIME_OF_RECEIPT
    (one,) = (plain(each) for each in observations(measure(quality, body_weight="70")))
    assert one["status"] == "preliminary"
    assert one["meta"]["security"][0]["code"] == "HTEST"
    assert "not the device's own" in one["note"][0]["text"]
    assert check(one) == []


def test_bundles_are_valid(measure):
    found = observations(measure(body_weight="70", body_temperature="36.6"))
    assert check(plain(transaction(found))) == []
    page = searchset(
        found, base="https://x/fhir", link="https://x/fhir/Observation", more="https://x/2"
    )
    assert check(plain(page)) == []
    assert page["link"][1]["relation"] == "next"


def test_what_is_known_against_one_value_is_not_against_another(measure):
    measured = replace(
        measure(
            systolic_blood_pressure="120",
            diastolic_blood_pressure="80",
            mean_arterial_pressure=None,
        ),
        qualities={"mean_arterial_pressure": Quality.NOT_A_NUMBER},
    )
    (pressure,) = (plain(one) for one in observations(measured))
    told = [one.get("valueQuantity", {}).get("value") for one in pressure["component"]]
    assert told == [120, 80, None]
    assert check(pressure) == []


def test_an_oximeters_pulse_is_no_cuffs(measure):
    _, pulse = observations(measure(oxygen_saturation="95", pulse_rate="70"))
    (cuffs,) = observations(measure(pulse_rate="70"))
    assert pulse["code"]["coding"][0]["code"] == "149530"
    assert cuffs["code"]["coding"][0]["code"] == "149546"


def test_several_of_one_metric_in_a_frame_are_one_each(measure):
    first, second = (replace(measure(rr_interval="812.5"), position=one) for one in (0, 1))
    ids = [observations(one)[0]["id"] for one in (first, second)]
    assert len(set(ids)) == 2
