"""The checker on twelve blood pressures, one good, and on examples that HL7 made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from care.fhir.checker import check

Resource = dict[str, Any]


def good() -> Resource:
    loinc = "http://loinc.org"
    vital = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/bp"]},
        "status": "final",
        "category": [{"coding": [{"system": vital, "code": "vital-signs"}]}],
        "code": {"coding": [{"system": loinc, "code": "85354-9"}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-11-06T07:00:00+01:00",
        "component": [
            {
                "code": {"coding": [{"system": loinc, "code": code}]},
                "valueQuantity": {
                    "value": value,
                    "unit": "mmHg",
                    "system": "http://unitsofmeasure.org",
                    "code": "mm[Hg]",
                },
            }
            for code, value in (("8480-6", 135), ("8462-4", 85))
        ],
    }


def systolic(resource: Resource) -> Resource:
    quantity: Resource = resource["component"][0]["valueQuantity"]
    return quantity


FAULTS: dict[str, tuple[Callable[[Resource], Any], str]] = {
    "status done": (lambda one: one.update(status="done"), "Observation.status: is 'done'"),
    "no code": (lambda one: one.pop("code"), "Observation.code: is there 0 times"),
    "unknown property": (lambda one: one.update(colour=1), "Observation.colour: is no property"),
    "bad form of date": (lambda one: one.update(effectiveDateTime="06/11/2026"), "is no dateTime"),
    "a time without its zone": (
        lambda one: one.update(effectiveDateTime="2026-11-06T07:00:00"),
        "is no dateTime",
    ),
    "value as string": (lambda one: systolic(one).update(value="135"), "is no decimal"),
    "no effective": (lambda one: one.pop("effectiveDateTime"), "effective[x]: is there 0 times"),
    "unit code mmHg": (lambda one: systolic(one).update(code="mmHg"), 'must be "mm[Hg]"'),
    "one component only": (lambda one: one["component"].pop(), "component:DiastolicBP: is there 0"),
    "component without value": (lambda one: one["component"][0].pop("valueQuantity"), "vs-3"),
    "effectiveDateTime 2026": (lambda one: one.update(effectiveDateTime="2026"), "vs-1"),
}


def test_the_good_one_is_good():
    assert check(good()) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_and_named(fault: str):
    spoil, says = FAULTS[fault]
    resource = good()
    spoil(resource)
    assert any(says in str(one) for one in check(resource)), check(resource)


@pytest.mark.parametrize(
    ("quantity", "says"),
    [
        ({"code": "mm"}, "valueQuantity.code: is 'mm'"),
        ({"system": "http://example.org"}, "valueQuantity.system: must be"),
        ({"unit": None}, "valueQuantity.unit: is there 0 times"),
    ],
    ids=str,
)
def test_what_a_profile_asks_of_one_type_of_a_choice_is_looked_at(
    quantity: dict[str, str | None], says: str
):
    weight = {**good(), "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/bodyweight"]}}
    weight["code"] = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}
    del weight["component"]
    kg = {"value": 71, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    assert check(weight | {"valueQuantity": kg}) == []
    spoilt = {name: one for name, one in (kg | quantity).items() if one is not None}
    assert any(says in str(one) for one in check(weight | {"valueQuantity": spoilt}))


def test_a_profile_with_its_version_is_known():
    resource = good()
    resource["meta"]["profile"] = ["http://hl7.org/fhir/StructureDefinition/bp|4.0.1"]
    assert check(resource) == []
    resource["component"].pop()
    assert check(resource)


@pytest.mark.shared
def test_every_published_fault_is_among_them(shared: Path):
    cases = json.loads((shared / "cases/clinical.json").read_text())["cases"]
    faults = {one["input"].get("mutation") for one in cases if one["rule"] == "fhir-profile"} - {
        None
    }
    assert faults <= FAULTS.keys(), faults - FAULTS.keys()


@pytest.mark.shared
def test_what_hl7_made_is_right(shared: Path):
    files = sorted((shared / "data/hl7-phd").glob("*.json"))
    assert len(files) >= 28
    wrong = {file.name: check(json.loads(file.read_text())) for file in files}
    assert {name: one for name, one in wrong.items() if one} == {}


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        ({"resourceType": "Nothing"}, "not checked here"),
        ([], "not checked here"),
        ({"resourceType": "Patient", "name": {"family": "X"}}, "must be a list"),
        ({"resourceType": "Patient", "active": "yes"}, "is no boolean"),
        ({"resourceType": "Quantity", "value": 1}, "not checked here"),
        ({"resourceType": "Patient", "birthDate": "2026-02-31"}, "is no date"),
        ({"resourceType": "Patient", "name": []}, "has nothing in it"),
        ({"resourceType": "Patient", "name": [None]}, "has nothing in it"),
        ({"resourceType": "Patient", "multipleBirthInteger": 2**31}, "is no integer"),
        ({"resourceType": "Patient", "managingOrganization": "Organization/x"}, "is no object"),
        ({"resourceType": "Patient", "managingOrganization": {"reference": 5}}, "is no string"),
        ({"resourceType": "Patient", "gender": 5}, "is no code"),
        ({"resourceType": "Patient", "extension": [{"url": "http://x"}]}, "ext-1"),
        ({"resourceType": "Patient", "birthDate": ["2026"]}, "must be no list"),
        ({"resourceType": "Patient", "name": [{}]}, "is empty"),
        ({"resourceType": "Patient", "name": ["X"]}, "is no object"),
        ({"resourceType": "Patient", "multipleBirthInteger": 1.5}, "is no integer"),
        (
            {"resourceType": "Patient", "managingOrganization": {"reference": "Patient/x"}},
            "refers to a Patient",
        ),
        (
            {
                "resourceType": "Patient",
                "contact": [{"period": {"start": "2026-02-02", "end": "2026-02-01"}}],
            },
            "per-1",
        ),
        (
            {
                "resourceType": "Bundle",
                "type": "batch",
                "entry": [{"resource": {"resourceType": "Patient", "x": 1}}],
            },
            "Patient.x",
        ),
    ],
)
def test_shapes(resource: Any, says: str):
    assert any(says in str(one) for one in check(resource)), check(resource)
