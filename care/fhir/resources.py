"""Whom and what the Observations are of: Patient, Device, and where a figure comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from care.fhir.codes import MDC, TERMINOLOGY, concept
from care.fhir.guides import EUI64, PHD_DEVICE

SYSTEM = "urn:balise"
PATIENT = f"{SYSTEM}:patient"
_LONGEST = 64
INS = {"nir": "urn:oid:1.2.250.1.213.1.4.8", "nia": "urn:oid:1.2.250.1.213.1.4.9"}
"""The French national health identity (ANS)."""
PHD_TYPE = "65573"
"""MDC_MOC_VMS_MDS_SIMP: a personal health device (HL7/phd, PhdDevice)."""
_GENERIC = "528457"
"""MDC_DEV_SPEC_PROFILE_GENERIC."""
_KINDS = "http://hl7.org/fhir/uv/phd/CodeSystem/ContinuaDeviceIdentifiers"
_ON_THE_AIR = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}")
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_UNKNOWN = {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}


def short(name: str) -> str:
    """Return an id that FHIR takes: a name of at most 64 signs, or its digest."""
    return name if len(name) <= _LONGEST else sha256(name.encode()).hexdigest()[:40]


def patient_id(code: str) -> str:
    """Return a Patient's id: with a letter, as servers ask, and ours among others'."""
    return short(f"balise-{code}")


def device_id(number: int | str) -> str:
    """Return a Device's id."""
    return f"balise-device-{number}"


def patient(
    code: str,
    *,
    family: str = "",
    given: str = "",
    born: date | None = None,
    sex: str = "",
    ins: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """Return a Patient; what isn't known isn't there. `ins` is its kind and the number."""
    national = [{"system": INS[ins[0]], "value": ins[1]}] if ins else []
    name = {"family": family, "given": [given] if given else None}
    return {
        "resourceType": "Patient",
        "id": patient_id(code),
        "identifier": [{"system": PATIENT, "value": code}, *national],
        **({"name": [{key: one for key, one in name.items() if one}]} if family else {}),
        **({"gender": sex} if sex else {}),
        **({"birthDate": born.isoformat()} if born else {}),
    }


def on_the_air(address: str) -> bool:
    """Say whether it is a device's on the air, and not that of what was imported."""
    return bool(_ON_THE_AIR.fullmatch(address))


def device(number: int, *, address: str, name: str = "", model: str = "") -> dict[str, Any]:
    """Return a Device: a personal health device, by the address it has on the air."""
    ours = {"system": f"{SYSTEM}:device", "value": address}
    named = {"deviceName": [{"name": name, "type": "user-friendly-name"}]} if name else {}
    if not on_the_air(address):
        said = {"modelNumber": model} if model else {}
        kind = {"identifier": [ours], "type": concept((MDC, PHD_TYPE)), **said}
        return {"resourceType": "Device", "id": device_id(number), **kind, **named}
    bluetooth = {
        "type": concept((_KINDS, "BTMAC")),
        "system": "http://hl7.org/fhir/sid/eui-48/bluetooth",
        "value": address.replace(":", "-"),
    }
    kind = personal_health_device(ours, bluetooth, model=model)
    return {"resourceType": "Device", "id": device_id(number), **kind, **named}


def personal_health_device(*identifiers: Mapping[str, Any], model: str = "") -> dict[str, Any]:
    """Return what PhdDevice has of a Device, unknown where it is unknown.

    Of a system identifier that is not known the PHD guide has eight bytes of zero, and of a device
    that follows no standard of IEEE's the generic one.
    """
    nobody = {"type": concept((_KINDS, "SYSID")), "system": EUI64, "value": "-".join(["00"] * 8)}
    return {
        "meta": {"profile": [PHD_DEVICE.url]},
        "identifier": [*identifiers, nobody],
        "_manufacturer": _UNKNOWN,
        **({"modelNumber": model} if model else {"_modelNumber": _UNKNOWN}),
        "type": concept((MDC, PHD_TYPE)),
        "specialization": [{"systemType": concept((MDC, _GENERIC)), "_version": _UNKNOWN}],
    }


def provenance(
    targets: Sequence[str], *, made_at: datetime, activity: str, sources: Sequence[str]
) -> dict[str, Any]:
    """Return where resources come from: which rule or protocol of Balise, on which Observations."""
    return {
        "resourceType": "Provenance",
        "target": [{"reference": one} for one in targets],
        "recorded": made_at.isoformat(timespec="milliseconds"),
        "activity": {"text": activity},
        "agent": [_BALISE],
        "entity": [{"role": "source", "what": {"reference": one}} for one in sources],
    }


def measured_by_devices(
    observations: Sequence[Mapping[str, Any]], *, key: str, recorded: datetime
) -> list[dict[str, Any]]:
    """Return what measured Observations: a Provenance a device, of the same id for the same `key`.

    Balise carried and wrote them; it is the device that says so.
    """
    targets: dict[str, list[dict[str, str]]] = {}
    for one in observations:
        target = {"reference": f"Observation/{one['id']}"}
        targets.setdefault(one["device"]["reference"], []).append(target)
    return [
        {
            "resourceType": "Provenance",
            "id": short(f"provenance-{key}-{device.partition('/')[2]}"),
            "target": some,
            "recorded": recorded.isoformat(timespec="milliseconds"),
            "activity": {"text": "measured"},
            "agent": [_agent("performer", {"reference": device}), _BALISE],
        }
        for device, some in targets.items()
    ]


def _agent(part: str, who: Mapping[str, str]) -> dict[str, Any]:
    kind = concept((f"{TERMINOLOGY}provenance-participant-type", part))
    return {"type": kind, "who": who}


_BALISE = _agent("assembler", {"display": "Balise"})


_PRIORITIES = "http://hl7.org/fhir/flag-priority-code"
_LEVELS = {1: "PL", 2: "PM", 3: "PH"}
"""R4's codes of a Flag's priority, by `care.rules.rule.Severity`."""


def flag(signal: Mapping[str, Any], code: str, *, reason: str) -> dict[str, Any]:
    """Return a signal as a Flag: active while it is open; what a rule found is no diagnosis."""
    ended = {"end": signal["changed_at"].isoformat(timespec="milliseconds")}
    closed = signal["state"] == "closed"
    return {
        "resourceType": "Flag",
        "id": f"signal-{signal['id']}",
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/flag-priority",
                "valueCodeableConcept": concept((_PRIORITIES, _LEVELS[signal["severity"]])),
            }
        ],
        "identifier": [{"system": f"{SYSTEM}:signal", "value": str(signal["id"])}],
        "status": "inactive" if closed else "active",
        "category": [concept((f"{TERMINOLOGY}flag-category", "clinical"))],
        "code": {
            "coding": [
                {
                    "system": f"{SYSTEM}:rule",
                    "version": str(signal["rule_version"]),
                    "code": signal["rule"],
                }
            ],
            "text": reason,
        },
        "subject": {"reference": f"Patient/{patient_id(code)}"},
        "period": {
            "start": signal["raised_at"].isoformat(timespec="milliseconds"),
            **(ended if closed else {}),
        },
    }
