"""A summary as DiagnosticReport: a figure is an Observation of its period; the page is a PDF."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from care.fhir.codes import LOINC, TERMINOLOGY, concept
from care.fhir.observation import quantity
from care.fhir.resources import SYSTEM, patient_id, provenance, short

_LOINC = {
    "glucose_mean": "97507-8",
    "glucose_management_indicator": "97506-0",
    "glucose_very_low": "104642-4",
    "glucose_low": "104641-6",
    "glucose_in_range": "97510-2",
    "glucose_high": "104640-8",
    "glucose_very_high": "104639-0",
    "glucose_variation": "104638-2",
    "glucose_sensor_active": "104637-4",
    "heart_rate_variability_sdnn": "80404-7",
    "mean_systolic_blood_pressure": "96608-5",
    "mean_diastolic_blood_pressure": "96609-3",
}
"""Codes of figures that LOINC has (HL7/cgm profiles.fsh); the others go by Balise's own names."""
_REPORT = "11503-0"
"""Medical records: a summary over a period is no laboratory's report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Figures of a patient's period as they are stored, and the page made of them."""

    code: str
    number: str
    made_at: datetime
    figures: Sequence[Mapping[str, Any]]
    pdf: bytes | None = None


def resources(summary: Summary) -> list[dict[str, Any]]:
    """Return the figures' Observations, the DiagnosticReport, and where both come from."""
    figures = [_figure(one, summary) for one in summary.figures]
    report = _report(summary, [f"Observation/{one['id']}" for one in figures])
    told = provenance(
        [f"DiagnosticReport/{report['id']}"],
        made_at=summary.made_at,
        activity="summarised by Balise",
        sources=[f"Patient/{patient_id(summary.code)}"],
    )
    return [*figures, report, told | {"id": short(f"provenance-{summary.number}")}]


def _figure(figure: Mapping[str, Any], summary: Summary) -> dict[str, Any]:
    name = figure["name"]
    known = [(LOINC, _LOINC[name])] if name in _LOINC else []
    return {
        "resourceType": "Observation",
        "id": short(f"{summary.number}-{name.replace('_', '-')}"),
        "identifier": [{"system": f"{SYSTEM}:figure", "value": f"{summary.number}/{name}"}],
        "status": "final",
        "code": {
            **concept(*known, (f"{SYSTEM}:figure", name)),
            "text": name.replace("_", " "),
        },
        "subject": {"reference": f"Patient/{patient_id(summary.code)}"},
        "effectivePeriod": {"start": figure["start"], "end": figure["end"]},
        "method": {"text": figure["source"]},
        "component": [
            _counted("n", figure["n"]),
            _counted("days_with_data", figure["days_with_data"]),
        ],
        **_said(figure),
    }


def _said(figure: Mapping[str, Any]) -> dict[str, Any]:
    if figure["value"] is None:
        reason = concept((f"{TERMINOLOGY}data-absent-reason", "error"))
        text = f"insufficient data: {figure['n']} of {figure['needed']}"
        return {"dataAbsentReason": {**reason, "text": text}}
    return {"valueQuantity": quantity(Decimal(figure["value"]), figure["unit"])}


def _counted(name: str, count: int) -> dict[str, Any]:
    return {"code": concept((f"{SYSTEM}:figure", name)), "valueInteger": count}


def _report(summary: Summary, results: Sequence[str]) -> dict[str, Any]:
    starts = [one["start"] for one in summary.figures]
    ends = [one["end"] for one in summary.figures]
    period = {"effectivePeriod": {"start": min(starts), "end": max(ends)}} if starts else {}
    page = {
        "contentType": "application/pdf",
        "data": base64.b64encode(summary.pdf or b"").decode(),
        "title": "Balise",
    }
    return {
        "resourceType": "DiagnosticReport",
        "id": short(f"report-{summary.number}"),
        "identifier": [{"system": f"{SYSTEM}:report", "value": summary.number}],
        "status": "final",
        "code": concept((LOINC, _REPORT)),
        "subject": {"reference": f"Patient/{patient_id(summary.code)}"},
        **period,
        "issued": summary.made_at.isoformat(timespec="milliseconds"),
        "result": [{"reference": one} for one in results],
        **({"presentedForm": [page]} if summary.pdf else {}),
    }
