"""FHIR R4: the HL7 PHD guide's examples, value by value, and what a faulty resource is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balise.errors import PayloadError, Reason
from balise.metrics import METRICS
from balise.model import Decoded, Quality, State
from devices import units
from devices.payloads.fhir import CONVENTION
from devices.payloads.fhir.codes import METRIC_OF
from devices.payloads.fhir.ucum import ucum
from ingest import documents

MDC, LOINC = "urn:iso:std:iso:11073:10101", "http://loinc.org"


def read(text: str) -> Decoded:
    (decoded,) = CONVENTION.read(text)
    return decoded


def figures(decoded: Decoded) -> dict[str, str]:
    return {value.metric: str(value.value) for value in decoded.readings}


def resources(path: Path) -> list[Any]:
    whole = json.loads(path.read_text("utf-8"), parse_float=str, parse_int=str)
    if whole["resourceType"] == "Bundle":
        return [entry["resource"] for entry in whole["entry"]]
    return [whole]


QUANTITIES = {"valueQuantity", "origin", "low", "high"}
SCALARS = {
    *("valueString", "valueInteger", "valueBoolean", "valueDateTime", "data", "factor", "period"),
    *("serialNumber", "modelNumber", "manufacturer", "lowerLimit", "upperLimit"),
}


def told(node: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Walk a resource by itself: every figure, text, flag and reason, with where it stands."""
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node):
        here = f"{at}.{key}"
        if key in QUANTITIES and isinstance(inner, dict):
            yield here, inner["value"]
        elif key in SCALARS:
            yield here, str(inner).lower() if isinstance(inner, bool) else inner
        elif key == "valueCodeableConcept":
            yield here, inner["coding"][0]["display"]
        elif key == "dataAbsentReason":
            yield here, inner.get("text") or inner["coding"][0]["code"]
        if isinstance(inner, (dict, list)):
            yield from told(inner, here)


@pytest.mark.shared
def test_every_value_of_the_phd_guides_examples_comes_out_as_written(shared: Path):
    seen = 0
    for path in sorted((shared / "data/hl7-phd").glob("*.json")):
        texts = [document.text for document in documents.read(path)]
        for resource, text in zip(resources(path), texts, strict=True):
            decoded = read(text)
            said = [str(value.value) for value in decoded.readings]
            said += [fact for _, fact in decoded.facts]
            for where, value in told(resource):
                assert any(value == one or value in one.split() for one in said), (path, where)
                seen += 1
    assert seen > 140


@pytest.mark.shared
def test_a_bundle_is_read_whole_as_its_entries_are(shared: Path):
    for name, count in (("bundle-continuousnonin", 47), ("bundle-example-1", 6)):
        path = shared / f"data/hl7-phd/{name}.json"
        whole = CONVENTION.read(path.read_text("utf-8"))
        assert whole == tuple(read(document.text) for document in documents.read(path))
        assert len(whole) == count


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("glucose-observation", {"blood_glucose": "99"}),
        ("compound-observation-glucose", {"blood_glucose": "6.3"}),
        ("temperature-observation", {"body_temperature": "36.5"}),
        ("numeric-spo2-alarm", {"oxygen_saturation": "79.0"}),
        ("numeric-spotnumeric", {"pulse_rate": "48.0"}),
        (
            "compound-numeric-blood-pressure",
            {
                "systolic_blood_pressure": "116",
                "diastolic_blood_pressure": "71",
                "mean_arterial_pressure": "86",
            },
        ),
        (
            "compound-numeric-blood-pressure-no-mean",
            {"systolic_blood_pressure": "116", "diastolic_blood_pressure": "71"},
        ),
        ("rtsa-example", {}),
        ("bits-observation", {}),
        ("bp-devicemetric-example", {}),
    ],
)
def test_the_phd_guides_figures(shared: Path, file: str, expected: dict[str, str]):
    (document,) = documents.read(shared / f"data/hl7-phd/{file}.json")
    decoded = read(document.text)
    assert figures(decoded) == expected
    assert decoded.state is (State.MEASURED if expected else State.INFORMATION)


@pytest.mark.shared
def test_a_waveform_keeps_its_samples_and_scale(shared: Path):
    (document,) = documents.read(shared / "data/hl7-phd/rtsa-example.json")
    facts = dict(read(document.text).facts)
    wave = "MDC_PULS_OXIM_PLETH"
    assert facts[wave] == "123 110 97 99 112 118"
    assert (facts[f"{wave}.origin"], facts[f"{wave}.factor"]) == ("-3.4 1", "3.0")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "state", "quality"),
    [
        ("numeric-observation-not-a-number", State.NO_VALUE, Quality.NOT_A_NUMBER),
        ("bpm-status", State.INFORMATION, Quality.MOVEMENT | Quality.BAD_POSITION),
        ("coin-example-timefault", State.INFORMATION, Quality.CLOCK_FAULT),
        ("coin-example-1", State.INFORMATION, Quality.NONE),
    ],
)
def test_what_is_known_against_it(shared: Path, file: str, state: State, quality: Quality):
    (document,) = documents.read(shared / f"data/hl7-phd/{file}.json")
    decoded = read(document.text)
    assert (decoded.readings, decoded.state, decoded.quality) == ((), state, quality)


