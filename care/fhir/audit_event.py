"""Who looked, changed and took away, as FHIR's AuditEvent (R4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from care.fhir.codes import TERMINOLOGY
from care.fhir.resources import SYSTEM, patient_id

_INTERACTIONS = "http://hl7.org/fhir/restful-interaction"
_DEEDS: dict[str, tuple[str, str]] = {
    "list": ("search-type", "E"),
    "view": ("read", "R"),
    "change": ("update", "U"),
    "export": ("read", "R"),
    "emergency": ("read", "E"),
    "erase": ("delete", "D"),
    "access": ("update", "U"),
}
"""Of each action of the audit the interaction, and what FHIR calls the deed."""
_PERSON, _PATIENT = "1", "1"


def audit_event(row: Mapping[str, Any], code: str) -> dict[str, Any]:
    """Return a row of the audit of a patient; the reason stands where a person gave one."""
    interaction, deed = _DEEDS[row["action"]]
    purpose = {"purposeOfEvent": [{"text": row["reason"]}]} if row["reason"] else {}
    return {
        "resourceType": "AuditEvent",
        "id": f"balise-audit-{row['id']}",
        "type": _coding(f"{TERMINOLOGY}audit-event-type", "rest"),
        "subtype": [_coding(_INTERACTIONS, interaction)],
        "action": deed,
        "recorded": row["at"].isoformat(timespec="milliseconds"),
        "outcome": "0",
        **purpose,
        "agent": [{"altId": row["who"], "requestor": True, "role": [{"text": row["role"]}]}],
        "source": {"site": SYSTEM, "observer": {"display": "Balise"}},
        "entity": [
            {
                "what": {"reference": f"Patient/{patient_id(code)}"},
                "type": _coding(f"{TERMINOLOGY}audit-entity-type", _PERSON),
                "role": _coding(f"{TERMINOLOGY}object-role", _PATIENT),
                "detail": [{"type": "route", "valueString": row["what"]}],
            }
        ],
    }


def _coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}
