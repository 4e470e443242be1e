"""Mon espace santé's feed: one measurement a Bundle, French profiles, no value is no message.

Source: ansforge/IG-fhir-mesures-de-sante 3.1.1, "Le flux d'alimentation des mesures" (IHE POU,
PCH-01), its error table and profiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from care.fhir.codes import BLOOD_PRESSURE, LOINC, UCUM, concept
from care.fhir.guides import MEASURES
from care.fhir.observation import Measured, observations
from care.fhir.resources import on_the_air, personal_health_device

_FEED = "mesures-bundle-flux-alimentation"
_NAMES = {
    BLOOD_PRESSURE: "mesures-fr-observation-bp",
    "heart_rate": "mesures-fr-observation-heartrate",
    "pulse_rate": "mesures-fr-observation-heartrate",
    "body_weight": "mesures-fr-observation-body-weight",
    "body_temperature": "mesures-fr-observation-body-temperature",
    "oxygen_saturation": "mesures-fr-observation-oxygen-sat",
    "step_count": "mesures-observation-steps-by-day",
}
"""What the feed takes of us. Glucose needs a meal or a number of days that meters do not say,
height is in centimetres there; a respiratory rate has a profile, but no place in the Bundle."""
_STEPS = ("41950-7", "1/(24.h)", "steps/day")
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_BMI, _CAPILLARY, _INTERSTITIAL = "39156-5", "2345-7", "MED-969"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends, by the object identifiers that the ANS gave, and for which patient there."""

    oid: str
    patient: str
    profiles: str = MEASURES


def feed(measured: Measured, sender: Sender, *, address: str) -> list[dict[str, Any]]:
    """Return a transaction for each measurement that the feed takes; what has no value is none."""
    return [
        _bundle(_observation(one, metric, sender), sender, address)
        for one in observations(measured)
        if (metric := _metric(one)) in _NAMES and metric != "step_count" and _has_value(one)
    ]


def steps(day: date, count: int, sender: Sender, *, address: str) -> dict[str, Any]:
    """Return a transaction of a day's steps: the feed takes no others."""
    code, ucum, unit = _STEPS
    observation = {
        "resourceType": "Observation",
        "meta": {"profile": [sender.profiles + _NAMES["step_count"]]},
        "status": "final",
        "category": [concept((_CATEGORY, "vital-signs"))],
        "code": concept((LOINC, code)),
        "effectiveDateTime": day.isoformat(),
        "valueQuantity": {"value": count, "unit": unit, "system": UCUM, "code": ucum},
    }
    return _bundle(observation, sender, address)


def _metric(observation: Mapping[str, Any]) -> str:
    name: str = observation["code"]["text"].replace(" ", "_")
    return name


def _has_value(observation: Mapping[str, Any]) -> bool:
    parts = observation.get("component", [observation])
    return all("valueQuantity" in one for one in parts)


def _observation(one: dict[str, Any], metric: str, sender: Sender) -> dict[str, Any]:
    """Return the Observation with the French profile, LOINC alone, and nothing of ours."""
    kept = {key: value for key, value in one.items() if key not in {"id", "performer", "note"}}
    kept["meta"] = {**one.get("meta", {}), "profile": [sender.profiles + _NAMES[metric]]}
    kept["category"] = one["category"][:1]
    kept["code"] = _french(one["code"])
    if "component" in one:
        pressures = one["component"][:2]  # the feed knows no mean pressure
        kept["component"] = [{**part, "code": _french(part["code"])} for part in pressures]
    return kept


def _french(code: Mapping[str, Any]) -> dict[str, Any]:
    return {"coding": [one for one in code["coding"] if one["system"] == LOINC][:1]}


def _bundle(observation: dict[str, Any], sender: Sender, address: str) -> dict[str, Any]:
    """Return the transaction: the device if it is not known there yet, and the one Observation.

    What was imported has no device: the feed knows none but those on the air.
    """
    subject = {"identifier": {"system": f"urn:oid:{sender.oid}", "value": sender.patient}}
    device = uuid5(NAMESPACE_URL, f"urn:oid:{sender.oid}|{address}")
    measured = {key: one for key, one in observation.items() if key != "device"} | {
        "subject": subject
    }
    entries: list[dict[str, Any]] = []
    if on_the_air(address):
        measured["device"] = {"reference": f"Device/{device}"}
        entries.append(_known(device, {"system": f"urn:oid:{sender.oid}", "value": address}))
    sent = {
        "fullUrl": f"urn:uuid:{uuid5(device, repr(measured))}",
        "resource": measured,
        "request": {"method": "POST", "url": "Observation"},
    }
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [sender.profiles + _FEED]},
        "type": "transaction",
        "entry": [*entries, sent],
    }


def _known(device: UUID, identifier: Mapping[str, str]) -> dict[str, Any]:
    """Return the entry that makes a device known, where it is not yet."""
    return {
        "fullUrl": f"urn:uuid:{device}",
        "resource": {"resourceType": "Device", **personal_health_device(identifier)},
        "request": {
            "method": "POST",
            "url": "Device",
            "ifNoneExist": f"identifier={identifier['system']}|{identifier['value']}",
        },
    }


def refusals(bundle: Mapping[str, Any]) -> list[str]:
    """Return why the feed would refuse a bundle, by its error table; none where it takes it."""
    resources = [entry["resource"] for entry in bundle.get("entry", ())]
    observed = [one for one in resources if one["resourceType"] == "Observation"]
    devices = [one for one in resources if one["resourceType"] == "Device"]
    said: list[str] = []
    if bundle.get("type") != "transaction" or len(observed) != 1 or len(devices) > 1:
        said.append("exactly one Observation, at most one Device, type transaction")
    return said + [problem for one in observed for problem in _refused(one)]


def _refused(observation: Mapping[str, Any]) -> list[str]:
    codes = {one["code"] for one in observation["code"]["coding"]}
    extensions = {one["url"].rsplit("/", 1)[-1] for one in observation.get("extension", ())}
    return [
        *(["422 NOTSUPPORTED: BMI is computed by MES"] if _BMI in codes else []),
        *(["422 INCOMPLETE: no value"] if not _has_value(observation) else []),
        *(
            ["422 INCOMPLETE: the moment is mandatory"]
            if _CAPILLARY in codes and not _named(extensions, "moment")
            else []
        ),
        *(
            ["422 INCOMPLETE: numberOfDays is mandatory"]
            if _INTERSTITIAL in codes and not _named(extensions, "numberofdays")
            else []
        ),
    ]


def _named(urls: set[str], word: str) -> bool:
    return any(word in url.lower().replace("-", "") for url in urls)
