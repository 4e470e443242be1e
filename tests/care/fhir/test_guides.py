"""What the guides ask over R4: their own examples are right, each rule that is broken is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from balise.metrics import METRICS
from balise.model import Quality
from care.fhir import mes, resources
from care.fhir.bundle import as_json
from care.fhir.checker import check
from care.fhir.codes import BLOOD_PRESSURE
from care.fhir.codes import PROFILES as CODES
from care.fhir.guides import MEASURES, PHD, PROFILES
from care.fhir.observation import observations
from care.fhir.tree import of_profiles

Resource = dict[str, Any]
CUFF = "C0:00:00:00:00:07"
SENDER = mes.Sender(oid="1.2.250.1.999", patient="idpe-1")
KG = {"value": 71, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
MDC = "urn:iso:std:iso:11073:10101"


def plain(resource: Any) -> Any:
    return json.loads(as_json(resource))


def of_the_ans() -> Resource:
    """The weight of the ANS's own example (ansforge/IG-fhir-mesures-de-sante, bundle-example)."""
    scale = "d36bfdb6-b1b1-4efd-9cb9-d217a8696575"
    vital = "http://terminology.hl7.org/CodeSystem/observation-category"
    kinds = "http://hl7.org/fhir/uv/phd/CodeSystem/ContinuaDeviceIdentifiers"
    weight = {
        "resourceType": "Observation",
        "meta": {"profile": [f"{MEASURES}mesures-fr-observation-body-weight"]},
        "extension": [
            {"url": f"{MEASURES}mesures-reason-for-measurement", "valueString": "a new weight"}
        ],
        "status": "final",
        "category": [{"coding": [{"system": vital, "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"identifier": {"system": "urn:oid:1.2.840.10004.1", "value": "id-value"}},
        "effectiveDateTime": "2022-08-22T01:56:16+01:00",
        "valueQuantity": dict(KG),
        "device": {"reference": f"Device/{scale}"},
    }
    device = {
        "resourceType": "Device",
        "meta": {"profile": [f"{PHD}PhdDevice"]},
        "identifier": [
            {
                "type": {"coding": [{"system": kinds, "code": "SYSID"}]},
                "system": "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680",
                "value": "FE-ED-AB-AA-DE-AD-77-C5",
            }
        ],
        "manufacturer": "OMRONHEALTHCARE",
        "modelNumber": "HEM-9200T",
        "type": {"coding": [{"system": MDC, "code": "65573"}]},
        "specialization": [
            {"systemType": {"coding": [{"system": MDC, "code": "528457"}]}, "version": "2.3"}
        ],
    }
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{MEASURES}mesures-bundle-flux-alimentation"]},
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{name}",
                "resource": resource,
                "request": {"method": "POST", "url": resource["resourceType"]},
            }
            for name, resource in (
                ("5138af77-df7e-4b9d-ba17-07ba3ebb950a", weight),
                (scale, device),
            )
        ],
    }


def observation(bundle: Resource) -> Resource:
    found: Resource = bundle["entry"][0]["resource"]
    return found


def device(bundle: Resource) -> Resource:
    found: Resource = bundle["entry"][1]["resource"]
    return found


def test_the_anss_own_example_is_right():
    assert check(of_the_ans()) == []


SPOILT: dict[str, tuple[Callable[[Resource], Any], str]] = {
    "no transaction": (lambda one: one.update(type="batch"), 'Bundle.type: must be "transaction"'),
    "two measurements": (lambda one: one["entry"].append(one["entry"][0]), ":mes-observation"),
    "put": (lambda one: one["entry"][0]["request"].update(method="PUT"), 'must be "POST"'),
    "no measurement": (lambda one: one["entry"].pop(0), "entry:mes-observation: is there 0 times"),
    "in grams": (lambda one: observation(one)["valueQuantity"].update(code="g"), '"code": "kg"'),
    "of a metric": (
        lambda one: observation(one).update(device={"reference": "DeviceMetric/x"}),
        "refers to a DeviceMetric",
    ),
    "a method without a code": (
        lambda one: observation(one).update(method={"coding": [{"display": "scale"}]}),
        "method.coding[0].code: is there 0 times",
    ),
    "no maker": (lambda one: device(one).pop("manufacturer"), "Device.manufacturer: is there 0"),
    "no system identifier": (
        lambda one: device(one)["identifier"][0].pop("type"),
        "identifier:systemIdIdentifier: is there 0",
    ),
    "no personal health device": (
        lambda one: device(one)["type"]["coding"][0].update(code="65574"),
        'must be "65573"',
    ),
    "by nobody's profile": (
        lambda one: observation(one)["meta"].update(profile=["http://hl7.org/fhir/x"]),
        "meta.profile[0]: is 'http://hl7.org/fhir/x'",
    ),
    "of no profile": (lambda one: device(one).pop("meta"), "resource.meta: is there 0 times"),
    "a maker that nothing is said of": (
        lambda one: device(one).update(manufacturer=None, _manufacturer={}),
        "_manufacturer: must have an id or extensions",
    ),
    "of no standard": (lambda one: device(one).pop("specialization"), "Device.specialization"),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_what_the_feed_would_refuse_is_found_and_named(fault: str):
    spoil, says = SPOILT[fault]
    bundle = of_the_ans()
    spoil(bundle)
    assert any(says in str(one) for one in check(bundle)), check(bundle)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda one: one["category"].pop(), "category:PHD-Observation: is there 0 times"),
        (lambda one: one["code"]["coding"].pop(0), "code.coding:MDCType: is there 0 times"),
        (lambda one: one.pop("device"), "Observation.device: is there 0 times"),
        (lambda one: one.pop("subject"), "Observation.subject: is there 0 times"),
        (lambda one: one["valueQuantity"].pop("code"), "valueQuantity.code: is there 0 times"),
    ],
    ids=["category", "MDC", "device", "subject", "unit"],
)
def test_what_the_phd_guide_asks_of_a_number(measure, spoil: Callable[..., Any], says: str):
    """Of a metric that is no vital sign of R4's: what is found is the guide's own rule."""
    (one,) = (plain(each) for each in observations(measure(blood_glucose="110")))
    assert one["meta"]["profile"] == [f"{PHD}PhdNumericObservation"]
    assert check(one) == []
    spoil(one)
    assert any(says in str(each) for each in check(one)), check(one)