@pytest.mark.shared
def test_two_clocks_read_at_one_moment(shared: Path):
    (document,) = documents.read(shared / "data/hl7-phd/coin-example-1.json")
    decoded = read(document.text)
    facts = dict(decoded.facts)
    assert facts["device_time"] == "2017-06-02T18:02:30-04:00"
    assert facts["gateway_time"] == "2017-06-02T18:02:35-04:00"
    assert decoded.person is None


@pytest.mark.shared
def test_who_a_patient_is_stays_out(shared: Path):
    for path in sorted((shared / "data/hl7-phd").glob("patient*.json")):
        decoded = read(path.read_text("utf-8"))
        assert decoded.facts == (("resource", "Patient"),)
        assert decoded.person == f"Patient/{path.stem}"


@pytest.mark.shared
def test_engage_hfs_observations(shared: Path):
    found = [
        value
        for path in sorted((shared / "data/engage-hf").glob("*.json"))
        for document in documents.read(path)
        for value in read(document.text).readings
    ]
    assert {value.metric for value in found} == {
        "systolic_blood_pressure",
        "diastolic_blood_pressure",
        "body_weight",
        "heart_rate",
    }
    for value in found:
        units.convert(value.value, value.unit, METRICS[value.metric].unit)


def observation(code: str = "29463-7", system: str = LOINC, **changes: object) -> str:
    whole = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "effectiveDateTime": "2026-02-01T07:00:00+01:00",
        "valueQuantity": {"value": 75.5, "code": "kg", "system": "http://unitsofmeasure.org"},
        **changes,
    }
    return json.dumps(whole)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "done"}, Reason.PAYLOAD_INVALID),
        ({"status": ["final"]}, Reason.PAYLOAD_INVALID),
        ({"status": "entered-in-error"}, Reason.PAYLOAD_INVALID),
        ({"effectiveDateTime": None}, Reason.TIME_UNKNOWN),
        ({"effectiveDateTime": "2026-02-01"}, Reason.PAYLOAD_INVALID),
        ({"effectiveDateTime": "2026-02-01T07:00:00"}, Reason.PAYLOAD_INVALID),
        ({"valueQuantity": {"value": "75", "code": "kg"}}, Reason.PAYLOAD_INVALID),
        ({"valueQuantity": {"value": 75}}, Reason.PAYLOAD_INVALID),
        ({"valueQuantity": {"value": 75, "comparator": "<", "code": "kg"}}, Reason.PAYLOAD_INVALID),
        ({"valueQuantity": None}, Reason.METRIC_UNKNOWN),
        ({"valueQuantity": None, "valueBoolean": "yes"}, Reason.PAYLOAD_INVALID),
        ({"resourceType": "Appointment"}, Reason.METRIC_UNKNOWN),
        ({"resourceType": {}}, Reason.PAYLOAD_INVALID),
    ],
)
def test_a_faulty_observation_is_refused(changes: dict[str, Any], reason: Reason):
    with pytest.raises(PayloadError) as refused:
        CONVENTION.read(observation(**changes))
    assert refused.value.reason is reason


def test_the_digits_of_a_document_survive_the_way():
    assert str(read(observation().replace("75.5", "75.50")).readings[0].value) == "75.50"


@pytest.mark.parametrize(
    ("system", "code", "metric", "facts"),
    [
        (LOINC, "8867-4", "heart_rate", {}),
        (LOINC, "59408-5", "oxygen_saturation", {}),
        (LOINC, "8302-2", "body_height", {}),
        (LOINC, "39156-5", "body_mass_index", {}),
        (LOINC, "9279-1", "respiratory_rate", {}),
        (LOINC, "8310-5", "body_temperature", {}),
        (MDC, "150364", "body_temperature", {}),
        (MDC, "150392", "body_temperature", {"body_site": "tympanum"}),
        (MDC, "188420", "body_temperature", {"body_site": "rectum"}),
        (MDC, "188424", "body_temperature", {"body_site": "mouth"}),
        (MDC, "188428", "body_temperature", {"body_site": "ear"}),
        (MDC, "188432", "body_temperature", {"body_site": "finger"}),
        (MDC, "188448", "body_temperature", {"body_site": "toe"}),
        (MDC, "188452", "body_temperature", {"body_site": "armpit"}),
        (MDC, "188456", "body_temperature", {"body_site": "gastro-intestinal tract"}),
        (MDC, "150584", "oxygen_saturation", {"modality": "slow"}),
        (MDC, "160184", "blood_glucose", {"specimen": "capillary whole blood"}),
        (MDC, "160212", "interstitial_glucose", {"specimen": "interstitial fluid"}),
        (MDC, "160364", "blood_glucose", {"specimen": "whole blood"}),
    ],
)
def test_codes(system: str, code: str, metric: str, facts: dict[str, str]):
    decoded = read(observation(code, system))
    assert (figures(decoded), dict(decoded.facts)) == ({metric: "75.5"}, facts)


