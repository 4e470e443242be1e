"""A summary, a signal and their sources as FHIR, checked against R4's own definitions."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from care.fhir import resources
from care.fhir.bundle import as_json, transaction
from care.fhir.checker import check
from care.fhir.report import Summary
from care.fhir.report import resources as of_summary
from care.metrics.figure import Basis
from care.rules.rule import Severity

NOW = datetime(2026, 11, 6, 7, tzinfo=UTC)


def plain(resource: Any) -> Any:
    return json.loads(as_json(resource))


@pytest.fixture
def summary() -> Summary:
    basis = Basis(
        start=date(2026, 10, 31), end=date(2026, 11, 6), n=24, days_with_data=6, source="ESH7"
    )
    figures = [
        basis.figure("mean_systolic_blood_pressure", Decimal(135), "mm[Hg]", 0, needed=12),
        basis.figure("median_pulse_rate", None, "/min", 0, needed=3),
    ]
    return Summary(
        code="p-one",
        number="p-one-2026-11-06",
        made_at=NOW,
        figures=[one.as_json() for one in figures],
        pdf=b"%PDF-1.7",
    )


def test_figures_report_and_provenance_are_valid(summary: Summary):
    found = [plain(one) for one in of_summary(summary)]
    assert [check(one) for one in found] == [[]] * 4
    assert check(plain(transaction(found))) == []
    mean, pulse, report, provenance = found
    assert mean["code"]["coding"][0]["code"] == "96608-5"
    assert mean["valueQuantity"]["value"] == 135
    assert mean["effectivePeriod"] == {"start": "2026-10-31", "end": "2026-11-06"}
    assert mean["method"]["text"] == "ESH7"
    assert "valueQuantity" not in pulse
    assert pulse["dataAbsentReason"]["text"] == "insufficient data: 24 of 3"
    assert report["presentedForm"][0]["contentType"] == "application/pdf"
    assert [one["reference"] for one in report["result"]] == [
        f"Observation/{mean['id']}",
        f"Observation/{pulse['id']}",
    ]
    assert provenance["target"][0]["reference"] == f"DiagnosticReport/{report['id']}"


@pytest.mark.parametrize("state", ["new", "closed"])
def test_a_signal_is_a_flag(state: str):
    signal = {
        "id": 7,
        "rule": "weight_gain",
        "rule_version": 1,
        "severity": Severity.PRIORITY,
        "state": state,
        "raised_at": NOW,
        "changed_at": NOW,
    }
    flag = plain(resources.flag(signal, "p-one", reason="+2,4 kg"))
    assert check(flag) == []
    assert flag["status"] == ("inactive" if state == "closed" else "active")
    assert ("end" in flag["period"]) == (state == "closed")
    assert flag["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "PH"
    assert flag["code"]["coding"][0] == {
        "system": "urn:balise:rule",
        "version": "1",
        "code": "weight_gain",
    }


def test_every_level_of_an_alert_has_its_priority():
    signal = {"id": 7, "rule": "silence", "rule_version": 1, "state": "new"}
    signal |= {"raised_at": NOW, "changed_at": NOW}
    for severity in Severity:
        assert check(plain(resources.flag(signal | {"severity": severity}, "p", reason="x"))) == []


def test_a_patient_and_a_device_say_what_is_known():
    whole = resources.patient(
        "p-one", family="Exemple", given="Jeanne", born=date(1941, 5, 3), sex="female"
    )
    assert whole["gender"] == "female"
    least = resources.patient("p-two")
    assert least.keys() == {"resourceType", "id", "identifier"}
    device = resources.device(7, address="C0:00", name="Tensiomètre", model="HEM")
    for one in (whole, least, device, resources.device(8, address="x")):
        assert check(plain(one)) == []
