"""Payloads nobody here wrote, with the verdicts of those who did."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balise.errors import NotUnderstood, PayloadError, Reason
from balise.metrics import METRICS
from balise.model import Quality, State
from devices import units
from devices.payloads import CONVENTIONS
from devices.payloads.convention import Convention
from devices.payloads.open_mhealth import SCHEMAS
from ingest import documents

OMH = CONVENTIONS["open_mhealth"].read
FHIR = CONVENTIONS["fhir"].read
CGM = CONVENTIONS["cgm_csv"].read


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=lambda one: one.name)
@given(text=st.text(max_size=100))
def test_any_text_is_read_or_refused(convention: Convention, text: str):
    try:
        assert convention.read(text)
    except NotUnderstood:
        return


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_names_metrics_and_convertible_units(name: str):
    for metric in SCHEMAS[name].values.values():
        for unit in SCHEMAS[name].units.values():
            units.convert(Decimal(1), unit, METRICS[metric].unit)


@pytest.mark.shared
def test_open_mhealths_own_verdicts_for_the_schemas_balise_reads(shared: Path):
    verdicts: Counter[tuple[str, str]] = Counter()
    for path in sorted((shared / "data/open-mhealth/test-data/omh").rglob("should*/*.json")):
        schema, verdict = path.parts[-4], path.parts[-2]
        (document,) = documents.read(path)
        try:
            OMH(document.text)
            answer = "accepted"
        except PayloadError as error:
            answer = str(error.reason)
        if schema in SCHEMAS:
            verdicts[verdict, answer] += 1
        else:
            assert answer == Reason.METRIC_UNKNOWN
    assert verdicts == {("shouldPass", "accepted"): 108, ("shouldFail", "payload_invalid"): 104}


@pytest.mark.shared
def test_jupyterhealths_data_points(shared: Path):
    found = {}
    for path in sorted((shared / "data/jhe/examples/data-points").glob("*.json")):
        (document,) = documents.read(path)
        (decoded,) = OMH(document.text)
        found |= {value.metric: str(value.value) for value in decoded.readings}
    assert found == {
        "blood_glucose": "129",
        "systolic_blood_pressure": "115",
        "diastolic_blood_pressure": "60",
        "body_temperature": "97",
        "heart_rate": "67.5",
        "oxygen_saturation": "95",
        "respiratory_rate": "12",
        "rr_interval": "30",
    }


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
    ],
)
def test_the_phd_guides_examples(shared: Path, file: str, expected: dict[str, str]):
    (document,) = documents.read(shared / f"data/hl7-phd/{file}.json")
    (decoded,) = FHIR(document.text)
    assert {value.metric: str(value.value) for value in decoded.readings} == expected


@pytest.mark.shared
def test_not_a_number_is_a_state(shared: Path):
    (document,) = documents.read(shared / "data/hl7-phd/numeric-observation-not-a-number.json")
    (decoded,) = FHIR(document.text)
    assert (decoded.readings, decoded.state) == ((), State.NO_VALUE)
    assert decoded.quality == Quality.NOT_A_NUMBER


def observation(**changes: object) -> str:
    whole = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "effectiveDateTime": "2026-02-01T07:00:00+01:00",
        "valueQuantity": {"value": 75.5, "code": "kg", "system": "http://unitsofmeasure.org"},
        **changes,
    }
    return json.dumps(whole)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "done"}, Reason.PAYLOAD_INVALID),
        ({"status": "entered-in-error"}, Reason.PAYLOAD_INVALID),
        ({"effectiveDateTime": None}, Reason.TIME_UNKNOWN),
        ({"effectiveDateTime": "2026-02-01"}, Reason.PAYLOAD_INVALID),
        ({"valueQuantity": {"value": "75", "code": "kg"}}, Reason.PAYLOAD_INVALID),
        ({"valueQuantity": {"value": 75, "comparator": "<", "code": "kg"}}, Reason.PAYLOAD_INVALID),
        ({"valueQuantity": None}, Reason.METRIC_UNKNOWN),
        ({"resourceType": "Patient"}, Reason.METRIC_UNKNOWN),
    ],
)
def test_a_faulty_observation_is_refused(changes: dict[str, object], reason: Reason):
    with pytest.raises(PayloadError) as refused:
        FHIR(observation(**changes))
    assert refused.value.reason is reason


def test_the_digits_of_a_document_survive_the_way():
    (decoded,) = FHIR(observation().replace("75.5", "75.50"))
    assert str(decoded.readings[0].value) == "75.50"


def test_a_statistic_is_kept_and_marked():
    body = {
        "heart_rate": {"value": 50, "unit": "beats/min"},
        "effective_time_frame": {"date_time": "2026-02-01T07:00:00Z"},
        "descriptive_statistic": "minimum",
    }
    header = {"schema_id": {"namespace": "omh", "name": "heart-rate", "version": "2.0"}}
    (decoded,) = OMH(json.dumps({"header": header, "body": body}))
    assert decoded.quality == Quality.SUMMARY_STATISTIC


@pytest.mark.parametrize("row", ["S1,2015-06-06 16:50:27,LO", "S1,yesterday,153", "S1,,"])
def test_a_bad_row_of_a_glucose_series_is_refused(row: str):
    with pytest.raises(PayloadError):
        CGM(f"id,time,gl\n{row}\n")


@pytest.mark.shared
def test_a_glucose_series_row_by_row(shared: Path):
    rows = list(documents.read(shared / "data/cgm/subject_1.csv"))
    assert len(rows) == 2915
    values = [CGM(row.text)[0].readings[0].value for row in rows]
    # The mean published with the file.
    assert float(sum(values) / len(values)) == pytest.approx(123.665523, abs=1e-6)
