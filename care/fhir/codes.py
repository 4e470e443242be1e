"""Names of what was measured, as FHIR's systems write them: LOINC, MDC, UCUM, profiles."""

from __future__ import annotations

from typing import Any

from balise.metrics import METRICS, activity, blood, sleep

LOINC = "http://loinc.org"
MDC = "urn:iso:std:iso:11073:10101"
UCUM = "http://unitsofmeasure.org"
R4 = "http://hl7.org/fhir/StructureDefinition/"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"

BLOOD_PRESSURE = "blood_pressure"
PRESSURES = ("systolic_blood_pressure", "diastolic_blood_pressure", "mean_arterial_pressure")
"""What one inflation of a cuff measures: one Observation, a component each."""

PROFILES = {
    BLOOD_PRESSURE: "bp",
    "heart_rate": "heartrate",
    "pulse_rate": "heartrate",
    "oxygen_saturation": "oxygensat",
    "body_temperature": "bodytemp",
    "body_weight": "bodyweight",
    "body_mass_index": "bmi",
    "respiratory_rate": "resprate",
}
"""R4's vital signs; what isn't here claims none."""
_PANEL = ("85354-9", 150020)
_BESIDE = {"oxygen_saturation": ("59408-5",)}
"""Codes that go beside the profile's own: saturation by pulse oximetry."""


def concept(*codings: tuple[str, str]) -> dict[str, Any]:
    """Return a CodeableConcept of (system, code)."""
    return {"coding": [{"system": system, "code": code} for system, code in codings]}


def of_metric(metric: str) -> dict[str, Any]:
    """Return the code of a metric: MDC, as the PHD guide asks, and LOINC, as R4's profiles do."""
    if metric == BLOOD_PRESSURE:
        loinc, mdc = _PANEL
    else:
        loinc, mdc = METRICS[metric].loinc or "", METRICS[metric].mdc or 0
    codings = [
        *([(MDC, str(mdc))] if mdc else []),
        *((LOINC, code) for code in (loinc, *_BESIDE.get(metric, ())) if code),
    ]
    return (
        {**concept(*codings), "text": metric.replace("_", " ")}
        if codings
        else {"text": metric.replace("_", " ")}
    )


_CATEGORIES = {
    **{one.name: "activity" for one in (*activity.METRICS, *sleep.METRICS)},
    **{one.name: "laboratory" for one in blood.METRICS},
    **dict.fromkeys(PROFILES, "vital-signs"),
}


def category(metric: str) -> list[dict[str, Any]]:
    """Return the category: vital signs where R4 has a profile of them, else by kind."""
    code = _CATEGORIES.get(metric, "exam")
    return [concept((f"{TERMINOLOGY}observation-category", code))]
