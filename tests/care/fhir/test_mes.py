"""Mon espace santé's feed: what it takes, and what it would refuse with which word."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from balise.model import Quality
from care.fhir import mes
from care.fhir.bundle import as_json
from care.fhir.checker import check
from care.fhir.guides import MEASURES

CUFF = "C0:00:00:00:00:07"
SENDER = mes.Sender(oid="1.2.250.1.999", patient="idpe-1")


def plain(bundle: Any) -> Any:
    return json.loads(as_json(bundle))


def observation(bundle: Any) -> Any:
    return bundle["entry"][-1]["resource"]


@pytest.fixture
def case(shared: Path):
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    return {one["id"]: one for one in cases}.__getitem__


def test_one_measurement_a_bundle(measure):
    measured = measure(
        systolic_blood_pressure="135", diastolic_blood_pressure="85", pulse_rate="71"
    )
    bundles = [plain(one) for one in mes.feed(measured, SENDER, address=CUFF)]
    assert [check(one) for one in bundles] == [[], []]
    assert [mes.refusals(one) for one in bundles] == [[], []]
    pressure = observation(bundles[0])
    assert pressure["meta"]["profile"] == [MEASURES + "mesures-fr-observation-bp"]
    assert [one["system"] for one in pressure["code"]["coding"]] == ["http://loinc.org"]
    assert pressure["subject"]["identifier"]["value"] == "idpe-1"
    device = bundles[0]["entry"][0]
    assert device["request"]["ifNoneExist"] == "identifier=urn:oid:1.2.250.1.999|C0:00:00:00:00:07"
    assert (
        pressure["device"]["reference"] == f"Device/{device['fullUrl'].removeprefix('urn:uuid:')}"
    )


def test_what_it_does_not_take_is_not_sent(measure):
    measured = measure(body_mass_index="25.1", blood_glucose="110", body_fat_percentage="20")
    assert mes.feed(measured, SENDER, address=CUFF) == []


@pytest.mark.parametrize("special", [Quality.NOT_A_NUMBER, Quality.INVALID])
def test_without_a_value_there_is_no_message(measure, special: Quality):
    """The PHD guide wants it said that there is none; this feed answers 422 to it."""
    assert mes.feed(measure(special, oxygen_saturation=None), SENDER, address=CUFF) == []


@pytest.mark.shared
def test_steps_of_a_day(case):
    given, expected = case("mes-steps")["input"], case("mes-steps")["expected"]
    bundle = plain(
        mes.steps(date.fromisoformat(given["day"]), given["steps"], SENDER, address=CUFF)
    )
    sent = observation(bundle)
    assert sent["code"]["coding"][0]["code"] == expected["code"]
    quantity = sent["valueQuantity"]
    assert (quantity["value"], quantity["code"], quantity["unit"]) == (
        expected["value"],
        expected["ucum"],
        expected["unit"],
    )
    assert sent["effectiveDateTime"] == given["day"]
    assert check(bundle) == []
    assert mes.refusals(bundle) == []


def bundle_of(code: str, count: int = 1, **more: Any) -> dict[str, Any]:
    one = {
        "resourceType": "Observation",
        "code": {"coding": [{"code": code}]},
        "valueQuantity": {"value": 1},
        **more,
    }
    return {"type": "transaction", "entry": [{"resource": one}] * count}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "bundle"),
    [
        ("mes-bmi", bundle_of("39156-5")),
        ("mes-one-observation", bundle_of("29463-7", count=2)),
        ("mes-glucose-moment", bundle_of("2345-7")),
        ("mes-glucose-interstitial", bundle_of("MED-969")),
    ],
)
def test_what_the_feed_refuses(case, name: str, bundle: dict[str, Any]):
    (said,) = mes.refusals(bundle)
    reason: str = case(name)["expected"]["reason"]
    words = ("BMI", "exactly one Observation", "moment", "numberOfDays")
    assert any(word in said and word in reason for word in words)


def test_with_its_moment_and_its_days_glucose_passes():
    moment = {"extension": [{"url": f"{MEASURES}mesures-moment"}]}
    days = {"extension": [{"url": f"{MEASURES}mesures-number-of-days"}]}
    assert mes.refusals(bundle_of("2345-7", **moment)) == []
    assert mes.refusals(bundle_of("MED-969", **days)) == []
    assert mes.refusals(bundle_of("8867-4", valueQuantity=None) | {"x": 1}) == []