def test_a_control_solution_is_nobodys_blood():
    assert read(observation("160208", MDC)).state is State.CONTROL


def test_every_metric_is_found_by_its_own_codes():
    for metric in METRICS.values():
        if metric.mdc:
            assert METRIC_OF[MDC, str(metric.mdc)] == metric.name
        if metric.loinc:
            assert METRIC_OF[LOINC, metric.loinc]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ({"code": "/min", "unit": "{beat}/min"}, "/min"),
        ({"unit": "{beat}/min"}, "/min"),
        ({"unit": "{breaths}/min"}, "/min"),
        ({"unit": "mmHg"}, "mm[Hg]"),
        ({"code": "266016", "system": MDC}, "mm[Hg]"),
        ({"unit": "MDC_DIM_DEGC"}, "Cel"),
        ({"code": "{steps}"}, "1"),
    ],
)
def test_units(unit: dict[str, str], expected: str):
    assert read(observation(valueQuantity={"value": 1, **unit})).readings[0].unit == expected
    assert ucum(expected) == expected


def test_what_stands_beside_a_figure():
    decoded = read(
        observation(
            bodySite={"text": "Left arm"},
            note=[{"text": "after a walk"}],
            interpretation=[{"coding": [{"code": "questionable"}]}],
            referenceRange=[{"low": {"value": 60, "unit": "kg"}, "high": {"value": 80.0}}],
            derivedFrom=[{"reference": "Observation/coin-1"}],
        )
    )
    assert decoded.facts == (
        ("body_site", "Left arm"),
        ("reference_range", "60 kg to 80.0"),
        ("interpretation", "questionable"),
        ("note", "after a walk"),
    )
    assert decoded.quality == Quality.QUESTIONABLE


def test_figures_of_one_metric_are_numbered():
    part = json.loads(observation())
    decoded = read(observation("85354-9", valueQuantity=None, component=[part, part]))
    assert [value.position for value in decoded.readings] == [0, 1]


KEYS = (
    *("resourceType", "status", "code", "coding", "system", "component", "valueQuantity"),
    *("valueSampledData", "valueInteger", "valueBoolean", "extension", "entry", "resource"),
    *("subject", "reference", "dataAbsentReason", "interpretation", "property", "identifier"),
    *("version", "type", "text", "value", "unit", "url", "period", "factor", "note"),
)
WORDS = (
    *("Observation", "Bundle", "Device", "DeviceMetric", "Patient", "final", MDC, LOINC),
    *("29463-7", "67975", "2026-02-01T07:00:00Z", "kg"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=15,
)


@given(
    kind=st.sampled_from(WORDS[:5]),
    changes=st.dictionaries(st.sampled_from(KEYS[1:]), JSON, max_size=8),
    whole=JSON,
)
def test_any_json_is_read_or_refused(kind: str, changes: dict[str, Any], whole: object):
    resource = observation(**{"resourceType": kind, **changes})
    for text in (resource, observation(**changes), json.dumps(whole)):
        try:
            assert CONVENTION.read(text)
        except PayloadError:
            continue


@pytest.mark.parametrize("number", ["9" * 5000, "1e999999999", "1e-999999999", "NaN", "-0.0"])
def test_numbers_beyond_all_bounds_are_read_or_refused(number: str):
    for key in ("valueQuantity", "valueInteger"):
        text = observation(**{key: 123.25}) if key == "valueInteger" else observation()
        try:
            assert CONVENTION.read(text.replace("123.25", number).replace("75.5", number))
        except PayloadError:
            continue


@pytest.mark.parametrize("depth", [3, 60, 100_000])
def test_depth_is_read_or_refused(depth: int):
    deep = '{"url": "a", "valueInteger": 1, "extension": [' * depth + "]}" * depth
    text = observation().removesuffix("}") + f', "extension": [{deep}]}}'
    try:
        assert figures(read(text)) == {"body_weight": "75.5"}
    except PayloadError:
        assert depth > 1000