def test_a_cuffs_pressures_have_no_value_of_their_own_and_a_code_of_mdc_each(measure):
    values = {"systolic_blood_pressure": "135", "diastolic_blood_pressure": "85"}
    (one,) = (plain(each) for each in observations(measure(**values)))
    assert check(one) == []
    assert any(
        "value[x]: is there 1 times" in str(each) for each in check(one | {"valueString": "x"})
    )
    mean = plain(observations(measure(**values, mean_arterial_pressure="102"))[0])
    mean["component"][2]["valueQuantity"].pop("code")
    assert any("component[2].valueQuantity.code: is there" in str(each) for each in check(mean))
    one["component"][0]["code"]["coding"].pop(0)
    assert any("MdcType: is there 0 times" in str(each) for each in check(one))


def test_each_profile_that_is_claimed_is_known_here(measure):
    """A name that no guide has is found by nobody but who refuses it."""
    claimed = {url for name in METRICS for url in claims(observations(measure(**{name: "42"})))}
    bundles = [
        *(
            each
            for name in METRICS
            for each in mes.feed(measure(**{name: "42"}), SENDER, address=CUFF)
        ),
        mes.steps(date(2026, 11, 6), 8000, SENDER, address=CUFF),
    ]
    claimed |= set(claims(bundles))
    claimed |= set(claims([entry["resource"] for each in bundles for entry in each["entry"]]))
    assert [url for url in sorted(claimed) if not list(of_profiles(url))] == []
    assert {url for url in claimed if url.startswith(MEASURES)} <= PROFILES.keys()


def claims(some: list[Resource]) -> list[str]:
    return [url for one in some for url in one.get("meta", {}).get("profile", [])]


def test_a_device_on_the_air_is_one_of_the_phd_guides_and_says_what_is_unknown():
    cuff = plain(resources.device(7, address="C0:00:00:00:00:07", name="Cuff"))
    assert cuff["meta"]["profile"] == [f"{PHD}PhdDevice"]
    assert check(cuff) == []
    kinds = [
        one.get("type", {"coding": [{}]})["coding"][0].get("code") for one in cuff["identifier"]
    ]
    assert kinds == [None, "BTMAC", "SYSID"]
    assert cuff["identifier"][1]["value"] == "C0-00-00-00-00-07"
    assert cuff["_manufacturer"]["extension"][0]["valueCode"] == "unknown"
    assert (
        plain(resources.device(7, address="C0:00:00:00:00:07", model="X1"))["modelNumber"] == "X1"
    )


def test_each_devices_observations_have_their_provenance(measure):
    cuff, scale = (
        measure(pulse_rate="71"),
        replace(measure(body_weight="81.5"), device="8", key="k"),
    )
    found = [plain(one) for each in (cuff, scale, cuff) for one in observations(each)]
    at = datetime(2026, 11, 7, tzinfo=UTC)
    told = [plain(one) for one in resources.measured_by_devices(found, key="p-1", recorded=at)]
    assert [check(one) for one in told] == [[], []]
    assert [one["agent"][0]["who"]["reference"] for one in told] == [
        "Device/balise-device-7",
        "Device/balise-device-8",
    ]
    assert [len(one["target"]) for one in told] == [2, 1]
    again = resources.measured_by_devices(found, key="p-1", recorded=at)
    assert [one["id"] for one in again] == [one["id"] for one in told]


def test_what_was_imported_claims_to_be_no_such_device():
    imported = plain(resources.device(8, address="import/p-one"))
    assert "meta" not in imported
    assert check(imported) == []


def test_what_was_imported_is_sent_to_the_feed_without_a_device(measure):
    (bundle,) = (
        plain(one) for one in mes.feed(measure(body_weight="71"), SENDER, address="import/x")
    )
    (entry,) = bundle["entry"]
    assert "device" not in entry["resource"]
    assert check(bundle) == []


@pytest.mark.parametrize("quality", [Quality.NOT_A_NUMBER, Quality.INVALID])
@pytest.mark.parametrize("metric", sorted({*CODES} - {BLOOD_PRESSURE}))
def test_a_vital_sign_without_a_value_is_right_too(measure, metric: str, quality: Quality):
    for one in observations(measure(quality, **{metric: None})):
        assert check(plain(one)) == []


def test_a_respiratory_rate_has_no_place_in_the_feed(measure):
    assert mes.feed(measure(respiratory_rate="16"), SENDER, address=CUFF) == []
