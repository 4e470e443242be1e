"""What the read API answers, as FHIR's CapabilityStatement."""

from __future__ import annotations

from datetime import datetime
from typing import Any

SEARCHES: dict[str, dict[str, str]] = {
    "Patient": {"name": "string", "identifier": "token"},
    "Device": {"patient": "reference"},
    "Observation": {"patient": "reference", "code": "token", "date": "date"},
    "DiagnosticReport": {"patient": "reference"},
    "Flag": {"patient": "reference"},
    "Communication": {"patient": "reference"},
    "CareTeam": {"patient": "reference"},
    "AuditEvent": {"patient": "reference"},
}
"""By what each type may be searched."""

_FOUND_ONLY = {"Flag", "Communication", "CareTeam", "AuditEvent"}
"""What is searched, and not read by its id."""


def statement(base: str, *, made_at: datetime) -> dict[str, Any]:
    """Return the CapabilityStatement of the API at an address."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": made_at.isoformat(timespec="seconds"),
        "kind": "instance",
        "implementation": {"description": "Balise", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": [_resource(one) for one in SEARCHES]}],
    }


def _resource(kind: str) -> dict[str, Any]:
    interactions = ["search-type"] if kind in _FOUND_ONLY else ["read", "search-type"]
    return {
        "type": kind,
        "interaction": [{"code": one} for one in interactions],
        "searchParam": [{"name": name, "type": one} for name, one in SEARCHES[kind].items()],
    }
